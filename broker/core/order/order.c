/*
 * The life of an order (RFC 8555 section 7.1.6), as a table: for each state
 * who does it, which step at the CA it is, where that is asked, and where to
 * go on when nobody knows whether the request arrived.
 */
#include "order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../ca/account.h"
#include "../ca/directory.h"
#include "../compose/payload.h"
#include "../core.h"
#include "../key/keys.h"
#include "stage.h"

typedef bool target_fn(struct order_row *, struct job *);
static target_fn target_new, target_unread, target_pending, target_answered,
    target_order, target_finalize, target_certificate, target_alternate;

static const struct stage {
	bool local;
	enum issuer_step step;
	target_fn *target;
	enum order_state lost; /* where to go on after an uncertain end */
} stages[] = {
	[ORDER_KEY] = { .local = true },
	[ORDER_NEW] = { .step = STEP_NEW_ORDER, .target = target_new,
		.lost = ORDER_NEW },
	[ORDER_AUTHORIZATIONS] = { .step = STEP_GET_AUTHORIZATION,
		.target = target_unread, .lost = ORDER_AUTHORIZATIONS },
	[ORDER_PROVISION] = { .local = true },
	[ORDER_ANSWER] = { .step = STEP_ANSWER_CHALLENGE,
		.target = target_pending, .lost = ORDER_AUTHORIZATIONS },
	[ORDER_VALIDATE] = { .step = STEP_GET_AUTHORIZATION,
		.target = target_answered, .lost = ORDER_VALIDATE },
	[ORDER_READY] = { .step = STEP_GET_ORDER, .target = target_order,
		.lost = ORDER_READY },
	[ORDER_FINALIZE] = { .step = STEP_FINALIZE,
		.target = target_finalize, .lost = ORDER_READY },
	[ORDER_PROCESSING] = { .step = STEP_GET_ORDER,
		.target = target_order, .lost = ORDER_PROCESSING },
	[ORDER_DOWNLOAD] = { .step = STEP_DOWNLOAD,
		.target = target_certificate, .lost = ORDER_DOWNLOAD },
	[ORDER_ALTERNATES] = { .step = STEP_DOWNLOAD,
		.target = target_alternate, .lost = ORDER_ALTERNATES },
	[ORDER_INSTALL] = { .local = true },
	[ORDER_ISSUED] = { .local = true },
	[ORDER_FAILED] = { .local = true },
	[ORDER_CANCELED] = { .local = true },
};
_Static_assert(nitems(stages) == ORDER_STATE__MAX, "every state has a row");

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

/* ----------------------------------------------------------- moving along */

bool
order_save(struct order_row *o, struct job *j)
{
	struct fault why;

	o->updated = clock_now();
	if (store_order_put(core.store, o, &why) == OK)
		return true;
	log_error("order %lld not stored: %s", (long long)o->id, why.text);
	job_again(j, 2000);
	return false;
}

void
order_enter(struct order_row *o, struct job *j, enum order_state state,
    int64_t ms)
{
	if (state != o->state)
		o->attempts = 0;
	o->state = state;
	o->sent = false;
	o->next_at = clock_now_ms() + ms;
	if (!order_save(o, j))
		return;
	j->local = stages[state].local;
	j->over = state >= ORDER_ISSUED;
	job_again(j, ms);
}

/* A validation that failed because our answers were not there while a
 * process of ours was down is not the names' fault: one more ACME order. */
bool
order_another(struct order_row *o, struct job *j, const char *words)
{
	if (!j->interrupted || o->rounds >= ORDER_ROUNDS)
		return false;
	order_note(o->id, "%s; we were interrupted, so there is another "
	    "ACME order", words);
	o->rounds++;
	o->url[0] = o->finalize[0] = o->certificate_url[0] = '\0';
	order_enter(o, j, ORDER_KEY, ORDER_ROUND_PAUSE);
	return true;
}

static void
audit_end(const struct order_row *o)
{
	struct json_writer w;
	struct buf members;
	struct fault why;

	buf_init(&members, 4 * STORE_TEXT);
	json_write_start(&w, &members);
	json_put_int(&w, "order", o->id);
	json_put_string(&w, "certificate", o->certificate);
	json_put_string(&w, "state", order_state_name(o->state));
	if (o->error[0] != '\0')
		json_put_string(&w, "error", o->error);
	if (audit_append(core.audit, "order", buf_str(&members), members.len,
		&why) != OK)
		log_error("audit: %s", why.text);
	buf_free(&members);
}

