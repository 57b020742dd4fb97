/* The job of an order: what the engine calls, and whether it goes on. */
#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"
#include "../ca/account.h"
#include "../ca/directory.h"
#include "../core.h"
#include "stage.h"
#include "validation.h"

static bool
load(struct job *j, struct order_row *o)
{
	struct fault why;

	if (!row_found(store_order_get(core.store, j->order, o, &why), j,
		&why))
		return false;
	j->deadline = (o->deadline + 1) * 1000;
	return true;
}

/* What was said last to the order, or to what it waits for; "" when nobody
 * complained. */
static void
last_words(const struct order_row *o, char out[static STORE_TEXT])
{
	const struct config_ca *ca = order_ca(o);
	char trouble[FAULT_MAX];
	struct account_row a;
	struct fault why;

	snprintf(out, STORE_TEXT, "%s", o->error);
	if (store_account_get(core.store, o->account, &a, &why) == OK &&
	    a.state != ACCOUNT_VALID && a.error[0] != '\0')
		snprintf(out, STORE_TEXT, "account %s: %.1800s", a.name,
		    a.error);
	if (out[0] != '\0' || ca == NULL)
		return;
	directory_trouble(ca->name, trouble);
	snprintf(out, STORE_TEXT, "%s", trouble);
}

static void
fail_by_deadline(struct order_row *o, struct job *j)
{
	char words[STORE_TEXT], last[STORE_TEXT];

	last_words(o, last);
	snprintf(words, sizeof(words), "the order's deadline passed in state "
	    "%s%s%.1800s", order_state_name(o->state),
	    last[0] != '\0' ? "; last: " : "", last);
	order_fail(o, j, words);
}

/* True when the order is not to be gone on with, and was ended. */
static bool
overtaken(struct order_row *o, struct job *j)
{
	if (o->state >= ORDER_ISSUED) {
		j->over = true;
		return true;
	}
	if (j->cancel) {
		order_give_up(o, j);
		return true;
	}
	if (clock_now() <= o->deadline)
		return false;
	fail_by_deadline(o, j);
	return true;
}

/* An order goes on only while its account is valid; the account's own job
 * wakes it.  Waiting has an end: the deadline. */
static bool
account_ready(struct order_row *o, struct job *j)
{
	struct account_row a;
	struct fault why;
	char words[STORE_TEXT];

	if (account_valid(o->account, &a))
		return true;
	if (store_account_get(core.store, o->account, &a, &why) == OK &&
	    a.state != ACCOUNT_FAILED) {
		job_add(JOB_ACCOUNT, o->account, 0, a.next_at);
		job_wait(j);
		return false;
	}
	snprintf(words, sizeof(words), "account %s: %.1800s", o->account,
	    a.error);
	order_fail(o, j, words);
	return false;
}

/* What the CA would refuse is not sent: it waits, until the deadline. */
static bool
afforded(struct order_row *o, struct job *j)
{
	struct fault why;

	if (order_budget(o, budget_check, &why) == OK)
		return true;
	order_retry(o, j, o->state, why.text, why.retry_after);
	return false;
}

static bool
prepare(struct job *j)
{
	const struct order_stage *stage;
	struct order_row o;
	bool ready = false;

	if (!load(j, &o))
		return false;
	stage = order_stage(o.state);
	j->local = !order_at_ca(o.state);
	if (j->local || overtaken(&o, j) || !account_ready(&o, j))
		goto out;
	ready = stage->target(&o, j);
	j->step = stage->step;
	if (ready)
		ready = afforded(&o, j);
	else if (o.state == ORDER_NEW)
		job_wait(j); /* the directory is being fetched */
	else if (!order_catch_up(&o, j))
		order_fail(&o, j, "the CA gave no URL for the next step");
out:
	order_row_free(&o);
	return ready;
}

/* What changes something at the CA is marked before its signature is made,
 * so that after a crash we know that it may have happened. */
static enum err
payload(struct job *j, struct buf *out, struct fault *why)
{
	const struct order_stage *stage;
	struct order_row o;
	enum err e;

	e = store_order_get(core.store, j->order, &o, why);
	if (e != OK)
		return e;
	stage = order_stage(o.state);
	if (stage->payload != NULL)
		e = stage->payload(&o, out, why);
	if (e == OK && out->len > 0 && !o.sent) {
		o.sent = true;
		e = order_budget(&o, budget_take, why);
		if (e == OK)
			e = store_order_put(core.store, &o, why);
	}
	order_row_free(&o);
	return e;
}

static void
result(struct job *j, const struct report *r)
{
	struct order_row o;

	if (!load(j, &o))
		return;
	if (o.state >= ORDER_ISSUED)
		j->over = true;
	else if (r->outcome == OUTCOME_OK)
		order_stage(o.state)->follow(&o, j, r);
	else
		order_trouble(&o, j, r);
	if (!j->over && j->cancel)
		order_give_up(&o, j);
	order_row_free(&o);
}

static void
run(struct job *j)
{
	struct order_row o;

	if (!load(j, &o))
		return;
	if (!overtaken(&o, j)) {
		if (order_at_ca(o.state))
			j->local = false;
		else
			order_stage(o.state)->run(&o, j);
	}
	order_row_free(&o);
}

static const char *
account_of(const struct job *j)
{
	static _Thread_local char name[STORE_NAME];
	struct order_row o;
	struct fault why;

	if (store_order_get(core.store, j->order, &o, &why) != OK)
		return "";
	memcpy(name, o.account, sizeof(name));
	order_row_free(&o);
	return name;
}

static const struct config_ca *
ca_of(const struct job *j)
{
	return config_account_ca(core.config, account_of(j));
}

const struct job_class order_class = {
	.run = run,
	.prepare = prepare,
	.payload = payload,
	.result = result,
	.account = account_of,
	.ca = ca_of,
};
