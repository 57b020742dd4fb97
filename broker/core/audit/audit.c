#include "audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "log.h"

#define MEMBERS_MAX (AUDIT_LINE_MAX - 512)
#define PENDING_MAX (32 * 1024 * 1024) /* bytes that wait to be written */
#define TICK_US	    1000000

void
audit_sleep(struct audit *a, pthread_cond_t *cond, int64_t until)
{
	struct timespec ts = { .tv_sec = until / 1000000,
		.tv_nsec = until % 1000000 * 1000 };

	pthread_cond_timedwait(cond, &a->lock, &ts);
}

/* ------------------------------------------------------------- writing */

/* Appends the bytes behind the end on disk, or leaves the file as it was. */
static enum err
write_lines(struct audit *a, const struct buf *b, off_t end, struct fault *why)
{
	enum err e;

	if (a->untidy && ftruncate(a->fd, end) != 0)
		return fault_errno(why, ERR_IO, "cannot cut the audit log");
	a->untidy = false;
	e = audit_file_write(a->fd, b->data, b->len, end, why);
	if (e == OK && a->mode == AUDIT_DURABLE && fdatasync(a->fd) != 0)
		e = fault_errno(why, ERR_IO, "cannot flush the audit log");
	if (e != OK)
		a->untidy = ftruncate(a->fd, end) != 0;
	return e;
}

/* The same into a new file; what is before it is on disk first. */
static enum err
begin_file(struct audit *a, const struct buf *b, const struct audit_end *old,
    int *fd, struct fault *why)
{
	if (a->untidy && ftruncate(a->fd, old->size) != 0)
		return fault_errno(why, ERR_IO, "cannot cut the audit log");
	a->untidy = false;
	if (fdatasync(a->fd) != 0)
		return fault_errno(why, ERR_IO, "cannot flush the audit log");
	return segment_begin(a->folder, old->first, b, fd, why);
}

/* The lock is held. */
static void
epoch_unref(struct audit_epoch *ep)
{
	if (--ep->refs == 0)
		free(ep);
}

static void
epoch_begin(struct audit *a)
{
	a->epoch = xcalloc(1, sizeof(*a->epoch));
	a->epoch->refs = 1;
}

/* The chain continues behind what is on disk. */
static void
fall_back(struct audit *a, const struct fault *why)
{
	if (!a->failing)
		log_error("%s; nothing is released", why->text);
	a->failing = true;
	a->epoch->ended = true;
	a->epoch->kept = a->disk.seq;
	a->epoch->why = *why;
	epoch_unref(a->epoch);
	epoch_begin(a);
	a->seq = a->disk.seq;
	memcpy(a->hash, a->disk.hash, SHA256_SIZE);
	buf_reset(&a->pending);
}

/* What was written is the end on disk now. */
static void
move_on(struct audit *a, const struct audit_end *end, int fd)
{
	if (a->failing)
		log_info("the audit log can be written again");
	a->failing = false;
	a->disk = *end;
	a->unsynced = a->mode == AUDIT_RELAXED;
	if (fd >= 0) {
		close(a->fd);
		a->fd = fd;
	}
	if (a->waiting > 0)
		pthread_cond_broadcast(&a->news);
}

void
audit_write(struct audit *a)
{
	struct buf all = a->pending;
	const struct audit_end old = a->disk;
	struct audit_end end = { .size = (off_t)all.len, .seq = a->seq,
		.first = old.seq + 1 };
	bool turning = a->turning;
	struct fault why;
	int fd = -1;
	enum err e;

	memcpy(end.hash, a->hash, SHA256_SIZE);
	if (!turning)
		end.size += old.size;
	if (!turning && old.first != 0)
		end.first = old.first;
	a->pending = a->writing;
	a->busy = true;
	a->turning = false;
	pthread_mutex_unlock(&a->lock);
	e = turning ? begin_file(a, &all, &old, &fd, &why) :
	    write_lines(a, &all, old.size, &why);
	pthread_mutex_lock(&a->lock);
	a->busy = false;
	if (e == OK)
		move_on(a, &end, fd);
	else
		fall_back(a, &why);
	buf_reset(&all);
	a->writing = all;
	pthread_cond_broadcast(&a->change);
}

enum err
audit_await(struct audit *a, struct fault *why)
{
	struct audit_epoch *ep = a->epoch;
	uint64_t seq = a->seq;
	enum err e = OK;

	ep->refs++;
	while (!ep->ended && a->disk.seq < seq) {
		if (a->busy)
			pthread_cond_wait(&a->change, &a->lock);
		else
			audit_write(a);
	}
	if (ep->ended && ep->kept < seq) {
		e = ep->why.code;
		if (why != NULL)
			*why = ep->why;
	}
	epoch_unref(ep);
	return e;
}

/* ----------------------------------------------------------- appending */

/* A member that needs no escapes. */
static void
put_text(struct buf *b, const char *name, const char *text)
{
	buf_put(b, ",\"", 2);
	buf_puts(b, name);
	buf_put(b, "\":\"", 3);
	buf_puts(b, text);
	buf_putc(b, '"');
}

enum err
audit_chain(struct audit *a, const char *event, const char *members, size_t n,
    struct fault *why)
{
	char at[RFC3339_SIZE], prev[2 * SHA256_SIZE + 1];
	size_t start = a->pending.len;

