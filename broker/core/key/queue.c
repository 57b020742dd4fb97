/*
 * A request takes a channel of the least busy lane and gives it back.  When
 * there is none it waits, and whoever gives a channel back hands it to the one
 * whose turn it is, so that nobody else is woken.
 */
#include "lane.h"

#include "../../base/clock.h"

#define AHEAD_US 400 /* of work that a lane is given ahead */

bool
op_writes(enum lane_op op)
{
	return op == LANE_GENERATE || op == LANE_DESTROY;
}

/*
 * What changes the token goes to one lane, the first that is up: SoftHSM tells
 * processes of one another's objects by a counter, and when two write at once
 * neither ever sees what the other made.
 */
static struct lane *
writer(const struct token *t)
{
	for (unsigned i = 0; i < t->config->lanes; i++)
		if (t->lanes[i] != NULL)
			return t->lanes[i];
	return NULL;
}

/*
 * The next request is put behind those that a lane has, so that it is there
 * when it is wanted, but not further ahead than that needs: what a lane has,
 * nobody's turn comes before any more.
 */
static bool
has_room(const struct lane *lane)
{
	return lane->busy == 0 || (!lane->writing && lane->busy < lane->n &&
	    lane->busy * lane->takes < AHEAD_US);
}

static struct lane *
least_busy(const struct token *t)
{
	struct lane *best = NULL;

	for (unsigned i = 0; i < t->config->lanes; i++) {
		struct lane *lane = t->lanes[i];

		if (lane != NULL && lane != t->kept && has_room(lane) &&
		    (best == NULL || lane->busy < best->busy))
			best = lane;
	}
	return best;
}

/* A lane for a request of that kind, or NULL. */
static struct lane *
free_lane(const struct token *t, enum wait_kind kind)
{
	struct lane *lane;

	if (kind == WAIT_ANY)
		return least_busy(t);
	lane = writer(t);
	return lane != NULL && lane->busy == 0 ? lane : NULL;
}

static bool
take(struct token *t, struct call *c)
{
	struct lane *lane = free_lane(t, c->waiter.kind);

	if (lane == NULL)
		return false;
	for (unsigned i = 0; i < lane->n && c->channel == NULL; i++)
		if (!lane->channels[i]->busy)
			c->channel = lane->channels[i];
	c->channel->busy = true;
	c->lane = lane;
	lane->writing = c->waiter.kind == WAIT_WRITER;
	c->alone = lane->busy == 0;
	lane->busy++;
	lane->refs++;
	shares_begin(&t->shares, c->waiter.tenant);
	return true;
}

/*
 * Hands out what is free.  One that is to write and whose turn it is gets its
 * lane as soon as that has done what it has before it: nothing else is put
 * there.
 */
static void
hand_out(struct token *t)
{
	static const bool all[WAIT_KIND__MAX] = { true, true };
	bool kinds[WAIT_KIND__MAX];
	struct waiter *w;
	struct call *c;

	for (;;) {
		w = shares_next(&t->shares, all);
		t->kept = w != NULL && w->kind == WAIT_WRITER ? writer(t) :
		    NULL;
		for (unsigned k = 0; w != NULL && k < WAIT_KIND__MAX; k++)
			kinds[k] = free_lane(t, k) != NULL;
		if (w != NULL)
			w = shares_next(&t->shares, kinds);
		if (w == NULL)
			return;
		c = (struct call *)w;
		shares_leave(&t->shares, w);
		take(t, c);
		pthread_cond_signal(&c->turn);
	}
}

void
queue_look(struct token *t)
{
	hand_out(t);
	if (t->up > 0)
		return;
	for (size_t i = 0; i < t->shares.n; i++)
		for (unsigned k = 0; k < WAIT_KIND__MAX; k++)
			for (struct waiter *w = t->shares.accounts[i].first[k];
			    w != NULL; w = w->next)
				pthread_cond_signal(&((struct call *)w)->turn);
}

void
queue_give_back(struct token *t, struct call *c, int64_t us)
{
	c->channel->busy = false;
	c->lane->writing = false;
	c->lane->busy--;
	lane_unref(c->lane);
	c->lane = NULL;
	c->channel = NULL;
	shares_end(&t->shares, c->waiter.tenant, us);
	if (t->shares.waiting > 0)
		hand_out(t);
}

static enum err
no_lane(const struct token *t, struct fault *why)
{
	enum err e = t->down.code == ERR_PIN ? ERR_PIN : ERR_TOKEN;

	fault_set(why, e, "no lane of token \"%s\" is up%s%s",
	    t->config->name, t->down.code != OK ? ": " : "", t->down.text);
	if (why != NULL) {
		why->retry_after = LANES_RETRY;
		why->ckr = t->down.ckr;
	}
	return e;
}

enum err
queue_too_late(const struct token *t, struct fault *why)
{
	return fault_set(why, ERR_TIMEOUT,
	    "token \"%s\" did not answer in time", t->config->name);
}

static enum err
too_many(const struct token *t, unsigned n, struct fault *why)
{
	fault_set(why, ERR_BUSY, "%u requests wait for token \"%s\"", n,
	    t->config->name);
	if (why != NULL)
		why->retry_after = LANES_RETRY;
	return ERR_BUSY;
}

/* Waits until somebody hands over a channel, there is no lane any more, or
 * it is too late. */
static void
wait_in_line(struct token *t, struct call *c)
{
	struct timespec end = { .tv_sec = c->deadline / 1000000,
		.tv_nsec = c->deadline % 1000000 * 1000 };
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->turn, &attr);
	pthread_condattr_destroy(&attr);
	shares_enter(&t->shares, &c->waiter);
	hand_out(t);
	while (c->channel == NULL && t->up > 0 &&
	    clock_monotonic_us() < c->deadline)
		pthread_cond_timedwait(&c->turn, &t->lock, &end);
	if (c->channel == NULL) {
		shares_leave(&t->shares, &c->waiter);
		hand_out(t);
	}
	pthread_cond_destroy(&c->turn);
}

enum err
queue_take(struct lanes *l, struct token *t, struct call *c,
    struct fault *why)
{
	unsigned waiting = t->shares.accounts[c->waiter.tenant].waiting;

	if (t->up == 0)
		return no_lane(t, why);
	if (t->shares.waiting == 0 && take(t, c))
		return OK;
	if (waiting >= l->queue)
		return too_many(t, waiting, why);
	wait_in_line(t, c);
	if (c->channel != NULL)
		return OK;
	return t->up == 0 ? no_lane(t, why) : queue_too_late(t, why);
}
