/*
 * Reading the audit log, its full files included, and waiting for more.
 * What is read is on disk already and never changes, so that no lock is held
 * meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "log.h"

#define SCAN_MAX      (256 * 1024 * 1024) /* bytes looked at for a page */
#define FOLLOWERS_UID 8	    /* readers of one uid that wait */
#define GATHER_US     20000 /* in which more lines come, for one reply */

/* The files as they were when the reading began. */
struct view_of {
	const char *folder;
	struct segments full;
	int fd; /* of the current one */
	struct audit_end end;
};

struct walk {
	const struct audit_query *q;
	struct buf *out;
	struct audit_page *page;
	size_t scanned;
	bool on;
};

static enum err
view_open(struct view_of *v, struct audit *a, struct fault *why)
{
	enum err e;

	v->folder = a->folder;
	v->full.first = NULL;
	pthread_mutex_lock(&a->lock);
	v->end = a->disk;
	v->fd = dup(a->fd);
	pthread_mutex_unlock(&a->lock);
	if (v->fd < 0)
		return fault_errno(why, ERR_IO, "cannot read the audit log");
	e = segments_list(v->folder, &v->full, why);
	while (v->full.n > 0 && v->end.first != 0 &&
	    v->full.first[v->full.n - 1] >= v->end.first)
		v->full.n--;
	return e;
}

static void
view_close(struct view_of *v)
{
	if (v->fd >= 0)
		close(v->fd);
	free(v->full.first);
}

/* The file number i, of which full.n is the current one; its size. */
static enum err
view_file(const struct view_of *v, size_t i, int *fd, off_t *size,
    struct fault *why)
{
	*fd = v->fd;
	*size = v->end.size;
	return i == v->full.n ? OK :
	    segment_open(v->folder, v->full.first[i], fd, size, why);
}

/* Whoever keeps the log may take a full file away at any moment. */
static enum err
walk_file(const struct view_of *v, size_t i, bool back, audit_visit_fn *visit,
    struct walk *w, struct fault *why)
{
	off_t size;
	enum err e;
	int fd;

	e = view_file(v, i, &fd, &size, why);
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	e = back ? audit_file_walk_back(fd, size, visit, w, &w->on, why) :
	    audit_file_walk(fd, size, &w->q->from, visit, w, &w->on, why);
	if (fd != v->fd)
		close(fd);
	return e;
}

/* ------------------------------------------------------------------ forward */

static bool
show(const struct audit_query *q, const char *line, size_t n,
    struct buf *out)
{
	if (q->show != NULL)
		return q->show(line, n, out, q->arg);
	buf_put(out, line, n);
	return true;
}

/* Puts what is shown of a line, with a comma before it; false when it belongs
 * to the next page. */
static bool
put_line(struct walk *w, const char *line, size_t n)
{
	size_t before = w->out->len;
	bool shown;

	if (w->page->shown > 0)
		buf_putc(w->out, ',');
	shown = show(w->q, line, n, w->out);
	if (shown && w->page->shown < w->q->max && !w->out->failed &&
	    w->out->len < w->out->max) {
		w->page->shown++;
		return true;
	}
	w->out->failed = false;
	w->out->len = before;
	return !shown;
}

static bool
visit(const char *line, size_t n, uint64_t seq, void *arg)
{
	struct walk *w = arg;

	w->page->more = w->scanned >= SCAN_MAX || !put_line(w, line, n);
	if (w->page->more)
		return false;
	w->scanned += n + 1;
	w->page->next = seq;
	return true;
}

/* The file in which the line behind a number is. */
static size_t
first_file(const struct view_of *v, uint64_t after)
{
	size_t i = v->full.n;

	if (v->end.first <= after + 1)
		return i;
	while (i > 0 && v->full.first[i - 1] > after + 1)
		i--;
	return i > 0 ? i - 1 : 0;
}

