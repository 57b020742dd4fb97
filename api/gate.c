/*
 * The gate: one pass over a stranger's bytes that accepts only JSON with one
 * meaning everywhere (RFC 8259 within the limits of RFC 7493).
 *
 * There is no recursion: open containers are a small stack.  The only thing
 * that grows is the list of member names of the objects that are open; it
 * starts on the C stack.  When an object closes, its names are sorted as
 * they read after unescaping and neighbours are compared, so that many
 * members cost n log n and nobody can choose names that collide.
 */
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "character.h"
#include "json.h"

#define DEPTH_MAX   64 /* of what a caller may allow */
#define FIRST_NAMES 32 /* member names that need no allocation */

struct name {
	size_t at; /* of its first character */
	size_t n;  /* bytes before the closing quote */
	bool escaped;
};

struct level {
	bool object;
	unsigned elements; /* commas so far */
	size_t names;	   /* index of its first name */
};

struct gate {
	const unsigned char *p;
	size_t n;
	size_t at;
	enum err code;
	const char *check; /* what was wrong at at */
	unsigned depth;
	unsigned limit;
	struct level levels[DEPTH_MAX];
	struct name *names;
	size_t nnames;
	size_t cap;
	struct name first[FIRST_NAMES];
};

static bool
refuse_as(struct gate *g, enum err code, size_t at, const char *check)
{
	g->at = at;
	g->code = code;
	g->check = check;
	return false;
}

static bool
refuse(struct gate *g, size_t at, const char *check)
{
	return refuse_as(g, ERR_SYNTAX, at, check);
}

/* The byte at the cursor; -1 at the end. */
static int
peek(const struct gate *g)
{
	return g->at < g->n ? g->p[g->at] : -1;
}

static void
skip_space(struct gate *g)
{
	int c;

	while ((c = peek(g)) == ' ' || c == '\n' || c == '\r' || c == '\t')
		g->at++;
}

/* Checks the character at the cursor that is not plain ASCII, and passes. */
static bool
scan_character(struct gate *g)
{
	const unsigned char *p = g->p + g->at;
	const char *bad;
	uint32_t c = 0;
	size_t len;

	if (p[0] < 0x20)
		return refuse(g, g->at, "raw control character in a string");
	len = character_read(p, g->n - g->at, &c);
	if (len == 0)
		return refuse(g, g->at, p[0] == '\\' ? "no such escape" :
		    "invalid UTF-8");
	bad = character_check(c);
	if (bad != NULL)
		return refuse(g, g->at, bad);
	g->at += len;
	return true;
}

static bool
scan_string(struct gate *g, struct name *name)
{
	size_t start = g->at++;

	*name = (struct name){ .at = g->at };
	for (;;) {
		int c = peek(g);

		if (c == '"')
			break;
		if (c < 0)
			return refuse(g, start, "string without an end");
		if (c >= 0x20 && c < 0x80 && c != '\\') {
			g->at++;
			continue;
		}
		name->escaped |= c == '\\';
		if (!scan_character(g))
			return false;
	}
	name->n = g->at++ - name->at;
	return true;
}

static bool
scan_number(struct gate *g)
{
	size_t start = g->at;
	bool minus = peek(g) == '-';
	int64_t v = 0;
	int c;

	g->at += minus;
	while ((c = peek(g)) >= '0' && c <= '9') {
		if (g->at > start + minus && v == 0)
			return refuse(g, start, "number with a leading zero");
		v = v * 10 + (c - '0');
		if (v > JSON_INT_MAX)
			return refuse(g, start, "number beyond 2^53");
		g->at++;
	}
	if (g->at == start + minus)
		return refuse(g, start, "number without digits");
	if (c == '.' || c == 'e' || c == 'E')
		return refuse(g, start, "number that is not an integer");
	if (minus && v == 0)
		return refuse(g, start, "minus zero");
	return true;
}

static bool
scan_word(struct gate *g)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < nitems(words); i++) {
		size_t n = strlen(words[i]);

		if (g->n - g->at >= n &&
		    memcmp(g->p + g->at, words[i], n) == 0) {
			g->at += n;
			return true;
		}
	}
	return refuse(g, g->at, "not a value");
}

static bool
open_container(struct gate *g, bool object)
{
	if (g->depth == g->limit)
		return refuse_as(g, ERR_LIMIT, g->at, "nested too deeply");
	g->levels[g->depth++] = (struct level){ object, 0, g->nnames };
	g->at++;
	return true;
}

static void
add_name(struct gate *g, const struct name *name)
{
	if (g->nnames == g->cap) {
		struct name *old = g->names;

		g->cap *= 2;
		g->names = xreallocarray(old == g->first ? NULL : old, g->cap,
		    sizeof(*g->names));
		if (old == g->first)
			memcpy(g->names, g->first, sizeof(g->first));
	}
	g->names[g->nnames++] = *name;
}

