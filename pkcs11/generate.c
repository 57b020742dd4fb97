#include "generate.h"

#include <stdio.h>
#include <string.h>

#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "remnant.h"
#include "sign.h"

#define TEMPLATE_MAX 16
#define REDUCTIONS   3 /* 0: everything asked for; 2: only what must be */

enum family { RSA_ONLY = 1, EC_ONLY = 2, ANY = 3 };
enum source { YES, NO, ID, LABEL, BITS, EXPONENT, PARAMS };

/* One attribute of a template; kept up to that reduction. */
struct item {
	CK_ATTRIBUTE_TYPE type;
	enum source source;
	enum family family;
	int kept;
};

static const struct item public_items[] = {
	{ CKA_TOKEN, YES, ANY, 2 },
	{ CKA_ID, ID, ANY, 2 },
	{ CKA_LABEL, LABEL, ANY, 2 },
	{ CKA_MODULUS_BITS, BITS, RSA_ONLY, 2 },
	{ CKA_PUBLIC_EXPONENT, EXPONENT, RSA_ONLY, 2 },
	{ CKA_EC_PARAMS, PARAMS, EC_ONLY, 2 },
	{ CKA_VERIFY, YES, ANY, 1 },
	{ CKA_PRIVATE, NO, ANY, 1 },
	{ CKA_ENCRYPT, NO, RSA_ONLY, 1 },
	{ CKA_WRAP, NO, RSA_ONLY, 1 },
};

static const struct item private_items[] = {
	{ CKA_TOKEN, YES, ANY, 2 },
	{ CKA_PRIVATE, YES, ANY, 2 },
	{ CKA_SENSITIVE, YES, ANY, 2 },
	{ CKA_EXTRACTABLE, NO, ANY, 2 },
	{ CKA_SIGN, YES, ANY, 2 },
	{ CKA_ID, ID, ANY, 2 },
	{ CKA_LABEL, LABEL, ANY, 2 },
	{ CKA_DECRYPT, NO, ANY, 1 },
	{ CKA_UNWRAP, NO, ANY, 1 },
	{ CKA_SIGN_RECOVER, NO, ANY, 1 },
	{ CKA_DERIVE, NO, ANY, 1 },
	{ CKA_MODIFIABLE, NO, ANY, 0 },
};
_Static_assert(nitems(public_items) <= TEMPLATE_MAX &&
    nitems(private_items) <= TEMPLATE_MAX, "templates fit");

#define DER(text) (void *)(uintptr_t)text, sizeof(text) - 1

