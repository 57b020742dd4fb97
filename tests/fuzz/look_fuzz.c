/*
 * What is at a URL of a CA: as the issuer tells it, and as the core takes it
 * from an issuer that may be another's.
 */
#include "../../broker/core/acme/sight.h"
#include "answer.h"

static void
require_sight(const struct json *facts)
{
	struct sight s;

	sight_read(&s, facts);
	for (size_t i = 0; i < s.nurls; i++)
		require(url_valid(s.urls[i]));
	require(s.finalize == NULL || url_valid(s.finalize));
	require(s.certificate == NULL || url_valid(s.certificate));
	require(s.up == NULL || url_valid(s.up));
	if (s.place == PLACE_ORDER || s.place == PLACE_AUTHORIZATION) {
		require(s.ids.n > 0 && s.ids.set != NULL);
		require(s.place == PLACE_ORDER || s.ids.n == 1);
	}
	if (s.place == PLACE_CERTIFICATE)
		require(s.leaf.ids.n > 0 && s.leaf.serial[0] != '\0');
	sight_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct json *v = json_parse((const char *)p, n, NULL);
	struct buf told;

	if (v != NULL)
		require_sight(v);
	json_free(v);
	if (answer_read(answer_look, p, n, &told)) {
		v = json_parse(buf_str(&told), told.len, NULL);
		require(json_get_string(v, "kind") != NULL);
		require_sight(v);
		json_free(v);
	}
	buf_free(&told);
	return 0;
}
