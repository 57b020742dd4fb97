/*
 * One request to a token, on the stack of the thread that asked and sleeps
 * until it is answered; and the queue of those that no lane has room for.
 * Inside of lanes.c and token_lanes.c only.
 */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "../base/lane.h"

struct flight;

/* What the thread of a request has to do; it sleeps on this word. */
enum call_state { CALL_WAITING, CALL_LEAD, CALL_DONE };

struct call {
	_Atomic uint32_t state;
	struct call *next;	/* in a queue */
	struct flight *flight;	/* where it was sent; NULL when queued, done */
	enum lane_op op;
	const void *payload;
	size_t n;
	struct buf *answer;
	struct fault *why;
	enum err result;
	bool moved;		/* has been sent to a second lane already */
	int64_t asked, began, ended, deadline; /* microseconds, monotonic */
};

/* Sleeps for a while, not beyond the deadline; true when the state is no
 * longer CALL_WAITING. */
bool call_sleep(struct call *c);

/* Sets the state and wakes the thread. */
void call_set(struct call *c, enum call_state state);

/* Ends the call; c must not be touched afterwards except by its thread. */
void call_done(struct call *c, enum err result);

struct queue {
	struct call *first, *last;
	unsigned n;
};

void queue_put(struct queue *q, struct call *c, bool front);
void queue_remove(struct queue *q, struct call *c);

#endif
