/*
 * The gate and what stands behind it.  Whatever the gate accepts must parse,
 * and must have one serialisation: writing, parsing and writing it again
 * gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../api/json.h"
#include "fuzz.h"

#define OUT_MAX 67108864

static void
require(bool truth)
{
	if (!truth)
		abort();
}

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

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *text = (const char *)p;
	struct fault why = { 0 };
	struct buf once, twice;

	if (json_gate(text, n, JSON_DEPTH, &why) != OK) {
		require(why.code != OK && strstr(why.text, "byte") != NULL);
		return 0;
	}
	buf_init(&once, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	write_again(&once, text, n);
	write_again(&twice, buf_str(&once), once.len);
	require(once.len == twice.len);
	require(memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
