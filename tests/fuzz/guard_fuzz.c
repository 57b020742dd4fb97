/*
 * A request's head, line by line, as the HTTP library hands it to the guard.
 * What the guard lets pass has one reading: what a strict reader of the same
 * lines finds.
 */
#include <strings.h>

#include "../../api/route.h"
#include "../../api/server/guard.h"
#include "fuzz.h"

#define HEAD_MAX 16384 /* as in http.c */

struct line {
	const char *name, *value;
	size_t nname, nvalue;
};

/* How many of the lines have that name, and the value of the last one. */
static unsigned
count(const struct line *lines, size_t n, const char *name,
    const char **value)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(lines[i].name, name) == 0) {
			*value = lines[i].value;
			found++;
		}
	return found;
}

static void
require_one_reading(const struct guard *g, const char *method,
    const struct line *lines, size_t n)
{
	const char *value = "", *type = "";
	char *end;

	require(count(lines, n, "Host", &value) == 1);
	require(count(lines, n, "Transfer-Encoding", &value) == 0);
	require(count(lines, n, "Content-Type", &type) <= 1);
	require(count(lines, n, "Content-Length", &value) <= 1);
	if (count(lines, n, "Content-Length", &value) == 1)
		require(strtoull(value, &end, 10) == g->length &&
		    *end == '\0' && value[0] >= '0' && value[0] <= '9');
	else
		require(g->length == 0);
	require(g->length <= BODY_MAX);
	if (g->length > 0) {
		require(method[0] == 'P');
		require(strcasecmp(type, "application/json") == 0);
	}
	for (size_t i = 0; i < n; i++) {
		require(lines[i].nname == strlen(lines[i].name));
		require(lines[i].nvalue == strlen(lines[i].value));
		require(strpbrk(lines[i].name, " \t\r\n\v:") == NULL);
		require(strpbrk(lines[i].value, "\r\n\v\f\x7f") == NULL);
	}
}

/* Cuts a NUL-terminated line off; its length is what stood there, as where a
 * NUL is in it. */
static char *
cut(char **at, char *end, size_t *n)
{
	char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));

	if (stop == NULL)
		stop = end;
	*n = (size_t)(stop - line);
	*at = stop < end ? stop + 1 : end;
	*stop = '\0';
	return line;
}

static size_t
read_lines(char *at, char *end, struct guard *g, struct line *lines,
    size_t max)
{
	size_t count_ = 0, n;

	while (at < end && count_ < max) {
		char *line = cut(&at, end, &n);
		char *colon = memchr(line, ':', n);
		struct line *l = &lines[count_++];

		if (colon != NULL)
			*colon = '\0';
		l->name = line;
		l->nname = colon != NULL ? (size_t)(colon - line) : n;
		l->value = colon != NULL ? colon + 1 : "";
		l->nvalue = colon != NULL ? n - l->nname - 1 : 0;
		guard_header(g, l->name, l->nname, l->value, l->nvalue);
	}
	return count_;
}

/* "METHOD SP version SP", two digits of the difference in size, a newline,
 * and the lines. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct line lines[512];
	char *text = malloc(n + 1), *at = text, *end = text + n, *save = NULL;
	const char *method, *version, *less;
	struct fault why = { 0 };
	struct guard g;
	size_t len, count_;
	enum err e;

	memcpy(text, p, n);
	text[n] = '\0';
	save = cut(&at, end, &len);
	method = strtok_r(save, " ", &save);
	version = strtok_r(NULL, " ", &save);
	less = strtok_r(NULL, " ", &save);
	if (n > HEAD_MAX || method == NULL || version == NULL || less == NULL)
		goto out;
	guard_start(&g);
	count_ = read_lines(at, end, &g, lines, 512);
	len = g.size + strlen(method) + strlen("/") + strlen(version) +
	    strlen("  \r\n\r\n") - (size_t)(atoi(less) % 100);
	e = guard_finish(&g, method, "/", version, len, BODY_MAX, &why);
	if (e == OK) {
		require_one_reading(&g, method, lines, count_);
		require(strcmp(version, "HTTP/1.1") == 0);
		require(atoi(less) % 100 >= 0 &&
		    (unsigned)(atoi(less) % 100) <= count_);
	} else {
		require_fault(e, &why);
	}
out:
	free(text);
	return 0;
}