/* The key of an order that came to nothing is of no use to anybody. */
static void
drop_key(const struct order_row *o)
{
	struct key_row key;
	struct fault why;

	if (o->key[0] == '\0' ||
	    store_key_get(core.store, o->key, &key, &why) != OK ||
	    key.foreign || key.state != KEY_ACTIVE)
		return;
	if (keys_retire(core.keys, o->key, 0, &why) != OK)
		log_warning("key %s not retired: %s", o->key, why.text);
}

static void
end(struct order_row *o, struct job *j, enum order_state state,
    const char *words)
{
	snprintf(o->error, sizeof(o->error), "%s", words);
	order_enter(o, j, state, 0);
	if (!j->over)
		return;
	order_note(o->id, "%s: %s", order_state_name(state), words);
	audit_end(o);
	drop_key(o);
	job_add(JOB_CLEANUP, o->certificate, o->id, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms());
	job_add(JOB_RENEWAL, "", 0, clock_now_ms());
}

void
order_fail(struct order_row *o, struct job *j, const char *words)
{
	end(o, j, ORDER_FAILED, words);
}

void
order_retry(struct order_row *o, struct job *j, enum order_state state,
    const char *words, int64_t retry_after)
{
	int64_t ms;

	if (state != o->state) {
		o->attempts = 0;
		j->returns++;
	}
	o->attempts++;
	ms = retry_after > 0 ? retry_after * 1000 :
	    backoff(o->attempts > j->returns ? o->attempts : j->returns,
		ORDER_RETRY_FIRST, ORDER_RETRY_MOST);
	if (clock_now() + ms / 1000 > o->deadline) {
		char text[STORE_TEXT];

		snprintf(text, sizeof(text), "%.1800s (the next try, in "
		    "%lld s, would be after the order's deadline)", words,
		    (long long)(ms / 1000));
		order_fail(o, j, text);
		return;
	}
	if (strcmp(o->error, words) != 0)
		order_note(o->id, "%s; trying again", words);
	snprintf(o->error, sizeof(o->error), "%s", words);
	o->state = state;
	o->sent = false;
	o->next_at = clock_now_ms() + ms;
	if (!order_save(o, j))
		return;
	j->local = stages[state].local;
	job_again(j, ms);
}

/* --------------------------------------------------------- where to ask */

static bool
copy_url(struct job *j, const char *url)
{
	snprintf(j->url, sizeof(j->url), "%s", url);
	return url[0] != '\0';
}

static const char *
ca_name(const struct order_row *o)
{
	const struct config_account *a;

	a = config_account(core.config, o->account);
	return a != NULL ? a->ca : "";
}

static bool
target_new(struct order_row *o, struct job *j)
{
	return directory_url(ca_name(o), "newOrder", j->url) != NULL &&
	    j->url[0] != '\0';
}

/* The first authorization in that state; its challenge or itself. */
static bool
target_authorization(struct order_row *o, struct job *j,
    enum authorization_state state, bool challenge)
{
	struct authorization_row *rows;
	struct fault why;
	bool found = false;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		if (rows[i].state != state)
			continue;
		j->index = rows[i].index;
		found = copy_url(j, challenge ? rows[i].challenge_url :
		    rows[i].url);
	}
	free(rows);
	return found;
}

static bool
target_unread(struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_UNREAD, false);
}

static bool
target_pending(struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_PENDING, true);
}

static bool
target_answered(struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_ANSWERED, false);
}

static bool
target_order(struct order_row *o, struct job *j)
{
	return copy_url(j, o->url);
}

static bool
target_finalize(struct order_row *o, struct job *j)
{
	return copy_url(j, o->finalize);
}

static bool
target_certificate(struct order_row *o, struct job *j)
{
	return copy_url(j, o->certificate_url);
}

static bool
target_alternate(struct order_row *o, struct job *j)
{
	char *first = xstrndup(o->alternates, strcspn(o->alternates, " "));
	bool good = copy_url(j, first);

	free(first);
	return good;
}

/* ------------------------------------------------------------ job class */

bool
order_load(struct job *j, struct order_row *o)
{
	struct fault why;

	if (!row_found(store_order_get(core.store, j->order, o, &why), j,
		&why))
		return false;
	j->deadline = (o->deadline + 1) * 1000;
	return true;
}

