#include "budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../store/store.h"
#include "registered.h"

#define SUBJECT_SIZE REGISTERED_SIZE /* or of the hash */
#define SET_ID_SIZE  16 /* bytes of a hash that names a set of identifiers */

/* What is counted for one request: each is a thing and a rate. */
struct charge {
	char subject[SUBJECT_SIZE];
	const struct limit *limit;
	const struct rate *rate;
	bool spends; /* otherwise there must only be room */
	struct counter_row row;
};

struct charges {
	struct charge *v;
	size_t n;
};

struct counting {
	const struct budget_wish *wish;
	const struct config_ca *ca;
	const struct limit *limit;
	struct charges *charges;
};

/* One limit of the budget. */
struct limit {
	const char *name;	/* as in the configuration */
	size_t rates;		/* in struct config_budget */
	enum budget_act spends; /* the act that it is charged by */
	bool renewals;		/* also for RENEWAL */
	bool told;		/* the subject, to a person */
	void (*count)(const struct counting *);
};

/* ------------------------------------------------------- what is counted */

static const struct rates *
rates_of(const struct config_ca *ca, const struct limit *limit)
{
	return (const void *)((const char *)&ca->budget + limit->rates);
}

static void
add_all_rates(const struct counting *c, const char *subject)
{
	const struct rates *rates = rates_of(c->ca, c->limit);
	struct charges *all = c->charges;

	for (size_t i = 0; i < rates->n; i++) {
		struct charge *charge;

		all->v = xreallocarray(all->v, all->n + 1, sizeof(*all->v));
		charge = &all->v[all->n++];
		*charge = (struct charge){ .limit = c->limit,
			.rate = &rates->v[i],
			.spends = c->limit->spends == c->wish->act };
		snprintf(charge->subject, sizeof(charge->subject), "%s",
		    subject);
		snprintf(charge->row.name, sizeof(charge->row.name),
		    "budget/%s/%s/%s/%u", c->wish->account, c->limit->name,
		    subject, (unsigned)rates->v[i].seconds);
	}
}

static void
subject_account(const struct counting *c)
{
	add_all_rates(c, "");
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same identifiers in any order are the same. */
static void
subject_set(const struct counting *c)
{
	size_t n = c->wish->n;
	const char **sorted = xcalloc(n + 1, sizeof(*sorted));
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SET_ID_SIZE + 1];
	struct buf text;

	memcpy(sorted, c->wish->identifiers, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_texts);
	buf_init(&text, 1048576);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
			buf_putf(&text, "%s\n", sorted[i]);
	sha256(digest, text.data, text.len);
	hex_encode(hex, digest, SET_ID_SIZE);
	add_all_rates(c, hex);
	buf_free(&text);
	free(sorted);
}

/* Each domain once, whatever number of its names there is. */
static void
subject_domains(const struct counting *c)
{
	size_t first = c->charges->n;
	char domain[REGISTERED_SIZE];
	bool known;

	for (size_t i = 0; i < c->wish->n; i++) {
		registered_domain(c->wish->identifiers[i], domain);
		known = false;
		for (size_t k = first; k < c->charges->n && !known; k++)
			known = strcmp(c->charges->v[k].subject, domain) == 0;
		if (!known)
			add_all_rates(c, domain);
	}
}

static const struct limit limits[] = {
	{ "new-orders", offsetof(struct config_budget, new_orders),
	    BUDGET_NEW_ORDER, false, false, subject_account },
	{ "duplicates", offsetof(struct config_budget, duplicates),
	    BUDGET_FINALIZE, true, false, subject_set },
	{ "per-domain", offsetof(struct config_budget, per_domain),
	    BUDGET_FINALIZE, false, true, subject_domains },
};

static bool
counts(const struct counting *c)
{
	enum budget_kind kind = c->wish->kind;

	if (rates_of(c->ca, c->limit)->n == 0 ||
	    c->wish->act == BUDGET_NOTHING ||
	    (c->wish->act == BUDGET_FINALIZE &&
		c->limit->spends == BUDGET_NEW_ORDER))
		return false;
	return kind == BUDGET_NEW || c->ca->budget.renewals_counted ||
	    (kind == BUDGET_RENEWAL && c->limit->renewals);
}

static void
collect(const struct budget_wish *wish, struct charges *charges)
{
	struct counting c = { .wish = wish, .charges = charges,
		.ca = config_account_ca(core.config, wish->account) };

	*charges = (struct charges){ .n = 0 };
	for (size_t i = 0; c.ca != NULL && i < nitems(limits); i++) {
		c.limit = &limits[i];
		if (counts(&c))
			c.limit->count(&c);
	}
}

/* --------------------------------------------------------------- charging */

static enum err
used_up(const struct budget_wish *wish, const struct charge *c,
    uint32_t wait, int64_t now, struct fault *why)
{
	char until[RFC3339_SIZE];
	struct buf rate;

	buf_init(&rate, 64);
	rate_print(&rate, c->rate);
	fault_set(why, ERR_RATE, "account \"%s\" has used up its CA's %s %s%s"
	    "%.200s until %s", wish->account, c->limit->name,
	    buf_str(&rate), c->limit->told ? " for " : "",
	    c->limit->told ? c->subject : "",
	    clock_rfc3339((now + wait) * 1000, until));
	if (why != NULL)
		why->retry_after = wait;
	buf_free(&rate);
	return ERR_RATE;
}

/* All of them must have room; the one that has to wait longest is told. */
static enum err
look(const struct budget_wish *wish, struct charges *all, int64_t now,
    struct fault *why)
{
	const struct charge *worst = NULL;
	uint32_t wait, longest = 0;
	struct counter_row row;
	struct bucket b;
	enum err e;

	for (size_t i = 0; i < all->n; i++) {
		struct charge *c = &all->v[i];

		e = store_counter_get(core.store, c->row.name, &row, why);
		if (e != OK && e != ERR_NOT_FOUND)
			return e;
		c->row.used = row.used;
		c->row.at = row.at;
		b = (struct bucket){ (uint64_t)row.used, row.at };
		wait = bucket_wait(&b, c->rate, now);
		if (wait > longest) {
			longest = wait;
			worst = c;
		}
	}
	return worst == NULL ? OK : used_up(wish, worst, longest, now, why);
}

static enum err
spend(struct charge *c, int64_t now, struct fault *why)
{
	struct bucket b = { (uint64_t)c->row.used, c->row.at };

	if (!c->spends)
		return OK;
	bucket_take(&b, c->rate, now);
	c->row.used = (int64_t)b.used;
	c->row.at = b.at;
	c->row.full_at = now + c->rate->seconds;
	return store_counter_put(core.store, &c->row, why);
}

enum err
budget_check(const struct budget_wish *wish, struct fault *why)
{
	struct charges all;
	enum err e;

	collect(wish, &all);
	e = look(wish, &all, clock_now(), why);
	free(all.v);
	return e;
}

enum err
budget_take(const struct budget_wish *wish, struct fault *why)
{
	int64_t now = clock_now();
	struct charges all;
	enum err e = OK;

	collect(wish, &all);
	if (all.n > 0)
		e = store_begin(core.store, why);
	if (e != OK || all.n == 0)
		goto out;
	e = look(wish, &all, now, why);
	for (size_t i = 0; i < all.n && e == OK; i++)
		e = spend(&all.v[i], now, why);
	if (e == OK)
		e = store_commit(core.store, why);
	else
		store_rollback(core.store);
out:
	free(all.v);
	return e;
}
