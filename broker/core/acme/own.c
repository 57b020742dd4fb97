/*
 * What an act is about must be the client's own: an order that it made, a
 * certificate that came of one.  What it makes is noted before it is signed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../ca/budget.h"
#include "../core.h"
#include "affair.h"
#include "claim.h"

#define KEEP_DAYS 400 /* as long as a certificate may be valid, and more */

static enum err
refuse(struct affair *a, const char *detail, struct fault *why)
{
	snprintf(a->detail, sizeof(a->detail), "%s", detail);
	return fault_set(why, ERR_DENIED, "%s", detail);
}

/* The challenges of an authorization that is known from its order only. */
static enum err
own_read(struct affair *a, struct fault *why)
{
	if (a->place != PLACE_AUTHORIZATION ||
	    a->binding.identifier[0] != '\0' || a->wish->dry_run)
		return OK;
	return affair_claim(a, why);
}

/* The broker's own orders take their own course. */
static enum err
own_answer(struct affair *a, struct fault *why)
{
	char certificate[STORE_NAME];

	if (!binding_managed(a->by.account, a->wish->url, certificate))
		return OK;
	return refuse(a, "the challenge is of an order of the broker's own",
	    why);
}

static enum err
own_deactivate(struct affair *a, struct fault *why)
{
	char certificate[STORE_NAME];

	if (binding_managed(a->by.account, a->wish->url, certificate) ||
	    binding_taken(&a->by, a->wish->url))
		return refuse(a, "the authorization serves others, too", why);
	return OK;
}

/* -------------------------------------------------------- the CA's budget */

/* How the CA takes an order: as one that names its predecessor, or one for
 * names for which this owner has had a certificate. */
static enum budget_kind
kind_of(const struct affair *a, const char *names, const char *replaces)
{
	struct request_row r = { .id = 0 };
	struct fault why;
	enum err e;

	if (replaces != NULL && replaces[0] != '\0')
		return BUDGET_REPLACES;
	e = store_request_before(core.store, &a->by, names, &r, &why);
	request_row_free(&r);
	return e == OK ? BUDGET_RENEWAL : BUDGET_NEW;
}

static enum err
ask_budget(const struct affair *a, budget_fn *ask, enum budget_act act,
    const char *replaces, struct fault *why)
{
	const struct identifiers *ids = act_identifiers(&a->u);
	const char **all = xcalloc(ids->n, sizeof(*all));
	struct budget_wish wish = { .account = a->account.name, .act = act,
		.kind = kind_of(a, ids->set, replaces), .identifiers = all,
		.n = ids->n };
	enum err e;

	for (size_t i = 0; i < ids->n; i++)
		all[i] = ids->v[i].value;
	e = a->wish->dry_run ? budget_check(&wish, why) : ask(&wish, why);
	free(all);
	return e;
}

/* ------------------------------------------------------- what is being made */

static enum err
note(struct affair *a, struct fault *why)
{
	struct request_row r = { .names = a->u.ids.set,
		.created = clock_now() };
	struct fault ignored;
	enum err e;

	if (a->wish->dry_run)
		return OK;
	if (store_requests_prune(core.store,
		r.created - (int64_t)KEEP_DAYS * 86400, &ignored) != OK)
		log_warning("old requests stay: %s", ignored.text);
	snprintf(r.account, sizeof(r.account), "%s", a->by.account);
	snprintf(r.owner, sizeof(r.owner), "%s", a->by.owner);
	snprintf(r.act, sizeof(r.act), "%s", a->u.name);
	snprintf(r.profile, sizeof(r.profile), "%s",
	    a->u.profile != NULL ? a->u.profile : "");
	snprintf(r.replaces, sizeof(r.replaces), "%s",
	    a->u.replaces != NULL ? a->u.replaces : "");
	e = store_request_put(core.store, &r, why);
	a->request = r.id;
	return e;
}

/* Whoever names another's certificate would have it counted as replaced. */
static enum err
own_replaced(struct affair *a, struct fault *why)
{
	struct request_row r;
	enum err e;

	if (a->u.replaces == NULL)
		return OK;
	e = store_request_of_certificate(core.store, &a->by, a->u.replaces,
	    &r, why);
	request_row_free(&r);
	return e == ERR_NOT_FOUND ? refuse(a, "\"replaces\" is no certificate "
	    "that came of an order of this client", why) : e;
}

/* Made by the tenant whose rule allows it. */
static void
choose_owner(struct affair *a)
{
	for (size_t i = 0; i < a->nowners; i++)
		if (a->decision.tenant != NULL &&
		    strcmp(a->owners[i], a->decision.tenant) == 0)
			a->by.owner = a->owners[i];
}

static enum err
own_order(struct affair *a, struct fault *why)
{
	enum err e;

	choose_owner(a);
	e = own_replaced(a, why);
	if (e == OK)
		e = ask_budget(a, budget_check, BUDGET_NEW_ORDER,
		    a->u.replaces, why);
	if (e == OK)
		e = note(a, why);
	return e == OK ? ask_budget(a, budget_take, BUDGET_NEW_ORDER,
	    a->u.replaces, why) : e;
}

