#include "lex.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"

void
lex_init(struct lexer *lx, const char *text, size_t n,
    struct config_errors *errors)
{
	lx->p = lx->line_start = (const unsigned char *)text;
	lx->end = lx->p + n;
	lx->line = 1;
	lx->errors = errors;
}

void
token_free(struct token *token)
{
	free(token->text);
	token->text = NULL;
}

static bool
is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '*' ||
	    c == '-';
}

bool
keyword_like(const struct token *token)
{
	const char *s = token->text;

	return token->kind == TOKEN_WORD && s[0] >= 'a' && s[0] <= 'z' &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static struct place
here(const struct lexer *lx)
{
	return (struct place){ lx->line,
		(unsigned)(lx->p - lx->line_start) + 1 };
}

/* Where a token may end: at a blank, a line end, a brace, or the end. */
static bool
at_gap(const struct lexer *lx)
{
	return lx->p == lx->end || memchr(" \t\n{}", *lx->p, 5) != NULL;
}

/*
 * Decodes one character of UTF-8 (RFC 3629: shortest form, no surrogates).
 * Gives its length, 0 when it is none.
 */
static size_t
utf8_char(const unsigned char *p, size_t left, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	*cp = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff ||
	    (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return n;
}

/* Characters that change the direction of what an editor shows, so that a
 * policy would read differently from what it says. */
static bool
is_directional(uint32_t cp)
{
	return (cp >= 0x202a && cp <= 0x202e) ||
	    (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f;
}

/* Steps over one character that stands in a string or comment; false when it
 * may not stand anywhere.  The pieces of a broken one count once. */
static bool
step(struct lexer *lx)
{
	uint32_t cp = 0;
	size_t n = utf8_char(lx->p, (size_t)(lx->end - lx->p), &cp);
	struct place at = here(lx);

	lx->p += n != 0 ? n : 1;
	while (n == 0 && lx->p < lx->end && (*lx->p & 0xc0) == 0x80)
		lx->p++;
	if (n == 0)
		mistake(lx->errors, at, "not valid UTF-8");
	else if (cp == '\r')
		mistake(lx->errors, at,
		    "carriage return; lines end with a line feed only");
	else if ((cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0))
		mistake(lx->errors, at, "control character 0x%02x",
		    (unsigned)cp);
	else if (is_directional(cp))
		mistake(lx->errors, at,
		    "invisible character U+%04X changes the direction of text",
		    (unsigned)cp);
	else
		return true;
	return false;
}

static void
skip_blank(struct lexer *lx)
{
	for (; lx->p < lx->end; ) {
		if (*lx->p == '\n') {
			lx->line++;
			lx->line_start = ++lx->p;
		} else if (*lx->p == ' ' || *lx->p == '\t') {
			lx->p++;
		} else if (*lx->p == '#') {
			while (lx->p < lx->end && *lx->p != '\n')
				step(lx);
		} else {
			return;
		}
	}
}

/* Notes a character that no token has, and steps over the whole run. */
static void
refuse_run(struct lexer *lx, struct token *token)
{
	unsigned char c = *lx->p;
	struct place at = here(lx);

	token->bad = true;
	if (step(lx)) {
		if (c == '"' || c == '#' || (is_word(c) &&
		    token->kind == TOKEN_STRING))
			mistake(lx->errors, at, "a space is missing here");
		else if (c < 0x80)
			mistake(lx->errors, at, "unexpected character '%c'; "
			    "text stands in double quotes", c);
		else
			mistake(lx->errors, at, "unexpected character; "
			    "text stands in double quotes");
	}
	while (!at_gap(lx))
		lx->p++;
}

static void
finish_text(struct lexer *lx, struct token *token, struct buf *text)
{
	if (!at_gap(lx))
		refuse_run(lx, token);
	if (text->failed && !token->bad) {
		mistake(lx->errors, token->at, "longer than %d bytes",
		    TOKEN_TEXT_MAX);
		token->bad = true;
	}
	token->text = (char *)buf_take(text, NULL);
	buf_free(text);
}

static void
lex_word(struct lexer *lx, struct token *token)
{
	struct buf text;

	buf_init(&text, TOKEN_TEXT_MAX);
	for (; lx->p < lx->end && is_word(*lx->p); lx->p++)
		buf_putc(&text, *lx->p);
	finish_text(lx, token, &text);
}

/* One character of a string, or one of the two escapes. */
static void
string_char(struct lexer *lx, struct token *token, struct buf *text)
{
	const unsigned char *start = lx->p;

	if (*start != '\\') {
		if (step(lx))
			buf_put(text, start, (size_t)(lx->p - start));
		else
			token->bad = true;
		return;
	}
	if (lx->end - start < 2 || (start[1] != '"' && start[1] != '\\')) {
		mistake(lx->errors, here(lx),
		    "unknown escape; only \\\" and \\\\ exist");
		token->bad = true;
		lx->p++;
		return;
	}
	buf_putc(text, start[1]);
	lx->p += 2;
}

static void
lex_string(struct lexer *lx, struct token *token)
{
	struct buf text;

	buf_init(&text, TOKEN_TEXT_MAX);
	lx->p++;
	while (lx->p < lx->end && *lx->p != '"' && *lx->p != '\n')
		string_char(lx, token, &text);
	if (lx->p == lx->end || *lx->p == '\n') {
		mistake(lx->errors, token->at, "unterminated string");
		token->bad = true;
	} else {
		lx->p++;
	}
	finish_text(lx, token, &text);
}

struct token
lex_next(struct lexer *lx)
{
	struct token token = { .kind = TOKEN_END };

	skip_blank(lx);
	token.at = here(lx);
	if (lx->p == lx->end)
		return token;
	if (*lx->p == '{' || *lx->p == '}') {
		token.kind = *lx->p++ == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
	} else if (*lx->p == '"') {
		token.kind = TOKEN_STRING;
		lex_string(lx, &token);
	} else {
		token.kind = TOKEN_WORD;
		lex_word(lx, &token);
	}
	return token;
}