/* True when the order is not to be gone on with, and was ended. */
static bool
overtaken(struct order_row *o, struct job *j)
{
	char words[STORE_TEXT];

	if (o->state >= ORDER_ISSUED) {
		j->over = true;
		return true;
	}
	if (j->cancel) {
		end(o, j, ORDER_CANCELED, "given up by the operator");
		return true;
	}
	if (clock_now() <= o->deadline)
		return false;
	snprintf(words, sizeof(words), "the order's deadline passed%s%.1800s",
	    o->error[0] != '\0' ? "; last: " : "", o->error);
	order_fail(o, j, words);
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

static bool
prepare(struct job *j)
{
	struct order_row o;
	bool ready = false;

	if (!order_load(j, &o))
		return false;
	j->local = stages[o.state].local;
	if (j->local || overtaken(&o, j))
		goto out;
	if (!account_ready(&o, j))
		goto out;
	ready = stages[o.state].target(&o, j);
	j->step = stages[o.state].step;
	if (!ready && o.state == ORDER_NEW)
		job_wait(j); /* the directory is being fetched */
	else if (!ready && !order_catch_up(&o, j))
		order_fail(&o, j, "the CA gave no URL for the next step");
out:
	order_row_free(&o);
	return ready;
}

static enum err
write_payload(const struct order_row *o, struct buf *out, struct fault *why)
{
	struct certificate_row c;
	enum err e;

	if (o->state == ORDER_FINALIZE)
		payload_finalize(out, o->csr, o->csrlen);
	if (o->state == ORDER_ANSWER)
		buf_puts(out, "{}");
	if (o->state != ORDER_NEW)
		return OK;
	e = store_certificate_get(core.store, o->certificate, &c, why);
	if (e != OK)
		return e;
	payload_new_order(out, c.names);
	certificate_row_free(&c);
	return OK;
}

/* What changes something at the CA is marked before its signature is made,
 * so that after a crash we know that it may have happened. */
static enum err
payload(struct job *j, struct buf *out, struct fault *why)
{
	struct order_row o;
	enum err e;

	e = store_order_get(core.store, j->order, &o, why);
	if (e != OK)
		return e;
	e = write_payload(&o, out, why);
	if (e == OK && out->len > 0 && !o.sent) {
		o.sent = true;
		e = store_order_put(core.store, &o, why);
	}
	order_row_free(&o);
	return e;
}

static void
result(struct job *j, const struct report *r)
{
	struct order_row o;

	if (!order_load(j, &o))
		return;
	if (o.state >= ORDER_ISSUED)
		j->over = true;
	else if (r->outcome == OUTCOME_OK)
		order_answer[o.state](&o, j, r);
	else
		order_trouble(&o, j, r, stages[o.state].lost);
	if (!j->over && j->cancel)
		end(&o, j, ORDER_CANCELED, "given up by the operator");
	order_row_free(&o);
}

static void
run(struct job *j)
{
	struct order_row o;

	if (!order_load(j, &o))
		return;
	if (!overtaken(&o, j)) {
		if (stages[o.state].local)
			order_local[o.state](&o, j);
		else
			j->local = false;
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

/* ----------------------------------------------------- beginning and end */

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
		end(&o, &quiet, ORDER_CANCELED, "given up by the operator");
		if (!quiet.over)
			e = fault_set(why, ERR_IO, "order %lld cannot be "
			    "stored now; it is given up as soon as it can",
			    (long long)order);
	}
	order_row_free(&o);
	return e;
}

static enum err
insert(const struct certificate_row *c, struct order_row *o,
    struct fault *why)
{
	const struct config_account *a;
	const struct config_ca *ca;

	a = config_account(core.config, c->account);
	ca = a != NULL ? config_ca(core.config, a->ca) : NULL;
	if (ca == NULL)
		return fault_set(why, ERR_CONFLICT,
		    "account %s of certificate %s is not configured",
		    c->account, c->name);
	*o = (struct order_row){ .state = ORDER_KEY,
		.created = clock_now(), .updated = clock_now(),
		.deadline = clock_now() + ca->order_deadline };
	memcpy(o->certificate, c->name, sizeof(o->certificate));
	memcpy(o->account, c->account, sizeof(o->account));
	return store_order_put(core.store, o, why);
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
	if (e != OK) {
		store_rollback(core.store);
		return e;
	}
	if (c.deleted)
		e = fault_set(why, ERR_NOT_FOUND, "certificate %s was deleted",
		    certificate);
	if (e == OK)
		e = store_order_open_of(core.store, certificate, id, why);
	if (e == OK && *id != 0)
		e = fault_set(why, ERR_CONFLICT, "order %lld of %s is open",
		    (long long)*id, certificate);
	if (e == OK)
		e = insert(&c, &o, why);
	if (e == OK) {
		c.order = o.id;
		e = store_certificate_put(core.store, &c, why);
	}
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

		o.state = stages[from].lost;
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

#define CLEANED_AT_START 50 /* ended orders looked at for leftovers */

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
