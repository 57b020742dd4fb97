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
#define PREV	"\"prev\":\""
#define SEQ_MAX 9007199254740991ULL

/* A line within a piece of the file, without its newline. */
struct line {
	const char *p;
	size_t n;
	uint64_t seq;
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
	return l->seq > 0 && i < l->n && l->p[i] == ',';
}

/* The first line that begins at or behind p; false when none ends here. */
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

/* prev of the last line must be the hash of the line before it. */
static bool
follows(const struct line *last, const struct line *before)
{
	unsigned char hash[SHA256_SIZE] = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	const char *prev = memmem(last->p, last->n, PREV, sizeof(PREV) - 1);

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

/* Looks at as much of the end as surely holds two lines and a piece. */
static enum err
find_end(int fd, struct audit_end *end, struct fault *why)
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
		e = find_end(*fd, end, why);
	if (e == OK && end->cut != 0 && (ftruncate(*fd, end->size) != 0 ||
	    fsync(*fd) != 0))
		e = fault_errno(why, ERR_IO, "cannot cut %s", path);
	if (e == OK)
		return OK;
	close(*fd);
	*fd = -1;
	return e;
}

/* The offset of the first line that begins at or behind at, and its number;
 * size when there is none. */
static enum err
line_at(int fd, off_t size, off_t at, char *chunk, off_t *start,
    uint64_t *seq, struct fault *why)
{
	size_t n = size - at < 2 * AUDIT_LINE_MAX ?
	    (size_t)(size - at) : 2 * AUDIT_LINE_MAX;
	const char *p = chunk, *end = chunk + n;
	struct line l;
	enum err e;

	*start = size;
	*seq = UINT64_MAX;
	e = read_at(fd, chunk, n, at, why);
	if (e != OK)
		return e;
	if (at != 0)
		p = memchr(chunk, '\n', n);
	if (p == NULL || (at != 0 && ++p == end))
		return OK;
	if (!next_line(p, end, &l) || !read_seq(&l))
		return fault_set(why, ERR_SYNTAX, "audit.log is damaged at "
		    "byte %lld", (long long)(at + (p - chunk)));
	*start = at + (p - chunk);
	*seq = l.seq;
	return OK;
}

/* Lines are in order of their numbers, so the place is found by halving. */
static enum err
seek(int fd, off_t size, uint64_t after, char *chunk, off_t *found,
    struct fault *why)
{
	off_t low = 0, high = size, start;
	uint64_t seq;
	enum err e = OK;

	*found = size;
	while (e == OK && low < high) {
		off_t middle = low + (high - low) / 2;

		e = line_at(fd, size, middle, chunk, &start, &seq, why);
		if (seq > after) {
			*found = start;
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return e;
}

enum err
audit_file_read(int fd, off_t size, uint64_t after, size_t max,
    struct buf *out, struct fault *why)
{
	char *chunk = xmalloc(2 * AUDIT_LINE_MAX);
	bool more = true, first = true;
	off_t at;
	enum err e;

	e = seek(fd, size, after, chunk, &at, why);
	buf_putc(out, '[');
	while (e == OK && more && max > 0 && at < size) {
		size_t n = size - at < 2 * AUDIT_LINE_MAX ?
		    (size_t)(size - at) : 2 * AUDIT_LINE_MAX;
		const char *p = chunk;
		struct line l;

		e = read_at(fd, chunk, n, at, why);
		more = false;
		for (; e == OK && max > 0 && next_line(p, chunk + n, &l) &&
		    l.n + 2 <= out->max - out->len; max--) {
			if (!first)
				buf_putc(out, ',');
			buf_put(out, l.p, l.n);
			first = false;
			more = true;
			p += l.n + 1;
		}
		at += p - chunk;
	}
	buf_putc(out, ']');
	free(chunk);
	return e == OK && out->failed ?
	    fault_set(why, ERR_LIMIT, "no room for the lines") : e;
}
