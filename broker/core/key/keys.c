#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "book.h"
#include "token.h"

#define SAMPLE_EVERY 1000 /* signatures of a key that is verified by sample */

struct keys *
keys_new(struct store *store, struct lanes *lanes)
{
	struct keys *k = xcalloc(1, sizeof(*k));

	k->store = store;
	k->lanes = lanes;
	k->cache = cache_new(store);
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	cache_free(k->cache);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* ------------------------------------------------------------- signing */

/*
 * True when this signature must be verified: the first since a connection to
 * the token, any since one that did not verify, and one in a thousand.
 * Counted by signatures made, so that no failure in between puts it off.
 */
static bool
must_verify(struct cached_key *c, uint64_t generation)
{
	unsigned count = atomic_fetch_add(&c->made, 1) + 1;

	return !c->row.sample || c->proven != generation ||
	    count % SAMPLE_EVERY == 0;
}

static enum err
verify(struct cached_key *c, enum sig_alg alg, const void *p, size_t n,
    uint64_t generation, struct signature *sig, struct fault *why)
{
	int64_t start = clock_monotonic_us();
	enum err e;

	e = signature_verify(c->public, alg, p, n, sig->bytes, sig->n, why);
	sig->verify_us = (uint32_t)(clock_monotonic_us() - start);
	sig->verified = e == OK;
	c->proven = e == OK ? generation : 0;
	if (e != OK)
		log_error("key %s: token %s gave a signature that does not "
		    "verify: %s", c->row.name, c->row.token,
		    why != NULL ? why->text : "");
	return e;
}

/* The row was changed while the lane signed: a key that was retired meanwhile
 * does not sign any more. */
static enum err
still_active(struct keys *k, const struct cached_key *c, struct fault *why)
{
	struct key_row row;
	enum err e = store_key_get(k->store, c->row.name, &row, why);

	if (e == OK && (row.state != KEY_ACTIVE ||
	    memcmp(row.pin, c->row.pin, SHA256_SIZE) != 0))
		e = fault_set(why, ERR_CONFLICT, "key \"%s\" is %s", row.name,
		    key_state_name(row.state));
	return e;
}

static enum err
ask(struct keys *k, struct cached_key *c, enum lane_op op, enum sig_alg alg,
    const void *p, size_t n, struct signature *sig, struct fault *why)
{
	uint64_t generation = lanes_generation(k->lanes, c->row.token);
	enum err e;

	e = token_sign(k->lanes, op, &c->row, alg, p, n, sig, why);
	if (e == OK && sig->n != signature_size(c->row.type))
		e = fault_set(why, ERR_SIGNATURE,
		    "signature of %zu bytes instead of %zu", sig->n,
		    signature_size(c->row.type));
	if (e == OK && must_verify(c, generation))
		e = verify(c, alg, p, n, generation, sig, why);
	return e;
}

/* A handle may have come to mean another key without a word from the token:
 * what does not verify is asked for once more, with the key found afresh. */
static enum err
sign(struct keys *k, struct cached_key *c, enum sig_alg alg, const void *p,
    size_t n, struct signature *sig, struct fault *why)
{
	enum err e;

	if (c->row.state != KEY_ACTIVE)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" is %s",
		    c->row.name, key_state_name(c->row.state));
	if (!alg_fits(alg, c->row.type))
		return fault_set(why, ERR_UNSUPPORTED,
		    "a key of type %s does not sign with %s",
		    key_type_name(c->row.type), alg_name(alg));
	e = ask(k, c, LANE_SIGN, alg, p, n, sig, why);
	if (e == ERR_SIGNATURE)
		e = ask(k, c, LANE_SIGN_AGAIN, alg, p, n, sig, why);
	if (e == OK && c->dropped)
		e = still_active(k, c, why);
	sig->alg = alg;
	memcpy(sig->key_id, c->row.pin, SHA256_SIZE);
	return e;
}

enum err
keys_sign(struct keys *k, const char *name, enum sig_alg alg, const void *p,
    size_t n, struct signature *sig, struct fault *why)
{
	struct cached_key *c;
	struct fault own;
	enum err e;

	if (why == NULL)
		why = &own;
	memset(sig, 0, sizeof(*sig));
	e = cache_get(k->cache, name, &c, why);
	if (e != OK)
		return e;
	e = sign(k, c, alg, p, n, sig, why);
	cache_put(c);
	if (e == OK)
		sha256(sig->input, p, n);
	else
		wipe(sig, sizeof(*sig));
	return e;
}

