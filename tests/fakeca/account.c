/* Accounts, RFC 8555 section 7.3. */
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "resource.h"

/* A question for an account and the making of one have the same URL. */
enum step
step_new_account(const struct call *c)
{
	struct json *payload = jws_peek(c->rq);
	bool only = false;

	json_get_bool(payload, "onlyReturnExisting", &only);
	json_free(payload);
	return only ? STEP_FIND_ACCOUNT : STEP_NEW_ACCOUNT;
}

static void
reply_account(struct call *c, unsigned status, const struct account *a)
{
	cJSON *object = reply_object(c->reply, status);

	cJSON_AddStringToObject(object, "status", "valid");
	put_url(object, "orders", c->ca, "orders", a->id);
	put_location(c, "account", a->id);
}

static struct account *
account_new(struct ca *ca, struct jws *j)
{
	struct account *a = xcalloc(1, sizeof(*a));

	a->jwk = xstrdup(j->jwk);
	a->key = j->key;
	EVP_PKEY_up_ref(a->key);
	ca->accounts = xreallocarray(ca->accounts, ca->naccounts + 1,
	    sizeof(a));
	ca->accounts[ca->naccounts++] = a;
	a->id = (unsigned)ca->naccounts;
	ca->counts.accounts++;
	return a;
}

bool
serve_new_account(struct call *c, struct problem *p)
{
	struct jws *j = &c->jws;
	bool agreed = false;

	if (!j->by_jwk || j->payload == NULL)
		return problem_set(p, 400, "malformed", "not by jwk, or empty");
	if (j->account != NULL) {
		reply_account(c, 200, j->account);
		return true;
	}
	if (c->step == STEP_FIND_ACCOUNT)
		return problem_set(p, 400, "accountDoesNotExist",
		    "no account has this key");
	json_get_bool(j->payload, "termsOfServiceAgreed", &agreed);
	if (!agreed)
		return problem_set(p, 403, "userActionRequired",
		    "the terms of service are not agreed to");
	reply_account(c, 201, account_new(c->ca, j));
	return true;
}

bool
serve_account(struct call *c, struct problem *p)
{
	if (c->jws.by_jwk || ca_account(c->ca, c->id) != c->jws.account)
		return problem_set(p, 403, "unauthorized",
		    "not this account's key");
	reply_account(c, 200, c->jws.account);
	return true;
}
