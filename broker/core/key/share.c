#include "share.h"

#include <stdlib.h>

#include "../../base/log.h"
#include "../../base/mem.h"

void
shares_init(struct shares *s, const unsigned *share, size_t n)
{
	*s = (struct shares){ .n = n };
	s->accounts = xcalloc(n, sizeof(*s->accounts));
	for (size_t i = 0; i < n; i++) {
		struct account *a = &s->accounts[i];

		a->share = share[i];
		for (unsigned k = 0; k < WAIT_KIND__MAX; k++)
			a->end[k] = &a->first[k];
	}
}

void
shares_free(struct shares *s)
{
	free(s->accounts);
}

/* Who neither waits nor runs comes to where the others are. */
static void
catch_up(const struct shares *s, struct account *a)
{
	if (a->running == 0 && a->waiting == 0 && a->used < s->turn)
		a->used = s->turn;
}

void
shares_enter(struct shares *s, struct waiter *w)
{
	struct account *a = &s->accounts[w->tenant];

	catch_up(s, a);
	w->number = s->number++;
	w->next = NULL;
	*a->end[w->kind] = w;
	a->end[w->kind] = &w->next;
	a->waiting++;
	s->waiting++;
}

void
shares_leave(struct shares *s, struct waiter *w)
{
	struct account *a = &s->accounts[w->tenant];
	struct waiter **p = &a->first[w->kind];

	while (*p != NULL && *p != w)
		p = &(*p)->next;
	if (*p == NULL)
		fatal("a request leaves a line in which it does not stand");
	*p = w->next;
	if (a->end[w->kind] == &w->next)
		a->end[w->kind] = p;
	a->waiting--;
	s->waiting--;
}

/* The one of an account's that came first. */
static struct waiter *
first_of(const struct account *a, const bool kinds[static WAIT_KIND__MAX])
{
	struct waiter *first = NULL;

	for (unsigned k = 0; k < WAIT_KIND__MAX; k++)
		if (kinds[k] && a->first[k] != NULL && (first == NULL ||
			a->first[k]->number < first->number))
			first = a->first[k];
	return first;
}

/* Of two that have used as much, the one that is not using more just now, or
 * that came first, goes before the other. */
static bool
goes_before(const struct account *a, const struct waiter *wa,
    const struct account *b, const struct waiter *wb)
{
	if (a->used != b->used)
		return a->used < b->used;
	if ((uint64_t)a->running * b->share != (uint64_t)b->running * a->share)
		return (uint64_t)a->running * b->share <
		    (uint64_t)b->running * a->share;
	return wa->number < wb->number;
}

struct waiter *
shares_next(const struct shares *s, const bool kinds[static WAIT_KIND__MAX])
{
	const struct account *best = NULL;
	struct waiter *next = NULL;

	for (size_t i = 0; s->waiting > 0 && i < s->n; i++) {
		const struct account *a = &s->accounts[i];
		struct waiter *w = a->waiting > 0 ? first_of(a, kinds) : NULL;

		if (w == NULL ||
		    (next != NULL && !goes_before(a, w, best, next)))
			continue;
		best = a;
		next = w;
	}
	return next;
}

void
shares_begin(struct shares *s, size_t tenant)
{
	struct account *a = &s->accounts[tenant];

	catch_up(s, a);
	a->running++;
	if (s->turn < a->used)
		s->turn = a->used;
}

void
shares_end(struct shares *s, size_t tenant, int64_t us)
{
	struct account *a = &s->accounts[tenant];

	a->running--;
	if (us > 0)
		a->used += (uint64_t)us * SHARE_MOST / a->share;
}
