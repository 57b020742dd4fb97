/*
 * The gate and what stands behind it, against a second parser.  Whatever the
 * gate accepts must parse, must have one serialisation, and must mean the
 * same to the other parser; and what that one takes while the gate does not
 * is refused for a rule that RFC 7493 or our limits add.
 */
#include "../../api/json.h"
#include "fuzz.h"
#include "second.h"

#define OUT_MAX 67108864

static void
write_again(struct buf *out, const char *text, size_t n)
{
	struct json *v = json_parse(text, n, NULL);
	struct json_writer w;

	require(v != NULL);
	json_write_start(&w, out);
	json_put_value(&w, NULL, v);
	require(!out->failed);
	json_free(v);
}

static void
require_same(const struct buf *once, const char *text, size_t n)
{
	struct buf again;

	buf_init(&again, OUT_MAX);
	write_again(&again, text, n);
	require(once->len == again.len);
	require(memcmp(once->data, again.data, again.len) == 0);
	buf_free(&again);
}

/* Rules that the other parser does not have. */
static bool
is_ours(const struct fault *why)
{
	static const char *const rules[] = { "not an integer", "2^53",
		"minus zero", "noncharacter" };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strstr(why->text, rules[i]) != NULL)
			return true;
	return why->code == ERR_LIMIT;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *text = (const char *)p;
	struct fault why = { 0 };
	enum err e = json_gate(text, n, JSON_DEPTH, &why);
	char *other = second_reading(text, n);
	struct buf once;

	if (e != OK) {
		require_fault(e, &why);
		require(strstr(why.text, "byte") != NULL);
		require(other == NULL || is_ours(&why));
	} else {
		require(other != NULL);
		buf_init(&once, OUT_MAX);
		write_again(&once, text, n);
		require_same(&once, buf_str(&once), once.len);
		require_same(&once, other, strlen(other));
		buf_free(&once);
	}
	free(other);
	return 0;
}
