#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
line_wrong(struct line *l, const char *fmt, ...)
{
	va_list ap;

	l->mistake->line = l->number;
	va_start(ap, fmt);
	vsnprintf(l->mistake->text, sizeof(l->mistake->text), fmt, ap);
	va_end(ap);
	return false;
}

/* One word; gives where it ends, or NULL. */
static const char *
take(struct line *l, const char *p, const char *end)
{
	char *out = l->words[l->n];
	const char *stop = *p == '"' ? "\"" : " \t#\"";
	bool quoted = *p == '"';
	size_t n = 0;

	if (l->n == WORDS_MAX)
		return line_wrong(l, "more than %d words", WORDS_MAX), NULL;
	for (p += quoted; p < end && strchr(stop, *p) == NULL; p++) {
		if (n == WORD_MAX - 1)
			return line_wrong(l, "a word is too long"), NULL;
		out[n++] = *p;
	}
	out[n] = '\0';
	if (quoted && p == end)
		return line_wrong(l, "a quote does not end"), NULL;
	p += quoted;
	if (p < end && strchr(" \t#", *p) == NULL)
		return line_wrong(l, "no blank behind \"%s\"", out), NULL;
	l->n++;
	return p;
}

bool
line_split(struct line *l, const char *p, size_t n)
{
	const char *end = p + n;

	l->n = l->next = 0;
	for (size_t i = 0; i < n; i++)
		if ((p[i] >= 0 && p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return line_wrong(l, "a control character");
	while (p < end && *p != '#') {
		if (*p == ' ' || *p == '\t')
			p++;
		else if ((p = take(l, p, end)) == NULL)
			return false;
	}
	return true;
}

const char *
line_word(struct line *l)
{
	return l->next < l->n ? l->words[l->next++] : NULL;
}
