/* One request: it goes out on a channel, and its answer comes back. */
#include "lane.h"

#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"

/* Of which tenant the requests of a thread are. */
static _Thread_local size_t tenant = LANES_OWN;

void
lanes_work_for(size_t number)
{
	tenant = number;
}

static bool
signs(enum lane_op op)
{
	return op == LANE_SIGN || op == LANE_SIGN_AGAIN;
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

/* The lane began with this request when it was sent, or when it had answered
 * the one before. */
static void
note_answer(const struct call *c, int64_t now)
{
	struct lane *lane = c->lane;
	int64_t began = lane->heard > c->sent ? lane->heard : c->sent;

	if (!op_writes(c->op))
		lane->takes += (now - began - lane->takes) / 8;
	lane->heard = now;
}

/* One try at one lane.  True when the request may be tried at another. */
static bool
try_once(struct lanes *l, struct token *t, struct call *c,
    struct buf *answer, enum err *result, struct fault *why)
{
	struct fault failed = { .code = OK };
	enum err e, status = OK;
	int64_t now;

	pthread_mutex_lock(&t->lock);
	*result = queue_take(l, t, c, why);
	pthread_mutex_unlock(&t->lock);
	if (*result != OK)
		return false;
	e = exchange(l, c, answer, &status, why, &failed);
	now = clock_monotonic_us();
	pthread_mutex_lock(&t->lock);
	if (e == OK) {
		note_answer(c, now);
		t->signatures += status == OK && signs(c->op);
		*result = status;
	} else {
		judge(t, c, e, &failed);
		*result = e == ERR_TIMEOUT ||
		    now >= c->deadline ? queue_too_late(t, why) :
		    fault_set(why, ERR_TOKEN, "the lane of token \"%s\" ended "
			"before it answered", t->config->name);
	}
	queue_give_back(t, c, now - c->sent);
	token_unlock(l, t);
	return *result == ERR_TOKEN && e != OK && !op_writes(c->op);
}

enum err
lanes_call(struct lanes *l, const char *token, enum lane_op op,
    const void *payload, size_t n, struct buf *answer,
    struct lane_times *times, struct fault *why)
{
	struct token *t = lanes_token(l, token);
	struct call c = { .op = op, .payload = payload, .n = n };
	size_t start = answer->len;
	enum err e;

	if (t == NULL)
		return fault_set(why, ERR_NOT_FOUND, "no token \"%s\"", token);
	c.waiter.tenant = tenant > l->ntenants ? l->ntenants + 1 : tenant;
	c.waiter.kind = op_writes(op) ? WAIT_WRITER : WAIT_ANY;
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
