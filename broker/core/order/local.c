/* What the core does itself for an order: key and CSR, challenge answers,
 * installation, and the clean-up behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../key/keys.h"
#include "challenge.h"
#include "install.h"
#include "order.h"
#include "stage.h"

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

static void
local_trouble(struct order_row *o, struct job *j, const struct fault *why)
{
	if (may_pass(why->code))
		order_retry(o, j, o->state, why->text, why->retry_after);
	else
		order_fail(o, j, why->text);
}

/* ----------------------------------------------------------- key and CSR */

static enum err
audit_key(const struct order_row *o, const char *act, const void *p,
    size_t n, struct fault *why)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct json_writer w;
	struct buf members;
	struct key_row key;
	enum err e;

	e = store_key_get(core.store, o->key, &key, why);
	if (e != OK)
		return e;
	buf_init(&members, STORE_TEXT);
	json_write_start(&w, &members);
	json_put_string(&w, "by", "core");
	json_put_int(&w, "order", o->id);
	json_put_string(&w, "certificate", o->certificate);
	json_put_string(&w, "key", o->key);
	hex_encode(hex, key.pin, sizeof(key.pin));
	json_put_string(&w, "keySha256", hex);
	if (n > 0) {
		sha256(digest, p, n);
		hex_encode(hex, digest, sizeof(digest));
		json_put_string(&w, "csrSha256", hex);
	}
	e = audit_append(core.audit, act, buf_str(&members), members.len,
	    why);
	buf_free(&members);
	return e;
}

static const struct config_foreign_key *
foreign_of(const struct certificate_row *c)
{
	const struct config_token *t = config_token(core.config, c->token);

	for (size_t i = 0; t != NULL && i < t->nkeys; i++)
		if (strcmp(t->keys[i].name, c->foreign_key) == 0)
			return &t->keys[i];
	return NULL;
}

/* True for the key that this order made before it was interrupted. */
static bool
is_for(const struct key_row *k, const struct certificate_row *c)
{
	return k->state == KEY_ACTIVE && !k->foreign &&
	    k->purpose == PURPOSE_CERTIFICATE && k->type == c->key_type &&
	    strcmp(k->token, c->token) == 0;
}

static enum err
make_key(struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	enum verify_mode verify = c->sample ? VERIFY_SAMPLE : VERIFY_ALWAYS;
	const struct config_foreign_key *foreign;
	struct key_row row;

	if (c->foreign_key[0] == '\0') {
		snprintf(o->key, sizeof(o->key), "%.40s-%lld", c->name,
		    (long long)o->id);
		if (store_key_get(core.store, o->key, &row, why) != OK ||
		    row.state == KEY_GENERATING)
			return keys_generate(core.keys, o->key, c->token,
			    PURPOSE_CERTIFICATE, c->key_type, verify, why);
		if (is_for(&row, c))
			return OK;
		o->key[0] = '\0'; /* so that its failure does not retire it */
		return fault_set(why, ERR_CONFLICT, "the name \"%s\" is taken "
		    "by another key", row.name);
	}
	snprintf(o->key, sizeof(o->key), "%s", c->foreign_key);
	if (store_key_get(core.store, o->key, &row, why) == OK &&
	    row.state == KEY_ACTIVE)
		return OK;
	foreign = foreign_of(c);
	if (foreign == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "key %s of token %s is not configured", c->foreign_key,
		    c->token);
	return keys_adopt(core.keys, o->key, c->token, foreign, verify, why);
}

static enum err
make_csr(struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	enum err e;

	free(o->csr);
	o->csr = csr_make(core.keys, o->key, c->names, &o->csrlen, why);
	if (o->csr == NULL)
		return why->code;
	e = audit_key(o, "csr", o->csr, o->csrlen, why);
	if (e == OK)
		order_note(o->id, "key %s is in token %s; CSR signed there",
		    o->key, c->token);
	return e;
}

static void
do_key(struct order_row *o, struct job *j)
{
	struct certificate_row c;
	struct fault why;
	enum err e;

	e = store_certificate_get(core.store, o->certificate, &c, &why);
	if (e != OK) {
		local_trouble(o, j, &why);
		return;
	}
	POINT("key", "before");
	if (o->rounds > 0)
		order_clean(o);
	e = make_key(o, &c, &why);
	POINT("key", "generated");
	if (e == OK)
		e = audit_key(o, "key", NULL, 0, &why);
	if (e == OK)
		e = make_csr(o, &c, &why);
	POINT("key", "csr");
	certificate_row_free(&c);
	if (e == OK)
		order_enter(o, j, ORDER_NEW, 0);
	else
		local_trouble(o, j, &why);
}

/* ------------------------------------------------------------- challenges */

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

static void
do_provision(struct order_row *o, struct job *j)
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
		local_trouble(o, j, &why);
}

/* -------------------------------------------------------------- the rest */

static void
do_install(struct order_row *o, struct job *j)
{
	struct fault why;

	POINT("install", "before");
	if (install(o, &why) != OK) {
		local_trouble(o, j, &why);
		return;
	}
	POINT("install", "after");
	j->over = true;
	job_add(JOB_CLEANUP, o->certificate, o->id, 0);
	job_add(JOB_DEPLOY, o->certificate, 0, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms());
}

static void
do_nothing(struct order_row *o, struct job *j)
{
	(void)o;
	j->over = true;
}

order_local_fn *const order_local[ORDER_STATE__MAX] = {
	[ORDER_KEY] = do_key,
	[ORDER_PROVISION] = do_provision,
	[ORDER_INSTALL] = do_install,
	[ORDER_ISSUED] = do_nothing,
	[ORDER_FAILED] = do_nothing,
	[ORDER_CANCELED] = do_nothing,
};

/* Takes challenge answers away. */
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