void
signature_put(struct json_writer *w, const struct signature *sig)
{
	char hex[2 * SHA256_SIZE + 1];

	hex_encode(hex, sig->key_id, SHA256_SIZE);
	json_put_string(w, "keyId", hex);
	json_put_string(w, "alg", alg_name(sig->alg));
	hex_encode(hex, sig->input, SHA256_SIZE);
	json_put_string(w, "inputSha256", hex);
	json_put_bool(w, "verified", sig->verified);
	json_put_int(w, "queueUs", sig->times.queue);
	json_put_int(w, "tokenUs", sig->times.token);
	json_put_int(w, "verifyUs", sig->verify_us);
}

enum err
keys_public(struct keys *k, const char *name, unsigned char *out, size_t *n,
    enum key_type *type, struct fault *why)
{
	struct cached_key *c;
	enum err e = cache_get(k->cache, name, &c, why);

	if (e != OK)
		return e;
	memcpy(out, c->row.spki, c->row.spkilen);
	*n = c->row.spkilen;
	*type = c->row.type;
	cache_put(c);
	return OK;
}

/* ---------------------------------------------------------------- the end */

enum err
keys_retire(struct keys *k, const char *name, int64_t grace,
    struct fault *why)
{
	struct key_row row;
	enum err e = store_key_get(k->store, name, &row, why);

	if (e != OK)
		return e;
	if (row.state != KEY_ACTIVE)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" is %s", name,
		    key_state_name(row.state));
	row.state = KEY_RETIRED;
	row.retired = clock_now();
	row.destroy_after = row.foreign ? 0 : row.retired + grace;
	e = store_key_put(k->store, &row, why);
	if (e == OK)
		cache_drop(k->cache, name);
	return e;
}

enum err
keys_destroy(struct keys *k, const char *name, struct fault *why)
{
	struct key_row row;
	enum err e = store_key_get(k->store, name, &row, why);

	if (e != OK)
		return e;
	if (row.state != KEY_RETIRED)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" is %s, not "
		    "retired", name, key_state_name(row.state));
	if (row.foreign)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" was born "
		    "elsewhere and is not ours to destroy", name);
	e = token_destroy(k->lanes, &row, why);
	if (e == ERR_NOT_FOUND) /* a crash came between */
		e = OK;
	if (e != OK)
		return e;
	row.state = KEY_DESTROYED;
	e = store_key_put(k->store, &row, why);
	cache_drop(k->cache, name);
	return e;
}

struct sweep {
	int64_t now;
	char (*names)[STORE_NAME];
	size_t n;
};

static bool
visit_sweep(const struct key_row *row, void *arg)
{
	struct sweep *s = arg;

	if (row->state != KEY_RETIRED || row->foreign ||
	    row->destroy_after > s->now)
		return true;
	s->names = xreallocarray(s->names, s->n + 1, sizeof(*s->names));
	snprintf(s->names[s->n++], STORE_NAME, "%s", row->name);
	return true;
}

void
keys_sweep(struct keys *k, int64_t now, keys_tell_fn *tell)
{
	struct sweep s = { .now = now };
	struct fault why;

	if (store_keys(k->store, "", SIZE_MAX, visit_sweep, &s, &why) != OK)
		log_warning("retired keys: %s", why.text);
	for (size_t i = 0; i < s.n; i++)
		if ((tell != NULL && tell(s.names[i], &why) != OK) ||
		    keys_destroy(k, s.names[i], &why) != OK)
			log_warning("retired key %s: %s", s.names[i], why.text);
		else
			log_info("key %s destroyed", s.names[i]);
	free(s.names);
}

char *
keys_uri(struct keys *k, const char *name)
{
	struct lanes_status status;
	struct key_row row;

	if (store_key_get(k->store, name, &row, NULL) != OK)
		return NULL;
	return token_key_uri(&row, lanes_status(k->lanes, row.token, &status) &&
	    status.known ? &status.info : NULL);
}
