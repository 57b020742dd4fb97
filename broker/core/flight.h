/*
 * One connection to a lane and the requests in flight on it, oldest first.
 * Inside of lanes.c and token_lanes.c only: everything but flight_receive()
 * is called with the lock of the token held.
 */
#ifndef CORE_FLIGHT_H
#define CORE_FLIGHT_H

#include <stdbool.h>

#include "../base/frame.h"
#include "call.h"

/*
 * What a lane may have before it: one at work and a few behind it, so that it
 * never waits for us.  A request costs 1, a large one more (so that all of
 * them fit into the socket), one that takes long the whole of it.
 */
#define FLIGHT_LOAD 4

struct flight_slot {
	uint64_t id;
	enum lane_op op;
	unsigned cost;
	struct call *call;	/* NULL: nobody waits for it any more */
};

struct flight {
	int fd;
	unsigned lane;
	unsigned refs;
	bool ended;
	bool led;		/* some thread reads, or was told to */
	unsigned n, load;
	int64_t began;		/* when the lane began with the oldest */
	int64_t took;		/* microseconds of the last answer */
	uint64_t last_id;
	struct flight_slot slots[FLIGHT_LOAD];
	unsigned char buffer[FRAME_MAX + 64]; /* the leader's */
};

/* Takes the descriptor; holds one reference. */
struct flight *flight_new(int fd, unsigned lane);
void flight_ref(struct flight *f);
void flight_unref(struct flight *f);

/* What a request adds to the load of a lane. */
unsigned flight_cost(const struct call *c);

/* Sends and remembers it; there must be room. */
enum err flight_send(struct flight *f, struct call *c, struct fault *why);

/* Takes the oldest out. */
struct flight_slot flight_pop(struct flight *f, int64_t now);

/* Forgets that c waits; its answer will be dropped. */
void flight_abandon(struct flight *f, struct call *c);

/* The oldest request that somebody waits for; NULL when there is none. */
struct call *flight_oldest(const struct flight *f);

bool flight_worth_spinning(const struct flight *f);

/* Waits for an answer until deadline; with spin, awake for a short while. */
enum err flight_receive(struct flight *f, int64_t deadline, bool spin,
    struct frame *head, struct fault *why);

#endif
