/* What the acceptance test prints: a line for each step, a table at the end. */
#ifndef PKCS11_TRY_REPORT_H
#define PKCS11_TRY_REPORT_H

#include "../broker/base/err.h"

struct report {
	unsigned ok;
	unsigned failed;
	unsigned none;
	char step[128];
	int terminal; /* standard output is one: show what is being done */
};

void report_open(struct report *r);

/* Names the step that begins now. */
void report_begin(struct report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* How it ended; text (may be NULL) is added to the step's name. */
void report_ok(struct report *r, const char *text);
void report_fail(struct report *r, const char *reason);
void report_none(struct report *r, const char *reason);

/* ok, or fail with the reason in why; returns e. */
enum err report_result(struct report *r, enum err e, const struct fault *why);

#endif
