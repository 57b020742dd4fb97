#include "lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/frame.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "token_lanes.h"

struct lanes {
	struct token *tokens;
	size_t ntokens;
	unsigned queue;
	bool spin;		/* more than one processor */
	lanes_kill_fn *_Atomic kill;
};

struct lanes *
lanes_new(const struct config *config, unsigned queue)
{
	struct lanes *l = xcalloc(1, sizeof(*l));

	l->queue = queue;
	l->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	l->ntokens = config->ntokens;
	l->tokens = xcalloc(config->ntokens, sizeof(*l->tokens));
	for (size_t i = 0; i < l->ntokens; i++) {
		l->tokens[i].config = &config->tokens[i];
		pthread_mutex_init(&l->tokens[i].lock, NULL);
	}
	return l;
}

void
lanes_on_hang(struct lanes *l, lanes_kill_fn *fn)
{
	l->kill = fn;
}

static struct token *
token_find(struct lanes *l, const char *name)
{
	for (size_t i = 0; i < l->ntokens; i++)
		if (strcmp(l->tokens[i].config->name, name) == 0)
			return &l->tokens[i];
	return NULL;
}

/* Every change under the lock ends here: the queue moves on, and what must
 * be killed is told after the lock is gone. */
static void
token_unlock(struct lanes *l, struct token *t)
{
	lanes_kill_fn *kill = l->kill;
	uint64_t lanes;

	token_feed(t);
	lanes = t->to_kill;
	t->to_kill = 0;
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; lanes != 0 && i < LANES_MAX; i++)
		if ((lanes >> i & 1) != 0 && kill != NULL)
			kill(t->config->name, i);
}

/*
 * Reads the lane's socket for everybody until our own answer is there (or the
 * lane is gone, or the time).
 */
static void
lead(struct lanes *l, struct token *t, struct call *c)
{
	struct flight *f = c->flight;
	struct frame head;
	struct fault why;
	enum err e;
	bool spin;

	flight_ref(f);
	while (c->flight == f) {
		spin = l->spin && flight_worth_spinning(f);
		token_unlock(l, t);
		e = flight_receive(f, c->deadline, spin, &head, &why);
		pthread_mutex_lock(&t->lock);
		if (f->ended)
			break;
		if (e == OK)
			e = token_deliver(t, f, &head, &why);
		else if (e == ERR_TIMEOUT) {
			token_give_up(t, c);
			e = OK;
		}
		if (e != OK)
			token_end_lane(t, f, &why, e != ERR_CLOSED);
	}
	if (!f->ended)
		token_resign(f);
	flight_unref(f);
}

/*
 * What is seen without the lock is looked at again under it: the call may have
 * been moved, or told to lead, in between.  Who has slept for long has the
 * lanes looked at: where all were given up, nobody reads.
 */
static void
await(struct lanes *l, struct token *t, struct call *c)
{
	enum call_state state;

	while ((state = atomic_load_explicit(&c->state,
	    memory_order_acquire)) != CALL_DONE) {
		if (state == CALL_WAITING && call_sleep(c))
			continue;
		pthread_mutex_lock(&t->lock);
		state = c->state;
		if (state == CALL_LEAD)
			lead(l, t, c);
		else if (state == CALL_WAITING &&
		    clock_monotonic_us() >= c->deadline)
			token_give_up(t, c);
		token_unlock(l, t);
	}
}

/* The lane's own figure stands behind the signature. */
static uint32_t
token_us(const struct call *c, size_t start)
{
	struct reader r;

	if (c->op != LANE_SIGN || c->result != OK)
		return 0;
	reader_init(&r, c->answer->data + start, c->answer->len - start);
	reader_bytes(&r, SIGNATURE_MAX);
	return reader_u32(&r);
}

