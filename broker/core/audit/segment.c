#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/io.h"
#include "../../base/log.h"
#include "../../base/mem.h"

#define CURRENT "audit.log"
#define NEXT	"audit.log.new" /* not in place yet */

/* The paths of one change. */
struct paths {
	char *current, *next, *full;
};

static struct paths
paths_of(const char *folder, uint64_t first)
{
	char name[SEGMENT_NAME];

	return (struct paths){
		.current = xasprintf("%s/" CURRENT, folder),
		.next = xasprintf("%s/" NEXT, folder),
		.full = xasprintf("%s/%s", folder, segment_name(first, name)),
	};
}

static void
paths_free(struct paths *p)
{
	free(p->current);
	free(p->next);
	free(p->full);
}

/* -------------------------------------------------------------------- names */

char *
segment_name(uint64_t first, char out[static SEGMENT_NAME])
{
	snprintf(out, SEGMENT_NAME, "audit-%016llu.log",
	    (unsigned long long)first);
	return out;
}

/* The number in a name; 0 when it is none of ours. */
static uint64_t
number_of(const char *name)
{
	char again[SEGMENT_NAME];
	unsigned long long first = 0;

	if (sscanf(name, "audit-%16llu.log", &first) != 1 ||
	    strcmp(segment_name(first, again), name) != 0)
		return 0;
	return first;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

enum err
segments_list(const char *folder, struct segments *s, struct fault *why)
{
	DIR *dir = opendir(folder);
	const struct dirent *d;

	*s = (struct segments){ .first = NULL };
	if (dir == NULL)
		return fault_errno(why, ERR_IO, "cannot read %s", folder);
	while ((d = readdir(dir)) != NULL) {
		uint64_t first = number_of(d->d_name);

		if (first == 0)
			continue;
		s->first = xreallocarray(s->first, s->n + 1,
		    sizeof(*s->first));
		s->first[s->n++] = first;
	}
	closedir(dir);
	if (s->n > 0)
		qsort(s->first, s->n, sizeof(*s->first), by_number);
	return OK;
}

/* ------------------------------------------------------------------ opening */

enum err
segment_open(const char *folder, uint64_t first, int *fd, off_t *size,
    struct fault *why)
{
	struct paths p = paths_of(folder, first);
	struct stat st = { .st_size = 0 };
	enum err e = OK;

	*fd = open(p.full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (*fd < 0 || fstat(*fd, &st) != 0) {
		e = fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
		    "cannot open %s", p.full);
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
	*size = st.st_size;
	paths_free(&p);
	return e;
}

/* The log goes on where the last full file ends. */
static enum err
end_of_last(const char *folder, struct audit_end *end, struct fault *why)
{
	struct segments all;
	struct audit_end last = { .seq = 0 };
	enum err e = segments_list(folder, &all, why);
	off_t size;
	int fd = -1;

	if (e == OK && all.n > 0)
		e = segment_open(folder, all.first[all.n - 1], &fd, &size,
		    why);
	if (e == OK && fd >= 0)
		e = audit_file_end(fd, &last, why);
	if (e == OK && fd >= 0) {
		end->seq = last.seq;
		memcpy(end->hash, last.hash, SHA256_SIZE);
	}
	if (fd >= 0)
		close(fd);
	free(all.first);
	return e;
}

/* A second name of the current file: it was about to be replaced. */
static void
remove_second_name(const struct paths *p)
{
	struct stat current, full;

	if (lstat(p->current, &current) == 0 && lstat(p->full, &full) == 0 &&
	    current.st_dev == full.st_dev && current.st_ino == full.st_ino &&
	    unlink(p->full) != 0)
		log_error("cannot remove %s: %s", p->full, strerror(errno));
}

enum err
segment_current(const char *folder, int *fd, struct audit_end *end,
    struct fault *why)
{
	char *path = xasprintf("%s/" CURRENT, folder);
	enum err e = audit_file_open(path, fd, end, why);
	struct paths p;

	free(path);
	if (e != OK)
		return e;
	p = paths_of(folder, end->first);
	unlink(p.next);
	remove_second_name(&p);
	paths_free(&p);
	if (end->first == 0)
		e = end_of_last(folder, end, why);
	if (e == OK)
		e = sync_folder(folder, why);
	if (e != OK) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

/* ----------------------------------------------------------------- changing */

static enum err
write_next(const struct paths *p, const struct buf *lines, int *fd,
    struct fault *why)
{
	enum err e;

	unlink(p->next);
	*fd = open(p->next, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW | O_NOCTTY, 0600);
	if (*fd < 0)
		return fault_errno(why, ERR_IO, "cannot make %s", p->next);
	e = audit_file_write(*fd, lines->data, lines->len, 0, why);
	if (e == OK && (flock(*fd, LOCK_EX | LOCK_NB) != 0 ||
	    fsync(*fd) != 0))
		e = fault_errno(why, ERR_IO, "cannot flush %s", p->next);
	return e;
}

/* The full file has both names for a moment, so that none is lost. */
static enum err
put_in_place(const char *folder, const struct paths *p, struct fault *why)
{
	struct fault ignored;
	enum err e;

	if (link(p->current, p->full) != 0)
		return fault_errno(why, ERR_IO, "cannot make %s", p->full);
	e = sync_folder(folder, why);
	if (e == OK && rename(p->next, p->current) != 0)
		e = fault_errno(why, ERR_IO, "cannot replace %s", p->current);
	if (e != OK)
		unlink(p->full);
	else if (sync_folder(folder, &ignored) != OK)
		log_error("%s", ignored.text);
	return e;
}

enum err
segment_begin(const char *folder, uint64_t first, const struct buf *lines,
    int *fd, struct fault *why)
{
	struct paths p = paths_of(folder, first);
	enum err e = write_next(&p, lines, fd, why);

	if (e == OK)
		e = put_in_place(folder, &p, why);
	if (e != OK && *fd >= 0) {
		close(*fd);
		unlink(p.next);
		*fd = -1;
	}
	paths_free(&p);
	return e;
}