	hex_encode(prev, a->hash, SHA256_SIZE);
	buf_puts(&a->pending, "{\"seq\":");
	buf_put_int(&a->pending, (int64_t)a->seq + 1);
	put_text(&a->pending, "time", clock_rfc3339(clock_now_ms(), at));
	put_text(&a->pending, "prev", prev);
	put_text(&a->pending, "event", event);
	if (n > 0)
		buf_putc(&a->pending, ',');
	buf_put(&a->pending, members, n);
	buf_put(&a->pending, "}\n", 2);
	if (a->pending.failed) {
		a->pending.failed = false;
		a->pending.len = start;
		return fault_set(why, ERR_BUSY, "too many audit lines wait");
	}
	a->seq++;
	sha256(a->hash, a->pending.data + start, a->pending.len - start - 1);
	return OK;
}

enum err
audit_append(struct audit *a, const char *event, const char *members,
    size_t n, struct fault *why)
{
	enum err e;

	if (n > MEMBERS_MAX)
		return fault_set(why, ERR_LIMIT,
		    "audit line of more than %d bytes", MEMBERS_MAX);
	pthread_mutex_lock(&a->lock);
	while (a->paused > clock_monotonic_us())
		audit_sleep(a, &a->change, a->paused);
	e = audit_chain(a, event, members, n, why);
	if (e == OK && a->sign != NULL &&
	    a->seq - a->checkpoint_seq == a->every_lines)
		pthread_cond_signal(&a->tick);
	if (e == OK)
		e = audit_await(a, why);
	pthread_mutex_unlock(&a->lock);
	return e;
}

/* ---------------------------------------------------------- the thread */

/* The file may be replaced meanwhile. */
static void
flush(struct audit *a)
{
	int fd = dup(a->fd);

	a->unsynced = false;
	pthread_mutex_unlock(&a->lock);
	if (fd < 0 || fdatasync(fd) != 0)
		log_error("cannot flush the audit log: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&a->lock);
}

struct audit_mark
audit_settle(struct audit *a)
{
	struct audit_mark mark;

	pthread_mutex_lock(&a->lock);
	mark.seq = a->disk.seq;
	memcpy(mark.hash, a->disk.hash, SHA256_SIZE);
	if (a->unsynced)
		flush(a);
	pthread_mutex_unlock(&a->lock);
	return mark;
}

/* Does what takes its own locks. */
static void
unlocked(struct audit *a, enum err (*work)(struct audit *, struct fault *),
    const char *what)
{
	struct fault why;

	pthread_mutex_unlock(&a->lock);
	if (work(a, &why) != OK)
		log_warning("audit %s: %s", what, why.text);
	pthread_mutex_lock(&a->lock);
}

static enum err
rotate(struct audit *a, struct fault *why)
{
	char name[SEGMENT_NAME];
	enum err e = audit_rotate(a, name, why);

	if (e == OK)
		log_info("audit log: %s is full", name);
	return e;
}

static void *
run(void *arg)
{
	struct audit *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		int64_t now = clock_monotonic_us();

		if (a->unsynced)
			flush(a);
		if (audit_checkpoint_due(a, now))
			unlocked(a, audit_checkpoint, "checkpoint");
		if (audit_rotation_due(a, now))
			unlocked(a, rotate, "rotation");
		if (!a->stop)
			audit_sleep(a, &a->tick, now + TICK_US);
	}
	if (a->unsynced)
		flush(a);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

uint64_t
audit_last(struct audit *a)
{
	uint64_t seq;

	pthread_mutex_lock(&a->lock);
	seq = a->disk.seq;
	pthread_mutex_unlock(&a->lock);
	return seq;
}

/* ------------------------------------------------------ opening, closing */

static enum err
say_recovered(struct audit *a, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	if (a->disk.cut == 0)
		return OK;
	log_warning("audit log: %lld bytes of an incomplete line were cut off",
	    (long long)a->disk.cut);
	buf_init(&members, 64);
	json_write_start(&w, &members);
	json_put_int(&w, "bytes", a->disk.cut);
	e = audit_append(a, "recovered", buf_str(&members), members.len, why);
	buf_free(&members);
	return e;
}

static void
conditions_init(struct audit *a)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->change, &attr);
	pthread_cond_init(&a->tick, &attr);
	pthread_cond_init(&a->news, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->checkpoint, NULL);
}

struct audit *
audit_open(const char *folder, enum audit_mode mode, struct fault *why)
{
	struct audit *a = xcalloc(1, sizeof(*a));
	enum err e;

	a->mode = mode;
	a->folder = xstrdup(folder);
	epoch_begin(a);
	buf_init(&a->pending, PENDING_MAX);
	buf_init(&a->writing, PENDING_MAX);
	conditions_init(a);
	e = segment_current(folder, &a->fd, &a->disk, why);
	a->seq = a->disk.seq;
	memcpy(a->hash, a->disk.hash, SHA256_SIZE);
	a->checkpoint_at = clock_monotonic_us();
	if (e == OK)
		e = say_recovered(a, why);
	if (e == OK) {
		if (pthread_create(&a->thread, NULL, run, a) != 0)
			fatal("no thread for the audit log");
		return a;
	}
	if (a->fd >= 0)
		close(a->fd);
	epoch_unref(a->epoch);
	buf_free(&a->pending);
	buf_free(&a->writing);
	free(a->folder);
	free(a);
	return NULL;
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->tick);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	close(a->fd);
	epoch_unref(a->epoch);
	buf_free(&a->pending);
	buf_free(&a->writing);
	pthread_cond_destroy(&a->change);
	pthread_cond_destroy(&a->tick);
	pthread_cond_destroy(&a->news);
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->checkpoint);
	free(a->folder);
	free(a);
}
