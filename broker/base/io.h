/* Files and descriptors, bounded and complete. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

/* Reads n bytes unless the end comes first; gives the bytes read, -1 on
 * error.  Interrupted calls go on. */
ssize_t read_full(int fd, void *p, size_t n);

/* Writes all n bytes; 0, or -1 on error. */
int write_full(int fd, const void *p, size_t n);

/* Appends a whole file; more than the room left in out is ERR_LIMIT, no such
 * file is ERR_NOT_FOUND. */
enum err read_file(const char *path, struct buf *out, struct fault *why);

/*
 * Appends the content of a file with a secret in it: a regular file, no
 * symbolic link, owned by root or by us, not open to group or others.
 */
enum err read_secret_file(const char *path, struct buf *out,
    struct fault *why);

/* Opens such a file and checks the same; the descriptor is close-on-exec. */
enum err open_secret_file(const char *path, int *fd, struct fault *why);

/*
 * Replaces path by n bytes: written beside it, flushed, renamed, and the
 * folder flushed.  After any interruption the old or the new file is there.
 */
enum err write_file(const char *path, const void *p, size_t n, mode_t mode,
    struct fault *why);

/* Flushes a folder's entries to disk. */
enum err sync_folder(const char *path, struct fault *why);

/* Makes a folder, and nothing above it; an existing one is fine. */
enum err make_folder(const char *path, mode_t mode, struct fault *why);

#endif
