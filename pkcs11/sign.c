#include "sign.h"

#include <string.h>

#include "../broker/base/clock.h"
#include "../broker/base/mem.h"

#define INPUT_MAX (DIGEST_MAX + 32) /* a digest and its DigestInfo header */

#define WAY(alg, mechanism, input) { alg, mechanism, #mechanism, input }

const struct sign_way sign_ways[SIGN_WAYS] = {
	WAY(ALG_ES256, CKM_ECDSA, INPUT_DIGEST),
	WAY(ALG_ES256, CKM_ECDSA_SHA256, INPUT_MESSAGE),
	WAY(ALG_ES384, CKM_ECDSA, INPUT_DIGEST),
	WAY(ALG_ES384, CKM_ECDSA_SHA384, INPUT_MESSAGE),
	WAY(ALG_RS256, CKM_RSA_PKCS, INPUT_DIGEST_INFO),
	WAY(ALG_RS256, CKM_SHA256_RSA_PKCS, INPUT_MESSAGE),
	WAY(ALG_PS256, CKM_RSA_PKCS_PSS, INPUT_DIGEST),
	WAY(ALG_PS256, CKM_SHA256_RSA_PKCS_PSS, INPUT_MESSAGE),
	WAY(ALG_EDDSA, CKM_EDDSA, INPUT_MESSAGE),
};

/* DigestInfo of SHA-256, RFC 8017 section 9.2, without the digest. */
static const unsigned char digest_info[] = {
	0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
};

bool
sign_way_offered(const struct token *t, const struct sign_way *way)
{
	return token_mechanism(t, way->mechanism, CKF_SIGN) != NULL;
}

bool
sign_offered(const struct token *t, enum sig_alg alg)
{
	for (size_t i = 0; i < SIGN_WAYS; i++)
		if (sign_ways[i].alg == alg &&
		    sign_way_offered(t, &sign_ways[i]))
			return true;
	return false;
}

/* What goes into C_Sign; scratch holds it when it is not the message. */
static struct view
input_of(const struct sign_way *way, const void *p, size_t n,
    unsigned char scratch[static INPUT_MAX])
{
	size_t header = way->input == INPUT_DIGEST_INFO ?
	    sizeof(digest_info) : 0;

	if (way->input == INPUT_MESSAGE)
		return (struct view){ p, n };
	memcpy(scratch, digest_info, header);
	n = alg_digest(way->alg, scratch + header, p, n);
	return (struct view){ scratch, header + n };
}

/* The time that is told to the core is that of the two or three calls. */
static CK_RV
call_token(struct session *s, const struct key *key,
    const struct sign_way *way, struct view input, struct sign_result *out,
    const char **call, struct fault *why)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256,
		SHA256_SIZE };
	CK_MECHANISM m = { .mechanism = way->mechanism };
	CK_FUNCTION_LIST *f = s->module.f;
	CK_ULONG n = sizeof(out->bytes);
	CK_RV rv;

	if (way->alg == ALG_PS256) {
		m.pParameter = &pss;
		m.ulParameterLen = sizeof(pss);
	}
	*call = "C_SignInit";
	rv = f->C_SignInit(s->handle, &m,
	    key->copy != CK_INVALID_HANDLE ? key->copy : key->handle);
	if (rv != CKR_OK)
		return rv;
	*call = NULL;
	if ((key->about.attributes & KEY_ALWAYS_AUTHENTICATE) != 0 &&
	    session_login_for_key(s, why) != OK)
		return CKR_GENERAL_ERROR;
	*call = "C_Sign";
	rv = f->C_Sign(s->handle, (void *)(uintptr_t)input.p, input.n,
	    out->bytes, &n);
	if (rv == CKR_OK && n > sizeof(out->bytes))
		rv = CKR_GENERAL_ERROR;
	out->n = n;
	return rv;
}

enum err
sign_verify(const struct key *key, enum sig_alg alg, const void *p, size_t n,
    const struct sign_result *sig, struct fault *why)
{
	EVP_PKEY *public = spki_read(key->about.spki, key->about.spkilen, why);
	enum err e;

	if (public == NULL)
		return ERR_KEY;
	e = signature_verify(public, alg, p, n, sig->bytes, sig->n, why);
	EVP_PKEY_free(public);
	if (e == ERR_SIGNATURE)
		why->ckr = CKR_SIGNATURE_INVALID;
	return e;
}

bool
signature_normalise(enum key_type type, unsigned char *sig, size_t *n,
    bool *odd)
{
	size_t size = signature_size(type), half = size / 2;
	unsigned char raw[SIGNATURE_MAX] = { 0 };
	bool ec = type == KEY_EC_P256 || type == KEY_EC_P384;

	*odd = *n != size;
	if (!*odd)
		return true;
	if (!ec || *n == 0)
		return false;
	if (sig[0] != 0x30 || !ecdsa_der_to_raw(raw, half, sig, *n)) {
		size_t part = *n / 2;

		if (*n % 2 != 0 || *n > size)
			return false;
		memset(raw, 0, size);
		memcpy(raw + half - part, sig, part);
		memcpy(raw + size - part, sig + part, part);
	}
	memcpy(sig, raw, size);
	*n = size;
	return true;
}

enum err
sign_with(struct session *s, struct key *key, const struct sign_way *way,
    const void *p, size_t n, struct sign_result *out, struct fault *why)
{
	unsigned char scratch[INPUT_MAX];
	struct view input = input_of(way, p, n, scratch);
	int64_t begin = clock_monotonic_us();
	const char *call;
	bool odd;
	CK_RV rv;

	rv = call_token(s, key, way, input, out, &call, why);
	if (rv != CKR_OK && call == NULL)
		return why->code;
	if (rv != CKR_OK)
		return ladder_fault(why, rv, call);
	out->microseconds = (uint32_t)(clock_monotonic_us() - begin);
	if (!signature_normalise(key->about.type, out->bytes, &out->n, &odd)) {
		fault_set(why, ERR_SIGNATURE,
		    "the token gave a signature of %zu bytes", out->n);
		why->ckr = CKR_SIGNATURE_LEN_RANGE;
		return ERR_SIGNATURE;
	}
	return odd ? sign_verify(key, way->alg, p, n, out, why) : OK;
}

/* True when another mechanism may do what this one may not. */
static bool
try_next(CK_RV rv)
{
	return rv == CKR_MECHANISM_INVALID ||
	    rv == CKR_MECHANISM_PARAM_INVALID ||
	    rv == CKR_KEY_TYPE_INCONSISTENT ||
	    rv == CKR_KEY_FUNCTION_NOT_PERMITTED ||
	    rv == CKR_FUNCTION_NOT_SUPPORTED;
}

enum err
sign_message(struct session *s, struct key *key, enum sig_alg alg,
    const void *p, size_t n, struct sign_result *out, struct fault *why)
{
	enum err e;

	if (alg >= ALG__MAX || !alg_fits(alg, key->about.type))
		return fault_set(why, ERR_UNSUPPORTED,
		    "a key of type %s does not sign %s",
		    key_type_name(key->about.type), alg_name(alg));
	e = fault_set(why, ERR_UNSUPPORTED,
	    "the token offers no mechanism for %s", alg_name(alg));
	for (unsigned i = key->way[alg]; i < SIGN_WAYS; i++) {
		const struct sign_way *way = &sign_ways[i];

		if (way->alg != alg || !sign_way_offered(&s->token, way))
			continue;
		e = sign_with(s, key, way, p, n, out, why);
		if (e == OK)
			key->way[alg] = i;
		if (e == OK || !try_next(why->ckr))
			break;
	}
	return e;
}
