/* What an order costs of the budget that its CA allows the account. */
#include "../../base/words.h"
#include "../core.h"
#include "stage.h"

/* A certificate whose names were changed since counts as expired. */
static enum budget_kind
kind_of(const struct certificate_row *c)
{
	return c->chain != NULL && c->not_after > c->not_before ?
	    BUDGET_RENEWAL : BUDGET_NEW;
}

static enum err
wish_for(const struct certificate_row *c, enum budget_act act,
    budget_fn *ask, struct fault *why)
{
	struct budget_wish wish = { .account = c->account, .act = act,
		.kind = kind_of(c) };
	struct words names;
	enum err e;

	words_split(&names, c->names);
	wish.identifiers = names.v;
	wish.n = names.n;
	e = ask(&wish, why);
	words_free(&names);
	return e;
}

enum err
order_affords(const struct certificate_row *c, struct fault *why)
{
	return wish_for(c, BUDGET_NEW_ORDER, budget_check, why);
}

enum err
order_budget(const struct order_row *o, budget_fn *ask, struct fault *why)
{
	enum budget_act act = order_stage(o->state)->charges;
	struct certificate_row c;
	enum err e;

	if (act == BUDGET_NOTHING)
		return OK;
	e = store_certificate_get(core.store, o->certificate, &c, why);
	if (e == OK)
		e = wish_for(&c, act, ask, why);
	certificate_row_free(&c);
	return e;
}
