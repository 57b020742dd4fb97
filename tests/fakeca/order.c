/* Orders, from the first request to the certificate, RFC 8555 section 7.4. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"
#include "chain.h"
#include "resource.h"

#define NAMES_MAX   100
#define FIRST_SERIAL 1000

/* ------------------------------------------------------------------ names */

struct names {
	char *of[NAMES_MAX];
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, with spaces between them; frees the list. */
static char *
names_join(struct names *names)
{
	struct buf b;

	buf_init(&b, 65536);
	qsort(names->of, names->n, sizeof(names->of[0]), compare);
	for (size_t i = 0; i < names->n; i++) {
		buf_putf(&b, "%s%s", i > 0 ? " " : "", names->of[i]);
		free(names->of[i]);
	}
	return (char *)buf_take(&b, NULL);
}

/* The names of a new order; NULL when they are not all DNS names. */
static char *
read_identifiers(const struct json *payload)
{
	const struct json *v = json_first(json_get(payload, "identifiers"));
	struct names names = { .n = 0 };
	bool good = v != NULL;

	for (; v != NULL && names.n < NAMES_MAX; v = json_next(v)) {
		const char *type = json_get_string(v, "type");
		const char *value = json_get_string(v, "value");

		good = good && type != NULL && value != NULL &&
		    strcmp(type, "dns") == 0 && value[0] != '\0';
		if (value != NULL)
			names.of[names.n++] = xstrdup(value);
	}
	if (good)
		return names_join(&names);
	free(names_join(&names));
	return NULL;
}

static char *
names_of_csr(X509_REQ *csr)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr);
	GENERAL_NAMES *san = X509V3_get_d2i(extensions, NID_subject_alt_name,
	    NULL, NULL);
	struct names names = { .n = 0 };

	for (int i = 0; i < sk_GENERAL_NAME_num(san) && i < NAMES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(san, i);

		names.of[names.n++] = name->type == GEN_DNS ? xstrndup(
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName),
		    (size_t)ASN1_STRING_length(name->d.dNSName)) :
		    xstrdup("?");
	}
	GENERAL_NAMES_free(san);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return names_join(&names);
}

/* ------------------------------------------------------------- the object */

static void
put_identifiers(cJSON *object, const struct order *o)
{
	cJSON *list = cJSON_AddArrayToObject(object, "identifiers");

	for (size_t i = 0; i < o->n; i++) {
		cJSON *item = cJSON_CreateObject();
		char *name = xasprintf("%s%s", o->of[i]->wildcard ? "*." : "",
		    o->of[i]->name);

		cJSON_AddStringToObject(item, "type", "dns");
		cJSON_AddStringToObject(item, "value", name);
		cJSON_AddItemToArray(list, item);
		free(name);
	}
}

void
reply_order(struct call *c, unsigned status, const struct order *o)
{
	cJSON *object = reply_object(c->reply, status), *list;

	cJSON_AddStringToObject(object, "status", o->status);
	cJSON_AddStringToObject(object, "expires", "2999-01-01T00:00:00Z");
	put_identifiers(object, o);
	list = cJSON_AddArrayToObject(object, "authorizations");
	for (size_t i = 0; i < o->n; i++) {
		struct buf url;

		buf_init(&url, 1024);
		ca_url(c->ca, "authorization", o->of[i]->id, &url);
		cJSON_AddItemToArray(list, cJSON_CreateString(buf_str(&url)));
		buf_free(&url);
	}
	put_url(object, "finalize", c->ca, "finalize", o->id);
	if (strcmp(o->status, "valid") == 0)
		put_url(object, "certificate", c->ca, "certificate", o->id);
	put_error(object, "serverInternal", o->error);
}

/* ------------------------------------------------------------- its states */

static void
certify(struct ca *ca, struct order *o)
{
	if (o->serial == 0) {
		o->serial = FIRST_SERIAL + o->id;
		ca->counts.certificates++;
	}
}

static void
enter(struct ca *ca, struct order *o, const char *state)
{
	snprintf(o->status, sizeof(o->status), "%s", state);
	if (strcmp(state, "valid") == 0)
		certify(ca, o);
}

void
order_settle(struct ca *ca, struct order *o)
{
	size_t valid = 0;

	if (strcmp(o->status, "processing") == 0 && o->key != NULL)
		enter(ca, o, "valid");
	if (strcmp(o->status, "pending") != 0)
		return;
	for (size_t i = 0; i < o->n; i++) {
		valid += strcmp(o->of[i]->status, "valid") == 0;
		if (strcmp(o->of[i]->status, "pending") != 0 &&
		    strcmp(o->of[i]->status, "valid") != 0)
			enter(ca, o, "invalid");
	}
	if (valid == o->n)
		enter(ca, o, "ready");
}

/* As the script wants; else by itself. */
static void
go_on(struct call *c, struct order *o)
{
	char state[STATUS_SIZE];

	if (becomes(c, state, o->error))
		enter(c->ca, o, state);
	else
		order_settle(c->ca, o);
}