static enum err
own_authorize(struct affair *a, struct fault *why)
{
	choose_owner(a);
	return note(a, why);
}

/* ---------------------------------------------------------------- finalize */

static enum err
find_request(struct affair *a, const char *csr, struct request_row *r,
    struct fault *why)
{
	enum err e;

	if (a->binding.request == 0)
		return store_request_to_finalize(core.store, &a->by,
		    a->u.proof.ids.set, csr, claim_since(), r, why);
	e = store_request_get(core.store, a->binding.request, r, why);
	if (e == OK && strcmp(r->names, a->u.proof.ids.set) != 0)
		return ERR_NOT_FOUND;
	return e;
}

static enum err
check_request(struct affair *a, const struct request_row *r, const char *csr,
    struct fault *why)
{
	if (r->csr[0] == '\0')
		return ask_budget(a, budget_check, BUDGET_FINALIZE,
		    r->replaces, why);
	if (strcmp(r->csr, csr) == 0)
		return OK;
	return refuse(a, "the order was finalized with another CSR", why);
}

static enum err
mark_request(struct affair *a, struct request_row *r, const char *csr,
    struct fault *why)
{
	a->charged = r->csr[0] != '\0';
	snprintf(a->replaces, sizeof(a->replaces), "%s", r->replaces);
	if (a->wish->dry_run)
		return OK;
	snprintf(r->csr, sizeof(r->csr), "%s", csr);
	hex_encode(r->key, a->u.proof.spki_sha256, SHA256_SIZE);
	return store_request_put(core.store, r, why);
}

/* Once; again with the same CSR when an answer was lost. */
static enum err
finalize(struct affair *a, struct fault *why)
{
	unsigned char digest[SHA256_SIZE];
	char csr[2 * SHA256_SIZE + 1];
	struct request_row r = { .id = 0 };
	enum err e;

	sha256(digest, a->u.proof.der, a->u.proof.n);
	hex_encode(csr, digest, sizeof(digest));
	e = find_request(a, csr, &r, why);
	if (e == ERR_NOT_FOUND)
		e = refuse(a, "the names of the CSR are not those of an "
		    "open order of this client", why);
	else if (e == OK)
		e = check_request(a, &r, csr, why);
	a->request = r.id;
	if (e == OK)
		e = mark_request(a, &r, csr, why);
	request_row_free(&r);
	return e;
}

/* A URL that was never read may be of any of the client's tenants. */
static enum err
finalize_any(struct affair *a, struct fault *why)
{
	enum err e = ERR_DENIED;

	if (a->binding.request != 0)
		return finalize(a, why);
	for (size_t i = 0; i < a->nowners && e == ERR_DENIED; i++) {
		a->by.owner = a->owners[i];
		e = finalize(a, why);
	}
	return e;
}

static enum err
own_finalize(struct affair *a, struct fault *why)
{
	enum err e = store_begin(core.store, why);

	if (e != OK)
		return e;
	e = finalize_any(a, why);
	if (e == OK)
		e = store_commit(core.store, why);
	else
		store_rollback(core.store);
	if (e != OK || a->charged)
		return e;
	return ask_budget(a, budget_take, BUDGET_FINALIZE, a->replaces, why);
}

/* By its key: that of a CSR of a client's order, or of an order of a managed
 * certificate that the tenant declared. */
static enum err
own_revoke(struct affair *a, struct fault *why)
{
	char hex[2 * SHA256_SIZE + 1], name[STORE_NAME];
	struct request_row r = { .id = 0 };
	enum err e = ERR_NOT_FOUND;

	hex_encode(hex, a->u.proof.spki_sha256, SHA256_SIZE);
	for (size_t i = 0; i < a->nowners && e == ERR_NOT_FOUND; i++) {
		a->by.owner = a->owners[i];
		e = store_request_of_key(core.store, &a->by, hex, &r, why);
		a->request = r.id;
		request_row_free(&r);
		if (e == ERR_NOT_FOUND)
			e = store_managed_by_key(core.store, &a->by, hex,
			    name, why);
	}
	return e == ERR_NOT_FOUND ? refuse(a, "the certificate came of no "
	    "order of this client", why) : e;
}

static enum err (*const owns[ACT__MAX])(struct affair *, struct fault *) = {
	[ACT_READ] = own_read,
	[ACT_ORDER] = own_order,
	[ACT_AUTHORIZE] = own_authorize,
	[ACT_ANSWER] = own_answer,
	[ACT_DEACTIVATE] = own_deactivate,
	[ACT_FINALIZE] = own_finalize,
	[ACT_REVOKE] = own_revoke,
};

enum err
affair_owned(struct affair *a, struct fault *why)
{
	if (a->managed[0] != '\0' || owns[a->u.act] == NULL)
		return OK;
	return owns[a->u.act](a, why);
}
