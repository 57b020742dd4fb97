#include "try_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLEAR "\r\033[K"

void
report_open(struct report *r)
{
	*r = (struct report){ .terminal = isatty(STDOUT_FILENO) };
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void
report_begin(struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->step, sizeof(r->step), fmt, ap);
	va_end(ap);
	if (r->terminal) {
		printf("...  %s", r->step);
		fflush(stdout);
	}
}

static void
line(struct report *r, const char *word, const char *colon, const char *text)
{
	printf("%s%-4s %s%s%s\n", r->terminal ? CLEAR : "", word, r->step,
	    text != NULL ? colon : "", text != NULL ? text : "");
}

void
report_ok(struct report *r, const char *text)
{
	r->ok++;
	line(r, "ok", ", ", text);
}

void
report_fail(struct report *r, const char *reason)
{
	r->failed++;
	line(r, "fail", ": ", reason);
}

void
report_none(struct report *r, const char *reason)
{
	r->none++;
	line(r, "none", ": ", reason);
}

enum err
report_result(struct report *r, enum err e, const struct fault *why)
{
	if (e == OK)
		report_ok(r, NULL);
	else
		report_fail(r, why->text);
	return e;
}
