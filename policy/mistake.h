/* The list of mistakes found in a configuration, and where each stands. */
#ifndef POLICY_MISTAKE_H
#define POLICY_MISTAKE_H

#include "config.h"

#define MISTAKES_MAX 64
#define SHOWN_MAX    72 /* bytes of a shown value, with its NUL */

/* A place in the text; both count from 1, columns in bytes. */
struct place {
	unsigned line;
	unsigned column;
};

/*
 * Notes a mistake.  The list stays in order of place and keeps the first
 * MISTAKES_MAX of them.
 */
void mistake(struct config_errors *errors, struct place at, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * Gives text for use in a mistake's sentence: as it is when short, otherwise
 * cut between two characters and marked with dots.  Returns out.
 */
const char *shown(const char *text, char out[static SHOWN_MAX]);

#endif
