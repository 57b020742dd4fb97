#include "spki.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#include "../broker/base/mem.h"

#define PARAMS(hex) (const unsigned char *)hex, sizeof(hex) - 1

static const struct {
	const unsigned char *der;
	size_t n;
	enum key_type type;
} curves[] = {
	{ PARAMS("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), KEY_EC_P256 },
	{ PARAMS("\x06\x05\x2b\x81\x04\x00\x22"), KEY_EC_P384 },
	{ PARAMS("\x06\x03\x2b\x65\x70"), KEY_ED25519 },
	{ PARAMS("\x13\x0c" "edwards25519"), KEY_ED25519 },
	{ PARAMS("\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"), KEY_ED25519 },
};

static const struct {
	const char *group;
	size_t coordinate; /* bytes */
} sizes[KEY_TYPE__MAX] = {
	[KEY_EC_P256] = { "prime256v1", 32 },
	[KEY_EC_P384] = { "secp384r1", 48 },
	[KEY_ED25519] = { NULL, 32 },
};

enum key_type
curve_parse(const unsigned char *params, size_t n)
{
	for (size_t i = 0; i < nitems(curves); i++)
		if (curves[i].n == n && memcmp(curves[i].der, params, n) == 0)
			return curves[i].type;
	return KEY_TYPE__MAX;
}

static bool
is_bare(enum key_type type, const unsigned char *p, size_t n)
{
	size_t c = sizes[type].coordinate;

	if (type == KEY_ED25519)
		return n == c;
	if (n == 1 + 2 * c)
		return p[0] == 0x04;
	return n == 1 + c && (p[0] == 0x02 || p[0] == 0x03);
}

/* What tokens wrap a point into: PKCS#11 says an OCTET STRING, and some give
 * what a SubjectPublicKeyInfo has.  The lengths leave no doubt. */
static const struct {
	unsigned char tag;
	size_t head; /* bytes before the point */
} wrappings[] = {
	{ 0x04, 2 }, /* OCTET STRING */
	{ 0x03, 3 }, /* BIT STRING, without unused bits */
};

struct view
point_unwrap(enum key_type type, const unsigned char *p, size_t n)
{
	if (sizes[type].coordinate == 0)
		return (struct view){ NULL, 0 };
	if (is_bare(type, p, n))
		return (struct view){ p, n };
	for (size_t i = 0; i < nitems(wrappings); i++) {
		size_t head = wrappings[i].head;

		if (n > head && p[0] == wrappings[i].tag && p[1] < 0x80 &&
		    p[1] == n - 2 && (head == 2 || p[2] == 0) &&
		    is_bare(type, p + head, n - head))
			return (struct view){ p + head, n - head };
	}
	return (struct view){ NULL, 0 };
}

/* Makes a public key of an OpenSSL algorithm and checks it; frees params. */
static EVP_PKEY *
make_public(const char *algorithm, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY_CTX *check = NULL;
	EVP_PKEY *key = NULL;
	bool good;

	good = params != NULL && ctx != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
	if (good)
		check = EVP_PKEY_CTX_new(key, NULL);
	good = good && check != NULL && EVP_PKEY_public_check(check) == 1;
	if (!good) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
public_ec(const char *group, struct view point)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (b != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME,
		group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_utf8_string(b,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed",
		0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY,
		point.p, point.n) == 1)
		params = OSSL_PARAM_BLD_to_param(b);
	OSSL_PARAM_BLD_free(b);
	return make_public("EC", params);
}

EVP_PKEY *
public_from_point(enum key_type type, const unsigned char *p, size_t n,
    struct fault *why)
{
	struct view point = point_unwrap(type, p, n);
	EVP_PKEY *key = NULL;

	if (point.n == 0) {
		fault_set(why, ERR_KEY, "a point of %zu bytes is not a %s key",
		    n, key_type_name(type));
		return NULL;
	}
	if (type == KEY_ED25519)
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    point.p, point.n);
	else
		key = public_ec(sizes[type].group, point);
	if (key == NULL)
		fault_set(why, ERR_KEY, "the point is not on the curve of %s",
		    key_type_name(type));
	return key;
}

EVP_PKEY *
public_from_rsa(const unsigned char *modulus, size_t nmodulus,
    const unsigned char *exponent, size_t nexponent, struct fault *why)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)nmodulus, NULL);
	BIGNUM *e = BN_bin2bn(exponent, (int)nexponent, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key;

	if (b != NULL && n != NULL && e != NULL && nmodulus != 0 &&
	    nexponent != 0 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(b);
	key = make_public("RSA", params);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	BN_free(e);
	if (key == NULL)
		fault_set(why, ERR_KEY, "modulus and exponent are not an RSA "
		    "key");
	return key;
}

EVP_PKEY *
public_from_certificate(const unsigned char *der, size_t n, struct fault *why)
{
	const unsigned char *p = der;
	X509 *x = d2i_X509(NULL, &p, (long)n);
	EVP_PKEY *key = x != NULL ? X509_get_pubkey(x) : NULL;

	X509_free(x);
	if (key == NULL)
		fault_set(why, ERR_KEY, "the key's certificate does not parse");
	return key;
}

size_t
spki_write(EVP_PKEY *key, unsigned char *out, struct fault *why)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	size_t len = 0;

	if (n > 0 && n <= SPKI_MAX) {
		len = (size_t)n;
		memcpy(out, der, len);
	} else {
		fault_set(why, ERR_KEY, "the public key cannot be encoded");
	}
	OPENSSL_free(der);
	return len;
}
