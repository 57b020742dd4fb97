#include "try_key.h"

#include <string.h>

#include "../broker/base/clock.h"
#include "../broker/base/crypto.h"
#include "../broker/base/mem.h"
#include "attribute.h"
#include "destroy.h"
#include "generate.h"

#define NOT_OFFERED "not offered by this token"

static const char text[] = AUDIT_SAMPLE;

enum err
try_generate(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	int64_t begin = clock_monotonic_us();
	enum err e;

	e = generate_pair(&t->ring, PURPOSE_AUDIT, t->type, t->name, false,
	    &trial->key, why);
	trial->made = e == OK;
	trial->generate_ms = (clock_monotonic_us() - begin) / 1000;
	return e;
}

static enum err
check_attributes(void *arg, struct fault *why)
{
	static const struct {
		uint32_t bit;
		bool wanted;
		const char *complaint;
	} wants[] = {
		{ KEY_TOKEN, true, "not a token object" },
		{ KEY_PRIVATE, true, "not private" },
		{ KEY_SIGN, true, "may not sign" },
		{ KEY_SENSITIVE, true, "not sensitive" },
		{ KEY_ALWAYS_SENSITIVE, true, "not always sensitive" },
		{ KEY_EXTRACTABLE, false, "extractable" },
		{ KEY_NEVER_EXTRACTABLE, true, "not never extractable" },
		{ KEY_LOCAL, true, "not made locally" },
	};
	struct try *t = arg;
	uint32_t has = t->trials[t->type].key.about.attributes;

	for (size_t i = 0; i < nitems(wants); i++)
		if (((has & wants[i].bit) != 0) != wants[i].wanted)
			return fault_set(why, ERR_TOKEN,
			    "the token says: %s", wants[i].complaint);
	return OK;
}

static enum err
check_secret(void *arg, struct fault *why)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} secrets[] = {
		{ CKA_VALUE, "CKA_VALUE" },
		{ CKA_PRIVATE_EXPONENT, "CKA_PRIVATE_EXPONENT" },
		{ CKA_PRIME_1, "CKA_PRIME_1" },
	};
	struct try *t = arg;

	for (size_t i = 0; i < nitems(secrets); i++)
		if (!attribute_kept(&t->session, t->trials[t->type].key.handle,
			secrets[i].type))
			return fault_set(why, ERR_TOKEN,
			    "the token gave %s away", secrets[i].name);
	return OK;
}

static struct view
id_of(const struct key *key)
{
	return (struct view){ key->about.id, key->about.idlen };
}

static struct view
pin_of(const struct key *key)
{
	return (struct view){ key->hash, sizeof(key->hash) };
}

static enum err
verify(const struct key *key, enum sig_alg alg, const struct sign_result *sig,
    struct fault *why)
{
	EVP_PKEY *public = spki_read(key->about.spki, key->about.spkilen, why);
	enum err e;

	if (public == NULL)
		return ERR_KEY;
	e = signature_verify(public, alg, text, sizeof(text) - 1, sig->bytes,
	    sig->n, why);
	EVP_PKEY_free(public);
	return e;
}

static enum err
sign_one_way(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	struct sign_result sig;
	struct key *key = NULL;
	enum err e;

	e = key_get(&t->ring, id_of(&trial->key), pin_of(&trial->key), &key,
	    why);
	if (e == OK)
		e = sign_with(&t->session, key, t->way, text, sizeof(text) - 1,
		    &sig, why);
	if (e == OK)
		e = verify(key, t->way->alg, &sig, why);
	trial->works[t->way - sign_ways] = e == OK;
	return e;
}

static enum err
check_wrong_pin(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	unsigned char wrong[SHA256_SIZE];
	struct key *key;
	enum err e;

	memcpy(wrong, trial->key.hash, sizeof(wrong));
	wrong[SHA256_SIZE - 1] ^= 1;
	e = key_get(&t->ring, id_of(&trial->key),
	    (struct view){ wrong, sizeof(wrong) }, &key, why);
	if (e == ERR_KEY && why->ckr == CKR_OK)
		return OK;
	return e != OK ? e :
	    fault_set(why, ERR_INTERNAL, "it was taken for another public key");
}

/* After C_Finalize and C_Initialize handles mean nothing: found anew? */
static enum err
reconnect(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	enum sig_alg alg = alg_default(t->type);
	struct sign_result sig;
	struct key *key = NULL;
	enum err e;

	e = session_restart(&t->session, why);
	if (e == OK)
		e = key_get(&t->ring, id_of(&trial->key), pin_of(&trial->key),
		    &key, why);
	if (e == OK)
		e = sign_message(&t->session, key, alg, text, sizeof(text) - 1,
		    &sig, why);
	return e == OK ? verify(key, alg, &sig, why) : e;
}

enum err
try_destroy(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	struct key found;
	enum err e;

	e = key_destroy(&t->ring, id_of(&trial->key), pin_of(&trial->key),
	    why);
	if (e != OK)
		return e;
	trial->made = false;
	e = key_find(&t->ring, id_of(&trial->key), &found, why);
	if (e == ERR_KEY && why->ckr == CKR_OK)
		return OK;
	return e != OK ? e : fault_set(why, ERR_TOKEN,
	    "the token still shows the key");
}

enum err
try_step(struct try *t, session_fn *fn)
{
	struct fault why = { .code = OK };
	enum err e = session_run(&t->session, fn, t, false, &why);

	return report_result(&t->report, e, &why);
}

static void
try_ways(struct try *t, const char *type)
{
	for (size_t i = 0; try_going_on(t) && i < SIGN_WAYS; i++) {
		t->way = &sign_ways[i];
		if (!alg_fits(t->way->alg, t->type))
			continue;
		report_begin(&t->report, "%s: signs %s by %s", type,
		    alg_name(t->way->alg), t->way->name);
		if (sign_way_offered(&t->session.token, t->way))
			try_step(t, sign_one_way);
		else
			report_none(&t->report, NOT_OFFERED);
	}
}

void
try_type(struct try *t)
{
	static const struct {
		const char *step;
		session_fn *fn;
	} checks[] = {
		{ "attributes", check_attributes },
		{ "gives no secret away", check_secret },
		{ "not taken for another public key", check_wrong_pin },
		{ "found after C_Finalize, C_Initialize", reconnect },
		{ "destroyed and gone", try_destroy },
	};
	const char *type = key_type_name(t->type);

	report_begin(&t->report, "%s: generates", type);
	if (!generate_offered(&t->session.token, t->type)) {
		report_none(&t->report, NOT_OFFERED);
		return;
	}
	if (try_step(t, try_generate) != OK)
		return;
	try_ways(t, type);
	for (size_t i = 0; try_going_on(t) && i < nitems(checks); i++) {
		report_begin(&t->report, "%s: %s", type, checks[i].step);
		try_step(t, checks[i].fn);
	}
}
