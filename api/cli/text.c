#include <string.h>
#include <wchar.h>

#include "../character.h"
#include "output.h"

/*
 * UTF-8 for terminals.  Names, errors and hook output come from clients, CAs
 * and programs: nothing of it may act on the terminal.
 */

#define REPLACEMENT L'?'

/* Decodes one character; gives its bytes, 1 and '?' for what is none. */
static size_t
decode(const char *s, wchar_t *c)
{
	uint32_t v;
	size_t n = character_utf8((const unsigned char *)s, strnlen(s, 4), &v);

	*c = n != 0 ? (wchar_t)v : REPLACEMENT;
	return n != 0 ? n : 1;
}

/* Control characters, and those that reorder or hide text. */
static bool
harmful(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xfff0 && c < 0xfffd) || (c >= 0xe0000 && c < 0xe1000);
}

static void
put(struct buf *out, const char *s, bool lines)
{
	while (*s != '\0') {
		wchar_t c;
		size_t n = decode(s, &c);

		if (c == '\n' && lines)
			buf_putc(out, '\n');
		else if (c == '\n' || c == '\r' || c == '\t')
			buf_putc(out, ' ');
		else if (harmful(c) || (c == REPLACEMENT && *s != '?'))
			buf_putc(out, '?');
		else
			buf_put(out, s, n);
		s += n;
	}
}

void
text_put(struct buf *out, const char *s)
{
	put(out, s, false);
}

void
text_put_lines(struct buf *out, const char *s)
{
	put(out, s, true);
}

/* A character that the C library does not know counts as one column. */
static size_t
columns_of(wchar_t c)
{
	int n = wcwidth(c);

	return n < 0 ? 1 : (size_t)n;
}

size_t
text_width(const char *s)
{
	size_t width = 0;

	while (*s != '\0') {
		wchar_t c;

		s += decode(s, &c);
		width += columns_of(c);
	}
	return width;
}

size_t
text_fit(const char *s, size_t columns)
{
	const char *p = s;

	while (*p != '\0') {
		wchar_t c;
		size_t n = decode(p, &c);

		if (columns_of(c) > columns)
			break;
		columns -= columns_of(c);
		p += n;
	}
	return (size_t)(p - s);
}
