/* The one JSON writer; see json.h for what it promises. */
#include <inttypes.h>
#include <string.h>

#include "character.h"
#include "json.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void
json_write_start(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
	w->first[0] = true;
}

/* The short escape of a byte, or NUL. */
static char
short_escape(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return '\0';
	}
}

/* Writes the character at p and gives its length in the input. */
static size_t
put_character(struct buf *out, const unsigned char *p, size_t n)
{
	char escape = short_escape(p[0]);
	uint32_t c = 0;
	size_t len;

	if (escape != '\0') {
		buf_put(out, (char[]){ '\\', escape }, 2);
		return 1;
	}
	len = character_utf8(p, n, &c);
	if (len == 0 || character_check(c) != NULL)
		buf_puts(out, REPLACEMENT);
	else if (c < 0x20)
		buf_putf(out, "\\u%04" PRIx32, c);
	else
		buf_put(out, p, len);
	return len != 0 ? len : 1;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void
put_quoted(struct buf *out, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i = 0;

	buf_putc(out, '"');
	while (i < n) {
		size_t run = i;

		while (run < n && is_plain(p[run]))
			run++;
		buf_put(out, p + i, run - i);
		i = run;
		if (i < n)
			i += put_character(out, p + i, n - i);
	}
	buf_putc(out, '"');
}

/* The comma and the name that go before a value. */
static void
put_before(struct json_writer *w, const char *name)
{
	if (w->depth > JSON_DEPTH)
		return;
	if (!w->first[w->depth])
		buf_putc(w->out, ',');
	w->first[w->depth] = false;
	if (name == NULL)
		return;
	put_quoted(w->out, name, strlen(name));
	buf_putc(w->out, ':');
}

static void
open_with(struct json_writer *w, const char *name, char bracket)
{
	put_before(w, name);
	buf_putc(w->out, (unsigned char)bracket);
	if (++w->depth > JSON_DEPTH)
		w->out->failed = true;
	else
		w->first[w->depth] = true;
}

static void
close_with(struct json_writer *w, char bracket)
{
	w->depth--;
	buf_putc(w->out, (unsigned char)bracket);
}

void
json_open_object(struct json_writer *w, const char *name)
{
	open_with(w, name, '{');
}

void
json_close_object(struct json_writer *w)
{
	close_with(w, '}');
}

void
json_open_array(struct json_writer *w, const char *name)
{
	open_with(w, name, '[');
}

void
json_close_array(struct json_writer *w)
{
	close_with(w, ']');
}

void
json_put_stringn(struct json_writer *w, const char *name, const char *v,
    size_t n)
{
	put_before(w, name);
	put_quoted(w->out, v, n);
}

void
json_put_string(struct json_writer *w, const char *name, const char *v)
{
	if (v != NULL)
		json_put_stringn(w, name, v, strlen(v));
}

void
json_put_int(struct json_writer *w, const char *name, int64_t v)
{
	if (v < -JSON_INT_MAX || v > JSON_INT_MAX)
		w->out->failed = true;
	put_before(w, name);
	buf_put_int(w->out, v);
}

void
json_put_bool(struct json_writer *w, const char *name, bool v)
{
	put_before(w, name);
	buf_puts(w->out, v ? "true" : "false");
}

void
json_put_null(struct json_writer *w, const char *name)
{
	put_before(w, name);
	buf_puts(w->out, "null");
}

void
json_put_raw(struct json_writer *w, const char *name, const char *text,
    size_t n)
{
	put_before(w, name);
	buf_put(w->out, text, n);
}

static void
put_children(struct json_writer *w, const struct json *v)
{
	for (v = json_first(v); v != NULL; v = json_next(v))
		json_put_value(w, json_name(v), v);
}

/* Recursion ends with the tree, which the gate keeps within JSON_DEPTH. */
void
json_put_value(struct json_writer *w, const char *name, const struct json *v)
{
	int64_t number;
	bool truth;

	if (json_is_object(v)) {
		json_open_object(w, name);
		put_children(w, v);
		json_close_object(w);
	} else if (json_is_array(v)) {
		json_open_array(w, name);
		put_children(w, v);
		json_close_array(w);
	} else if (json_is_string(v)) {
		json_put_string(w, name, json_string(v));
	} else if (json_int(v, &number)) {
		json_put_int(w, name, number);
	} else if (json_bool(v, &truth)) {
		json_put_bool(w, name, truth);
	} else {
		json_put_null(w, name);
	}
}