enum err
lanes_call(struct lanes *l, const char *token, enum lane_op op,
    const void *payload, size_t n, struct buf *answer,
    struct lane_times *times, struct fault *why)
{
	struct token *t = token_find(l, token);
	struct call c = { .op = op, .payload = payload, .n = n,
		.answer = answer, .why = why };
	size_t start = answer->len;
	enum err e;

	if (t == NULL)
		return fault_set(why, ERR_NOT_FOUND, "no token \"%s\"", token);
	c.asked = c.began = clock_monotonic_us();
	c.deadline = c.asked + token_limit_us(t, op);
	pthread_mutex_lock(&t->lock);
	e = token_admit(t, l->queue, &c, why);
	if (e == OK && c.state == CALL_LEAD)
		lead(l, t, &c);
	token_unlock(l, t);
	if (e != OK)
		return e;
	await(l, t, &c);
	if (times != NULL) {
		times->queue = (uint32_t)(c.began - c.asked);
		times->total = (uint32_t)(c.ended - c.asked);
		times->token = token_us(&c, start);
	}
	return c.result;
}

void
lanes_up(struct lanes *l, const char *token, unsigned lane, int fd,
    const struct lane_token *info)
{
	struct token *t = token_find(l, token);
	struct fault why;

	if (t == NULL || lane >= t->config->lanes || lane >= LANES_MAX)
		fatal("lane %u of token %s is not configured", lane, token);
	pthread_mutex_lock(&t->lock);
	fault_set(&why, ERR_TOKEN, "replaced");
	if (t->lanes[lane] != NULL)
		token_end_lane(t, t->lanes[lane], &why, false);
	t->lanes[lane] = flight_new(fd, lane);
	t->up++;
	t->generation++;
	t->known = true;
	t->info = *info;
	token_unlock(l, t);
}

void
lanes_down(struct lanes *l, const char *token, unsigned lane,
    const struct fault *why)
{
	struct token *t = token_find(l, token);

	if (t == NULL || lane >= t->config->lanes || lane >= LANES_MAX)
		fatal("lane %u of token %s is not configured", lane, token);
	pthread_mutex_lock(&t->lock);
	if (t->lanes[lane] != NULL)
		token_end_lane(t, t->lanes[lane], why, false);
	t->down = *why;
	token_unlock(l, t);
}

uint64_t
lanes_generation(struct lanes *l, const char *token)
{
	struct token *t = token_find(l, token);
	uint64_t generation = 0;

	if (t == NULL)
		return 0;
	pthread_mutex_lock(&t->lock);
	generation = t->generation;
	pthread_mutex_unlock(&t->lock);
	return generation;
}

static void
status_fill(struct token *t, struct lanes_status *s)
{
	pthread_mutex_lock(&t->lock);
	*s = (struct lanes_status){ .token = t->config->name,
		.configured = t->config->lanes, .up = t->up,
		.waiting = t->queue.n, .known = t->known, .info = t->info,
		.down = t->down, .signatures = t->signatures };
	pthread_mutex_unlock(&t->lock);
}

size_t
lanes_list(struct lanes *l, struct lanes_status *out, size_t max)
{
	for (size_t i = 0; i < l->ntokens && i < max; i++)
		status_fill(&l->tokens[i], &out[i]);
	return l->ntokens;
}

bool
lanes_status(struct lanes *l, const char *token, struct lanes_status *out)
{
	struct token *t = token_find(l, token);

	if (t != NULL)
		status_fill(t, out);
	return t != NULL;
}

void
lanes_free(struct lanes *l)
{
	struct fault why;

	if (l == NULL)
		return;
	fault_set(&why, ERR_CLOSED, "the broker stops");
	for (size_t i = 0; i < l->ntokens; i++) {
		struct token *t = &l->tokens[i];

		for (unsigned k = 0; k < LANES_MAX; k++)
			if (t->lanes[k] != NULL)
				token_end_lane(t, t->lanes[k], &why, false);
		pthread_mutex_destroy(&t->lock);
	}
	free(l->tokens);
	free(l);
}
