#include "look.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../engine/job.h"
#include "../engine/report.h"

#define KNOWN_US  30000000 /* what was seen holds for that long */
#define LOOKS_MAX 256	   /* remembered */
#define OPEN_MAX  4	   /* of one owner at a time */

struct look {
	struct look *next;
	int64_t id;
	char account[STORE_NAME], owner[STORE_NAME];
	char url[STORE_URL];
	unsigned users;
	bool done;
	int64_t until; /* monotonic; forgotten after */
	enum err err;
	char words[STORE_TEXT];
	struct sight sight;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct look *first;
	size_t n;
	int64_t last_id;
} looks = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER };

static struct look *
find(const char *account, const char *url)
{
	struct look *l = looks.first;

	while (l != NULL && (strcmp(l->url, url) != 0 ||
	    strcmp(l->account, account) != 0))
		l = l->next;
	return l;
}

static struct look *
find_id(int64_t id)
{
	struct look *l = looks.first;

	while (l != NULL && l->id != id)
		l = l->next;
	return l;
}

static void
forget_old(void)
{
	struct look **p = &looks.first, *l;
	int64_t now = clock_monotonic_us();

	while ((l = *p) != NULL) {
		if (l->users > 0 || l->until > now) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		looks.n--;
		sight_free(&l->sight);
		free(l);
	}
}

static unsigned
open_of(const char *owner)
{
	unsigned n = 0;

	for (const struct look *l = looks.first; l != NULL; l = l->next)
		n += !l->done && strcmp(l->owner, owner) == 0;
	return n;
}

static struct look *
begin(const struct requester *by, const char *url, struct fault *why)
{
	struct look *l;

	if (looks.n >= LOOKS_MAX || open_of(by->owner) >= OPEN_MAX) {
		fault_set(why, ERR_BUSY, "the CA is being asked about too "
		    "many URLs");
		why->retry_after = 1;
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->id = ++looks.last_id;
	snprintf(l->account, sizeof(l->account), "%s", by->account);
	snprintf(l->owner, sizeof(l->owner), "%s", by->owner);
	snprintf(l->url, sizeof(l->url), "%s", url);
	l->until = clock_monotonic_us() + KNOWN_US;
	l->next = looks.first;
	looks.first = l;
	looks.n++;
	job_add(JOB_LOOK, l->account, l->id, clock_now_ms());
	return l;
}

static void
wait_until(int64_t end)
{
	int64_t ms = clock_now_ms() + (end - clock_monotonic_us()) / 1000 + 1;
	struct timespec ts = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	pthread_cond_timedwait(&looks.done, &looks.lock, &ts);
}

static enum err
outcome(const struct look *l, struct fault *why)
{
	if (!l->done)
		return fault_set(why, ERR_TIMEOUT, "the CA was not asked "
		    "about the URL in time");
	return l->err == OK ? OK : fault_set(why, l->err, "%s", l->words);
}

enum err
look_at(const struct requester *by, const char *url, int64_t end,
    struct look **look, struct fault *why)
{
	struct look *l;
	enum err e;

	pthread_mutex_lock(&looks.lock);
	forget_old();
	l = find(by->account, url);
	if (l == NULL)
		l = begin(by, url, why);
	if (l == NULL) {
		pthread_mutex_unlock(&looks.lock);
		return ERR_BUSY;
	}
	l->users++;
	while (!l->done && clock_monotonic_us() < end)
		wait_until(end);
	e = outcome(l, why);
	if (e == OK)
		*look = l;
	else
		l->users--;
	pthread_mutex_unlock(&looks.lock);
	return e;
}

const struct sight *
look_sight(const struct look *look)
{
	return &look->sight;
}

void
look_release(struct look *look)
{
	if (look == NULL)
		return;
	pthread_mutex_lock(&looks.lock);
	look->users--;
	pthread_mutex_unlock(&looks.lock);
}

/* ---------------------------------------------------------------- the job */

/* A look whose askers have all gone home is not worth a request. */
static bool
prepare(struct job *j)
{
	struct look *l;

	pthread_mutex_lock(&looks.lock);
	l = find_id(j->order);
	j->over = l == NULL || l->users == 0;
	j->step = STEP_LOOK;
	if (!j->over)
		strcpy(j->url, l->url);
	else if (l != NULL)
		l->until = 0;
	pthread_mutex_unlock(&looks.lock);
	return !j->over;
}

static enum err
payload(struct job *j, struct buf *out, struct fault *why)
{
	(void)j;
	(void)out;
	(void)why;
	return OK;
}

/* Only what the CA itself said is remembered. */
static void
finish(struct look *l, const struct report *r)
{
	bool said = r->outcome == OUTCOME_OK ||
	    r->outcome == OUTCOME_MALFORMED ||
	    (r->outcome == OUTCOME_PROBLEM && r->status / 100 == 4 &&
		r->status != 429);

	if (r->outcome == OUTCOME_OK)
		sight_read(&l->sight, r->facts);
	if (r->outcome != OUTCOME_OK && r->outcome != OUTCOME_MALFORMED)
		l->err = said ? ERR_CA : ERR_NETWORK;
	snprintf(l->words, sizeof(l->words), "%s", r->words);
	l->until = said ? clock_monotonic_us() + KNOWN_US : 0;
	l->done = true;
}

static void
result(struct job *j, const struct report *r)
{
	struct look *l;

	pthread_mutex_lock(&looks.lock);
	l = find_id(j->order);
	if (l != NULL)
		finish(l, r);
	pthread_cond_broadcast(&looks.done);
	pthread_mutex_unlock(&looks.lock);
	j->over = true;
}

static const char *
account_of(const struct job *j)
{
	return j->name;
}

static const struct config_ca *
ca_of(const struct job *j)
{
	return config_account_ca(core.config, j->name);
}

const struct job_class look_class = {
	.prepare = prepare,
	.payload = payload,
	.result = result,
	.account = account_of,
	.ca = ca_of,
};
