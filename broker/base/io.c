#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#define CHUNK 4096

ssize_t
read_full(int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = read(fd, (char *)p + done, n - done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

int
write_full(int fd, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = write(fd, (const char *)p + done, n - done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		done += (size_t)k;
	}
	return 0;
}

static enum err
slurp(int fd, const char *path, struct buf *out, struct fault *why)
{
	unsigned char chunk[CHUNK];
	enum err e = OK;
	ssize_t n;

	while ((n = read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	if (n < 0)
		e = fault_errno(why, ERR_IO, "cannot read %s", path);
	else if (out->failed)
		e = fault_set(why, ERR_LIMIT, "%s is larger than %zu bytes",
		    path, out->max);
	wipe(chunk, sizeof(chunk));
	return e;
}

enum err
read_file(const char *path, struct buf *out, struct fault *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum err e;

	if (fd < 0)
		return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND :
		    ERR_IO, "cannot open %s", path);
	e = slurp(fd, path, out, why);
	close(fd);
	return e;
}

enum err
open_secret_file(const char *path, int *fd, struct fault *why)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY |
	    O_NONBLOCK);
	if (*fd < 0)
		return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND :
		    ERR_IO, "cannot open %s", path);
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    (st.st_mode & 077) == 0)
		return OK;
	close(*fd);
	*fd = -1;
	return fault_set(why, ERR_CONFIG, "%s must be a regular file of root "
	    "or of this user that nobody else may open (chmod 600)", path);
}

enum err
read_secret_file(const char *path, struct buf *out, struct fault *why)
{
	enum err e;
	int fd;

	e = open_secret_file(path, &fd, why);
	if (e != OK)
		return e;
	e = slurp(fd, path, out, why);
	close(fd);
	return e;
}

enum err
sync_folder(const char *path, struct fault *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int bad = fd < 0 || fsync(fd) != 0;

	if (bad)
		fault_errno(why, ERR_IO, "cannot flush folder %s", path);
	if (fd >= 0)
		close(fd);
	return bad ? ERR_IO : OK;
}

static enum err
write_and_flush(const char *path, const void *p, size_t n, mode_t mode,
    struct fault *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK, mode);
	enum err e = OK;

	if (fd < 0)
		return fault_errno(why, ERR_IO, "cannot create %s", path);
	if (fchmod(fd, mode) != 0 || write_full(fd, p, n) != 0 ||
	    fsync(fd) != 0)
		e = fault_errno(why, ERR_IO, "cannot write %s", path);
	if (close(fd) != 0 && e == OK)
		e = fault_errno(why, ERR_IO, "cannot write %s", path);
	return e;
}

enum err
write_file(const char *path, const void *p, size_t n, mode_t mode,
    struct fault *why)
{
	char *fresh = xasprintf("%s.new", path);
	char *copy = xstrdup(path);
	enum err e;

	e = write_and_flush(fresh, p, n, mode, why);
	if (e == OK && rename(fresh, path) != 0)
		e = fault_errno(why, ERR_IO, "cannot rename %s", fresh);
	if (e == OK)
		e = sync_folder(dirname(copy), why);
	else
		unlink(fresh);
	free(copy);
	free(fresh);
	return e;
}

enum err
make_folder(const char *path, mode_t mode, struct fault *why)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return OK;
	return fault_errno(why, ERR_IO, "cannot make folder %s", path);
}
