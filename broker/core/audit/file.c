#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/b64.h"
#include "../../base/mem.h"

#define START	"{\"seq\":"
#define TIME	",\"time\":\""
#define PREV	"\"prev\":\""
#define CHUNK	(2 * AUDIT_LINE_MAX) /* has a whole line wherever it begins */
#define SHORT	8192 /* most lines are shorter by far */
#define SEQ_MAX 9007199254740991ULL

/* A line within a piece of the file, without its newline. */
struct line {
	const char *p;
	size_t n;
	uint64_t seq;
	const char *time; /* at least RFC3339_SIZE bytes, or NULL */
};

static bool
read_seq(struct line *l)
{
	size_t i = sizeof(START) - 1;

	if (l->n <= i || memcmp(l->p, START, i) != 0 || l->p[i] == '0')
		return false;
	for (l->seq = 0; i < l->n && l->p[i] >= '0' && l->p[i] <= '9'; i++) {
		if (l->seq > SEQ_MAX / 10)
			return false;
		l->seq = l->seq * 10 + (uint64_t)(l->p[i] - '0');
	}
	l->time = l->n - i > sizeof(TIME) + RFC3339_SIZE &&
	    memcmp(l->p + i, TIME, sizeof(TIME) - 1) == 0 ?
	    l->p + i + sizeof(TIME) - 1 : NULL;
	return l->seq > 0 && i < l->n && l->p[i] == ',';
}

/* The line that begins at p; false when it does not end before end. */
static bool
next_line(const char *p, const char *end, struct line *l)
{
	const char *newline = memchr(p, '\n', (size_t)(end - p));

	if (newline == NULL)
		return false;
	l->p = p;
	l->n = (size_t)(newline - p);
	return true;
}

/* Reads n bytes at an offset, all of them. */
static enum err
read_at(int fd, char *p, size_t n, off_t at, struct fault *why)
{
	while (n > 0) {
		ssize_t k = pread(fd, p, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fault_errno(why, ERR_IO, "cannot read audit.log");
		if (k == 0)
			return fault_set(why, ERR_IO, "audit.log was cut");
		p += k;
		at += k;
		n -= (size_t)k;
	}
	return OK;
}

/* prev of the last line must be the hash of the line before it.  Before the
 * first line of a file there is none, or it is in another file. */
static bool
follows(const struct line *last, const struct line *before)
{
	unsigned char hash[SHA256_SIZE] = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	const char *prev = memmem(last->p, last->n, PREV, sizeof(PREV) - 1);

	if (before->p == NULL && last->seq > 1)
		return prev != NULL;
	if (before->p != NULL)
		sha256(hash, before->p, before->n);
	hex_encode(hex, hash, sizeof(hash));
	return prev != NULL && (size_t)(last->p + last->n - prev) >
	    sizeof(PREV) + 2 * SHA256_SIZE &&
	    memcmp(prev + sizeof(PREV) - 1, hex, 2 * SHA256_SIZE) == 0 &&
	    last->seq == before->seq + 1;
}

/*
 * Judges the last bytes of the file.  whole: they begin with the file, so
 * that the line before the first is none.
 */
static enum err
judge_tail(const char *tail, size_t n, bool whole, struct audit_end *end,
    struct fault *why)
{
	struct line last = { .p = NULL }, before = { .p = NULL }, l;
	const char *stop = tail + n;
	size_t partial;

	for (const char *p = tail; next_line(p, stop, &l);
	     p = l.p + l.n + 1) {
		before = last;
		last = l;
	}
	partial = n - (last.p != NULL ?
	    (size_t)(last.p + last.n + 1 - tail) : 0);
	end->cut = (off_t)partial;
	end->size -= (off_t)partial;
	if (last.p == NULL && whole)
		return OK;
	if (last.p == NULL || !read_seq(&last) ||
	    (before.p != NULL && !read_seq(&before)) ||
	    (before.p == NULL && !whole) || !follows(&last, &before))
		return fault_set(why, ERR_SYNTAX, "the end of audit.log is "
		    "damaged; verify it, move it away, and start again");
	end->seq = last.seq;
	sha256(end->hash, last.p, last.n);
	return OK;
}

/* The number of the first line; an incomplete one will be cut off. */
static enum err
find_first(int fd, char *room, size_t n, struct audit_end *end,
    struct fault *why)
{
	struct line l;
	enum err e = read_at(fd, room, n, 0, why);

	if (e != OK || !next_line(room, room + n, &l))
		return e;
	if (!read_seq(&l))
		return fault_set(why, ERR_SYNTAX, "audit.log does not begin "
		    "with a line of an audit log");
	end->first = l.seq;
	return OK;
}

/* Looks at as much of the end as surely holds two lines and a piece. */
enum err
audit_file_end(int fd, struct audit_end *end, struct fault *why)
{
	size_t n = 3 * AUDIT_LINE_MAX;
	char *tail = xmalloc(n);
	struct stat st;
	const char *p;
	bool whole;
	enum err e;

	memset(end, 0, sizeof(*end));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		free(tail);
		return fault_set(why, ERR_IO, "audit.log is no regular file");
	}
	end->size = st.st_size;
	whole = st.st_size <= (off_t)n;
	if (whole)
		n = (size_t)st.st_size;
	e = find_first(fd, tail, n, end, why);
	if (e == OK)
		e = read_at(fd, tail, n, st.st_size - (off_t)n, why);
	if (e == OK) {
		/* a piece that does not begin with the file begins amid a
		 * line */
		p = whole ? tail : memchr(tail, '\n', n);
		p = p == NULL ? tail + n : whole ? p : p + 1;
		e = judge_tail(p, (size_t)(tail + n - p), whole, end, why);
	}
	free(tail);
	return e;
}

