#include "character.h"

#include <string.h>

const char *
character_check(uint32_t c)
{
	if (c == 0)
		return "NUL in a string";
	if (c >= 0xd800 && c <= 0xdfff)
		return "lone surrogate";
	if ((c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
		return "Unicode noncharacter";
	return NULL;
}

size_t
character_utf8(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = n == 0 ? 0 : p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 :
	    p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (len == 0 || len > n)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* Four hex digits at p, or -1. */
static int
hex4(const unsigned char *p, size_t n)
{
	int v = 0;

	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* Reads \uXXXX, or a pair of them, at p; gives its length, 0 when the digits
 * are missing.  A lone surrogate comes out as itself. */
static size_t
unicode_escape(const unsigned char *p, size_t n, uint32_t *out)
{
	int high = n >= 6 ? hex4(p + 2, 4) : -1;
	int low;

	if (high < 0)
		return 0;
	*out = (uint32_t)high;
	if (high < 0xd800 || high > 0xdbff || n < 12 || p[6] != '\\' ||
	    p[7] != 'u')
		return 6;
	low = hex4(p + 8, 4);
	if (low < 0xdc00 || low > 0xdfff)
		return 6;
	*out = 0x10000 + (((uint32_t)high & 0x3ff) << 10 |
	    ((uint32_t)low & 0x3ff));
	return 12;
}

size_t
character_read(const unsigned char *p, size_t n, uint32_t *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *k;

	if (p[0] != '\\')
		return character_utf8(p, n, out);
	if (n < 2)
		return 0;
	if (p[1] == 'u')
		return unicode_escape(p, n, out);
	k = p[1] != '\0' ? strchr(from, p[1]) : NULL;
	if (k == NULL)
		return 0;
	*out = (unsigned char)to[k - from];
	return 2;
}
