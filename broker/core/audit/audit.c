#include "audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/io.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "log.h"

#define MEMBERS_MAX (AUDIT_LINE_MAX - 512)
#define PENDING_MAX (32 * 1024 * 1024) /* bytes that wait to be written */
#define TICK_US	    1000000

static void
wait_until(struct audit *a, pthread_cond_t *cond, int64_t until)
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
	const unsigned char *p = b->data;
	size_t left = b->len;
	off_t at = end;
	enum err e = OK;

	if (a->untidy && ftruncate(a->fd, end) != 0)
		return fault_errno(why, ERR_IO, "cannot cut the audit log");
	a->untidy = false;
	while (left > 0) {
		ssize_t n = pwrite(a->fd, p, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		at += n;
		left -= (size_t)n;
	}
	if (left > 0 || (a->mode == AUDIT_DURABLE && fdatasync(a->fd) != 0)) {
		e = fault_errno(why, ERR_IO, "cannot write the audit log");
		a->untidy = ftruncate(a->fd, end) != 0;
	}
	return e;
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

/* Writes what is pending, with the lock released meanwhile. */
static void
write_pending(struct audit *a)
{
	struct buf all = a->pending;
	struct audit_end end = { .size = a->disk.size + (off_t)all.len,
		.seq = a->seq };
	struct fault why;
	enum err e;

	memcpy(end.hash, a->hash, SHA256_SIZE);
	a->pending = a->writing;
	a->busy = true;
	pthread_mutex_unlock(&a->lock);
	e = write_lines(a, &all, end.size - (off_t)all.len, &why);
	pthread_mutex_lock(&a->lock);
	a->busy = false;
	if (e == OK) {
		if (a->failing)
			log_info("the audit log can be written again");
		a->failing = false;
		a->disk = end;
		a->unsynced = a->mode == AUDIT_RELAXED;
	} else {
		fall_back(a, &why);
	}
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
			write_pending(a);
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
		wait_until(a, &a->change, a->paused);
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

static void
flush(struct audit *a)
{
	a->unsynced = false;
	pthread_mutex_unlock(&a->lock);
	if (fdatasync(a->fd) != 0)
		log_error("cannot flush the audit log: %s", strerror(errno));
	pthread_mutex_lock(&a->lock);
}

static void *
run(void *arg)
{
	struct audit *a = arg;
	struct fault why;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		int64_t now = clock_monotonic_us();

		if (a->unsynced)
			flush(a);
		if (audit_checkpoint_due(a, now)) {
			pthread_mutex_unlock(&a->lock);
			if (audit_checkpoint(a, &why) != OK)
				log_warning("audit checkpoint: %s", why.text);
			pthread_mutex_lock(&a->lock);
		}
		if (!a->stop)
			wait_until(a, &a->tick, now + TICK_US);
	}
	if (a->unsynced)
		flush(a);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* -------------------------------------------------------------- reading */

uint64_t
audit_last(struct audit *a)
{
	uint64_t seq;

	pthread_mutex_lock(&a->lock);
	seq = a->disk.seq;
	pthread_mutex_unlock(&a->lock);
	return seq;
}

enum err
audit_read(struct audit *a, uint64_t after, size_t max, struct buf *out,
    struct fault *why)
{
	off_t size;

	pthread_mutex_lock(&a->lock);
	size = a->disk.size;
	pthread_mutex_unlock(&a->lock);
	return audit_file_read(a->fd, size, after, max, out, why);
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
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->checkpoint, NULL);
}

struct audit *
audit_open(const char *folder, enum audit_mode mode, struct fault *why)
{
	struct audit *a = xcalloc(1, sizeof(*a));
	char *path = xasprintf("%s/audit.log", folder);
	enum err e;

	a->mode = mode;
	epoch_begin(a);
	buf_init(&a->pending, PENDING_MAX);
	buf_init(&a->writing, PENDING_MAX);
	conditions_init(a);
	e = audit_file_open(path, &a->fd, &a->disk, why);
	if (e == OK)
		e = sync_folder(folder, why);
	free(path);
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
	pthread_mutex_destroy(&a->lock);
	pthread_mutex_destroy(&a->checkpoint);
	free(a);
}
