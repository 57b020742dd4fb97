/*
 * Refusals, silence and nonsense from a CA, and faults of our own: which of
 * them pass, and which end an order (RFC 8555 section 6.7 and what real CAs
 * do).
 */
#include <string.h>

#include "../../base/mem.h"
#include "../ca/account.h"
#include "../ca/directory.h"
#include "stage.h"
#include "validation.h"

#define TRIES_OF_NONSENSE 5 /* answers in a row that do not parse */

enum class { FAIL, RETRY, LOOK_AGAIN, NO_ACCOUNT };

static const struct {
	const char *type;
	enum class class;
} types[] = {
	{ "badNonce", RETRY },
	{ "rateLimited", RETRY },
	{ "serverInternal", RETRY },
	{ "orderNotReady", LOOK_AGAIN },
	{ "accountDoesNotExist", NO_ACCOUNT },
};

static enum class
classify(const struct order_row *o, const struct report *r)
{
	for (size_t i = 0; i < nitems(types); i++)
		if (strcmp(types[i].type, r->type) == 0)
			return types[i].class;
	if (r->status == 429 || r->status >= 500)
		return RETRY;
	/* a directory that is out of date */
	if (o->state == ORDER_NEW && (r->status == 404 || r->status == 405) &&
	    o->attempts < 2)
		return RETRY;
	return FAIL;
}

static void
refresh_directory(const struct order_row *o)
{
	const struct config_ca *ca = order_ca(o);

	if (ca != NULL)
		directory_forget(ca->name);
}

static void
on_problem(struct order_row *o, struct job *j, const struct report *r)
{
	switch (classify(o, r)) {
	case RETRY:
		if (o->state == ORDER_NEW && r->status / 100 == 4 &&
		    r->status != 429)
			refresh_directory(o);
		order_retry(o, j, o->state, r->words, r->retry_after);
		break;
	case LOOK_AGAIN:
		order_retry(o, j, ORDER_READY, r->words, r->retry_after);
		break;
	case NO_ACCOUNT:
		account_lost(o->account);
		order_fail(o, j, r->words);
		break;
	case FAIL:
		order_fail(o, j, r->words);
		break;
	}
}

void
order_trouble(struct order_row *o, struct job *j, const struct report *r)
{
	enum order_state lost = order_stage(o->state)->lost;

	if (o->state == ORDER_ALTERNATES && r->outcome != OUTCOME_NETWORK) {
		/* the default chain is there; an alternate is a wish */
		order_enter(o, j, ORDER_INSTALL, 0);
		return;
	}
	if (r->outcome == OUTCOME_PROBLEM) {
		on_problem(o, j, r);
		return;
	}
	if (r->outcome == OUTCOME_MALFORMED &&
	    o->attempts >= TRIES_OF_NONSENSE) {
		order_fail(o, j, r->words);
		return;
	}
	if (!r->sent)
		lost = o->state;
	if (lost == ORDER_AUTHORIZATIONS && o->state == ORDER_ANSWER)
		order_reread(o);
	order_retry(o, j, lost, r->words, r->retry_after);
}

/* Errors that another try may not meet. */
static bool
may_pass(enum err e)
{
	static const enum err soft[] = { ERR_BUSY, ERR_TIMEOUT, ERR_TOKEN,
		ERR_PIN, ERR_IO, ERR_FULL, ERR_CLOSED, ERR_SIGNATURE };

	for (size_t i = 0; i < nitems(soft); i++)
		if (soft[i] == e)
			return true;
	return false;
}

void
order_setback(struct order_row *o, struct job *j, const struct fault *why)
{
	job_signed(j, why->code);
	if (may_pass(why->code))
		order_retry(o, j, o->state, why->text, why->retry_after);
	else
		order_fail(o, j, why->text);
}
