/*
 * A request takes a channel of the least busy lane, waits there for its
 * answer, and gives the channel back.  When all channels are taken it waits
 * in line.
 */
#include "lanes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "channel.h"

#define LANES_MAX    64 /* of one token; see config.h */
#define CHANNELS_MAX 8	/* of one lane */
#define RETRY_AFTER  2	/* seconds, told to who is refused */

struct lane {
	unsigned number;
	unsigned refs;	/* the token's, and one for each busy channel */
	bool ended;
	bool writing;	/* makes or destroys a key: nothing is put behind */
	int64_t heard;	/* microseconds, monotonic: of its last answer */
	unsigned busy, n;
	struct channel *channels[CHANNELS_MAX];
};

struct token {
	const struct config_token *config;
	pthread_mutex_t lock;
	pthread_cond_t freed; /* a channel, or no lane is left */
	struct lane *lanes[LANES_MAX]; /* NULL: down */
	unsigned up, waiting;
	uint64_t to_kill; /* bits of lanes, told when unlocking */
	_Atomic uint64_t generation;
	uint64_t signatures;
	bool known;
	struct lane_token info;
	struct fault down;
};

struct lanes {
	struct token *tokens;
	size_t ntokens;
	unsigned queue, channels;
	bool spin; /* more than one processor */
	lanes_kill_fn *_Atomic kill;
};

/* One request, on the stack of who asks. */
struct call {
	enum lane_op op;
	const void *payload;
	size_t n;
	int64_t asked, sent, deadline; /* microseconds, monotonic */
	int64_t limit;
	bool moved; /* has been sent to a second lane already */
	bool alone; /* the lane had nothing else to do */
	struct lane *lane;
	struct channel *channel;
};

struct lanes *
lanes_new(const struct config *config, unsigned queue)
{
	struct lanes *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	l->queue = queue;
	l->channels = 1;
	l->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	l->ntokens = config->ntokens;
	l->tokens = xcalloc(config->ntokens, sizeof(*l->tokens));
	for (size_t i = 0; i < l->ntokens; i++) {
		l->tokens[i].config = &config->tokens[i];
		pthread_mutex_init(&l->tokens[i].lock, NULL);
		pthread_cond_init(&l->tokens[i].freed, &attr);
	}
	pthread_condattr_destroy(&attr);
	return l;
}

void
lanes_channels(struct lanes *l, unsigned n)
{
	l->channels = n < CHANNELS_MAX ? n : CHANNELS_MAX;
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

/* What must be killed is told after the lock is gone. */
static void
token_unlock(struct lanes *l, struct token *t)
{
	lanes_kill_fn *kill = l->kill;
	uint64_t lanes = t->to_kill;

	t->to_kill = 0;
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; lanes != 0 && i < LANES_MAX; i++)
		if ((lanes >> i & 1) != 0 && kill != NULL)
			kill(t->config->name, i);
}

/* ---------------------------------------------------------- life of a lane */

static void
lane_unref(struct lane *lane)
{
	if (--lane->refs > 0)
		return;
	for (unsigned i = 0; i < lane->n; i++)
		channel_free(lane->channels[i]);
	free(lane);
}

/* Takes a lane out of use; who waits at it sees its channel closed. */
static void
lane_end(struct token *t, struct lane *lane, const struct fault *why,
    bool kill)
{
	if (lane->ended)
		return;
	log_warning("token %s, lane %u: %s", t->config->name, lane->number,
	    why->text);
	lane->ended = true;
	t->lanes[lane->number] = NULL;
	t->up--;
	t->down = *why;
	if (kill)
		t->to_kill |= (uint64_t)1 << lane->number;
	for (unsigned i = 0; i < lane->n; i++)
		channel_shut(lane->channels[i]);
	pthread_cond_broadcast(&t->freed);
	lane_unref(lane);
}

/* Hands the lane one end of a further channel through its first one. */
static bool
add_channel(struct lane *lane)
{
	struct frame head = { .op = LANE_CHANNEL, .nfds = 1 };
	struct fault why;
	int pair[2];
	bool sent;

	if (frame_pair(pair, &why) != OK)
		return false;
	head.fds[0] = pair[1];
	sent = frame_send(lane->channels[0]->fd, &head, NULL, 0, &why) == OK;
	close(pair[1]);
	if (sent)
		lane->channels[lane->n++] = channel_new(pair[0]);
	else
		close(pair[0]);
	return sent;
}

static struct lane *
lane_new(int fd, unsigned number, unsigned channels)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	lane->number = number;
	lane->refs = 1;
	lane->heard = clock_monotonic_us();
	lane->channels[lane->n++] = channel_new(fd);
	while (lane->n < channels && add_channel(lane))
		;
	return lane;
}

