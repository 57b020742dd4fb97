/*
 * A downloaded chain becomes the certificate: checked, published, recorded,
 * the old key retired, the deployment asked for.  Publishing comes first and
 * may be repeated; the record is one transaction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../certificate/publish.h"
#include "../compose/chain.h"
#include "../core.h"
#include "../key/keys.h"
#include "order.h"
#include "stage.h"

static enum err
check(const struct order_row *o, const struct certificate_row *c,
    struct chain_facts *facts, struct fault *why)
{
	const struct config_ca *ca = order_ca(o);
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	size_t n;
	enum err e;

	e = keys_public(core.keys, o->key, spki, &n, &type, why);
	if (e != OK)
		return e;
	return chain_check(o->chain, spki, n, c->names,
	    ca != NULL ? ca->anchors : NULL, clock_now(), facts, why);
}

static enum err
audit_issued(const struct order_row *o, const struct chain_facts *facts,
    const char *names, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	buf_init(&members, ORDER_NAMES_MAX + STORE_TEXT);
	json_write_start(&w, &members);
	json_put_int(&w, "order", o->id);
	json_put_string(&w, "certificate", o->certificate);
	json_put_string(&w, "state", order_state_name(ORDER_ISSUED));
	json_put_string(&w, "key", o->key);
	json_put_string(&w, "names", names);
	json_put_string(&w, "serial", facts->serial);
	json_put_string(&w, "issuer", facts->issuer);
	e = audit_append(core.audit, "order", buf_str(&members), members.len,
	    why);
	buf_free(&members);
	return e;
}

static enum err
ask_deployment(const struct order_row *o, struct fault *why)
{
	const struct config_certificate *c;
	struct deployment_row d = { .order = o->id,
		.state = DEPLOY_PENDING, .updated = clock_now() };

	c = config_certificate(core.config, o->certificate);
	if (c == NULL || c->deploy.path == NULL)
		return OK;
	memcpy(d.certificate, o->certificate, sizeof(d.certificate));
	return store_deployment_put(core.store, &d, why);
}

static enum err
record(struct order_row *o, struct certificate_row *c,
    const struct chain_facts *facts, struct fault *why)
{
	char old[STORE_NAME];
	enum err e;

	memcpy(old, c->key, sizeof(old));
	memcpy(c->key, o->key, sizeof(c->key));
	memcpy(c->serial, facts->serial, sizeof(c->serial));
	memcpy(c->issuer, facts->issuer, sizeof(c->issuer));
	c->not_before = facts->not_before;
	c->not_after = facts->not_after;
	c->issued = c->updated = o->updated = clock_now();
	c->order = o->id;
	free(c->chain);
	c->chain = xstrdup(o->chain);
	o->state = ORDER_ISSUED;
	o->sent = false;
	o->error[0] = '\0';
	e = store_certificate_put(core.store, c, why);
	if (e == OK)
		e = store_order_put(core.store, o, why);
	if (e == OK)
		e = ask_deployment(o, why);
	if (e == OK && old[0] != '\0' && strcmp(old, o->key) != 0 &&
	    c->foreign_key[0] == '\0')
		e = keys_retire(core.keys, old, core.config->key_grace, why);
	return e;
}

static enum err
commit(struct order_row *o, struct certificate_row *c,
    const struct chain_facts *facts, struct fault *why)
{
	enum err e;

	e = store_begin(core.store, why);
	if (e != OK)
		return e;
	e = record(o, c, facts, why);
	if (e == OK)
		return store_commit(core.store, why);
	store_rollback(core.store);
	o->state = ORDER_INSTALL;
	return e;
}

static enum err
install(struct order_row *o, struct fault *why)
{
	struct certificate_row c;
	struct chain_facts facts;
	char *uri = NULL;
	enum err e;

	e = store_certificate_get(core.store, o->certificate, &c, why);
	if (e != OK)
		return e;
	e = check(o, &c, &facts, why);
	if (e != OK)
		goto out;
	order_note(o->id, "checked: our key, exactly our names, issued by %s",
	    facts.issuer);
	uri = keys_uri(core.keys, o->key);
	e = publish(core.config->state, c.name, o->chain, &facts, uri,
	    c.names, why);
	POINT("install", "published");
	if (e == OK)
		e = audit_issued(o, &facts, c.names, why);
	if (e == OK)
		e = commit(o, &c, &facts, why);
	if (e == OK)
		order_note(o->id, "issued: serial %s", facts.serial);
out:
	free(uri);
	certificate_row_free(&c);
	return e;
}

void
run_install(struct order_row *o, struct job *j)
{
	struct fault why;

	POINT("install", "before");
	if (install(o, &why) != OK) {
		order_setback(o, j, &why);
		return;
	}
	POINT("install", "after");
	j->over = true;
	job_add(JOB_CLEANUP, o->certificate, o->id, 0);
	job_add(JOB_DEPLOY, o->certificate, 0, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms());
}
