/*
 * One socket to a lane, used by one thread at a time: a request goes out, its
 * answer comes back.  A lane has several of them, so that its next request
 * is there before it has answered the last one.
 */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include <stdbool.h>

#include "../../base/frame.h"
#include "../../base/lane.h"

struct channel {
	int fd;
	bool busy;
	unsigned stale;	  /* answers to come that nobody waits for any more */
	uint64_t last_id; /* of the last request */
	unsigned char buffer[FRAME_MAX + 64];
};

/* Owned; fd is then the channel's. */
struct channel *channel_new(int fd);
void channel_free(struct channel *c);

/* Whoever waits at the channel is told that it is closed. */
void channel_shut(struct channel *c);

enum err channel_send(struct channel *c, enum lane_op op, const void *p,
    size_t n, struct fault *why);

/*
 * Waits for the answer to the last request until deadline (microseconds,
 * monotonic), awake for a short while with spin.  head's payload stands in the
 * channel's buffer.  ERR_TIMEOUT: the answer may come later and is then
 * passed over.  ERR_SYNTAX: the lane sent what was not asked.
 */
enum err channel_receive(struct channel *c, enum lane_op op,
    int64_t deadline, bool spin, struct frame *head, struct fault *why);

#endif
