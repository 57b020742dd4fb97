#include "entry.h"

#include <string.h>

#include "../../broker/base/b64.h"

#define HEX_SIZE (2 * SHA256_SIZE + 1)
#define TIME_LEN (sizeof("2026-11-23T14:30:02.123Z") - 1)

static bool
read_members(struct entry *e)
{
	const char *prev = json_get_string(e->json, "prev");
	int64_t seq;

	if (!json_is_object(e->json))
		fault_set(&e->why, ERR_SYNTAX, "not a JSON object");
	else if (!json_get_int(e->json, "seq", &seq) || seq < 1)
		fault_set(&e->why, ERR_SYNTAX, "no \"seq\" in it");
	else if (prev == NULL || !hex_decode(e->prev, SHA256_SIZE, prev))
		fault_set(&e->why, ERR_SYNTAX, "no \"prev\" hash in it");
	else if (json_get_string(e->json, "time") == NULL ||
	    json_get_string(e->json, "event") == NULL)
		fault_set(&e->why, ERR_SYNTAX, "no \"time\" or \"event\"");
	else {
		e->seq = (uint64_t)seq;
		return true;
	}
	return false;
}

/* Steps over a text that stands at *p. */
static bool
step(const char **p, const char *end, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(end - *p) < n || memcmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/* Steps over n bytes of a string that has no escapes, and copies them. */
static bool
step_string(const char **p, const char *end, char *out, size_t n)
{
	if ((size_t)(end - *p) < n)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n;
	return strcspn(out, "\"\\") == n;
}

/*
 * Most lines are decisions that begin as the broker writes them: these are
 * read without a tree.  The gate has passed the line, so that there is no
 * second reading of it.  False: look closely.
 */
static bool
read_start(struct entry *e)
{
	const char *p = e->line.text, *end = p + e->line.n;
	char time[TIME_LEN + 1], hex[HEX_SIZE];

	if (!step(&p, end, "{\"seq\":"))
		return false;
	for (e->seq = 0; p < end && *p >= '0' && *p <= '9'; p++)
		e->seq = e->seq * 10 + (uint64_t)(*p - '0');
	return e->seq > 0 && step(&p, end, ",\"time\":\"") &&
	    step_string(&p, end, time, TIME_LEN) &&
	    step(&p, end, "\",\"prev\":\"") &&
	    step_string(&p, end, hex, HEX_SIZE - 1) &&
	    step(&p, end, "\",\"event\":\"decision\"") &&
	    hex_decode(e->prev, SHA256_SIZE, hex);
}

static void
read_entry(struct entry *e)
{
	const char *text = e->line.text;

	sha256(e->hash, text, e->line.n);
	if (json_gate(text, e->line.n, JSON_DEPTH, &e->why) != OK)
		return;
	e->good = read_start(e);
	if (e->good)
		return;
	e->json = json_parse(text, e->line.n, &e->why);
	e->good = e->json != NULL && read_members(e);
}

enum err
entry_next(struct lines *lines, struct entry *e, struct fault *why)
{
	enum err code;

	memset(e, 0, sizeof(*e));
	code = lines_next(lines, &e->line, &e->why);
	if (code == ERR_LIMIT) {
		e->line.text = "";
		return OK;
	}
	if (code != OK) {
		*why = e->why;
		return code;
	}
	if (e->line.text == NULL)
		return OK;
	read_entry(e);
	return OK;
}

void
entry_free(struct entry *e)
{
	json_free(e->json);
	e->json = NULL;
}

bool
entry_is(const struct entry *e, const char *event)
{
	const char *own = json_get_string(e->json, "event");

	return own != NULL && strcmp(own, event) == 0;
}
