/*
 * Bytes to tokens: bare words, quoted strings, braces.  Blanks, line ends and
 * comments (from # to the end of the line) only separate.  The text must be
 * UTF-8 without control characters other than tab and line feed.
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include "mistake.h"

#define TOKEN_TEXT_MAX 4096 /* bytes of one word or string */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN,
	TOKEN_CLOSE };

/* bad: a mistake is noted already, so that nobody complains again. */
struct token {
	enum token_kind kind;
	bool bad;
	struct place at;
	char *text; /* owned; what a string means, without its quotes */
};

struct lexer {
	const unsigned char *p, *end, *line_start;
	unsigned line;
	struct config_errors *errors;
};

void lex_init(struct lexer *lx, const char *text, size_t n,
    struct config_errors *errors);

/* The next token; TOKEN_END for ever at the end. */
struct token lex_next(struct lexer *lx);
void token_free(struct token *token);

/* True for what can be a statement's first word: a-z, then also 0-9 and -. */
bool keyword_like(const struct token *token);

#endif
