#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"

struct lines {
	const char *const *files;
	size_t nfiles;
	size_t next; /* file to open next */
	const char *file;
	int fd;	     /* -1: none open */
	bool ended;  /* nothing more comes from fd */
	uint64_t number;
	size_t max;
	char *data; /* max + 1 bytes */
	size_t start, end;
};

struct lines *
lines_open(const char *const *files, size_t n, size_t max)
{
	struct lines *l = xcalloc(1, sizeof(*l));

	l->files = files;
	l->nfiles = n;
	l->fd = -1;
	l->max = max;
	l->data = xmalloc(max + 1);
	return l;
}

void
lines_close(struct lines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->data);
	free(l);
}

static enum err
next_file(struct lines *l, struct fault *why)
{
	if (l->fd >= 0)
		close(l->fd);
	l->file = l->files[l->next++];
	l->fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	l->ended = false;
	l->number = 0;
	l->start = l->end = 0;
	if (l->fd >= 0)
		return OK;
	return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
	    "cannot open %s", l->file);
}

/* Moves what is left to the front and reads behind it. */
static enum err
fill(struct lines *l, struct fault *why)
{
	size_t room;
	ssize_t n;

	memmove(l->data, l->data + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	room = l->max + 1 - l->end;
	n = read_full(l->fd, l->data + l->end, room);
	if (n < 0)
		return fault_errno(why, ERR_IO, "cannot read %s", l->file);
	l->ended = (size_t)n < room;
	l->end += (size_t)n;
	return OK;
}

/* Gives out n bytes from the start; their line end is skipped. */
static void
give(struct lines *l, struct line *line, size_t n, bool complete)
{
	*line = (struct line){ l->data + l->start, n, complete, l->file,
	    ++l->number };
	l->start += n + complete;
}

enum err
lines_next(struct lines *l, struct line *line, struct fault *why)
{
	enum err e = OK;

	*line = (struct line){ .file = l->file, .number = l->number + 1 };
	while (e == OK) {
		size_t have = l->end - l->start;
		char *end = have == 0 ? NULL :
		    memchr(l->data + l->start, '\n', have);

		if (end != NULL) {
			give(l, line, (size_t)(end - l->data) - l->start,
			    true);
			return OK;
		}
		if (l->fd >= 0 && !l->ended && have <= l->max)
			e = fill(l, why);
		else if (have > l->max) {
			l->start = l->end;
			return fault_set(why, ERR_LIMIT, "longer than %zu "
			    "bytes", l->max);
		}
		else if (have != 0) {
			give(l, line, have, false);
			return OK;
		} else if (l->next < l->nfiles)
			e = next_file(l, why);
		else
			return OK;
	}
	return e;
}
