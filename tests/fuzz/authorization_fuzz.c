/* Authorizations and challenges, RFC 8555 sections 7.1.4 and 8. */
#include "answer.h"

static void
require_challenge(const struct json *v)
{
	const char *token = json_get_string(v, "token");

	require(json_get_string(v, "type") != NULL);
	require(json_get_string(v, "status") != NULL);
	require(url_valid(json_get_string(v, "url")));
	require(token == NULL || token_ok(token));
}

static void
require_authorization(const struct json *v)
{
	const struct json *c = json_get(v, "challenges");

	require(json_get_string(v, "status") != NULL);
	require(json_get_string(json_get(v, "identifier"), "value") != NULL);
	require(json_count(c) <= AUTHORIZATION_CHALLENGES);
	for (c = json_first(c); c != NULL; c = json_next(c))
		require_challenge(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct json *v;
	struct buf out;

	if (answer_read(answer_authorization, p, n, &out)) {
		v = json_parse(buf_str(&out), out.len, NULL);
		require_authorization(v);
		json_free(v);
	}
	buf_free(&out);
	if (answer_read(answer_challenge, p, n, &out)) {
		v = json_parse(buf_str(&out), out.len, NULL);
		require_challenge(v);
		json_free(v);
	}
	buf_free(&out);
	return 0;
}
