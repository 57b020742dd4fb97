#include "sign.h"

#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/url.h"
#include "../audit/audit.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../engine/engine.h"
#include "../handle/handle.h"
#include "affair.h"
#include "header.h"

#define NONCE_MAX   256	  /* bytes */
#define PAYLOAD_MAX 65536 /* bytes of what is signed */

/* RFC 8555 section 6.5.1: base64url, nothing else. */
static enum err
check_wish(const struct acme_wish *wish, struct fault *why)
{
	const char *complaint = url_complaint(wish->url);
	size_t n = strlen(wish->nonce);

	if (n == 0 || n > NONCE_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"nonce\" has %zu bytes, not 1 to %d", n, NONCE_MAX);
	if (strspn(wish->nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
	    "tuvwxyz0123456789-_") != n)
		return fault_set(why, ERR_SYNTAX,
		    "\"nonce\" is not base64url");
	return complaint == NULL ? OK :
	    fault_set(why, ERR_SYNTAX, "\"url\" %s", complaint);
}

/* ------------------------------------------------------------------- facts */

static void
set_facts(struct affair *a)
{
	const struct config_account *c = config_account(core.config,
	    a->wish->account);

	facts_peer(&a->facts, a->wish->peer, OP_ACME_READ);
	a->facts.account = a->wish->account;
	a->facts.ca = c != NULL ? c->ca : NULL;
}

/* The account, and a URL of its CA. */
static enum err
reach(struct affair *a, struct fault *why)
{
	const char *account = a->wish->account;

	if (config_account(core.config, account) == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no account named \"%s\"", account);
	if (!engine_url_of_ca(core.engine, account, a->wish->url))
		return fault_set(why, ERR_DENIED,
		    "\"url\" is not at the account's CA");
	return engine_account(core.engine, account, &a->account, why);
}

/* What the act is about, for policy. */
static void
point_facts(struct affair *a)
{
	const struct identifiers *ids = act_identifiers(&a->u);
	bool ip = strchr(a->binding.identifier, ':') != NULL ||
	    !dns_name_valid(a->binding.identifier, true);

	a->facts.operation = a->u.operation;
	a->facts.profile = a->u.profile;
	a->facts.key = a->key[0] != '\0' ? a->key : NULL;
	a->facts.names = ids->names;
	a->facts.nnames = ids->nnames;
	a->facts.ips = ids->ips;
	a->facts.nips = ids->nips;
	if (a->binding.identifier[0] == '\0' || a->u.act == ACT_READ)
		return;
	a->identifier = a->binding.identifier;
	*(ip ? &a->facts.ips : &a->facts.names) = &a->identifier;
	*(ip ? &a->facts.nips : &a->facts.nnames) = 1;
}

/* A CSR's key may be one of ours; never one that is for something else. */
static enum err
find_key(struct affair *a, struct fault *why)
{
	char hex[2 * SHA256_SIZE + 1];
	struct key_row row;
	enum err e;

	if (!a->u.has[MEMBER_CSR])
		return OK;
	hex_encode(hex, a->u.proof.spki_sha256, SHA256_SIZE);
	e = store_key_by_pin(core.store, hex, &row, why);
	if (e != OK)
		return e == ERR_NOT_FOUND ? OK : e;
	if (row.purpose != PURPOSE_CERTIFICATE)
		return fault_set(why, ERR_DENIED, "the CSR's key is one that "
		    "is for other things than certificates");
	memcpy(a->key, row.name, sizeof(a->key));
	return OK;
}

static enum err
understand(struct affair *a, struct fault *why)
{
	enum err e;

	affair_owners(a);
	e = affair_place(a, why);
	if (e == OK)
		e = act_read(&a->u, a->place, a->wish->payload, why);
	if (e == OK && a->bytes != NULL && a->u.jwk != a->bytes_jwk)
		e = fault_set(why, ERR_DENIED, "the header of %s must have "
		    "\"%s\"", a->u.name, a->u.jwk ? "jwk" : "kid");
	if (e == OK)
		e = find_key(a, why);
	if (a->u.name != NULL)
		point_facts(a);
	return e;
}

/* ------------------------------------------------------------------ policy */

/* Of the CSR's key the client has said nothing but what it looks like. */
static enum err
refused(const struct affair *a, struct fault *why)
{
	struct facts asked = a->facts;

	asked.key = NULL;
	return decision_fault(&asked, &a->decision, why);
}

/* Each further right of the act, without charging anybody for it. */
static enum err
ask_extra(struct affair *a, struct fault *why)
{
	struct facts facts = a->facts;

	for (size_t i = 0; i < a->u.nextra; i++) {
		facts.operation = a->u.extra[i];
		a->decision = explain(&facts);
		if (!a->decision.allow)
			return refused(a, why);
	}
	return OK;
}

/* An order of the broker's own may be read by whoever may see it here. */
static bool
may_see_managed(struct affair *a)
{
	struct subject s;
	struct facts facts;
	struct fault why;
	bool may = false;

	if (a->u.act != ACT_READ || !binding_managed(a->account.name,
		a->wish->url, a->managed))
		return false;
	facts_peer(&facts, a->wish->peer, OP_ORDER_READ);
	if (subject_load(&s, a->managed, &facts, &why) == OK)
		may = explain(&facts).allow;
	subject_free(&s);
	if (!may)
		a->managed[0] = '\0';
	return may;
}

/*
 * Policy is asked before the CA is: who may not do such a thing at all shall
 * not make us ask.  What the URL turns out to be must be what the act is
 * about.
 */
