#include "scan.h"

#include <string.h>

static bool scan_any(struct scanner *s, unsigned depth);

bool
scan_char(struct scanner *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

bool
scan_string(struct scanner *s, struct view *out)
{
	const char *begin;

	if (!scan_char(s, '"'))
		return false;
	begin = s->p;
	while (s->p < s->end && *s->p >= 0x20 && *s->p < 0x7f &&
	    *s->p != '"' && *s->p != '\\')
		s->p++;
	*out = (struct view){ (const unsigned char *)begin,
		(size_t)(s->p - begin) };
	return scan_char(s, '"');
}

static bool
is_number(struct view v)
{
	size_t n = 0;

	if (v.n > 1 && v.p[0] == '-')
		v = (struct view){ v.p + 1, v.n - 1 };
	while (n < v.n && v.p[n] >= '0' && v.p[n] <= '9')
		n++;
	return n > 0 && n == v.n && (n == 1 || v.p[0] != '0');
}

static bool
scan_word(struct scanner *s)
{
	const char *begin = s->p;
	struct view word;

	while (s->p < s->end && (*s->p == '-' ||
	    (*s->p >= '0' && *s->p <= '9') || (*s->p >= 'a' && *s->p <= 'z')))
		s->p++;
	word = (struct view){ (const unsigned char *)begin,
		(size_t)(s->p - begin) };
	return is_number(word) || scan_same(word, "true") ||
	    scan_same(word, "false");
}

static bool
scan_array(struct scanner *s, unsigned depth)
{
	if (scan_char(s, ']'))
		return true;
	do
		if (!scan_any(s, depth))
			return false;
	while (scan_char(s, ','));
	return scan_char(s, ']');
}

static bool
scan_object(struct scanner *s, unsigned depth)
{
	struct view name;

	if (scan_char(s, '}'))
		return true;
	do
		if (!scan_string(s, &name) || !scan_char(s, ':') ||
		    !scan_any(s, depth))
			return false;
	while (scan_char(s, ','));
	return scan_char(s, '}');
}

static bool
scan_any(struct scanner *s, unsigned depth)
{
	struct view text;

	if (depth == 0 || s->p == s->end)
		return false;
	if (*s->p == '"')
		return scan_string(s, &text);
	if (scan_char(s, '['))
		return scan_array(s, depth - 1);
	if (scan_char(s, '{'))
		return scan_object(s, depth - 1);
	return scan_word(s);
}

bool
scan_value(struct scanner *s, struct view *out)
{
	const char *begin = s->p;
	bool good = scan_any(s, SCAN_DEPTH);

	*out = (struct view){ (const unsigned char *)begin,
		(size_t)(s->p - begin) };
	return good;
}

bool
scan_same(struct view v, const char *text)
{
	return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

bool
scan_twice(const struct view *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].n == names[n].n &&
		    memcmp(names[i].p, names[n].p, names[n].n) == 0)
			return true;
	return false;
}
