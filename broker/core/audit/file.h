/*
 * The audit log as a file of lines: finding its end when it is opened, and
 * reading lines out of it by number.  Knows the beginning of a line (see
 * audit.h) and nothing else of its content.
 */
#ifndef CORE_AUDIT_FILE_H
#define CORE_AUDIT_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "../../base/buf.h"
#include "../../base/crypto.h"
#include "../../base/err.h"

#define AUDIT_LINE_MAX 131072 /* bytes of a line with its newline */

struct audit_end {
	off_t size;		/* where the next line goes */
	uint64_t seq;		/* of the last line; 0 when there is none */
	unsigned char hash[SHA256_SIZE]; /* of it; zeros when there is none */
	off_t cut;		/* bytes of an incomplete line that were cut */
};

/*
 * Opens or creates the file, locks it against a second writer, cuts an
 * incomplete last line off and checks that the last line follows the one
 * before it.
 */
enum err audit_file_open(const char *path, int *fd, struct audit_end *end,
    struct fault *why);

/* Appends to out, as a JSON array, at most max lines with seq greater than
 * after, of the first size bytes; fewer when out has no more room. */
enum err audit_file_read(int fd, off_t size, uint64_t after, size_t max,
    struct buf *out, struct fault *why);

#endif
