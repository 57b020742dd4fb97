/*
 * The engine's life, and what others ask of it.  Local jobs are done by a few
 * threads here, network ones by the issuer, which pulls them (task.c).
 */
#include "engine.h"

#include <pthread.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../ca/account.h"
#include "../ca/directory.h"
#include "../ca/origin.h"
#include "../certificate/configured.h"
#include "../certificate/deploy.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../order/order.h"
#include "book.h"
#include "hook.h"
#include "task.h"

#define LOCAL_THREADS 4
#define LEASE_LOOK    5000 /* ms between two looks at leases */
#define CANCEL_AGAIN  2000 /* ms after a cancellation was not stored */
#define FIRST_LOOK_MS 1000 /* between start and the first sweep */

struct engine {
	pthread_t threads[LOCAL_THREADS];
};

static struct engine engine;

/* An issuer that is silent must not keep anything for ever, so that leases
 * are looked at here, too. */
static void *
local_thread(void *arg)
{
	struct job *j;

	while (!book_closed()) {
		tasks_lose_expired();
		j = book_take(true, 0, clock_now_ms() + LEASE_LOOK);
		if (j == NULL)
			continue;
		job_classes[j->kind]->run(j);
		book_give_back(j);
	}
	return arg;
}

struct engine *
engine_new(struct fault *why)
{
	(void)why;
	directory_load();
	accounts_load();
	certificates_load();
	orders_load();
	deployments_load();
	if (core.config->audit_token != NULL)
		job_add(JOB_AUDIT_KEY, core.config->audit_token, 0, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms() + FIRST_LOOK_MS);
	job_add(JOB_COUNTERS, "", 0, clock_now_ms() + FIRST_LOOK_MS);
	job_add(JOB_RENEWAL, "", 0, 0);
	for (unsigned i = 0; i < LOCAL_THREADS; i++)
		if (pthread_create(&engine.threads[i], NULL, local_thread,
			NULL) != 0)
			fatal("cannot start a thread");
	return &engine;
}

void
engine_stop(struct engine *e)
{
	(void)e;
	book_close();
	hooks_stop();
}

void
engine_free(struct engine *e)
{
	for (unsigned i = 0; i < LOCAL_THREADS; i++)
		pthread_join(e->threads[i], NULL);
}

void
engine_wake(struct engine *e)
{
	(void)e;
	book_hasten(JOB_AUDIT_KEY);
	jobs_release(JOB_ACCOUNT);
	jobs_release(JOB_ORDER);
}

enum err
engine_order(struct engine *e, const char *certificate, int64_t *id,
    struct fault *why)
{
	(void)e;
	return order_start(certificate, id, why);
}

/* An order whose job is taken is ended by the taker. */
static enum err
cancel(const struct order_row *o, struct fault *why)
{
	struct job *j;
	bool busy;
	enum err e;

	j = book_cancel(JOB_ORDER, o->certificate, o->id, &busy);
	if (busy)
		return OK;
	e = order_cancel_now(o->id, why);
	if (j != NULL) {
		j->over = e == OK;
		j->due = clock_now_ms() + CANCEL_AGAIN;
		book_give_back(j);
	}
	return e;
}

enum err
engine_cancel(struct engine *e, int64_t order, struct fault *why)
{
	struct order_row o;
	enum err code;

	(void)e;
	code = store_order_get(core.store, order, &o, why);
	if (code != OK)
		return code;
	code = o.state < ORDER_ISSUED ? cancel(&o, why) :
	    fault_set(why, ERR_CONFLICT, "the order has ended: %s",
		order_state_name(o.state));
	order_row_free(&o);
	return code;
}

char *
engine_challenge(struct engine *e, const char *token)
{
	struct authorization_row a;
	struct account_row account;
	struct order_row o;
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct fault why;
	char *text = NULL;
	size_t n;

	(void)e;
	if (store_authorization_by_token(core.store, token, &a, &why) != OK ||
	    store_order_get(core.store, a.order, &o, &why) != OK)
		return NULL;
	if (store_account_get(core.store, o.account, &account, &why) == OK &&
	    keys_public(core.keys, account.key, spki, &n, &type, &why) == OK)
		text = key_authorization(token, spki, n, &why);
	order_row_free(&o);
	return text;
}

bool
engine_url_of_ca(struct engine *e, const char *account, const char *url)
{
	const struct config_account *a = config_account(core.config, account);

	(void)e;
	return a != NULL && origin_of_ca(config_ca(core.config, a->ca), url);
}

void
engine_ca_trouble(struct engine *e, const char *ca,
    char out[static FAULT_MAX])
{
	(void)e;
	directory_trouble(ca, out);
}

enum err
engine_account(struct engine *e, const char *account,
    struct account_row *row, struct fault *why)
{
	(void)e;
	if (account_valid(account, row))
		return OK;
	return fault_set(why, ERR_CONFLICT, "account %s is not registered",
	    account);
}