enum err
audit_file_open(const char *path, int *fd, struct audit_end *end,
    struct fault *why)
{
	enum err e;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
	    0600);
	if (*fd < 0)
		return fault_errno(why, ERR_IO, "cannot open %s", path);
	if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
		e = fault_errno(why, ERR_CONFLICT,
		    "another process writes %s", path);
	else
		e = audit_file_end(*fd, end, why);
	if (e == OK && end->cut != 0 && (ftruncate(*fd, end->size) != 0 ||
	    fsync(*fd) != 0))
		e = fault_errno(why, ERR_IO, "cannot cut %s", path);
	if (e == OK)
		return OK;
	close(*fd);
	*fd = -1;
	return e;
}

enum err
audit_file_write(int fd, const void *bytes, size_t n, off_t at,
    struct fault *why)
{
	const unsigned char *p = bytes;

	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return fault_errno(why, ERR_IO,
			    "cannot write the audit log");
		p += k;
		at += k;
		n -= (size_t)k;
	}
	return OK;
}

/* ----------------------------------------------------------------- walking */

static bool
starts(const struct line *l, const struct audit_start *start)
{
	size_t n = strlen(start->since);

	return l->seq > start->after && (n == 0 || l->time == NULL ||
	    memcmp(l->time, start->since, n) >= 0);
}

static enum err
damaged(off_t at, struct fault *why)
{
	return fault_set(why, ERR_SYNTAX, "audit.log is damaged at byte %lld",
	    (long long)at);
}

/* Bytes of a piece that begins at an offset. */
static size_t
piece(off_t size, off_t at)
{
	return size - at < CHUNK ? (size_t)(size - at) : CHUNK;
}

/* Finds the first line that begins within a piece, which begins amid a line
 * unless at is 0; false when none is whole there. */
static bool
line_within(const char *chunk, size_t n, off_t at, struct line *l)
{
	const char *p = chunk;

	if (at != 0)
		p = memchr(chunk, '\n', n);
	if (p == NULL)
		return false;
	return next_line(at != 0 ? p + 1 : p, chunk + n, l);
}