void
lanes_up(struct lanes *l, const char *token, unsigned number, int fd,
    const struct lane_token *info)
{
	struct token *t = token_find(l, token);
	struct fault why;

	if (t == NULL || number >= t->config->lanes || number >= LANES_MAX)
		fatal("lane %u of token %s is not configured", number, token);
	pthread_mutex_lock(&t->lock);
	fault_set(&why, ERR_TOKEN, "replaced");
	if (t->lanes[number] != NULL)
		lane_end(t, t->lanes[number], &why, false);
	t->lanes[number] = lane_new(fd, number, l->channels);
	t->up++;
	t->generation++;
	t->known = true;
	t->info = *info;
	pthread_cond_broadcast(&t->freed);
	token_unlock(l, t);
}

void
lanes_down(struct lanes *l, const char *token, unsigned number,
    const struct fault *why)
{
	struct token *t = token_find(l, token);

	if (t == NULL || number >= t->config->lanes || number >= LANES_MAX)
		fatal("lane %u of token %s is not configured", number, token);
	pthread_mutex_lock(&t->lock);
	if (t->lanes[number] != NULL)
		lane_end(t, t->lanes[number], why, false);
	t->down = *why;
	token_unlock(l, t);
}

/* ------------------------------------------------------ choosing a channel */

static bool
writes(enum lane_op op)
{
	return op == LANE_GENERATE || op == LANE_DESTROY;
}

static bool
signs(enum lane_op op)
{
	return op == LANE_SIGN || op == LANE_SIGN_AGAIN;
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
			return t->lanes[i]->busy == 0 ? t->lanes[i] : NULL;
	return NULL;
}

static struct lane *
least_busy(const struct token *t)
{
	struct lane *best = NULL;

	for (unsigned i = 0; i < t->config->lanes; i++) {
		struct lane *lane = t->lanes[i];

		if (lane != NULL && !lane->writing && lane->busy < lane->n &&
		    (best == NULL || lane->busy < best->busy))
			best = lane;
	}
	return best;
}

static bool
take(struct token *t, struct call *c)
{
	struct lane *lane = writes(c->op) ? writer(t) : least_busy(t);

	if (lane == NULL)
		return false;
	for (unsigned i = 0; i < lane->n && c->channel == NULL; i++)
		if (!lane->channels[i]->busy)
			c->channel = lane->channels[i];
	c->channel->busy = true;
	c->lane = lane;
	lane->writing = writes(c->op);
	c->alone = lane->busy == 0;
	lane->busy++;
	lane->refs++;
	return true;
}

static void
give_back(struct token *t, struct call *c)
{
	c->channel->busy = false;
	c->lane->writing = false;
	c->lane->busy--;
	lane_unref(c->lane);
	c->lane = NULL;
	c->channel = NULL;
	if (t->waiting > 0)
		pthread_cond_broadcast(&t->freed);
}

static enum err
no_lane(const struct token *t, struct fault *why)
{
	enum err e = t->down.code == ERR_PIN ? ERR_PIN : ERR_TOKEN;

	fault_set(why, e, "no lane of token \"%s\" is up%s%s",
	    t->config->name, t->down.code != OK ? ": " : "", t->down.text);
	if (why != NULL) {
		why->retry_after = RETRY_AFTER;
		why->ckr = t->down.ckr;
	}
	return e;
}

/* Nothing but an operator helps against a refused PIN. */
static void
advise(const struct token *t, struct fault *why)
{
	size_t n = strlen(why->text);

	snprintf(why->text + n, sizeof(why->text) - n, "; once the PIN is "
	    "right, run keybroker token unlatch %s", t->config->name);
	why->retry_after = 0;
}

static enum err
too_late(const struct token *t, struct fault *why)
{
	return fault_set(why, ERR_TIMEOUT,
	    "token \"%s\" did not answer in time", t->config->name);
}

/* Takes a channel, in line behind those that wait; the lock is held. */
static enum err
wait_for_channel(struct lanes *l, struct token *t, struct call *c,
    struct fault *why)
{
	struct timespec end = { .tv_sec = c->deadline / 1000000,
		.tv_nsec = c->deadline % 1000000 * 1000 };

	while (t->up > 0 && !take(t, c)) {
		if (t->waiting >= l->queue) {
			fault_set(why, ERR_BUSY, "%u requests wait for token "
			    "\"%s\"", t->waiting, t->config->name);
			if (why != NULL)
				why->retry_after = RETRY_AFTER;
			return ERR_BUSY;
		}
		if (clock_monotonic_us() >= c->deadline)
			return too_late(t, why);
		t->waiting++;
		pthread_cond_timedwait(&t->freed, &t->lock, &end);
		t->waiting--;
	}
	return c->channel != NULL ? OK : no_lane(t, why);
}

/* --------------------------------------------------------------- one call */

static enum err
answer_fault(const struct frame *head, struct fault *why)
{
	struct fault heard;
	struct reader r;

	reader_init(&r, head->payload.p, head->payload.n);
	frame_get_fault(&r, &heard);
	if (!reader_done(&r) || heard.code != head->status)
		return fault_set(why, ERR_SYNTAX,
		    "sent a fault that does not parse");
	if (why != NULL)
		*why = heard;
	return OK;
}

/* The lane has been silent for (nearly) as long as one request may take: it
 * hangs.  A lane that has answered others meanwhile is only slow. */
