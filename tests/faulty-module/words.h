/* The words of one line of a script. */
#ifndef FAULTY_WORDS_H
#define FAULTY_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORD_MAX  256 /* bytes of one word, with its NUL */
#define WORDS_MAX 16  /* of one line */

struct mistake {
	unsigned line;
	char text[WORD_MAX + 128];
};

struct line {
	unsigned number;
	char words[WORDS_MAX][WORD_MAX];
	unsigned n, next;
	struct mistake *mistake;
};

/* Cuts n bytes into words, which blanks separate and quotes keep together; a
 * '#' begins a comment.  False and the mistake when that cannot be. */
bool line_split(struct line *l, const char *p, size_t n);

/* The next word, or NULL behind the last. */
const char *line_word(struct line *l);

/* Fills the mistake; false. */
bool line_wrong(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
