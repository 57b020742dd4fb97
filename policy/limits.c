/*
 * Token buckets in whole numbers.  A bucket of "count per seconds" holds up
 * to count tokens; its level is kept in tokens times seconds, so that each
 * second adds count exactly and nothing is ever rounded.
 */
#include "limits.h"

#include <stdlib.h>

#include "../broker/base/mem.h"

struct bucket {
	uint64_t level;
	int64_t last; /* when level was right */
	bool used;    /* otherwise full */
};

/* Buckets of a rule are made when it is first charged. */
struct limits {
	const struct config *c;
	struct bucket **buckets; /* by rule, then by slot */
};

struct limits *
limits_new(const struct config *c)
{
	struct limits *l = xcalloc(1, sizeof(*l));

	l->c = c;
	l->buckets = xcalloc(c->nrules, sizeof(*l->buckets));
	return l;
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->c->nrules; i++)
		free(l->buckets[i]);
	free(l->buckets);
	free(l);
}

/* The level at a time.  A clock that went back adds nothing. */
static uint64_t
level_at(const struct config_rule *rule, const struct bucket *b, int64_t now)
{
	uint64_t full = (uint64_t)rule->rate_count * rule->rate_seconds;
	uint64_t elapsed;

	if (b == NULL || !b->used)
		return full;
	if (now <= b->last)
		return b->level;
	elapsed = (uint64_t)now - (uint64_t)b->last;
	if (elapsed >= rule->rate_seconds ||
	    elapsed * rule->rate_count >= full - b->level)
		return full;
	return b->level + elapsed * rule->rate_count;
}

uint32_t
limits_take(struct limits *l, const struct config_rule *rule, size_t slot,
    int64_t now, bool spend)
{
	struct bucket **row = &l->buckets[rule - l->c->rules];
	struct bucket *b = *row != NULL ? &(*row)[slot] : NULL;
	uint64_t level = level_at(rule, b, now);
	uint64_t price = rule->rate_seconds, missing;

	missing = level < price ? price - level : 0;
	if (spend) {
		if (*row == NULL)
			*row = xcalloc(l->c->ntenants + 1, sizeof(**row));
		(*row)[slot] = (struct bucket){
			.level = missing == 0 ? level - price : level,
			.last = now, .used = true };
	}
	return (uint32_t)((missing + rule->rate_count - 1) /
	    rule->rate_count);
}
