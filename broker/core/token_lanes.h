/*
 * One token as lanes.c sees it: its lanes and the requests that no lane has
 * room for.  Everything here is called with the token's lock held.
 */
#ifndef CORE_TOKEN_LANES_H
#define CORE_TOKEN_LANES_H

#include <pthread.h>

#include "../../policy/config.h"
#include "flight.h"

#define LANES_MAX   64	/* of one token; see config.h */

struct token {
	const struct config_token *config;
	pthread_mutex_t lock;
	struct flight *lanes[LANES_MAX]; /* NULL: down */
	unsigned up;
	uint64_t to_kill;	/* bits of lanes, told when unlocking */
	struct queue queue;	/* of requests that no lane had room for */
	uint64_t generation;
	uint64_t signatures;
	bool known;
	struct lane_token info;
	struct fault down;
};

/* Microseconds that one request of that kind may take. */
int64_t token_limit_us(const struct token *t, enum lane_op op);

/* Sends or queues a new request, behind those that wait already; ERR_TOKEN
 * when no lane is up, ERR_BUSY when queue requests wait. */
enum err token_admit(struct token *t, unsigned queue, struct call *c,
    struct fault *why);

/* Sends what is queued as long as there is room; ends it when no lane is
 * left. */
void token_feed(struct token *t);

/* Hands one answer to its request; ERR_SYNTAX when it is not what was asked. */
enum err token_deliver(struct token *t, struct flight *f,
    const struct frame *head, struct fault *why);

/* Ends a request whose deadline has passed. */
void token_give_up(struct token *t, struct call *c);

/* Makes who waits for the next answer the leader. */
void token_resign(struct flight *f);

/* Takes a lane out of use and moves or ends its requests. */
void token_end_lane(struct token *t, struct flight *f,
    const struct fault *why, bool kill);

#endif
