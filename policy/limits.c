#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/b64.h"
#include "../broker/base/mem.h"

#define ID_SIZE	  16 /* bytes of a hash that name a rule */
#define RULE_TEXT CONFIG_MAX

struct counter {
	struct bucket bucket;
	bool changed; /* and to be kept */
};

/* The counters of a rule are made when it is first charged: for each slot
 * one of each rate. */
struct limits {
	const struct config *c;
	struct counter **counters; /* by rule */
	char (*hashes)[2 * ID_SIZE + 1]; /* by rule; "": nothing is kept */
	bool changed;
};

static bool
is_kept(const struct rates *rates)
{
	for (size_t i = 0; i < rates->n; i++)
		if (rates->v[i].seconds >= LIMITS_KEPT)
			return true;
	return false;
}

/* Of all that the rule says but its rates: these may change, and what was
 * charged still counts. */
static void
hash_rule(const struct config_rule *rule, char hex[static 2 * ID_SIZE + 1])
{
	struct config_rule bare = *rule;
	unsigned char digest[SHA256_SIZE];
	struct buf text;

	bare.rates.n = 0;
	buf_init(&text, RULE_TEXT);
	buf_putf(&text, "%s\n", rule->tenant);
	config_print_rule(&bare, &text);
	sha256(digest, text.data, text.len);
	hex_encode(hex, digest, ID_SIZE);
	buf_free(&text);
}

struct limits *
limits_new(const struct config *c)
{
	struct limits *l = xcalloc(1, sizeof(*l));

	l->c = c;
	l->counters = xcalloc(c->nrules, sizeof(*l->counters));
	l->hashes = xcalloc(c->nrules, sizeof(*l->hashes));
	for (size_t i = 0; i < c->nrules; i++)
		if (is_kept(&c->rules[i].rates))
			hash_rule(&c->rules[i], l->hashes[i]);
	return l;
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->c->nrules; i++)
		free(l->counters[i]);
	free(l->counters);
	free(l->hashes);
	free(l);
}

static struct counter *
counters_of(struct limits *l, size_t rule, size_t slot)
{
	size_t n = l->c->rules[rule].rates.n;

	if (l->counters[rule] == NULL)
		l->counters[rule] = xcalloc((l->c->ntenants + 1) * n,
		    sizeof(**l->counters));
	return l->counters[rule] + slot * n;
}

uint32_t
limits_take(struct limits *l, const struct config_rule *rule, size_t slot,
    int64_t now, bool spend)
{
	struct counter *v = counters_of(l, (size_t)(rule - l->c->rules), slot);
	uint32_t wait = 0;

	for (size_t i = 0; i < rule->rates.n; i++) {
		uint32_t w = bucket_wait(&v[i].bucket, &rule->rates.v[i], now);

		wait = w > wait ? w : wait;
	}
	for (size_t i = 0; spend && i < rule->rates.n; i++) {
		const struct rate *rate = &rule->rates.v[i];

		if (wait != 0) {
			bucket_settle(&v[i].bucket, rate, now);
			continue;
		}
		bucket_take(&v[i].bucket, rate, now);
		v[i].changed = rate->seconds >= LIMITS_KEPT;
		l->changed = l->changed || v[i].changed;
	}
	return wait;
}

/* ---------------------------------------------------------------- keeping */

static void
put_name(const struct limits *l, size_t rule, size_t slot, uint32_t seconds,
    char name[static LIMITS_NAME_MAX])
{
	snprintf(name, LIMITS_NAME_MAX, "%s/%u/%s", l->hashes[rule],
	    (unsigned)seconds, slot > 0 ? l->c->tenants[slot - 1].name : "");
}

bool
limits_changed(const struct limits *l)
{
	return l->changed;
}

static void
save_slot(struct limits *l, size_t rule, size_t slot, limits_give_fn *give,
    void *arg)
{
	const struct rates *rates = &l->c->rules[rule].rates;
	struct counter *v = counters_of(l, rule, slot);
	char name[LIMITS_NAME_MAX];

	for (size_t i = 0; i < rates->n; i++) {
		if (!v[i].changed)
			continue;
		v[i].changed = false;
		put_name(l, rule, slot, rates->v[i].seconds, name);
		give(name, &v[i].bucket, rates->v[i].seconds, arg);
	}
}

void
limits_save(struct limits *l, limits_give_fn *give, void *arg)
{
	for (size_t i = 0; l->changed && i < l->c->nrules; i++)
		for (size_t slot = 0; l->counters[i] != NULL &&
		    slot <= l->c->ntenants; slot++)
			save_slot(l, i, slot, give, arg);
	l->changed = false;
}

/* Those of a tenant's own rule have slot 0, and no tenant in their names. */
static void
restore_rule(struct limits *l, size_t rule, const char *wanted,
    const struct bucket *b)
{
	const struct rates *rates = &l->c->rules[rule].rates;
	char name[LIMITS_NAME_MAX];

	for (size_t i = 0; i < rates->n; i++)
		for (size_t slot = 0; rates->v[i].seconds >= LIMITS_KEPT &&
		    slot <= l->c->ntenants; slot++) {
			put_name(l, rule, slot, rates->v[i].seconds, name);
			if (strcmp(name, wanted) == 0)
				counters_of(l, rule, slot)[i].bucket = *b;
		}
}

void
limits_restore(struct limits *l, const char *name, const struct bucket *b)
{
	for (size_t i = 0; i < l->c->nrules; i++)
		if (l->hashes[i][0] != '\0' && strncmp(name, l->hashes[i],
		    strlen(l->hashes[i])) == 0)
			restore_rule(l, i, name, b);
}
