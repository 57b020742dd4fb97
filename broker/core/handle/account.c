#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"
#include "../compose/compose.h"
#include "../engine/engine.h"
#include "handle.h"
#include "../key/keys.h"

static void
put_jwk(struct json_writer *w, const char *key)
{
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct fault why;
	struct buf jwk;
	char *thumbprint;
	size_t n;

	if (keys_public(core.keys, key, spki, &n, &type, &why) != OK)
		return;
	buf_init(&jwk, 4 * SPKI_MAX);
	if (jwk_write(&jwk, spki, n, &why) == OK)
		json_put_raw(w, "jwk", (const char *)jwk.data, jwk.len);
	buf_free(&jwk);
	thumbprint = jwk_thumbprint(spki, n, &why);
	put_some(w, "thumbprint", thumbprint);
	free(thumbprint);
}

static void
put_contacts(struct json_writer *w, const struct config_account *a)
{
	json_open_array(w, "contacts");
	for (size_t i = 0; a != NULL && i < a->contacts.n; i++)
		json_put_string(w, NULL, a->contacts.v[i]);
	json_close_array(w);
}

/* An account that has to wait for its CA may have an older error of its own. */
static void
put_error(struct json_writer *w, const struct account_row *a)
{
	char trouble[FAULT_MAX] = "";

	if (a->state < ACCOUNT_VALID)
		engine_ca_trouble(core.engine, a->ca, trouble);
	put_some(w, "error", trouble[0] != '\0' ? trouble : a->error);
}

void
put_account(struct json_writer *w, const struct account_row *a)
{
	json_open_object(w, NULL);
	json_put_string(w, "name", a->name);
	json_put_string(w, "ca", a->ca);
	json_put_string(w, "directory", a->directory);
	json_put_string(w, "state", account_state_name(a->state));
	put_some(w, "url", a->kid);
	put_some(w, "key", a->key);
	put_contacts(w, config_account(core.config, a->name));
	if (a->key[0] != '\0')
		put_jwk(w, a->key);
	put_error(w, a);
	json_put_int(w, "attempts", a->attempts);
	if (a->state < ACCOUNT_VALID)
		put_time_ms(w, "nextAttempt", a->next_at);
	json_close_object(w);
}

static bool
see_account(const struct account_row *a, void *arg)
{
	struct listing *l = arg;

	l->facts.account = a->name;
	l->facts.ca = a->ca;
	if (listing_shows(l, a->name))
		put_account(&l->w, a);
	return listing_goes_on(l);
}

enum err
handle_accounts_list(struct request *rq, struct reply *rp, struct fault *why)
{
	struct listing l;
	enum err err;

	err = page_check(rq, why);
	if (err == OK)
		err = listing_start(&l, rq, rp, OP_ACCOUNT_READ, why);
	if (err != OK)
		return err;
	err = store_accounts(core.store, l.after, LIST_SCAN, see_account, &l,
	    why);
	return listing_end(&l, err);
}

static enum err
reply_account(struct reply *rp, const char *name, struct fault *why)
{
	struct account_row a;
	struct json_writer w;
	enum err err;

	err = store_account_get(core.store, name, &a, why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	put_account(&w, &a);
	return reply_done(rp, why);
}

static enum err
allowed(struct request *rq, enum operation op, struct fault *why)
{
	struct decision d;
	struct facts facts;

	facts_from(&facts, rq, op);
	facts_account(&facts, rq->params[0]);
	return authorize(&facts, rq->peer->pid, &d, why);
}

enum err
handle_account_get(struct request *rq, struct reply *rp, struct fault *why)
{
	enum err err = allowed(rq, OP_ACCOUNT_READ, why);

	return err == OK ? reply_account(rp, rq->params[0], why) : err;
}

enum err
handle_account_register(struct request *rq, struct reply *rp,
    struct fault *why)
{
	enum err err;

	err = body_empty(rq, why);
	if (err == OK)
		err = allowed(rq, OP_ACCOUNT_REGISTER, why);
	if (err == OK)
		err = engine_register(core.engine, rq->params[0], why);
	if (err != OK)
		return err;
	rp->status = 202;
	return reply_account(rp, rq->params[0], why);
}

/* What an answer to a challenge of that token looks like: http-01 as text,
 * the digest of it for a TXT record (dns-01) and for the certificate of
 * tls-alpn-01 (RFC 8737 section 3), there as the octets of its extension. */
static enum err
put_key_authorization(struct reply *rp, const char *key, const char *token,
    struct fault *why)
{
	unsigned char spki[SPKI_MAX], octets[2 + SHA256_SIZE] = { 0x04,
		SHA256_SIZE };
	char hex[2 * sizeof(octets) + 1], *text, *dns;
	struct json_writer w;
	enum key_type type;
	size_t n;
	enum err err;

	err = keys_public(core.keys, key, spki, &n, &type, why);
	if (err != OK)
		return err;
	text = key_authorization(token, spki, n, why);
	if (text == NULL)
		return why->code;
	dns = dns01_value(text);
	sha256(octets + 2, text, strlen(text));
	hex_encode(hex, octets, sizeof(octets));
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "token", token);
	json_put_string(&w, "keyAuthorization", text);
	json_put_string(&w, "dns01", dns);
	json_put_string(&w, "tlsAlpn01", hex);
	json_close_object(&w);
	free(dns);
	free(text);
	return reply_done(rp, why);
}

enum err
handle_account_key_authorization(struct request *rq, struct reply *rp,
    struct fault *why)
{
	const char *token = NULL;
	const struct json_member rows[] = {
		{ "token", JSON_STRING, true, &token },
	};
	struct account_row a;
	enum err err;

	err = json_read(rq->body, rows, nitems(rows), why);
	if (err == OK)
		err = allowed(rq, OP_ACCOUNT_READ, why);
	if (err == OK)
		err = store_account_get(core.store, rq->params[0], &a, why);
	return err == OK ? put_key_authorization(rp, a.key, token, why) : err;
}
