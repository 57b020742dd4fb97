/*
 * JSON as a compact writer of ASCII writes it: no white space, no backslash,
 * whole numbers.  Nothing else is understood, so that nothing has a second
 * reading.
 */
#ifndef PKCS11_SCAN_H
#define PKCS11_SCAN_H

#include <stdbool.h>

#include "../broker/base/buf.h"

#define SCAN_DEPTH 6 /* of values within values */

struct scanner {
	const char *p; /* what is still to be read */
	const char *end;
};

/* Each takes what it is about off the front, or gives false. */
bool scan_char(struct scanner *s, char c);
bool scan_string(struct scanner *s, struct view *out);
/* Any value: a string, a number, true, false, an array or an object. */
bool scan_value(struct scanner *s, struct view *out);

bool scan_same(struct view v, const char *text);

/* True when names[n] stands among the n names before it. */
bool scan_twice(const struct view *names, size_t n);

#endif