/* "authorized", "ready" and "valid" orders have nothing left to prove. */
static void
begin(struct call *c, struct order *o)
{
	char state[STATUS_SIZE];

	if (!becomes(c, state, o->error))
		return;
	for (size_t i = 0; i < o->n && strcmp(state, "pending") != 0 &&
	    strcmp(state, "invalid") != 0; i++)
		strcpy(o->of[i]->status, "valid");
	if (strcmp(state, "authorized") != 0)
		enter(c->ca, o, state);
}

/* --------------------------------------------------------- the resources */

bool
serve_new_order(struct call *c, struct problem *p)
{
	char *names = read_identifiers(c->jws.payload);
	struct order *o;

	if (c->jws.by_jwk || names == NULL) {
		free(names);
		return problem_set(p, 400, "malformed",
		    "not by kid, or without DNS identifiers");
	}
	o = ca_order_new(c->ca, c->jws.account, names);
	free(names);
	begin(c, o);
	reply_order(c, 201, o);
	put_location(c, "order", o->id);
	return true;
}

/* The order that a request is about. */
static struct order *
order_of(struct call *c, struct problem *p)
{
	struct order *o = ca_order(c->ca, c->id);

	if (o != NULL && !c->jws.by_jwk && o->account == c->jws.account)
		return o;
	problem_set(p, 404, "malformed", "there is no such order");
	return NULL;
}

enum step
step_order(const struct call *c)
{
	const struct order *o = ca_order(c->ca, c->id);

	return o != NULL && o->key != NULL ? STEP_POLL_ORDER : STEP_ORDER;
}

bool
serve_order(struct call *c, struct problem *p)
{
	struct order *o = order_of(c, p);

	if (o == NULL)
		return false;
	if (c->jws.payload != NULL)
		return problem_set(p, 400, "malformed", "not a POST-as-GET");
	go_on(c, o);
	reply_order(c, 200, o);
	return true;
}

static X509_REQ *
read_csr(const struct json *payload)
{
	const char *text = json_get_string(payload, "csr");
	const unsigned char *at;
	X509_REQ *csr = NULL;
	struct buf der;

	buf_init(&der, 65536);
	if (text != NULL && b64_get(&der, text, strlen(text))) {
		at = der.data;
		csr = d2i_X509_REQ(NULL, &at, (long)der.len);
		if (csr != NULL && at != der.data + der.len) {
			X509_REQ_free(csr);
			csr = NULL;
		}
	}
	buf_free(&der);
	return csr;
}

/* RFC 8555 section 7.4: our names, a key of its own, a proof of it. */
static bool
check_csr(X509_REQ *csr, const struct order *o, struct problem *p)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(csr);
	char *names;
	bool same;

	if (key == NULL || X509_REQ_verify(csr, key) != 1)
		return problem_set(p, 400, "badCSR",
		    "the signature does not verify");
	if (EVP_PKEY_eq(key, o->account->key) == 1)
		return problem_set(p, 400, "badCSR",
		    "the key is that of the account");
	names = names_of_csr(csr);
	same = strcmp(names, o->names) == 0 || problem_set(p, 400, "badCSR",
	    "the CSR is for %.400s and not for %.400s", names, o->names);
	free(names);
	return same;
}

bool
serve_finalize(struct call *c, struct problem *p)
{
	struct order *o = order_of(c, p);
	char state[STATUS_SIZE];
	X509_REQ *csr;
	bool good;

	if (o == NULL)
		return false;
	if (strcmp(o->status, "ready") != 0)
		return problem_set(p, 403, "orderNotReady", "the order is %s",
		    o->status);
	csr = read_csr(c->jws.payload);
	if (csr == NULL)
		return problem_set(p, 400, "badCSR", "there is no CSR");
	good = check_csr(csr, o, p);
	if (good) {
		c->ca->counts.finalizations++;
		EVP_PKEY_free(o->key);
		o->key = X509_REQ_get_pubkey(csr);
		enter(c->ca, o, becomes(c, state, o->error) ? state :
		    "processing");
		reply_order(c, 200, o);
	}
	X509_REQ_free(csr);
	return good;
}

bool
serve_certificate(struct call *c, struct problem *p)
{
	const char *variant = chosen_text(&c->chosen, "chain");
	struct order *o = order_of(c, p);

	if (o == NULL)
		return false;
	if (o->serial == 0)
		return problem_set(p, 404, "malformed",
		    "there is no certificate yet");
	if (!chain_put(o, variant, &c->reply->answer->body))
		return problem_set(p, 500, "serverInternal",
		    "the script wants the chain %.100s", variant);
	c->ca->counts.downloads++;
	c->reply->answer->status = 200;
	answer_header(c->reply->answer, "Content-Type",
	    "application/pem-certificate-chain");
	return true;
}
