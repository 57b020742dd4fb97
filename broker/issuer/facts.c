#include "facts.h"

#include <string.h>

#include "../base/mem.h"
#include "../base/url.h"
#include "date.h"

#define TOKEN_MAX 256

static enum err
wrong(struct fault *why, const char *name, const char *what)
{
	return fault_set(why, ERR_SYNTAX, "member \"%s\" is not %s", name,
	    what);
}

bool
token_ok(const char *token)
{
	size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n >= 1 && n <= TOKEN_MAX && token[n] == '\0';
}

/* C0, DEL, and C1, whose UTF-8 form is C2 80 to C2 9F. */
static size_t
control_length(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

void
facts_put_text(struct json_writer *w, const char *name, const char *text,
    size_t max)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);
	struct buf clean;

	buf_init(&clean, max);
	if (n > max)
		for (n = max; n > 0 && (p[n] & 0xc0) == 0x80; n--)
			continue;
	for (size_t i = 0, length; i < n; i += length) {
		length = control_length(p + i);
		if (length != 0)
			buf_putc(&clean, '?');
		else
			buf_put(&clean, p + i, length = 1);
	}
	json_put_string(w, name, buf_str(&clean));
	buf_free(&clean);
}

enum err
fact_word(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	const char *s = json_string(v);
	size_t n = s != NULL ? strlen(s) : 0;

	if (n == 0 || n > WORD_MAX)
		return wrong(why, name, "a string of 1 to 255 bytes");
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] >= 0x7f)
			return wrong(why, name, "printable ASCII");
	json_put_string(w, name, s);
	return OK;
}

enum err
fact_text(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	if (!json_is_string(v))
		return wrong(why, name, "a string");
	facts_put_text(w, name, json_string(v), TEXT_MAX);
	return OK;
}

enum err
fact_bool(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	bool value;

	if (!json_bool(v, &value))
		return wrong(why, name, "true or false");
	json_put_bool(w, name, value);
	return OK;
}

enum err
fact_time(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	int64_t seconds;

	if (!json_is_string(v) || !date_rfc3339(json_string(v), &seconds))
		return wrong(why, name, "an RFC 3339 time");
	json_put_int(w, name, seconds);
	return OK;
}

enum err
fact_url(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	if (!json_is_string(v) || !url_valid(json_string(v)))
		return wrong(why, name,
		    "an absolute https URL shorter than 2048 bytes");
	json_put_string(w, name, json_string(v));
	return OK;
}

enum err
fact_token(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	if (!json_is_string(v) || !token_ok(json_string(v)))
		return wrong(why, name, "1 to 256 characters of base64url");
	json_put_string(w, name, json_string(v));
	return OK;
}

enum err
fact_identifier(struct json_writer *w, const char *name,
    const struct json *v, struct fault *why)
{
	static const struct fact rows[] = {
		{ "type", fact_word, true },
		{ "value", fact_word, true },
	};
	enum err e;

	if (!json_is_object(v))
		return wrong(why, name != NULL ? name : "identifier",
		    "an object");
	json_open_object(w, name);
	e = facts_read(w, v, rows, nitems(rows), why);
	json_close_object(w);
	return e;
}

enum err
facts_array(struct json_writer *w, const char *name, const struct json *v,
    size_t max, fact_reader *read, struct fault *why)
{
	size_t n = json_count(v);
	enum err e = OK;

	if (!json_is_array(v))
		return wrong(why, name, "an array");
	if (n > max)
		return fault_set(why, ERR_LIMIT, "member \"%s\" has %zu items, "
		    "more than %zu", name, n, max);
	json_open_array(w, name);
	for (v = json_first(v); v != NULL && e == OK; v = json_next(v))
		e = read(w, NULL, v, why);
	json_close_array(w);
	return e;
}

static enum err
url_item(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	(void)name;
	if (!json_is_string(v) || !url_valid(json_string(v)))
		return fault_set(why, ERR_SYNTAX, "an item of an array of URLs "
		    "is not an absolute https URL shorter than 2048 bytes");
	json_put_string(w, NULL, json_string(v));
	return OK;
}

enum err
fact_urls(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	return facts_array(w, name, v, ORDER_AUTHORIZATIONS, url_item, why);
}

enum err
fact_identifiers(struct json_writer *w, const char *name,
    const struct json *v, struct fault *why)
{
	return facts_array(w, name, v, ORDER_AUTHORIZATIONS, fact_identifier,
	    why);
}

enum err
facts_read(struct json_writer *w, const struct json *object,
    const struct fact *rows, size_t n, struct fault *why)
{
	enum err e = OK;

	if (!json_is_object(object))
		return fault_set(why, ERR_SYNTAX, "the answer is not a JSON "
		    "object");
	for (size_t i = 0; i < n && e == OK; i++) {
		const struct json *v = json_get(object, rows[i].name);

		if (v != NULL && !json_is_null(v))
			e = rows[i].read(w, rows[i].name, v, why);
		else if (rows[i].required)
			e = fault_set(why, ERR_SYNTAX,
			    "member \"%s\" is missing", rows[i].name);
	}
	return e;
}
