#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

void
words_split(struct words *w, const char *text)
{
	char *save = NULL;

	*w = (struct words){ .text = xstrdup(text != NULL ? text : "") };
	for (char *p = strtok_r(w->text, " ", &save); p != NULL;
	    p = strtok_r(NULL, " ", &save)) {
		w->v = xreallocarray(w->v, w->n + 1, sizeof(*w->v));
		w->v[w->n++] = p;
	}
}

void
words_free(struct words *w)
{
	free(w->text);
	free(w->v);
	*w = (struct words){ .n = 0 };
}
