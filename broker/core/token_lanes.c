#include "token_lanes.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"

#define RETRY_AFTER 2	/* seconds, told to who is refused */

int64_t
token_limit_us(const struct token *t, enum lane_op op)
{
	unsigned seconds = op == LANE_GENERATE ?
	    t->config->generate_deadline : t->config->deadline;

	return (int64_t)seconds * 1000000;
}

static enum err
no_lane(const struct token *t, struct fault *why)
{
	fault_set(why, ERR_TOKEN, "no lane of token \"%s\" is up%s%s",
	    t->config->name, t->down.code != OK ? ": " : "", t->down.text);
	if (why != NULL) {
		why->retry_after = RETRY_AFTER;
		why->ckr = t->down.ckr;
	}
	return ERR_TOKEN;
}

/* What becomes of a request whose lane ended. */
static void
fail_over(struct token *t, struct call *c)
{
	bool repeatable = c->op != LANE_GENERATE && c->op != LANE_DESTROY;

	c->flight = NULL;
	if (clock_monotonic_us() >= c->deadline) {
		call_done(c, fault_set(c->why, ERR_TIMEOUT,
		    "token \"%s\" did not answer in time", t->config->name));
	} else if (c->moved || !repeatable) {
		call_done(c, fault_set(c->why, ERR_TOKEN,
		    "the lane of token \"%s\" ended before it answered",
		    t->config->name));
	} else {
		c->moved = true;
		call_set(c, CALL_WAITING);
		queue_put(&t->queue, c, true);
	}
}

/* Youngest first, so that the queue has them in their old order. */
void
token_end_lane(struct token *t, struct flight *f, const struct fault *why,
    bool kill)
{
	if (f->ended)
		return;
	log_warning("token %s, lane %u: %s", t->config->name, f->lane,
	    why->text);
	f->ended = true;
	shutdown(f->fd, SHUT_RDWR);
	t->lanes[f->lane] = NULL;
	t->up--;
	t->down = *why;
	if (kill)
		t->to_kill |= (uint64_t)1 << f->lane;
	for (unsigned i = f->n; i > 0; i--)
		if (f->slots[i - 1].call != NULL)
			fail_over(t, f->slots[i - 1].call);
	flight_unref(f);
}

/* Gives a good answer's payload, or the fault in a bad one, to its thread. */
static enum err
answer_call(struct call *c, const struct frame *head)
{
	struct fault heard;
	struct reader r;

	if (head->status == OK) {
		buf_put(c->answer, head->payload.p, head->payload.n);
		call_done(c, !c->answer->failed ? OK : fault_set(c->why,
		    ERR_LIMIT, "answer of %zu bytes", head->payload.n));
		return OK;
	}
	reader_init(&r, head->payload.p, head->payload.n);
	frame_get_fault(&r, &heard);
	if (!reader_done(&r) || heard.code != head->status)
		return ERR_SYNTAX;
	if (c->why != NULL)
		*c->why = heard;
	call_done(c, heard.code);
	return OK;
}

/* Hands one answer over; ERR_SYNTAX when it is not what was asked. */
enum err
token_deliver(struct token *t, struct flight *f, const struct frame *head,
    struct fault *why)
{
	struct call *c;

	for (unsigned i = 0; i < head->nfds; i++)
		close(head->fds[i]);
	if (f->n == 0 || head->id != f->slots[0].id ||
	    head->op != f->slots[0].op || head->nfds != 0)
		return fault_set(why, ERR_SYNTAX,
		    "answered what was not asked");
	c = f->slots[0].call;
	if (c != NULL) {
		c->began = f->began;
		if (answer_call(c, head) != OK)
			return fault_set(why, ERR_SYNTAX,
			    "sent a fault that does not parse");
	}
	if (head->status == OK && head->op == LANE_SIGN)
		t->signatures++;
	flight_pop(f, clock_monotonic_us());
	return OK;
}

/* At one request for (nearly) as long as one may take. */
static bool
overdue(const struct token *t, const struct flight *f)
{
	int64_t limit = token_limit_us(t, f->slots[0].op);

	return clock_monotonic_us() >= f->began + limit - limit / 16;
}

static void
end_overdue(struct token *t, struct flight *f)
{
	struct fault why;

	fault_set(&why, ERR_TIMEOUT, "no answer within %lld s",
	    (long long)token_limit_us(t, f->slots[0].op) / 1000000);
	token_end_lane(t, f, &why, true);
}

