/* The beginning of an order, its end by the operator, and its events. */
#include "order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../core.h"
#include "stage.h"
#include "validation.h"

#define CLEANED_AT_START 50 /* ended orders looked at for leftovers */

void
order_note(int64_t order, const char *fmt, ...)
{
	char text[STORE_TEXT];
	struct fault why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	log_info("order %lld: %s", (long long)order, text);
	if (store_event_add(core.store, order, clock_now_ms(), text, &why) !=
	    OK)
		log_warning("order %lld: event not stored: %s",
		    (long long)order, why.text);
}

enum err
order_cancel_now(int64_t order, struct fault *why)
{
	struct job quiet = { .kind = JOB_ORDER, .order = order };
	struct order_row o;
	enum err e;

	e = store_order_get(core.store, order, &o, why);
	if (e != OK)
		return e;
	if (o.state < ORDER_ISSUED) {
		order_give_up(&o, &quiet);
		if (!quiet.over)
			e = fault_set(why, ERR_IO, "order %lld cannot be "
			    "stored now; it is given up as soon as it can",
			    (long long)order);
	}
	order_row_free(&o);
	return e;
}

static enum err
new_order(const struct certificate_row *c, struct order_row *o,
    struct fault *why)
{
	const struct config_ca *ca = config_account_ca(core.config,
	    c->account);
	int64_t now = clock_now();

	if (ca == NULL)
		return fault_set(why, ERR_CONFLICT,
		    "account %s of certificate %s is not configured",
		    c->account, c->name);
	*o = (struct order_row){ .state = ORDER_KEY, .created = now,
		.updated = now, .deadline = now + ca->order_deadline };
	memcpy(o->certificate, c->name, sizeof(o->certificate));
	memcpy(o->account, c->account, sizeof(o->account));
	return store_order_put(core.store, o, why);
}

/* Within a transaction; open is the order that is open already. */
static enum err
insert(struct certificate_row *c, struct order_row *o, int64_t *open,
    struct fault *why)
{
	enum err e;

	if (c->deleted)
		return fault_set(why, ERR_NOT_FOUND,
		    "certificate %s was deleted", c->name);
	e = store_order_open_of(core.store, c->name, open, why);
	if (e == OK && *open != 0)
		e = fault_set(why, ERR_CONFLICT, "order %lld of %s is open",
		    (long long)*open, c->name);
	if (e == OK)
		e = order_affords(c, why);
	if (e == OK)
		e = new_order(c, o, why);
	if (e != OK)
		return e;
	c->order = o->id;
	return store_certificate_put(core.store, c, why);
}

enum err
order_start(const char *certificate, int64_t *id, struct fault *why)
{
	struct certificate_row c;
	struct order_row o;
	enum err e;

	*id = 0;
	e = store_begin(core.store, why);
	if (e != OK)
		return e;
	e = store_certificate_get(core.store, certificate, &c, why);
	if (e == OK)
		e = insert(&c, &o, id, why);
	if (e == OK)
		e = store_commit(core.store, why);
	else
		store_rollback(core.store);
	if (e == OK) {
		*id = o.id;
		order_note(o.id, "order of %s for %s", certificate, c.names);
		job_add(JOB_ORDER, certificate, o.id, 0);
	}
	certificate_row_free(&c);
	return e;
}

/* After a restart nobody knows what became of the last request. */
static void
resume(int64_t id)
{
	struct order_row o;
	struct fault why;

	if (store_order_get(core.store, id, &o, &why) != OK) {
		log_error("order %lld: %s", (long long)id, why.text);
		return;
	}
	if (o.sent) {
		enum order_state from = o.state;

		o.state = order_stage(from)->lost;
		o.sent = false;
		order_note(o.id, "restarted in %s; going on with %s",
		    order_state_name(from), order_state_name(o.state));
		if (from == ORDER_ANSWER)
			order_reread(&o);
		if (store_order_put(core.store, &o, &why) != OK)
			log_error("order %lld: %s", (long long)id, why.text);
	}
	job_add(JOB_ORDER, o.certificate, id, o.next_at);
	job_interrupt(JOB_ORDER, o.certificate, id);
	order_row_free(&o);
}

static bool
clean_ended(const struct order_row *o, void *arg)
{
	(void)arg;
	if (o->state >= ORDER_ISSUED)
		job_add(JOB_CLEANUP, o->certificate, o->id, 0);
	return true;
}

void
orders_load(void)
{
	struct fault why;
	int64_t *ids;
	size_t n;

	if (store_orders_open(core.store, &ids, &n, &why) != OK)
		fatal("cannot read the open orders: %s", why.text);
	for (size_t i = 0; i < n; i++)
		resume(ids[i]);
	free(ids);
	if (store_orders(core.store, NULL, 0, CLEANED_AT_START, clean_ended,
		NULL, &why) != OK)
		log_warning("cannot look for leftovers: %s", why.text);
}
