/*
 * The lanes of each token as seen from the core: who is up, who is idle, and
 * one call that sends a request to the least busy lane and waits for its
 * answer until a deadline.  A lane has several channels, each used by one
 * thread at a time, so that no thread stands between a client and a lane and
 * the lane's next request is there when it has answered the last.
 *
 * A lane that is silent until a deadline is reported to keybrokerd to be
 * killed.  Of the requests that were waiting at it, those that may be repeated
 * (everything but generate and destroy) move to another lane once.
 *
 * Thread-safe.
 */
#ifndef CORE_LANES_H
#define CORE_LANES_H

#include "../../../policy/config.h"
#include "../../base/lane.h"

struct lanes;

/* queue: requests of one tenant that may wait on one token before ERR_BUSY.
 * Tenants and their shares are those of the configuration; see share.h. */
struct lanes *lanes_new(const struct config *config, unsigned queue);
void lanes_free(struct lanes *l);

/* Channels that each lane gets when it comes up; 1 unless told.  A lane that
 * is given more must know LANE_CHANNEL. */
void lanes_channels(struct lanes *l, unsigned n);

/* Called for a lane that must be replaced. */
typedef void lanes_kill_fn(const char *token, unsigned lane);
void lanes_on_hang(struct lanes *l, lanes_kill_fn *fn);

/* A lane came up (fd is then owned) or went down (why is kept for status). */
void lanes_up(struct lanes *l, const char *token, unsigned lane, int fd,
    const struct lane_token *info);
void lanes_down(struct lanes *l, const char *token, unsigned lane,
    const struct fault *why);

/* Grows with each lane that comes up: "a connection to the token". */
uint64_t lanes_generation(struct lanes *l, const char *token);

/* Where the time of one call went, in microseconds. */
struct lane_times {
	uint32_t queue; /* waiting; for a signature also travelling */
	uint32_t token; /* inside the PKCS#11 module, as the lane says */
	uint32_t total;
};

/* Whose requests this thread makes from now on: the number of a tenant (struct
 * decision), 0 of nobody's, or the broker's own, which is so at first. */
#define LANES_OWN SIZE_MAX
void lanes_work_for(size_t tenant);

/*
 * One request to any lane of the token.  answer is an initialised buffer that
 * receives the payload of a good answer.  times may be NULL.  ERR_TOKEN when no
 * lane is up, ERR_PIN when only an operator can change that, ERR_BUSY when the
 * queue is full, ERR_TIMEOUT when the deadline (in seconds, from the
 * configuration of the token) passes.
 */
enum err lanes_call(struct lanes *l, const char *token, enum lane_op op,
    const void *payload, size_t n, struct buf *answer,
    struct lane_times *times, struct fault *why);

/* State of one token, for status and GET /v1/tokens. */
struct lanes_status {
	const char *token;
	unsigned configured;
	unsigned up;
	unsigned waiting;
	bool known;		 /* info is filled: some lane has been up */
	struct lane_token info;
	struct fault down;	 /* the last reason; code OK when none */
	uint64_t signatures;
};
/* Fills at most max; gives how many there are. */
size_t lanes_list(struct lanes *l, struct lanes_status *out, size_t max);

/* Of one token; false when there is no such token. */
bool lanes_status(struct lanes *l, const char *token,
    struct lanes_status *out);

#endif