static bool
hangs(const struct call *c)
{
	int64_t since = c->lane->heard > c->sent ? c->lane->heard : c->sent;

	return clock_monotonic_us() - since >= c->limit - c->limit / 16;
}

/* What a failed exchange means for the lane; the lock is held. */
static void
judge(struct token *t, struct call *c, enum err e, const struct fault *why)
{
	struct fault silent;

	if (e == ERR_TIMEOUT && hangs(c)) {
		fault_set(&silent, ERR_TIMEOUT, "no answer within %lld s",
		    (long long)c->limit / 1000000);
		lane_end(t, c->lane, &silent, true);
	} else if (e != ERR_TIMEOUT) {
		lane_end(t, c->lane, why, e != ERR_CLOSED);
	}
}

/* Sends, waits, and says in *status what the lane answered. */
static enum err
exchange(struct lanes *l, struct call *c, struct buf *answer,
    enum err *status, struct fault *told, struct fault *why)
{
	struct frame head;
	enum err e;

	c->sent = clock_monotonic_us();
	e = channel_send(c->channel, c->op, c->payload, c->n, why);
	if (e == OK)
		e = channel_receive(c->channel, c->op, c->deadline,
		    l->spin && c->alone && c->op == LANE_SIGN, &head, why);
	if (e != OK)
		return e;
	*status = (enum err)head.status;
	if (*status == OK)
		buf_put(answer, head.payload.p, head.payload.n);
	else
		e = answer_fault(&head, told);
	if (e == OK && answer->failed)
		*status = fault_set(told, ERR_LIMIT, "answer of %zu bytes",
		    head.payload.n);
	return e;
}

/* The lane's own figure stands behind the signature. */
static uint32_t
token_us(const struct call *c, const struct buf *answer, size_t start)
{
	struct reader r;

	if (!signs(c->op) || answer->len <= start)
		return 0;
	reader_init(&r, answer->data + start, answer->len - start);
	reader_bytes(&r, SIGNATURE_MAX);
	return reader_u32(&r);
}

/* One try at one lane.  True when the request may be tried at another. */
static bool
try_once(struct lanes *l, struct token *t, struct call *c,
    struct buf *answer, enum err *result, struct fault *why)
{
	struct fault failed = { .code = OK };
	enum err e, status = OK;

	pthread_mutex_lock(&t->lock);
	*result = wait_for_channel(l, t, c, why);
	pthread_mutex_unlock(&t->lock);
	if (*result != OK)
		return false;
	e = exchange(l, c, answer, &status, why, &failed);
	pthread_mutex_lock(&t->lock);
	if (e == OK) {
		c->lane->heard = clock_monotonic_us();
		t->signatures += status == OK && signs(c->op);
		*result = status;
	} else {
		judge(t, c, e, &failed);
		*result = e == ERR_TIMEOUT ||
		    clock_monotonic_us() >= c->deadline ? too_late(t, why) :
		    fault_set(why, ERR_TOKEN, "the lane of token \"%s\" ended "
			"before it answered", t->config->name);
	}
	give_back(t, c);
	token_unlock(l, t);
	return *result == ERR_TOKEN && e != OK && !writes(c->op);
}

enum err
lanes_call(struct lanes *l, const char *token, enum lane_op op,
    const void *payload, size_t n, struct buf *answer,
    struct lane_times *times, struct fault *why)
{
	struct token *t = token_find(l, token);
	struct call c = { .op = op, .payload = payload, .n = n };
	size_t start = answer->len;
	enum err e;

	if (t == NULL)
		return fault_set(why, ERR_NOT_FOUND, "no token \"%s\"", token);
	c.asked = clock_monotonic_us();
	c.limit = 1000000 * (int64_t)(op == LANE_GENERATE ?
	    t->config->generate_deadline : t->config->deadline);
	c.deadline = c.asked + c.limit;
	while (try_once(l, t, &c, answer, &e, why) && !c.moved)
		c.moved = true;
	if (e == ERR_PIN && why != NULL)
		advise(t, why);
	if (times != NULL) {
		times->total = (uint32_t)(clock_monotonic_us() - c.asked);
		times->token = e == OK ? token_us(&c, answer, start) : 0;
		times->queue = times->token == 0 ?
		    (uint32_t)(c.sent != 0 ? c.sent - c.asked : times->total) :
		    times->total > times->token ?
		    times->total - times->token : 0;
	}
	return e;
}

/* ---------------------------------------------------------------- telling */

uint64_t
lanes_generation(struct lanes *l, const char *token)
{
	struct token *t = token_find(l, token);

	return t != NULL ? t->generation : 0;
}

static void
status_fill(struct token *t, struct lanes_status *s)
{
	pthread_mutex_lock(&t->lock);
	*s = (struct lanes_status){ .token = t->config->name,
		.configured = t->config->lanes, .up = t->up,
		.waiting = t->waiting, .known = t->known, .info = t->info,
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
				lane_end(t, t->lanes[k], &why, false);
		pthread_mutex_destroy(&t->lock);
		pthread_cond_destroy(&t->freed);
	}
	free(l->tokens);
	free(l);
}