static enum err
discover(struct affair *a, struct fault *why)
{
	enum err e;

	a->decision = explain(&a->facts);
	if (!a->decision.allow)
		return refused(a, why);
	if (a->wish->dry_run || may_see_managed(a))
		return OK;
	e = affair_claim(a, why);
	if (e != OK)
		return e;
	act_free(&a->u);
	e = act_read(&a->u, a->place, a->wish->payload, why);
	if (e == OK)
		point_facts(a);
	return e;
}

static enum err
decide(struct affair *a, struct fault *why)
{
	a->decision = judge(&a->facts, !a->wish->dry_run);
	return a->decision.allow ? OK : refused(a, why);
}

/* All that stands between a request that is understood and a signature. */
static enum err
admit(struct affair *a, struct fault *why)
{
	enum err e = OK;

	if (a->place == PLACE_UNKNOWN)
		e = discover(a, why);
	if (e == OK)
		e = ask_extra(a, why);
	if (e == OK)
		e = decide(a, why);
	if (e == OK && !(a->wish->dry_run && a->place == PLACE_UNKNOWN))
		e = affair_owned(a, why);
	return e;
}

/* ------------------------------------------------------------------ failing */

static enum err
fail(struct affair *a, struct fault *why)
{
	struct fault ignored;

	if (affair_log(a, why, NULL, &ignored) != OK)
		log_error("a failed request is not in the audit log");
	return why->code;
}

/* What is no act at all is refused as it is; of the rest, policy has the
 * first word, and of all that is about what the client must not know of. */
static enum err
fail_early(struct affair *a, struct fault *why)
{
	struct fault first = *why;

	a->decision = explain(&a->facts);
	if (a->decision.code == ERR_NOT_FOUND) {
		refused(a, why);
		return fail(a, why);
	}
	if (first.code == ERR_SYNTAX && a->bytes == NULL)
		return first.code;
	if (a->account.name[0] != '\0' && a->u.name == NULL) {
		audit_refusal(a->wish->peer, "JWS", a->wish->url, &first);
		return first.code;
	}
	if (decide(a, why) == OK)
		*why = first;
	return fail(a, why);
}

/* ----------------------------------------------------------------- dry run */

static enum err
dry_run(struct affair *a, struct buf *out, struct fault *why)
{
	enum err e = admit(a, why);

	if (e != OK && e != ERR_DENIED && e != ERR_RATE)
		return fail(a, why);
	e = affair_log_try(a, e != OK ? why : NULL, why);
	return e == OK ? affair_reply(a, out, why) : e;
}

/* -------------------------------------------------------------------- sign */

static enum err
compose(struct affair *a, struct buf *out, struct signature *sig,
    struct fault *why)
{
	const struct jws_header header = { a->account.key, a->wish->alg,
		a->u.jwk ? NULL : a->account.kid, a->wish->nonce,
		a->wish->url };
	struct buf payload;
	enum err e;

	if (a->bytes != NULL)
		return jws_sign(core.keys, a->account.key, a->wish->alg,
		    a->bytes->header, a->bytes->payload, sig, why);
	buf_init(&payload, PAYLOAD_MAX);
	act_write(&a->u, &payload);
	e = payload.failed ? fault_set(why, ERR_LIMIT, "a payload of more "
	    "than %d bytes", PAYLOAD_MAX) : jws_write(out, core.keys, &header,
	    a->u.payload ? buf_str(&payload) : NULL, payload.len, sig, why);
	buf_free(&payload);
	return e;
}

/* The line is in the log before the signature is in anybody's hands. */
static enum err
run(struct affair *a, struct buf *out, struct signature *sig,
    struct fault *why)
{
	enum err e;

	set_facts(a);
	e = reach(a, why);
	if (e == OK)
		e = understand(a, why);
	if (e != OK)
		return fail_early(a, why);
	if (a->wish->dry_run)
		return dry_run(a, out, why);
	e = admit(a, why);
	if (e == OK)
		e = compose(a, out, sig, why);
	if (e != OK)
		return fail(a, why);
	return affair_log(a, NULL, sig, why);
}

enum err
acme_sign(const struct acme_wish *wish, struct buf *out, struct fault *why)
{
	struct affair a = { .wish = wish };
	struct signature sig;
	enum err e;

	e = check_wish(wish, why);
	if (e != OK)
		return e;
	e = run(&a, out, &sig, why);
	if (e != OK)
		buf_reset(out);
	act_free(&a.u);
	return e;
}

enum err
acme_sign_bytes(const struct acme_bytes *bytes, struct signature *sig,
    struct fault *why)
{
	struct acme_wish wish = { .peer = bytes->peer,
		.account = bytes->account, .start_us = bytes->start_us };
	struct affair a = { .wish = &wish, .bytes = bytes };
	struct header header = { .tree = NULL };
	struct json *payload = NULL;
	enum err e;

	e = header_read(&header, bytes->account, bytes->header, why);
	if (e == OK && bytes->payload.n > 0) {
		payload = json_parse((const char *)bytes->payload.p,
		    bytes->payload.n, why);
		e = payload != NULL ? OK : why->code;
	}
	wish.url = header.url;
	wish.nonce = header.nonce;
	wish.alg = header.alg;
	wish.payload = payload;
	a.bytes_jwk = header.jwk;
	if (e == OK)
		e = check_wish(&wish, why);
	if (e != OK)
		audit_refusal(bytes->peer, "JWS", bytes->account, why);
	else
		e = run(&a, NULL, sig, why);
	if (e != OK)
		wipe(sig, sizeof(*sig));
	act_free(&a.u);
	json_free(payload);
	header_free(&header);
	return e;
}
