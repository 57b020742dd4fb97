/* base64url and hex: one text for each row of bytes, and nothing else. */
#include <openssl/evp.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"
#include "fuzz.h"

/* The other alphabet and its padding, through OpenSSL, is the same. */
static void
require_same(const char *text, size_t n, const struct buf *bytes)
{
	unsigned char *der = xmalloc(n + 4);
	char *padded = xmalloc(n + 4);
	size_t full = (n + 3) / 4 * 4;

	for (size_t i = 0; i < full; i++)
		padded[i] = i >= n ? '=' : text[i] == '-' ? '+' :
		    text[i] == '_' ? '/' : text[i];
	require(EVP_DecodeBlock(der, (unsigned char *)padded, (int)full) ==
	    (int)(full / 4 * 3));
	require(bytes->len == full / 4 * 3 - (full - n));
	require(bytes->len == 0 || memcmp(der, bytes->data, bytes->len) == 0);
	free(padded);
	free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = b64_encode(p, n), *hex = xmalloc(2 * n + 1);
	unsigned char *back = xmalloc(n + 1);
	struct buf b, again;

	buf_init(&b, 2 * n + 4);
	buf_init(&again, 2 * n + 4);
	require(strlen(text) == B64_LEN(n));
	require(b64_get(&b, text, strlen(text)));
	require(b.len == n && (n == 0 || memcmp(b.data, p, n) == 0));
	buf_reset(&b);
	if (b64_get(&b, (const char *)p, n)) {
		b64_put(&again, b.data, b.len);
		require(again.len == n &&
		    (n == 0 || memcmp(again.data, p, n) == 0));
		require_same((const char *)p, n, &b);
	} else {
		require(b.len == 0);
	}
	hex_encode(hex, p, n);
	require(hex_decode(back, n, hex));
	require(memcmp(back, p, n) == 0);
	buf_free(&b);
	buf_free(&again);
	free(back);
	free(hex);
	free(text);
	return 0;
}
