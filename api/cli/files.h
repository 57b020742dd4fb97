/* The files of an audit log, as they are named on a command line. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <stddef.h>

#include "../../broker/base/err.h"

struct log_files {
	char **v; /* owned */
	size_t n;
};

/*
 * Takes each operand as it is; one that is a folder stands for all files of
 * a log in it, oldest first.  To be freed whatever comes back.
 */
enum err log_files_find(struct log_files *f, const char *const *operands,
    size_t n, struct fault *why);
void log_files_free(struct log_files *f);

#endif
