/*
 * The lanes of a token from within: what the files behind lanes.h share.
 *	lanes.c	 all tokens; lanes come and go, and are told about
 *	lane.c	 the life of one lane
 *	queue.c	 which request takes which channel of which lane
 *	call.c	 one request and its answer
 * Everything of a struct token is under its lock.
 */
#ifndef CORE_LANE_H
#define CORE_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "channel.h"
#include "lanes.h"
#include "share.h"

#define LANES_MAX    64 /* of one token; see config.h */
#define CHANNELS_MAX 8	/* of one lane */
#define LANES_RETRY  2	/* seconds, told to who is refused */

struct lane {
	unsigned number;
	unsigned refs;	/* the token's, and one for each busy channel */
	bool ended;
	bool writing;	/* makes or destroys a key: nothing is put behind */
	int64_t heard;	/* microseconds, monotonic: of its last answer */
	int64_t takes;	/* microseconds for one request, of late */
	unsigned busy, n;
	struct channel *channels[CHANNELS_MAX];
};

struct token {
	const struct config_token *config;
	pthread_mutex_t lock;
	struct lane *lanes[LANES_MAX]; /* NULL: down */
	struct lane *kept; /* for the next that writes, until it is idle */
	unsigned up;
	struct shares shares; /* who waits; of each tenant */
	uint64_t to_kill; /* bits of lanes, told when unlocking */
	_Atomic uint64_t generation;
	uint64_t signatures;
	bool known;
	struct lane_token info;
	struct fault down;
};

struct lanes {
	struct token *tokens;
	size_t ntokens, ntenants;
	unsigned queue, channels;
	bool spin; /* more than one processor */
	lanes_kill_fn *_Atomic kill;
};

/* One request, on the stack of who asks. */
struct call {
	struct waiter waiter; /* first, so that it can be told from it */
	pthread_cond_t turn;  /* it has a channel, or no lane is left */
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

/* lanes.c */
struct token *lanes_token(struct lanes *l, const char *name);
/* What must be killed is told after the lock is gone. */
void token_unlock(struct lanes *l, struct token *t);

/* lane.c; fd is then the lane's. */
struct lane *lane_new(int fd, unsigned number, unsigned channels);
void lane_unref(struct lane *lane);
/* Takes a lane out of use; who waits at it sees its channel closed. */
void lane_end(struct token *t, struct lane *lane, const struct fault *why,
    bool kill);

/* queue.c.  Takes a channel, in line behind those that wait; gives it back,
 * having used it for so long. */
enum err queue_take(struct lanes *l, struct token *t, struct call *c,
    struct fault *why);
void queue_give_back(struct token *t, struct call *c, int64_t us);
/* To be called when lanes have come or gone: who can go on does. */
void queue_look(struct token *t);
bool op_writes(enum lane_op op);
enum err queue_too_late(const struct token *t, struct fault *why);

#endif
