#include "provision.h"

#include <stdlib.h>

#include "../../base/log.h"
#include "../../base/points.h"
#include "../core.h"
#include "challenge.h"
#include "stage.h"

static enum err
provision_one(const struct certificate_row *c, struct authorization_row *a,
    const char *account_key, struct fault *why)
{
	enum err e;

	a->provisioned = true; /* before it is done: so that it is undone */
	e = store_authorization_put(core.store, a, why);
	if (e != OK)
		return e;
	return challenge_provision(c, a, account_key, why);
}

static enum err
provision_all(const struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	struct authorization_row *rows;
	struct account_row account;
	enum err e;
	size_t n;

	e = store_account_get(core.store, o->account, &account, why);
	if (e == OK)
		e = store_authorizations(core.store, o->id, &rows, &n, why);
	if (e != OK)
		return e;
	for (size_t i = 0; e == OK && i < n; i++)
		if (rows[i].state == AUTHZ_PENDING)
			e = provision_one(c, &rows[i], account.key, why);
	free(rows);
	return e;
}

static unsigned
wait_of(const struct certificate_row *c)
{
	const struct config_certificate *cc;

	cc = config_certificate(core.config, c->name);
	return c->challenge == CHALLENGE_DNS_HOOK && cc != NULL ?
	    cc->dns_wait : 0;
}

void
run_provision(struct order_row *o, struct job *j)
{
	struct certificate_row c;
	struct fault why;
	unsigned wait = 0;
	enum err e;

	POINT("provision", "before");
	e = store_certificate_get(core.store, o->certificate, &c, &why);
	if (e == OK) {
		e = provision_all(o, &c, &why);
		wait = wait_of(&c);
		certificate_row_free(&c);
	}
	POINT("provision", "after");
	if (e == OK)
		order_enter(o, j, ORDER_ANSWER, (int64_t)wait * 1000);
	else
		order_setback(o, j, &why);
}

static void
clean_all(const struct order_row *o, const struct certificate_row *c,
    const char *account_key)
{
	struct authorization_row *rows;
	struct fault why;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].provisioned)
			continue;
		challenge_clean(c, &rows[i], account_key);
		rows[i].provisioned = false;
		if (store_authorization_put(core.store, &rows[i], &why) != OK)
			log_warning("clean-up: %s", why.text);
	}
	free(rows);
}

void
order_clean(const struct order_row *o)
{
	struct certificate_row c;
	struct account_row account;
	struct fault why;

	if (store_certificate_get(core.store, o->certificate, &c, &why) != OK)
		return;
	if (store_account_get(core.store, o->account, &account, &why) == OK)
		clean_all(o, &c, account.key);
	certificate_row_free(&c);
}

static void
run_cleanup(struct job *j)
{
	struct order_row o;
	struct fault why;

	j->over = true;
	if (store_order_get(core.store, j->order, &o, &why) != OK)
		return;
	order_clean(&o);
	order_row_free(&o);
}

const struct job_class cleanup_class = { .run = run_cleanup };
