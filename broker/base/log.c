#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

#define LINE_MAX_BYTES 2048

static struct {
	const char *name;
	enum log_level level;
	bool journal;
} logger = { "keybroker", LOG_LEVEL_INFO, false };

static const struct {
	const char *word;
	int syslog;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

void
log_open(const char *name, enum log_level level)
{
	logger.name = name;
	logger.level = level;
	logger.journal = getenv("JOURNAL_STREAM") != NULL &&
	    !isatty(STDERR_FILENO);
}

void
log_set_level(enum log_level level)
{
	logger.level = level;
}

bool
log_level_parse(const char *word, enum log_level *level)
{
	for (unsigned i = 0; i <= LOG_LEVEL_DEBUG; i++)
		if (strcmp(levels[i].word, word) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

const char *
log_level_name(enum log_level level)
{
	return levels[level].word;
}

/* One write(2) a line, so that lines of several processes do not mix. */
static void
emit(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int n;

	if (logger.journal)
		n = snprintf(line, sizeof(line), "<%d>", levels[level].syslog);
	else
		n = snprintf(line, sizeof(line), "%s[%d]: %s: ", logger.name,
		    (int)getpid(), levels[level].word);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > logger.level)
		return;
	va_start(ap, fmt);
	emit(level, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	_exit(EXIT_BROKEN);
}
