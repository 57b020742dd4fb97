/*
 * What a process tells the person who runs it: one line on standard error,
 * with the program's name.  A systemd journal gets syslog levels instead of
 * words.  Secrets never go here, and strangers' text only through "%s".
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG };

/* Names the process in each line; name must live as long as the process. */
void log_open(const char *name, enum log_level level);
void log_set_level(enum log_level level);

/* "error", "warning", "info" or "debug"; false when it is none of them. */
bool log_level_parse(const char *word, enum log_level *level);
const char *log_level_name(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* For our own mistakes only: says why and exits with EXIT_BROKEN. */
void fatal(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
