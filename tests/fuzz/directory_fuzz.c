/* A CA's directory, RFC 8555 section 7.1.1. */
#include "answer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const needed[] = { "newNonce", "newAccount",
		"newOrder" };
	struct buf out;

	if (answer_read(answer_directory, p, n, &out)) {
		struct json *v = json_parse(buf_str(&out), out.len, NULL);

		for (size_t i = 0; i < nitems(needed); i++)
			require(url_valid(json_get_string(v, needed[i])));
		require(json_count(json_get(v, "profiles")) <=
		    DIRECTORY_PROFILES);
		json_free(v);
	}
	buf_free(&out);
	return 0;
}