static enum err
read_forward(const struct view_of *v, struct walk *w, struct fault *why)
{
	enum err e = OK;

	for (size_t i = first_file(v, w->q->from.after);
	    e == OK && w->on && i <= v->full.n; i++)
		e = walk_file(v, i, false, visit, w, why);
	if (e == OK && !w->page->more && w->page->next < v->end.seq)
		w->page->next = v->end.seq;
	return e;
}

/* ----------------------------------------------------------------- backward */

/* Counts lines that are shown, from the end; next is what is before them. */
static bool
visit_back(const char *line, size_t n, uint64_t seq, void *arg)
{
	struct walk *w = arg;
	struct buf none;

	buf_init(&none, 2 * AUDIT_LINE_MAX);
	w->page->shown += show(w->q, line, n, &none);
	buf_free(&none);
	w->scanned += n + 1;
	w->page->next = seq - 1;
	return w->page->shown < w->q->tail && w->scanned < SCAN_MAX;
}

/* Finds the line behind which the last ones are that are shown. */
static enum err
find_tail(const struct view_of *v, const struct audit_query *q,
    uint64_t *after, struct fault *why)
{
	struct audit_page page = { .next = v->end.seq };
	struct walk w = { .q = q, .page = &page, .on = true };
	enum err e = OK;

	for (size_t i = v->full.n + 1; e == OK && w.on && i > 0; i--)
		e = walk_file(v, i - 1, true, visit_back, &w, why);
	*after = page.next;
	return e;
}

enum err
audit_read(struct audit *a, const struct audit_query *q, struct buf *out,
    struct audit_page *page, struct fault *why)
{
	struct audit_query own = *q;
	struct walk w = { .q = &own, .out = out, .page = page, .on = true };
	struct view_of v;
	enum err e;

	e = view_open(&v, a, why);
	if (e == OK && q->tail != 0)
		e = find_tail(&v, q, &own.from.after, why);
	*page = (struct audit_page){ .next = own.from.after };
	buf_putc(out, '[');
	if (e == OK)
		e = read_forward(&v, &w, why);
	buf_putc(out, ']');
	view_close(&v);
	return e == OK && out->failed ?
	    fault_set(why, ERR_LIMIT, "no room for the lines") : e;
}

/* ------------------------------------------------------------------ waiting */

enum err
audit_follow(struct audit *a, uint32_t uid, struct fault *why)
{
	unsigned own = 0;
	enum err e = OK;

	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < a->nfollowers; i++)
		own += a->followers[i] == uid;
	if (a->nfollowers == AUDIT_FOLLOWERS || own == FOLLOWERS_UID)
		e = fault_set(why, ERR_BUSY,
		    "too many readers wait for lines");
	else
		a->followers[a->nfollowers++] = uid;
	pthread_mutex_unlock(&a->lock);
	if (e != OK && why != NULL)
		why->retry_after = 1;
	return e;
}

void
audit_unfollow(struct audit *a, uint32_t uid)
{
	unsigned i = 0;

	pthread_mutex_lock(&a->lock);
	while (i < a->nfollowers && a->followers[i] != uid)
		i++;
	if (i == a->nfollowers)
		fatal("uid %u does not wait for lines", uid);
	a->followers[i] = a->followers[--a->nfollowers];
	pthread_mutex_unlock(&a->lock);
}

bool
audit_wait(struct audit *a, uint64_t after, int64_t until)
{
	bool news;

	pthread_mutex_lock(&a->lock);
	a->waiting++;
	while (!a->dismissed && a->disk.seq <= after &&
	    clock_monotonic_us() < until)
		audit_sleep(a, &a->news, until);
	a->waiting--;
	news = !a->dismissed && a->disk.seq > after;
	pthread_mutex_unlock(&a->lock);
	if (news)
		usleep(GATHER_US);
	return news;
}

void
audit_dismiss(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->dismissed = true;
	pthread_cond_broadcast(&a->news);
	pthread_mutex_unlock(&a->lock);
}
