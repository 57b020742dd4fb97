/* The lines of several files, one after the other, bounded. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../broker/base/err.h"

struct lines;

struct line {
	const char *text; /* valid until the next call; no NUL behind it */
	size_t n;	  /* without the line end */
	bool complete;	  /* the line end was there */
	const char *file;
	uint64_t number;  /* in that file, from 1 */
};

struct lines *lines_open(const char *const *files, size_t n, size_t max);
void lines_close(struct lines *l);

/*
 * The next line.  OK with line->text NULL behind the last one; ERR_LIMIT when
 * a line has more than max bytes, which fills everything but the text; the
 * next call then goes on somewhere behind.
 */
enum err lines_next(struct lines *l, struct line *line, struct fault *why);

#endif
