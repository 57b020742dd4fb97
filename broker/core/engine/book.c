#include "book.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"

/* A CA as the book knows it; there are few, and none is ever dropped. */
struct peer {
	struct peer *next;
	const void *ca;
	unsigned asked; /* jobs that are with the issuer */
	bool silent;	/* it did not answer the last time */
};

/*
 * One thread of each sort that waits has the time of the sort's next job in
 * mind.  A change wakes one, which looks anew; and whoever leaves wakes
 * another one, for it may have been the one that knew.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work[2]; /* the issuer's; the core's own */
	struct job **jobs;
	size_t n;
	struct peer *peers;
	int64_t last_task;
	uint64_t issuer;
	bool closed;
} book = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER },
	.issuer = 1,
};

static struct job *
job_find(enum job_kind kind, const char *name, int64_t order)
{
	for (size_t i = 0; i < book.n; i++) {
		struct job *j = book.jobs[i];

		if (j->kind == kind && j->order == order &&
		    strcmp(j->name, name) == 0)
			return j;
	}
	return NULL;
}

static bool
always_local(enum job_kind kind)
{
	return job_classes[kind]->prepare == NULL;
}

/* Orders and accounts look at themselves before they go to the issuer. */
static bool
begins_local(enum job_kind kind)
{
	return job_classes[kind]->run != NULL;
}

static void
wake(const struct job *j)
{
	pthread_cond_signal(&book.work[j->local]);
}

static void
wake_all(void)
{
	pthread_cond_broadcast(&book.work[false]);
	pthread_cond_broadcast(&book.work[true]);
}

static struct job *
job_new(enum job_kind kind, const char *name, int64_t order, int64_t ms)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->kind = kind;
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->order = order;
	j->due = ms;
	j->local = begins_local(kind);
	return j;
}

static void
enter(struct job *j)
{
	book.jobs = xreallocarray(book.jobs, book.n + 1, sizeof(*book.jobs));
	book.jobs[book.n++] = j;
	wake(j);
}

void
job_add(enum job_kind kind, const char *name, int64_t order, int64_t ms)
{
	struct job *j;

	pthread_mutex_lock(&book.lock);
	j = job_find(kind, name, order);
	if (j == NULL) {
		enter(job_new(kind, name, order, ms));
	} else if (j->task != 0) {
		j->again_at = j->again && j->again_at < ms ? j->again_at : ms;
		j->again = true;
	} else if (ms < j->due && j->failures == 0) {
		j->due = ms;
		wake(j);
	}
	pthread_mutex_unlock(&book.lock);
}

void
job_again(struct job *j, int64_t ms)
{
	pthread_mutex_lock(&book.lock);
	j->due = clock_now_ms() + ms;
	pthread_mutex_unlock(&book.lock);
}

void
job_wait(struct job *j)
{
	pthread_mutex_lock(&book.lock);
	j->due = clock_now_ms() + JOB_PATIENCE;
	j->waiting = true;
	pthread_mutex_unlock(&book.lock);
}

void
job_interrupt(enum job_kind kind, const char *name, int64_t order)
{
	struct job *j;

	pthread_mutex_lock(&book.lock);
	j = job_find(kind, name, order);
	if (j != NULL)
		j->interrupted = true;
	pthread_mutex_unlock(&book.lock);
}

void
jobs_release(enum job_kind kind)
{
	pthread_mutex_lock(&book.lock);
	for (size_t i = 0; i < book.n; i++)
		if (book.jobs[i]->kind == kind && book.jobs[i]->waiting)
			book.jobs[i]->due = 0;
	wake_all();
	pthread_mutex_unlock(&book.lock);
}

/* ------------------------------------------------- taking and giving back */

/* When somebody of that sort may take a job: an order that nobody carries to
 * the issuer any more comes home when its deadline has passed.  No thread
 * of the core is woken for that: they look every few seconds. */
static int64_t
due_for(const struct job *j, bool local)
{
	if (j->local == local)
		return j->due;
	if (!local || j->deadline == 0)
		return JOB_NEVER;
	return j->due > j->deadline ? j->due : j->deadline;
}

static struct peer *
peer_of(const void *ca)
{
	struct peer *p = book.peers;

	while (p != NULL && p->ca != ca)
		p = p->next;
	if (p != NULL)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->ca = ca;
	p->next = book.peers;
	book.peers = p;
	return p;
}

static bool
is_enough(const struct peer *p)
{
	return p != NULL && p->silent && p->asked > 0;
}

/* The due job of that sort that has waited longest, or NULL and when the
 * next one is due. */
static struct job *
due_job(bool local, int64_t now, int64_t *next)
{
	struct job *best = NULL;

	for (size_t i = 0; i < book.n; i++) {
		struct job *j = book.jobs[i];
		int64_t due;

		if (j->task != 0 || j->over || (!local && is_enough(j->peer)))
			continue;
		due = due_for(j, local);
		if (due <= now && (best == NULL || j->due < best->due))
			best = j;
		if (due < *next)
			*next = due;
	}
	return best;
}

static void
wait_until(bool local, int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	pthread_cond_timedwait(&book.work[local], &book.lock, &ts);
}

static void
mark_taken(struct job *j, uint64_t issuer)
{
	j->issuer = issuer;
	j->task = ++book.last_task;
	j->lease_end = JOB_NEVER;
	j->sent = false;
	j->waiting = false;
	j->laneless = false;
	j->signatures = 0;
}

