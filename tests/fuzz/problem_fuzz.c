/*
 * What a CA, or a proxy on the way to it, says instead of an answer: a line
 * "STATUS MEDIA-TYPE", then the body.  Whatever it is, a problem comes out
 * that the core understands.
 */
#include "answer.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t *end = n != 0 ? memchr(p, '\n', n) : NULL;
	char line[64] = "", type[64] = "";
	unsigned status = 0;
	struct json_writer w;
	struct buf out;
	bool bad_nonce;

	if (end == NULL || end - p >= (ptrdiff_t)sizeof(line))
		return 0;
	memcpy(line, p, (size_t)(end - p));
	if (sscanf(line, "%3u %63s", &status, type) < 1)
		return 0;
	n -= (size_t)(end - p) + 1;
	buf_init(&out, FACTS_MAX);
	json_write_start(&w, &out);
	bad_nonce = ca_problem(&w, status, type, (const char *)end + 1, n);
	require(!bad_nonce || status == 400);
	if (!out.failed)
		require_report("problem", &out);
	buf_free(&out);
	return 0;
}
