/*
 * The header lines of a CA's answer: nonce, Location, Retry-After, links and
 * media type.  What is kept is fit for use, and never more than is allowed.
 */
#include "../../broker/issuer/header.h"
#include "../../broker/base/mem.h"
#include "fuzz.h"

#define NOW 1800000000

static void
require_fit(const struct headers *h)
{
	require(h->total <= HEADER_MAX);
	require(h->nonce[0] == '\0' || nonce_ok(h->nonce, strlen(h->nonce)));
	require(h->location[0] == '\0' || url_valid(h->location));
	require(strlen(h->media_type) < MEDIA_TYPE_SIZE);
	require(strpbrk(h->media_type, "; \t") == NULL);
	require(h->retry_after >= -1 && h->retry_after <= RETRY_AFTER_MAX);
	require(h->nalternates <= HEADER_ALTERNATES);
	for (unsigned i = 0; i < h->nalternates; i++) {
		require(url_valid(h->alternates[i]));
		for (unsigned k = 0; k < i; k++)
			require(strcmp(h->alternates[i], h->alternates[k]) !=
			    0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	struct headers h;
	bool more = true;

	headers_init(&h);
	while (p < end && more) {
		const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((stop != NULL ? stop + 1 : end) - p);
		char *line = xmemdup(p, length);

		more = headers_line(&h, line, length, NOW);
		free(line);
		require_fit(&h);
		p += length;
	}
	headers_free(&h);
	return 0;
}
