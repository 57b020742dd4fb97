#include "b64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
b64_put(struct buf *out, const void *src, size_t n)
{
	const unsigned char *p = src;

	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)p[i] << 16;
		char four[4];

		if (have > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (have > 2)
			v |= p[i + 2];
		for (unsigned k = 0; k < 4; k++)
			four[k] = alphabet[v >> (18 - 6 * k) & 63];
		buf_put(out, four, have + 1);
	}
}

char *
b64_encode(const void *p, size_t n)
{
	struct buf b;

	buf_init(&b, B64_LEN(n));
	b64_put(&b, p, n);
	return (char *)buf_take(&b, NULL);
}

/* The six bits of a character, or -1. */
static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
b64_get(struct buf *out, const char *text, size_t n)
{
	size_t start = out->len;
	uint32_t bits = 0;
	unsigned have = 0;

	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int v = value(text[i]);

		if (v < 0)
			goto refuse;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_putc(out, (unsigned char)(bits >> have));
		}
	}
	if ((bits & ((1U << have) - 1)) == 0 && !out->failed)
		return true;
refuse:
	out->len = start;
	return false;
}

void
hex_encode(char *out, const void *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = src;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
hex_decode(unsigned char *out, size_t n, const char *text)
{
	if (strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = nibble(text[2 * i]);
		int low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
