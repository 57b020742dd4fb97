/*
 * So many in so long, counted by a token bucket in whole numbers.  A bucket
 * of "count per seconds" holds up to count tokens, and that many come back in
 * so many seconds; what is gone from it is kept in tokens times seconds, so
 * that nothing is ever rounded.  A bucket of zeros is full.
 */
#ifndef POLICY_RATE_H
#define POLICY_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_COUNT_MAX	 1000000
#define RATE_SECONDS_MAX (366 * 86400)

struct rate {
	uint32_t count;
	uint32_t seconds;
};

struct buf;

/* Writes "10 per 1h". */
void rate_print(struct buf *out, const struct rate *rate);

struct rates {
	struct rate *v;
	size_t n;
};

struct bucket {
	uint64_t used;
	int64_t at; /* when used was right; seconds since the epoch */
};

/* Seconds until there is a token; 0: now.  A clock that went back adds
 * nothing, and nobody waits longer for it. */
uint32_t bucket_wait(const struct bucket *b, const struct rate *rate,
    int64_t now);

/* Brings the bucket to a time; takes a token that must be there. */
void bucket_settle(struct bucket *b, const struct rate *rate, int64_t now);
void bucket_take(struct bucket *b, const struct rate *rate, int64_t now);

#endif
