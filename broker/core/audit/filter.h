/*
 * Which lines a reader wants, and what a reader may see who may see only the
 * lines of one tenant: these without their numbers and without "prev", which
 * would tell how much others do, and of what was denied to him only that it
 * was.  A place in the log is then told to him as a word that only this
 * process can read.
 */
#ifndef CORE_AUDIT_FILTER_H
#define CORE_AUDIT_FILTER_H

#include "audit.h"

#define CURSOR_SIZE 33 /* of such a word with its NUL */

/* Values of members, of the bytes of names (route.h); NULL: any.  A key is
 * wanted by its name or its id. */
struct audit_filter {
	const char *event, *operation, *decision, *tenant, *key;
	const char *only; /* the tenant whose lines may be seen; NULL: all */
};

/* An audit_show_fn whose argument is a struct audit_filter. */
bool audit_show(const char *line, size_t n, struct buf *out, void *filter);

void cursor_write(uint64_t seq, char out[static CURSOR_SIZE]);
/* False when no cursor of this process. */
bool cursor_read(const char *text, uint64_t *seq);

#endif
