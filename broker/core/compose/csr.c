/*
 * PKCS#10 requests, assembled by OpenSSL around a signature made in a token
 * (RFC 2986; RFC 8555 section 7.4).
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "../../../policy/config.h"
#include "../../base/mem.h"
#include "compose.h"
#include "san.h"

#define NAMES_MAX 1000	/* names in one request */

static const struct {
	int nid;
	int parameter; /* ASN.1 type of the algorithm's parameters */
} algorithms[] = {
	[ALG_ES256] = { NID_ecdsa_with_SHA256, V_ASN1_UNDEF },
	[ALG_ES384] = { NID_ecdsa_with_SHA384, V_ASN1_UNDEF },
	[ALG_RS256] = { NID_sha256WithRSAEncryption, V_ASN1_NULL },
	[ALG_PS256] = { NID_undef, V_ASN1_UNDEF },
	[ALG_EDDSA] = { NID_ED25519, V_ASN1_UNDEF },
};
_Static_assert(nitems(algorithms) == ALG__MAX, "every algorithm has a row");

static bool
add_name(GENERAL_NAMES *all, const char *p, size_t n)
{
	char *text = xstrndup(p, n);
	GENERAL_NAME *name;

	name = a2i_GENERAL_NAME(NULL, NULL, NULL, ip_valid(text) ? GEN_IPADD :
	    GEN_DNS, text, 0);
	free(text);
	if (name != NULL && sk_GENERAL_NAME_push(all, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static bool
add_extension(X509_EXTENSIONS **all, X509_EXTENSION *x)
{
	bool good = x != NULL && X509v3_add_ext(all, x, -1) != NULL;

	X509_EXTENSION_free(x);
	return good;
}

static bool
add_san(X509_EXTENSIONS **extensions, const char *names)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
	bool good = all != NULL;

	while (good && *names != '\0') {
		size_t n = strcspn(names, " ");

		good = add_name(all, names, n);
		names += n + (names[n] != '\0');
	}
	if (good)
		good = add_extension(extensions,
		    X509V3_EXT_i2d(NID_subject_alt_name, 1, all));
	sk_GENERAL_NAME_pop_free(all, GENERAL_NAME_free);
	return good;
}

const char *
csr_usage(unsigned i)
{
	static const char *const usages[] = { "serverAuth", "clientAuth" };

	return i < nitems(usages) ? usages[i] : NULL;
}

static X509_EXTENSION *
usage_extension(unsigned usages)
{
	X509_EXTENSION *x;
	struct buf text;

	buf_init(&text, 200);
	for (unsigned i = 0; csr_usage(i) != NULL; i++)
		if ((usages & 1u << i) != 0)
			buf_putf(&text, "%s%s", text.len > 0 ? "," : "",
			    csr_usage(i));
	x = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage,
	    buf_str(&text));
	buf_free(&text);
	return x;
}

static bool
add_extras(X509_EXTENSIONS **extensions, const struct csr_extras *extras)
{
	if (extras == NULL)
		return true;
	if (extras->usages != 0 &&
	    !add_extension(extensions, usage_extension(extras->usages)))
		return false;
	return !extras->must_staple || add_extension(extensions,
	    X509V3_EXT_conf_nid(NULL, NULL, NID_tlsfeature,
	    "status_request"));
}

static bool
add_extensions(X509_REQ *req, const char *names,
    const struct csr_extras *extras)
{
	X509_EXTENSIONS *all = NULL;
	bool good = add_san(&all, names) && add_extras(&all, extras) &&
	    X509_REQ_add_extensions(req, all) == 1;

	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

static bool
set_algorithm(X509_REQ *req, enum sig_alg alg)
{
	X509_ALGOR *a = X509_ALGOR_new();
	bool good;

	good = a != NULL && algorithms[alg].nid != NID_undef &&
	    X509_ALGOR_set0(a, OBJ_nid2obj(algorithms[alg].nid),
	    algorithms[alg].parameter, NULL) == 1 &&
	    X509_REQ_set1_signature_algo(req, a) == 1;
	X509_ALGOR_free(a);
	return good;
}

/* Puts the signature in.  Without the flag OpenSSL would cut zero bits off
 * the end of it. */
static bool
set_signature(X509_REQ *req, enum sig_alg alg, const struct signature *sig)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	struct buf der;
	bool good = true;

	buf_init(&der, SIGNATURE_MAX);
	if (alg == ALG_ES256 || alg == ALG_ES384)
		good = ecdsa_raw_to_der(&der, sig->bytes, sig->n);
	else
		buf_put(&der, sig->bytes, sig->n);
	good = good && bits != NULL &&
	    ASN1_BIT_STRING_set(bits, der.data, (int)der.len) == 1;
	buf_free(&der);
	if (!good) {
		ASN1_BIT_STRING_free(bits);
		return false;
	}
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	X509_REQ_set0_signature(req, bits);
	return true;
}

static X509_REQ *
assemble(EVP_PKEY *public, enum sig_alg alg, const char *names,
    const struct csr_extras *extras)
{
	X509_REQ *req = X509_REQ_new();

	if (req != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_pubkey(req, public) == 1 &&
	    add_extensions(req, names, extras) && set_algorithm(req, alg))
		return req;
	X509_REQ_free(req);
	return NULL;
}

static enum err
sign(X509_REQ *req, struct keys *keys, const char *key, enum sig_alg alg,
    struct signature *sig, struct fault *why)
{
	unsigned char *tbs = NULL;
	int n = i2d_re_X509_REQ_tbs(req, &tbs);
	enum err e;

	if (n <= 0)
		return fault_set(why, ERR_CRYPTO, "cannot encode the CSR");
	e = keys_sign(keys, key, alg, tbs, (size_t)n, sig, why);
	if (e == OK && !set_signature(req, alg, sig))
		e = fault_set(why, ERR_CRYPTO, "cannot put the signature in");
	OPENSSL_free(tbs);
	return e;
}

/* Reads our own bytes as the CA will: same key, same names, good signature. */
static enum err
check(const unsigned char *der, size_t n, EVP_PKEY *public,
    const char *names, struct fault *why)
{
	X509_EXTENSIONS *extensions = NULL;
	GENERAL_NAMES *san = NULL;
	const unsigned char *p = der;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)n);
	EVP_PKEY *found = req != NULL ? X509_REQ_get0_pubkey(req) : NULL;
	enum err e = OK;

	if (found == NULL || p != der + n)
		e = fault_set(why, ERR_CRYPTO, "the CSR does not parse");
	else if (EVP_PKEY_eq(found, public) != 1)
		e = fault_set(why, ERR_KEY, "the CSR has another key");
	else if (X509_REQ_verify(req, public) != 1)
		e = fault_set(why, ERR_SIGNATURE, "the CSR does not verify");
	if (e == OK) {
		extensions = X509_REQ_get_extensions(req);
		san = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL,
		    NULL);
		e = san_check(san, names, why);
	}
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	GENERAL_NAMES_free(san);
	X509_REQ_free(req);
	return e;
}

