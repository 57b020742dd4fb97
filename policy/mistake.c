#include "mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"

static bool
stands_after(const struct fault *f, struct place at)
{
	if (f->line != at.line)
		return f->line > at.line;
	return f->column > at.column;
}

void
mistake(struct config_errors *errors, struct place at, const char *fmt, ...)
{
	char text[FAULT_MAX];
	size_t i = errors->n;
	va_list ap;

	if (errors->v == NULL)
		errors->v = xcalloc(MISTAKES_MAX + 1, sizeof(*errors->v));
	while (i > 0 && stands_after(&errors->v[i - 1], at))
		i--;
	if (i == MISTAKES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memmove(&errors->v[i + 1], &errors->v[i],
	    (errors->n - i) * sizeof(*errors->v));
	fault_set(&errors->v[i], ERR_CONFIG, "%s", text);
	errors->v[i].line = at.line;
	errors->v[i].column = at.column;
	if (errors->n < MISTAKES_MAX)
		errors->n++;
}

void
config_errors_free(struct config_errors *errors)
{
	free(errors->v);
	*errors = (struct config_errors){ NULL, 0 };
}

const char *
shown(const char *text, char out[static SHOWN_MAX])
{
	size_t n = strlen(text);
	const char *dots = "";

	if (n >= SHOWN_MAX) {
		n = SHOWN_MAX - sizeof("...");
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		dots = "...";
	}
	snprintf(out, SHOWN_MAX, "%.*s%s", (int)n, text, dots);
	return out;
}