/*
 * Takes in what lanes have answered to requests that were all given up, so
 * that nobody reads there; or finds that such a lane hangs.
 */
static void
drain(struct token *t)
{
	for (unsigned i = 0; i < t->config->lanes; i++) {
		struct flight *f = t->lanes[i];
		struct frame head;
		struct fault why;
		enum err e = OK;

		while (e == OK && f != NULL && !f->led && f->n > 0) {
			e = flight_receive(f, 0, false, &head, &why);
			if (e == OK)
				e = token_deliver(t, f, &head, &why);
			if (e == ERR_TIMEOUT && overdue(t, f))
				end_overdue(t, f);
			else if (e != OK && e != ERR_TIMEOUT)
				token_end_lane(t, f, &why, e != ERR_CLOSED);
		}
	}
}

/* What changes the token goes to one lane, the first that is up: SoftHSM
 * tells processes of one another's objects by a counter, and when two write at
 * once neither ever sees what the other made. */
static struct flight *
writer(const struct token *t, unsigned cost)
{
	for (unsigned i = 0; i < t->config->lanes; i++)
		if (t->lanes[i] != NULL)
			return t->lanes[i]->load + cost <= FLIGHT_LOAD ?
			    t->lanes[i] : NULL;
	return NULL;
}

static struct flight *
least_busy(const struct token *t, unsigned cost)
{
	struct flight *best = NULL;

	for (unsigned i = 0; i < t->config->lanes; i++) {
		struct flight *f = t->lanes[i];

		if (f != NULL && f->load + cost <= FLIGHT_LOAD &&
		    (best == NULL || f->load < best->load))
			best = f;
	}
	return best;
}

static struct flight *
lane_for(const struct token *t, const struct call *c)
{
	bool writes = c->op == LANE_GENERATE || c->op == LANE_DESTROY;

	return writes ? writer(t, flight_cost(c)) :
	    least_busy(t, flight_cost(c));
}

/* Sends to a lane with room; its thread becomes the leader where none is. */
static bool
place(struct token *t, struct call *c)
{
	struct flight *f;
	struct fault why;

	drain(t);
	while ((f = lane_for(t, c)) != NULL) {
		if (flight_send(f, c, &why) != OK) {
			token_end_lane(t, f, &why, why.code != ERR_CLOSED);
			continue;
		}
		if (!f->led) {
			f->led = true;
			call_set(c, CALL_LEAD);
		}
		return true;
	}
	return false;
}

/* Sends what is queued as long as there is room. */
void
token_feed(struct token *t)
{
	while (t->queue.first != NULL) {
		struct call *c = t->queue.first;

		queue_remove(&t->queue, c);
		if (t->up > 0 && place(t, c))
			continue;
		if (t->up > 0) {
			queue_put(&t->queue, c, true);
			return;
		}
		call_done(c, no_lane(t, c->why));
	}
}

/*
 * The request's own deadline has passed.  A lane that has been at something
 * else until just now is only slow, and goes on.
 */
void
token_give_up(struct token *t, struct call *c)
{
	struct flight *f = c->flight;

	if (f == NULL)
		queue_remove(&t->queue, c);
	else
		flight_abandon(f, c);
	call_done(c, fault_set(c->why, ERR_TIMEOUT,
	    "token \"%s\" did not answer in time", t->config->name));
	if (f != NULL && overdue(t, f))
		end_overdue(t, f);
}

/* The next leader is who waits for the next answer. */
void
token_resign(struct flight *f)
{
	struct call *next = flight_oldest(f);

	f->led = next != NULL;
	if (next != NULL)
		call_set(next, CALL_LEAD);
}

/* Sends or queues a new request, behind those that wait already. */
enum err
token_admit(struct token *t, unsigned queue, struct call *c, struct fault *why)
{
	if (t->up > 0 && t->queue.first == NULL && place(t, c))
		return OK;
	if (t->up == 0)
		return no_lane(t, why);
	if (t->queue.n >= queue) {
		fault_set(why, ERR_BUSY, "%u requests wait for token \"%s\"",
		    t->queue.n, t->config->name);
		if (why != NULL)
			why->retry_after = RETRY_AFTER;
		return ERR_BUSY;
	}
	queue_put(&t->queue, c, false);
	return OK;
}
