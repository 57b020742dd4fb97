#include "link.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/mem.h"

#define PARAMETER_SIZE 256 /* longer ones are cut, so they match nothing */

#define BLANK " \t"

struct parameter {
	char name[PARAMETER_SIZE];
	char value[PARAMETER_SIZE];
};

static void
append(char out[static PARAMETER_SIZE], size_t *n, char c)
{
	if (*n < PARAMETER_SIZE - 1)
		out[(*n)++] = c;
	out[*n] = '\0';
}

/* Reads up to one of the characters in stop. */
static const char *
read_token(const char *p, const char *stop, char out[static PARAMETER_SIZE])
{
	size_t n = 0;

	for (out[0] = '\0'; *p != '\0' && strchr(stop, *p) == NULL; p++)
		append(out, &n, *p);
	return p;
}

/* Reads a quoted string from behind its first quote to behind its last. */
static const char *
read_quoted(const char *p, char out[static PARAMETER_SIZE])
{
	size_t n = 0;

	for (out[0] = '\0'; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		append(out, &n, *p);
	}
	return *p == '"' ? p + 1 : p;
}

/* Reads one parameter behind its semicolon. */
static const char *
read_parameter(const char *p, struct parameter *out)
{
	p += strspn(p, BLANK);
	p = read_token(p, BLANK "=;,", out->name);
	p += strspn(p, BLANK);
	out->value[0] = '\0';
	if (*p != '=')
		return p;
	p++;
	p += strspn(p, BLANK);
	p = *p == '"' ? read_quoted(p + 1, out->value) :
	    read_token(p, BLANK ";,", out->value);
	return p + strspn(p, BLANK);
}

/* True when word is one of the blank-separated words of list. */
static bool
has_word(const char *list, const char *word)
{
	size_t n;

	for (list += strspn(list, BLANK); *list != '\0';
	    list += n + strspn(list + n, BLANK)) {
		n = strcspn(list, BLANK);
		if (n == strlen(word) && strncasecmp(list, word, n) == 0)
			return true;
	}
	return false;
}

/* Reads the parameters of a link; only the first rel of a link counts. */
static const char *
read_parameters(const char *p, const char *relation, bool *wanted)
{
	struct parameter param;
	bool related = false, seen = false, anchored = false;

	for (p += strspn(p, BLANK); *p == ';';) {
		p = read_parameter(p + 1, &param);
		if (strcasecmp(param.name, "rel") == 0 && !seen) {
			seen = true;
			related = has_word(param.value, relation);
		} else if (strcasecmp(param.name, "anchor") == 0) {
			anchored = true;
		}
	}
	*wanted = related && !anchored;
	return p;
}

void
link_each(const char *value, const char *relation,
    void (*each)(const char *target, void *arg), void *arg)
{
	const char *p = value, *end;
	bool wanted;

	for (;;) {
		p += strspn(p, BLANK ",");
		if (*p != '<' || (end = strchr(p, '>')) == NULL)
			return;
		value = p + 1;
		p = read_parameters(end + 1, relation, &wanted);
		if (wanted) {
			char *target = xstrndup(value, (size_t)(end - value));

			each(target, arg);
			free(target);
		}
		if (*p != ',')
			return;
	}
}
