/*
 * The audit log as a file of lines: finding its end when it is opened, and
 * finding lines in it by number and time.  Knows the beginning of a line (see
 * audit.h) and nothing else of its content.
 */
#ifndef CORE_AUDIT_FILE_H
#define CORE_AUDIT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../base/buf.h"
#include "../../base/clock.h"
#include "../../base/crypto.h"
#include "../../base/err.h"

#define AUDIT_LINE_MAX 131072 /* bytes of a line with its newline */

struct audit_end {
	off_t size;		/* where the next line goes */
	uint64_t first;		/* seq of the first line; 0: there is none */
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

/* The end of a file that nobody writes any more; what is incomplete there is
 * told in end->cut and left. */
enum err audit_file_end(int fd, struct audit_end *end, struct fault *why);

/* Writes all n bytes at an offset. */
enum err audit_file_write(int fd, const void *p, size_t n, off_t at,
    struct fault *why);

/* A line without its newline; false ends the walk. */
typedef bool audit_visit_fn(const char *line, size_t n, uint64_t seq,
    void *arg);

/* Where a walk starts: at the first line behind a number that is not older
 * than a time ("": of any time).  Times are taken to grow as numbers do. */
struct audit_start {
	uint64_t after;
	char since[RFC3339_SIZE];
};

/* Walks over lines of the first size bytes, oldest first; and over all of
 * them, newest first.  *on is made false when visit ended it. */
enum err audit_file_walk(int fd, off_t size, const struct audit_start *start,
    audit_visit_fn *visit, void *arg, bool *on, struct fault *why);
enum err audit_file_walk_back(int fd, off_t size, audit_visit_fn *visit,
    void *arg, bool *on, struct fault *why);

#endif
