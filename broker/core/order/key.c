/* The key of an order, and the CSR that it signs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../key/keys.h"
#include "order.h"
#include "provision.h"
#include "stage.h"

static void
put_hex(struct json_writer *w, const char *name,
    const unsigned char digest[static SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	hex_encode(hex, digest, SHA256_SIZE);
	json_put_string(w, name, hex);
}

static void
put_order(struct json_writer *w, const struct order_row *o)
{
	json_put_string(w, "by", "core");
	json_put_int(w, "order", o->id);
	json_put_string(w, "certificate", o->certificate);
	json_put_string(w, "key", o->key);
}

static enum err
audit_key(const struct order_row *o, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	struct key_row key;
	enum err e;

	e = store_key_get(core.store, o->key, &key, why);
	if (e != OK)
		return e;
	buf_init(&members, STORE_TEXT);
	json_write_start(&w, &members);
	put_order(&w, o);
	put_hex(&w, "keyId", key.pin);
	e = audit_append(core.audit, "key", buf_str(&members), members.len,
	    why);
	buf_free(&members);
	return e;
}

static enum err
audit_csr(const struct order_row *o, const char *names,
    const struct signature *sig, struct fault *why)
{
	unsigned char digest[SHA256_SIZE];
	struct json_writer w;
	struct buf members;
	enum err e;

	sha256(digest, o->csr, o->csrlen);
	buf_init(&members, ORDER_NAMES_MAX + STORE_TEXT);
	json_write_start(&w, &members);
	put_order(&w, o);
	json_put_string(&w, "names", names);
	put_hex(&w, "csrSha256", digest);
	signature_put(&w, sig);
	e = audit_append(core.audit, "csr", buf_str(&members), members.len,
	    why);
	buf_free(&members);
	return e;
}

/* True for the key that this order made before it was interrupted. */
static bool
is_for(const struct key_row *k, const struct certificate_row *c)
{
	return k->state == KEY_ACTIVE && !k->foreign &&
	    k->purpose == PURPOSE_CERTIFICATE && k->type == c->key_type &&
	    strcmp(k->token, c->token) == 0;
}

static enum verify_mode
verify_of(const struct certificate_row *c)
{
	return c->sample ? VERIFY_SAMPLE : VERIFY_ALWAYS;
}

static enum err
generate(struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	struct key_row row;

	snprintf(o->key, sizeof(o->key), "%.40s-%lld", c->name,
	    (long long)o->id);
	if (store_key_get(core.store, o->key, &row, why) != OK ||
	    row.state == KEY_GENERATING)
		return keys_generate(core.keys, o->key, c->token,
		    PURPOSE_CERTIFICATE, c->key_type, verify_of(c), why);
	if (is_for(&row, c))
		return OK;
	o->key[0] = '\0'; /* so that its failure does not retire it */
	return fault_set(why, ERR_CONFLICT, "the name \"%s\" is taken by "
	    "another key", row.name);
}

static enum err
adopt(struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	const struct config_foreign_key *foreign;
	struct key_row row;

	snprintf(o->key, sizeof(o->key), "%s", c->foreign_key);
	if (store_key_get(core.store, o->key, &row, why) == OK &&
	    row.state == KEY_ACTIVE)
		return OK;
	foreign = config_foreign_key(core.config, c->token, c->foreign_key);
	if (foreign == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "key %s of token %s is not configured", c->foreign_key,
		    c->token);
	return keys_adopt(core.keys, o->key, c->token, foreign, verify_of(c),
	    why);
}

static enum err
make_csr(struct order_row *o, const struct certificate_row *c,
    struct fault *why)
{
	struct signature sig;
	enum err e;

	free(o->csr);
	o->csr = csr_make(core.keys, o->key, c->names, NULL, &o->csrlen, &sig,
	    why);
	if (o->csr == NULL)
		return why->code;
	e = audit_csr(o, c->names, &sig, why);
	if (e == OK)
		order_note(o->id, "key %s is in token %s; CSR signed there",
		    o->key, c->token);
	return e;
}

void
run_key(struct order_row *o, struct job *j)
{
	struct certificate_row c;
	struct fault why;
	enum err e;

	e = store_certificate_get(core.store, o->certificate, &c, &why);
	if (e != OK) {
		order_setback(o, j, &why);
		return;
	}
	POINT("key", "before");
	if (o->rounds > 0)
		order_clean(o);
	e = c.foreign_key[0] == '\0' ? generate(o, &c, &why) :
	    adopt(o, &c, &why);
	POINT("key", "generated");
	if (e == OK)
		e = audit_key(o, &why);
	if (e == OK)
		e = make_csr(o, &c, &why);
	POINT("key", "csr");
	certificate_row_free(&c);
	if (e == OK)
		order_enter(o, j, ORDER_NEW, 0);
	else
		order_setback(o, j, &why);
}
