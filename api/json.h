/*
 * Strict JSON.  A gate reads the raw bytes first and accepts only what has
 * one meaning everywhere: RFC 8259 with the limits of RFC 7493 (I-JSON): one
 * value and nothing behind it, valid UTF-8, no NUL, no lone surrogate, no
 * duplicate member, numbers that are integers within 2^53, bounded depth and
 * bounded containers (so that json_at() in a loop stays affordable).
 * Then cJSON builds the tree; its getters are used case-sensitively only, and
 * only in json.c.
 *
 * struct json is opaque; a tree is freed through its root.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../broker/base/buf.h"
#include "../broker/base/err.h"

#define JSON_DEPTH    16
#define JSON_ELEMENTS 8192 /* of one array, or members of one object */
#define JSON_INT_MAX  9007199254740991LL /* 2^53 - 1 */

struct json;

/* Checks the bytes and says which check failed and at which byte. */
enum err json_gate(const char *text, size_t n, unsigned depth,
    struct fault *why);

/* Gate, then parse.  Owned tree, or NULL and why. */
struct json *json_parse(const char *text, size_t n, struct fault *why);
void json_free(struct json *root);

bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_null(const struct json *v);

/* Member of an object, exact case; NULL when absent or v is no object. */
const struct json *json_get(const struct json *v, const char *name);

/* Values; NULL or false, with *out left alone, when absent or of another
 * type.  Strings stay owned by the tree. */
const char *json_string(const struct json *v); /* NULL when no string */
bool json_int(const struct json *v, int64_t *out);
bool json_bool(const struct json *v, bool *out);
const char *json_get_string(const struct json *v, const char *name);
bool json_get_int(const struct json *v, const char *name, int64_t *out);
bool json_get_bool(const struct json *v, const char *name, bool *out);

/*
 * Elements of an array or members of an object, in order; NULL at the end.
 * json_count(), json_at(), json_name_at() and json_value_at() walk the list
 * at each call: these are the better ones for long lists.
 */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
const char *json_name(const struct json *v); /* NULL when no member */

size_t json_count(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t i);
const char *json_name_at(const struct json *object, size_t i);
const struct json *json_value_at(const struct json *object, size_t i);

/*
 * Strict reading of a request: every member of the object must be one of the
 * rows, of that type; required ones must be there.  Values are written
 * through the pointers.  The fault names the member.
 */
/* null is no value of any type but JSON_ANY; where an optional member is
 * absent its out is left alone, so set the default before. */
enum json_type { JSON_STRING, JSON_INT, JSON_BOOL, JSON_OBJECT, JSON_ARRAY,
	JSON_STRINGS /* array of strings */, JSON_ANY };
struct json_member {
	const char *name;
	enum json_type type;
	bool required;
	void *out; /* const char **, int64_t *, bool *, const struct json **;
		    * NULL: only checked */
};
enum err json_read(const struct json *object, const struct json_member *rows,
    size_t n, struct fault *why);

/*
 * The one writer.  Members come out in the order in which they are put, with
 * no white space; strings are escaped minimally (RFC 8259 section 7) so that
 * a document has one serialisation.  Names are NULL in arrays and at the
 * root.
 *
 * What is written always passes the gate.  Words of tokens and CAs must be
 * representable whatever they are, so in strings each byte that is not part
 * of valid UTF-8, and each NUL and noncharacter, comes out as U+FFFD.  More
 * than JSON_DEPTH levels or an integer beyond 2^53 fails the buffer (sticky,
 * as in buf.h).  A string that is NULL is an absent member: nothing is
 * written.
 */
struct json_writer {
	struct buf *out;
	unsigned depth;
	bool first[JSON_DEPTH + 1];
};
void json_write_start(struct json_writer *w, struct buf *out);
void json_open_object(struct json_writer *w, const char *name);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w, const char *name);
void json_close_array(struct json_writer *w);
void json_put_string(struct json_writer *w, const char *name, const char *v);
void json_put_stringn(struct json_writer *w, const char *name, const char *v,
    size_t n);
void json_put_int(struct json_writer *w, const char *name, int64_t v);
void json_put_bool(struct json_writer *w, const char *name, bool v);
void json_put_null(struct json_writer *w, const char *name);
/* Raw, already serialised JSON. */
void json_put_raw(struct json_writer *w, const char *name, const char *text,
    size_t n);
/* A parsed value, re-serialised in its own order. */
void json_put_value(struct json_writer *w, const char *name,
    const struct json *v);

#endif
