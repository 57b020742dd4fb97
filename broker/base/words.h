/* Words of a text with single spaces between them. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stddef.h>

struct words {
	char *text; /* owned */
	const char **v;
	size_t n;
};

/* text may be NULL: no words. */
void words_split(struct words *w, const char *text);
void words_free(struct words *w);

#endif