/* Orders names as they read after unescaping: by code points, which is also
 * the order of UTF-8 bytes. */
static int
compare_text(const unsigned char *p, const struct name *a,
    const struct name *b)
{
	size_t i = 0, k = 0;
	int order;

	if (!a->escaped && !b->escaped) {
		order = memcmp(p + a->at, p + b->at, a->n < b->n ? a->n : b->n);
		return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
	}
	while (i < a->n && k < b->n) {
		uint32_t ca = 0, cb = 0;

		i += character_read(p + a->at + i, a->n - i, &ca);
		k += character_read(p + b->at + k, b->n - k, &cb);
		if (ca != cb)
			return ca < cb ? -1 : 1;
	}
	return (i < a->n) - (k < b->n);
}

static int
compare_names(const void *a, const void *b, void *text)
{
	const struct name *x = a, *y = b;
	int order = compare_text(text, x, y);

	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static bool
close_container(struct gate *g)
{
	struct level *level = &g->levels[g->depth - 1];
	struct name *names = g->names + level->names;
	size_t n = g->nnames - level->names;

	if (n > 1)
		qsort_r(names, n, sizeof(*names), compare_names,
		    (void *)(uintptr_t)g->p);
	for (size_t i = 1; i < n; i++)
		if (compare_text(g->p, &names[i - 1], &names[i]) == 0)
			return refuse(g, names[i].at - 1, "duplicate member");
	g->nnames = level->names;
	g->depth--;
	g->at++;
	return true;
}

/* The name of a member and its colon. */
static bool
scan_name(struct gate *g)
{
	struct name name;

	skip_space(g);
	if (peek(g) != '"')
		return refuse(g, g->at, "a member's name must follow");
	if (!scan_string(g, &name))
		return false;
	add_name(g, &name);
	skip_space(g);
	if (peek(g) != ':')
		return refuse(g, g->at, "a colon must follow");
	g->at++;
	return true;
}

/*
 * Steps into an opened container.  *done is set when it was empty, and thus
 * is a complete value already.
 */
static bool
enter(struct gate *g, bool object, bool *done)
{
	if (!open_container(g, object))
		return false;
	skip_space(g);
	*done = peek(g) == (object ? '}' : ']');
	if (*done)
		return close_container(g);
	return object ? scan_name(g) : true;
}

/* Starts a value; *done tells that it is complete. */
static bool
start_value(struct gate *g, bool *done)
{
	struct name unused;
	int c;

	skip_space(g);
	c = peek(g);
	*done = true;
	if (c == '{' || c == '[')
		return enter(g, c == '{', done);
	if (c == '"')
		return scan_string(g, &unused);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(g);
	if (c < 0)
		return refuse(g, g->at, "a value must follow");
	return scan_word(g);
}

/* After a value: closes what ends here, up to a comma or the root's end. */
static bool
after_value(struct gate *g)
{
	while (g->depth > 0) {
		struct level *level = &g->levels[g->depth - 1];
		bool object = level->object;
		int c;

		skip_space(g);
		c = peek(g);
		if (c == ',' && ++level->elements == JSON_ELEMENTS)
			return refuse_as(g, ERR_LIMIT, g->at,
			    "too many elements");
		if (c == ',') {
			g->at++;
			return object ? scan_name(g) : true;
		}
		if (c != (object ? '}' : ']'))
			return refuse(g, g->at, object ?
			    "a comma or } must follow" :
			    "a comma or ] must follow");
		if (!close_container(g))
			return false;
	}
	skip_space(g);
	if (g->at < g->n)
		return refuse(g, g->at, "bytes after the value");
	return true;
}

static bool
scan(struct gate *g)
{
	bool done;

	if (g->n >= 3 && memcmp(g->p, "\xef\xbb\xbf", 3) == 0)
		return refuse(g, 0, "byte order mark");
	do {
		do {
			if (!start_value(g, &done))
				return false;
		} while (!done);
		if (!after_value(g))
			return false;
	} while (g->depth > 0);
	return true;
}

enum err
json_gate(const char *text, size_t n, unsigned depth, struct fault *why)
{
	struct gate g = {
		.p = (const unsigned char *)text,
		.n = n,
		.limit = depth < DEPTH_MAX ? depth : DEPTH_MAX,
		.cap = FIRST_NAMES,
	};
	enum err e = OK;

	g.names = g.first;
	if (!scan(&g))
		e = fault_set(why, g.code, "JSON: %s at byte %zu", g.check,
		    g.at);
	if (g.names != g.first)
		free(g.names);
	return e;
}