static const struct recipe {
	enum key_type type;
	enum family family;
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG bits;
	void *params;
	size_t nparams;
} recipes[] = {
	{ KEY_EC_P256, EC_ONLY, CKM_EC_KEY_PAIR_GEN, 256,
	    DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07") },
	{ KEY_EC_P384, EC_ONLY, CKM_EC_KEY_PAIR_GEN, 384,
	    DER("\x06\x05\x2b\x81\x04\x00\x22") },
	{ KEY_RSA_2048, RSA_ONLY, CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, NULL, 0 },
	{ KEY_RSA_3072, RSA_ONLY, CKM_RSA_PKCS_KEY_PAIR_GEN, 3072, NULL, 0 },
	{ KEY_RSA_4096, RSA_ONLY, CKM_RSA_PKCS_KEY_PAIR_GEN, 4096, NULL, 0 },
	{ KEY_RSA_2048, RSA_ONLY, CKM_RSA_X9_31_KEY_PAIR_GEN, 2048, NULL, 0 },
	{ KEY_RSA_3072, RSA_ONLY, CKM_RSA_X9_31_KEY_PAIR_GEN, 3072, NULL, 0 },
	{ KEY_RSA_4096, RSA_ONLY, CKM_RSA_X9_31_KEY_PAIR_GEN, 4096, NULL, 0 },
	{ KEY_ED25519, EC_ONLY, CKM_EC_EDWARDS_KEY_PAIR_GEN, 0,
	    DER("\x06\x03\x2b\x65\x70") },
	{ KEY_ED25519, EC_ONLY, CKM_EC_EDWARDS_KEY_PAIR_GEN, 0,
	    DER("\x13\x0c" "edwards25519") },
};

/* Everything that the templates of one pair point to. */
struct values {
	const struct recipe *recipe;
	CK_BBOOL yes, no;
	unsigned char exponent[3];
	unsigned char id[GENERATED_ID];
	char label[LABEL_MAX_BYTES + 1];
	CK_ULONG bits;
};

/* Some modules tell key sizes in bytes: no key in bits is so short. */
static bool
size_fits(const CK_MECHANISM_INFO *info, const struct recipe *r)
{
	CK_ULONG shortest = r->family == RSA_ONLY ? 1024 : 112;
	CK_ULONG unit = info->ulMaxKeySize < shortest ? 8 : 1;

	if (r->bits == 0 || info->ulMaxKeySize == 0)
		return true;
	return r->bits >= info->ulMinKeySize * unit &&
	    r->bits <= info->ulMaxKeySize * unit;
}

static bool
recipe_offered(const struct token *t, const struct recipe *r)
{
	const struct mechanism *m = token_mechanism(t, r->mechanism,
	    CKF_GENERATE_KEY_PAIR);

	return m != NULL && size_fits(&m->info, r);
}

bool
generate_offered(const struct token *t, enum key_type type)
{
	for (size_t i = 0; i < nitems(recipes); i++)
		if (recipes[i].type == type && recipe_offered(t, &recipes[i]))
			return true;
	return false;
}

static CK_ATTRIBUTE
value_of(const struct item *item, struct values *v)
{
	CK_ATTRIBUTE values[] = {
		[YES] = { item->type, &v->yes, sizeof(v->yes) },
		[NO] = { item->type, &v->no, sizeof(v->no) },
		[ID] = { item->type, v->id, sizeof(v->id) },
		[LABEL] = { item->type, v->label, strlen(v->label) },
		[BITS] = { item->type, &v->bits, sizeof(v->bits) },
		[EXPONENT] = { item->type, v->exponent, sizeof(v->exponent) },
		[PARAMS] = { item->type, v->recipe->params,
		    v->recipe->nparams },
	};

	return values[item->source];
}

static CK_ULONG
fill(CK_ATTRIBUTE *out, const struct item *items, size_t n, int reduction,
    struct values *v)
{
	CK_ULONG count = 0;

	for (size_t i = 0; i < n; i++)
		if ((items[i].family & v->recipe->family) != 0 &&
		    items[i].kept >= reduction)
			out[count++] = value_of(&items[i], v);
	return count;
}

static CK_RV
call_token(struct session *s, struct values *v, int reduction,
    CK_OBJECT_HANDLE pair[static 2])
{
	CK_MECHANISM m = { .mechanism = v->recipe->mechanism };
	CK_ATTRIBUTE public[TEMPLATE_MAX], private[TEMPLATE_MAX];
	CK_ULONG npublic, nprivate;

	v->bits = v->recipe->bits;
	npublic = fill(public, public_items, nitems(public_items), reduction,
	    v);
	nprivate = fill(private, private_items, nitems(private_items),
	    reduction, v);
	return s->module.f->C_GenerateKeyPair(s->handle, &m, public, npublic,
	    private, nprivate, &pair[0], &pair[1]);
}

/* True when the token disliked what we asked for, not that we asked. */
static bool
disliked(CK_RV rv)
{
	return rv == CKR_TEMPLATE_INCONSISTENT ||
	    rv == CKR_TEMPLATE_INCOMPLETE ||
	    rv == CKR_ATTRIBUTE_VALUE_INVALID ||
	    rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	    rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_ARGUMENTS_BAD ||
	    rv == CKR_CURVE_NOT_SUPPORTED || rv == CKR_DOMAIN_PARAMS_INVALID;
}

static enum err
make_pair(struct session *s, enum key_type type, struct values *v,
    CK_OBJECT_HANDLE pair[static 2], struct fault *why)
{
	CK_RV rv = CKR_MECHANISM_INVALID;

	for (size_t i = 0; i < nitems(recipes); i++) {
		v->recipe = &recipes[i];
		if (v->recipe->type != type ||
		    !recipe_offered(&s->token, v->recipe))
			continue;
		for (int level = s->token.quirk->reduction; level < REDUCTIONS;
		     level++) {
			rv = call_token(s, v, level, pair);
			if (rv == CKR_OK)
				return OK;
			if (!disliked(rv))
				goto out;
		}
	}
out:
	return ladder_fault(why, rv, "C_GenerateKeyPair");
}

static enum err
check_name(const struct session *s, struct values *v,
    enum key_purpose purpose, const char *name, struct fault *why)
{
	size_t room = s->token.quirk->label_max;

	if (purpose >= PURPOSE__MAX || name[0] == '\0')
		return fault_set(why, ERR_SYNTAX, "no purpose or no name");
	for (const char *p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return fault_set(why, ERR_SYNTAX,
			    "a key's name must be printable ASCII");
	if ((size_t)snprintf(v->label, sizeof(v->label), "%s:%s:%s",
		KEY_LABEL_TAG, purpose_name(purpose), name) <= room)
		return OK;
	return fault_set(why, ERR_LIMIT,
	    "label %s is longer than this token takes (%zu bytes)", v->label,
	    room);
}

enum err
key_test(struct session *s, struct key *key, struct fault *why)
{
	static const char text[] = "keybroker tests a key that it made\n";
	enum sig_alg alg = alg_default(key->about.type);
	struct sign_result sig;
	enum err e;

	e = sign_message(s, key, alg, text, sizeof(text), &sig, why);
	return e == OK ? sign_verify(key, alg, text, sizeof(text), &sig, why) :
	    e;
}

static enum err
inspect(struct keyring *ring, const struct values *v, enum key_type type,
    CK_OBJECT_HANDLE private, struct key *out, struct fault *why)
{
	enum err e = key_read(ring, private, out, why);
	uint32_t has = out->about.attributes;

	if (e != OK)
		return e;
	if ((has & KEY_EXTRACTABLE) != 0 || (has & KEY_SENSITIVE) == 0)
		return fault_set(why, ERR_TOKEN, "the token made a key that "
		    "is extractable or not sensitive; it was destroyed");
	if (out->about.type != type || out->about.idlen != sizeof(v->id) ||
	    memcmp(out->about.id, v->id, sizeof(v->id)) != 0)
		return fault_set(why, ERR_TOKEN, "the token made another key "
		    "than the one asked for; it was destroyed");
	return key_test(ring->session, out, why);
}

enum err
generate_pair(struct keyring *ring, enum key_purpose purpose,
    enum key_type type, const char *name, bool again, struct key *out,
    struct fault *why)
{
	struct session *s = ring->session;
	struct values v = { .yes = CK_TRUE, .exponent = { 1, 0, 1 } };
	CK_OBJECT_HANDLE pair[2];
	enum err e;

	if (type >= KEY_TYPE__MAX || !generate_offered(&s->token, type))
		return fault_set(why, ERR_UNSUPPORTED,
		    "the token does not generate keys of type %s",
		    key_type_name(type));
	e = check_name(s, &v, purpose, name, why);
	if (e != OK)
		return e;
	if (again && remnant_adopt(ring, v.label, type, out, why) == OK)
		return OK;
	random_bytes(v.id, sizeof(v.id));
	e = make_pair(s, type, &v, pair, why);
	if (e != OK)
		return e;
	e = inspect(ring, &v, type, pair[1], out, why);
	if (e != OK) {
		(void)s->module.f->C_DestroyObject(s->handle, pair[1]);
		(void)s->module.f->C_DestroyObject(s->handle, pair[0]);
	}
	quirk_flush(s->token.quirk, s->folder);
	if (e == OK)
		log_info("generated %s key %s", key_type_name(type), v.label);
	return e;
}
