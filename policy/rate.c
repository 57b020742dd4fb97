#include "rate.h"

static uint64_t
used_at(const struct bucket *b, const struct rate *rate, int64_t now)
{
	uint64_t full = (uint64_t)rate->count * rate->seconds;
	uint64_t used = b->used < full ? b->used : full, elapsed;

	if (now <= b->at)
		return used;
	elapsed = (uint64_t)now - (uint64_t)b->at;
	if (elapsed >= rate->seconds || elapsed * rate->count >= used)
		return 0;
	return used - elapsed * rate->count;
}

uint32_t
bucket_wait(const struct bucket *b, const struct rate *rate, int64_t now)
{
	uint64_t full = (uint64_t)rate->count * rate->seconds;
	uint64_t wanted = used_at(b, rate, now) + rate->seconds;

	if (wanted <= full)
		return 0;
	return (uint32_t)((wanted - full + rate->count - 1) / rate->count);
}

void
bucket_settle(struct bucket *b, const struct rate *rate, int64_t now)
{
	b->used = used_at(b, rate, now);
	b->at = now;
}

void
bucket_take(struct bucket *b, const struct rate *rate, int64_t now)
{
	bucket_settle(b, rate, now);
	b->used += rate->seconds;
}