/* The offset of the first line that begins at or behind at, and whether the
 * walk starts there or before; size and true when there is none. */
static enum err
line_at(int fd, off_t size, off_t at, char *chunk,
    const struct audit_start *from, off_t *start, bool *behind,
    struct fault *why)
{
	size_t most = piece(size, at), n = most < SHORT ? most : SHORT;
	struct line l;
	enum err e;

	*start = size;
	*behind = true;
	e = read_at(fd, chunk, n, at, why);
	if (e == OK && n < most && !line_within(chunk, n, at, &l)) {
		n = most;
		e = read_at(fd, chunk, n, at, why);
	}
	if (e != OK || !line_within(chunk, n, at, &l))
		return e;
	if (!read_seq(&l))
		return damaged(at + (l.p - chunk), why);
	*start = at + (l.p - chunk);
	*behind = starts(&l, from);
	return OK;
}

/* Lines are in order, so the place is found by halving. */
static enum err
seek(int fd, off_t size, const struct audit_start *from, char *chunk,
    off_t *found, struct fault *why)
{
	off_t low = 0, high = size, start;
	bool behind;
	enum err e = OK;

	*found = size;
	while (e == OK && low < high) {
		off_t middle = low + (high - low) / 2;

		e = line_at(fd, size, middle, chunk, from, &start, &behind,
		    why);
		if (behind) {
			*found = start;
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return e;
}

enum err
audit_file_walk(int fd, off_t size, const struct audit_start *start,
    audit_visit_fn *visit, void *arg, bool *on, struct fault *why)
{
	char *chunk = xmalloc(CHUNK);
	off_t at;
	enum err e;

	e = seek(fd, size, start, chunk, &at, why);
	while (e == OK && *on && at < size) {
		size_t n = piece(size, at);
		const char *p = chunk;
		struct line l;

		e = read_at(fd, chunk, n, at, why);
		while (e == OK && *on && next_line(p, chunk + n, &l)) {
			if (!read_seq(&l))
				e = damaged(at + (p - chunk), why);
			else
				*on = visit(l.p, l.n, l.seq, arg);
			p += l.n + 1;
		}
		if (e == OK && p == chunk)
			e = damaged(at, why);
		at += p - chunk;
	}
	free(chunk);
	return e;
}

/* The lines between p and *end, the last one first; *end is moved to the
 * beginning of the first one. */
static enum err
visit_back(const char *p, const char **end, audit_visit_fn *visit, void *arg,
    bool *on, struct fault *why)
{
	while (*on && *end > p) {
		const char *start = memrchr(p, '\n', (size_t)(*end - p) - 1);
		struct line l;

		start = start != NULL ? start + 1 : p;
		l = (struct line){ .p = start,
			.n = (size_t)(*end - start) - 1 };
		if (!read_seq(&l))
			return fault_set(why, ERR_SYNTAX,
			    "audit.log is damaged");
		*on = visit(l.p, l.n, l.seq, arg);
		*end = start;
	}
	return OK;
}

enum err
audit_file_walk_back(int fd, off_t size, audit_visit_fn *visit, void *arg,
    bool *on, struct fault *why)
{
	char *chunk = xmalloc(CHUNK);
	enum err e = OK;

	while (e == OK && *on && size > 0) {
		size_t n = size < CHUNK ? (size_t)size : CHUNK;
		const char *p = chunk, *end = chunk + n;

		e = read_at(fd, chunk, n, size - (off_t)n, why);
		if (e == OK && (off_t)n < size) {
			p = memchr(chunk, '\n', n);
			p = p == NULL || p + 1 == end ? end : p + 1;
		}
		if (e == OK && p == end)
			e = damaged(size - (off_t)n, why);
		if (e == OK)
			e = visit_back(p, &end, visit, arg, on, why);
		size -= (off_t)n - (end - chunk);
	}
	free(chunk);
	return e;
}