unsigned char *
csr_make(struct keys *keys, const char *key, const char *names,
    const struct csr_extras *extras, size_t *n,
    struct signature *sig, struct fault *why)
{
	unsigned char spki[SPKI_MAX], *der = NULL, *copy = NULL;
	EVP_PKEY *public = NULL;
	X509_REQ *req = NULL;
	enum key_type type;
	enum err e;
	size_t len;
	int derlen;

	e = san_names_valid(names, NAMES_MAX, why);
	if (e == OK)
		e = keys_public(keys, key, spki, &len, &type, why);
	if (e != OK)
		return NULL;
	public = spki_read(spki, len, why);
	if (public == NULL)
		return NULL;
	req = assemble(public, alg_default(type), names, extras);
	if (req == NULL) {
		fault_set(why, ERR_CRYPTO, "cannot assemble a CSR");
		goto out;
	}
	if (sign(req, keys, key, alg_default(type), sig, why) != OK)
		goto out;
	derlen = i2d_X509_REQ(req, &der);
	if (derlen <= 0) {
		fault_set(why, ERR_CRYPTO, "cannot encode the CSR");
		goto out;
	}
	if (check(der, (size_t)derlen, public, names, why) == OK) {
		copy = xmemdup(der, (size_t)derlen);
		*n = (size_t)derlen;
	}
out:
	OPENSSL_free(der);
	X509_REQ_free(req);
	EVP_PKEY_free(public);
	return copy;
}
