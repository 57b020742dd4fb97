/*
 * The files of the audit log: audit.log, which is written, and before it
 * those that are full, named by the number of their first line.  What is full
 * is never touched again; who keeps the log may move it away.
 */
#ifndef CORE_AUDIT_SEGMENT_H
#define CORE_AUDIT_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "../../base/buf.h"
#include "file.h"

#define SEGMENT_NAME 32 /* bytes of "audit-0000000000000001.log" with its NUL */

/* The name of the file that begins with that line. */
char *segment_name(uint64_t first, char out[static SEGMENT_NAME]);

/* Numbers of the first lines of all full files, in order; owned. */
struct segments {
	uint64_t *first;
	size_t n;
};
enum err segments_list(const char *folder, struct segments *s,
    struct fault *why);

/* Opens one of them for reading; ERR_NOT_FOUND when it is not there. */
enum err segment_open(const char *folder, uint64_t first, int *fd,
    off_t *size, struct fault *why);

/*
 * Opens audit.log in the folder, after clearing away what an interrupted
 * segment_begin() left.  When it has no line yet, *end is that of the last
 * full file, but for its size.
 */
enum err segment_current(const char *folder, int *fd, struct audit_end *end,
    struct fault *why);

/*
 * Gives audit.log, whose first line has that number, its name as a full file,
 * and begins a new one with these lines.  In one step: there is an audit.log
 * at any moment, whatever interrupts this.  All of it is flushed to disk.
 */
enum err segment_begin(const char *folder, uint64_t first,
    const struct buf *lines, int *fd, struct fault *why);

#endif
