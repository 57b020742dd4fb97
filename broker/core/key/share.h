/*
 * Whose turn it is at a token when more is asked than its lanes can do.  Each
 * tenant has an account of the lanes' time that it has used, divided by its
 * share; of those that wait the one that has used least is next, and within a
 * tenant the one that came first.  Who comes back after a while begins where
 * the others are: rest earns nothing, and what one used while nobody else
 * wanted it costs nothing.
 *
 * Pure: the caller has a lock and a clock.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wait_kind { WAIT_ANY, WAIT_WRITER, WAIT_KIND__MAX };

/* One that waits, on the stack of who does. */
struct waiter {
	size_t tenant;
	enum wait_kind kind; /* which lanes will do */
	uint64_t number;     /* of arrival */
	struct waiter *next;
};

struct account {
	unsigned share;
	uint64_t used;	 /* of time, divided by the share */
	unsigned running, waiting;
	struct waiter *first[WAIT_KIND__MAX], **end[WAIT_KIND__MAX];
};

struct shares {
	struct account *accounts; /* owned; tenants count from 0 */
	size_t n;
	uint64_t turn;	 /* used of who began last */
	uint64_t number; /* of arrivals */
	unsigned waiting;
};

/* share has n shares, from 1 to SHARE_MOST. */
#define SHARE_MOST 1000
void shares_init(struct shares *s, const unsigned *share, size_t n);
void shares_free(struct shares *s);

/* Stands in line, with tenant and kind set; and goes, served or not. */
void shares_enter(struct shares *s, struct waiter *w);
void shares_leave(struct shares *s, struct waiter *w);

/* Whose turn it is among those who wait for one of these kinds; NULL: nobody
 * does. */
struct waiter *shares_next(const struct shares *s,
    const bool kinds[static WAIT_KIND__MAX]);

/* A request of that tenant begins; and has taken so many microseconds. */
void shares_begin(struct shares *s, size_t tenant);
void shares_end(struct shares *s, size_t tenant, int64_t us);

#endif
