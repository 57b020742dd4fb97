/*
 * Which certificates want an order now.  A configured one that was never
 * issued; any that has used two thirds of its life (half when that is under
 * ten days); after failed orders, later and later.  Life begins when we got
 * it: a CA may date it back by more than half of a short life.
 */
#include "renewal.h"

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../engine/job.h"
#include "../order/order.h"

#define LOOK_EVERY_MS 60000
#define TELL_EVERY    3600   /* seconds, of a wait that may last days */
#define SHORT_LIFE    864000 /* seconds: 10 days */
#define FAILURES_MAX  20     /* looked back at */

/* Pauses after the first, second ... failed order in a row, in seconds. */
static const int64_t pauses[] = { 0, 60, 600, 6000, 86400 };

int64_t
renewal_time(const struct certificate_row *c, unsigned failures,
    int64_t last_failure)
{
	int64_t born = c->issued > c->not_before ? c->issued : c->not_before;
	int64_t life = c->not_after - born, due = 0, pause;

	if (c->chain == NULL && !c->configured)
		return INT64_MAX;
	if (c->chain != NULL)
		due = c->not_after - (life < SHORT_LIFE ? life / 2 : life / 3);
	pause = pauses[failures < nitems(pauses) ? failures :
	    nitems(pauses) - 1];
	if (c->chain != NULL && life > 0 && pause > life / 20)
		pause = life / 20;
	if (failures > 0 && due < last_failure + pause)
		due = last_failure + pause;
	return due;
}

struct history {
	unsigned failures;
	int64_t last;
	bool open;
};

/* An order that the operator gave up counts like a failed one: it must not
 * come back at once. */
static bool
count_failure(const struct order_row *o, void *arg)
{
	struct history *h = arg;

	if (o->state < ORDER_ISSUED) {
		h->open = true;
		return false;
	}
	if (o->state == ORDER_ISSUED)
		return false;
	if (h->failures++ == 0)
		h->last = o->updated;
	return true;
}

static bool
look(const struct certificate_row *c, void *arg)
{
	struct history h = { 0 };
	struct fault why;
	int64_t *now = arg, id;

	if (store_orders(core.store, c->name, 0, FAILURES_MAX, count_failure,
		&h, &why) != OK || h.open)
		return true;
	if (renewal_time(c, h.failures, h.last) > *now)
		return true;
	if (order_start(c->name, &id, &why) == OK ||
	    why.code == ERR_CONFLICT)
		return true;
	if (why.code != ERR_RATE)
		log_error("certificate %s: %s", c->name, why.text);
	else if (why.retry_after % TELL_EVERY < LOOK_EVERY_MS / 1000)
		log_warning("certificate %s: %s", c->name, why.text);
	return true;
}

static void
run(struct job *j)
{
	int64_t now = clock_now();
	struct fault why;

	if (store_certificates(core.store, "", SIZE_MAX, look, &now, &why) !=
	    OK)
		log_error("cannot look at the certificates: %s", why.text);
	job_again(j, LOOK_EVERY_MS);
}

const struct job_class renewal_class = { .run = run };