struct job *
book_take(bool local, uint64_t issuer, int64_t end)
{
	struct job *j = NULL;

	pthread_mutex_lock(&book.lock);
	while (!book.closed && (local || issuer == book.issuer)) {
		int64_t now = clock_now_ms(), next = end;

		j = due_job(local, now, &next);
		if (j != NULL || now >= end)
			break;
		wait_until(local, next);
	}
	if (j != NULL)
		mark_taken(j, issuer);
	pthread_cond_signal(&book.work[local]);
	pthread_mutex_unlock(&book.lock);
	return j;
}

static void
forget(struct job *j)
{
	for (size_t i = 0; i < book.n; i++)
		if (book.jobs[i] == j) {
			book.jobs[i] = book.jobs[--book.n];
			break;
		}
	free(j);
}

/*
 * What was asked for while the job was taken may have come too late for it:
 * then it is not over yet.  Other jobs know best when they are due; and who
 * waits for a directory asks again by itself.
 */
static void
heed(struct job *j)
{
	if (j->over && j->kind != JOB_DIRECTORY) {
		j->over = false;
		j->local = begins_local(j->kind);
		j->due = j->again_at;
	} else if (always_local(j->kind) && j->failures == 0 &&
	    j->again_at < j->due) {
		j->due = j->again_at;
	}
	j->again = false;
}

bool
book_admit(struct job *j, const void *ca)
{
	pthread_mutex_lock(&book.lock);
	j->peer = peer_of(ca);
	j->admitted = !is_enough(j->peer);
	j->peer->asked += j->admitted;
	pthread_mutex_unlock(&book.lock);
	return j->admitted;
}

void
book_heard(struct job *j, bool answered)
{
	pthread_mutex_lock(&book.lock);
	if (j->peer->silent && answered)
		pthread_cond_broadcast(&book.work[false]);
	j->peer->silent = !answered;
	pthread_mutex_unlock(&book.lock);
}

/* The next one that asks this CA may go. */
static void
leave(struct job *j)
{
	if (!j->admitted)
		return;
	j->admitted = false;
	j->peer->asked--;
	pthread_cond_signal(&book.work[false]);
}

void
book_give_back(struct job *j)
{
	pthread_mutex_lock(&book.lock);
	j->task = 0;
	leave(j);
	j->waiting = j->waiting || j->laneless;
	if (j->again)
		heed(j);
	if (j->over)
		forget(j);
	else
		wake(j);
	pthread_mutex_unlock(&book.lock);
}

struct job *
book_cancel(enum job_kind kind, const char *name, int64_t order, bool *busy)
{
	struct job *j;

	pthread_mutex_lock(&book.lock);
	j = job_find(kind, name, order);
	*busy = j != NULL && j->task != 0;
	if (j != NULL)
		j->cancel = true;
	if (j != NULL && !*busy)
		mark_taken(j, 0);
	pthread_mutex_unlock(&book.lock);
	return *busy ? NULL : j;
}

void
book_hasten(enum job_kind kind)
{
	pthread_mutex_lock(&book.lock);
	for (size_t i = 0; i < book.n; i++)
		if (book.jobs[i]->kind == kind && book.jobs[i]->task == 0)
			book.jobs[i]->due = 0;
	wake_all();
	pthread_mutex_unlock(&book.lock);
}

/* ----------------------------------------------------------------- leases */

/* 0 is the number of all jobs that nobody has taken. */
struct job *
book_hold(int64_t task)
{
	struct job *found = NULL;

	pthread_mutex_lock(&book.lock);
	for (size_t i = 0; i < book.n && task > 0; i++)
		if (book.jobs[i]->task == task &&
		    book.jobs[i]->lease_end != JOB_NEVER)
			found = book.jobs[i];
	if (found != NULL)
		found->lease_end = JOB_NEVER;
	pthread_mutex_unlock(&book.lock);
	return found;
}

/* A task of an issuer that went away meanwhile is over at once. */
void
book_lease(struct job *j, int64_t end)
{
	pthread_mutex_lock(&book.lock);
	j->lease_end = j->issuer == book.issuer ? end : 0;
	pthread_mutex_unlock(&book.lock);
}

struct job *
book_expired(void)
{
	int64_t now = clock_now_ms();
	struct job *found = NULL;

	pthread_mutex_lock(&book.lock);
	for (size_t i = 0; i < book.n && found == NULL; i++) {
		struct job *j = book.jobs[i];

		if (j->task != 0 && j->lease_end != JOB_NEVER &&
		    (j->issuer != book.issuer || j->lease_end < now))
			found = j;
	}
	if (found != NULL)
		found->lease_end = JOB_NEVER;
	pthread_mutex_unlock(&book.lock);
	return found;
}

uint64_t
book_issuer(void)
{
	uint64_t issuer;

	pthread_mutex_lock(&book.lock);
	issuer = book.issuer;
	pthread_mutex_unlock(&book.lock);
	return issuer;
}

void
book_issuer_gone(void)
{
	pthread_mutex_lock(&book.lock);
	book.issuer++;
	for (size_t i = 0; i < book.n; i++)
		book.jobs[i]->interrupted = true;
	wake_all();
	pthread_mutex_unlock(&book.lock);
}

void
book_close(void)
{
	pthread_mutex_lock(&book.lock);
	book.closed = true;
	wake_all();
	pthread_mutex_unlock(&book.lock);
}

bool
book_closed(void)
{
	bool closed;

	pthread_mutex_lock(&book.lock);
	closed = book.closed;
	pthread_mutex_unlock(&book.lock);
	return closed;
}
