#include "crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "log.h"
#include "mem.h"

static const struct {
	const char *name;
	enum sig_alg alg;
	size_t signature;
	const char *group; /* of an EC key */
	int bits;	   /* of an RSA key */
} types[] = {
	[KEY_EC_P256] = { "ec-p256", ALG_ES256, 64, "prime256v1", 0 },
	[KEY_EC_P384] = { "ec-p384", ALG_ES384, 96, "secp384r1", 0 },
	[KEY_RSA_2048] = { "rsa-2048", ALG_RS256, 256, NULL, 2048 },
	[KEY_RSA_3072] = { "rsa-3072", ALG_RS256, 384, NULL, 3072 },
	[KEY_RSA_4096] = { "rsa-4096", ALG_RS256, 512, NULL, 4096 },
	[KEY_ED25519] = { "ed25519", ALG_EDDSA, 64, NULL, 0 },
};
_Static_assert(nitems(types) == KEY_TYPE__MAX, "every key type has a row");

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} algs[] = {
	[ALG_ES256] = { "ES256", EVP_sha256 },
	[ALG_ES384] = { "ES384", EVP_sha384 },
	[ALG_RS256] = { "RS256", EVP_sha256 },
	[ALG_PS256] = { "PS256", EVP_sha256 },
	[ALG_EDDSA] = { "EdDSA", NULL },
};
_Static_assert(nitems(algs) == ALG__MAX, "every algorithm has a row");

void
crypto_start(void)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		fatal("cannot initialise OpenSSL");
}

const char *
key_type_name(enum key_type type)
{
	return (unsigned)type < KEY_TYPE__MAX ? types[type].name : "unknown";
}

enum key_type
key_type_parse(const char *name)
{
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++)
		if (strcmp(types[i].name, name) == 0)
			return (enum key_type)i;
	return KEY_TYPE__MAX;
}

const char *
alg_name(enum sig_alg alg)
{
	return (unsigned)alg < ALG__MAX ? algs[alg].name : "unknown";
}

enum sig_alg
alg_parse(const char *name)
{
	for (unsigned i = 0; i < ALG__MAX; i++)
		if (strcmp(algs[i].name, name) == 0)
			return (enum sig_alg)i;
	return ALG__MAX;
}

enum sig_alg
alg_default(enum key_type type)
{
	return types[type].alg;
}

bool
alg_fits(enum sig_alg alg, enum key_type type)
{
	return types[type].alg == alg ||
	    (alg == ALG_PS256 && types[type].bits != 0);
}

size_t
signature_size(enum key_type type)
{
	return types[type].signature;
}

void
sha256(unsigned char out[static SHA256_SIZE], const void *p, size_t n)
{
	SHA256(p, n, out);
}

size_t
alg_digest(enum sig_alg alg, unsigned char out[static DIGEST_MAX],
    const void *p, size_t n)
{
	if (alg == ALG_EDDSA)
		return 0;
	if (alg == ALG_ES384) {
		SHA384(p, n, out);
		return 48;
	}
	SHA256(p, n, out);
	return 32;
}

EVP_PKEY *
spki_read(const unsigned char *der, size_t n, struct fault *why)
{
	const unsigned char *p = der;
	EVP_PKEY *key;

	if (n > SPKI_MAX) {
		fault_set(why, ERR_LIMIT, "public key of %zu bytes", n);
		return NULL;
	}
	key = d2i_PUBKEY(NULL, &p, (long)n);
	if (key != NULL && p == der + n && spki_type(key) != KEY_TYPE__MAX)
		return key;
	EVP_PKEY_free(key);
	fault_set(why, ERR_KEY, "not a public key of a supported type");
	return NULL;
}

enum key_type
spki_type(EVP_PKEY *key)
{
	char group[32] = "";
	size_t len;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return KEY_ED25519;
	if (EVP_PKEY_is_a(key, "EC"))
		EVP_PKEY_get_group_name(key, group, sizeof(group), &len);
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++) {
		if (types[i].group != NULL && strcmp(types[i].group, group) == 0)
			return (enum key_type)i;
		if (types[i].bits != 0 && EVP_PKEY_is_a(key, "RSA") &&
		    EVP_PKEY_get_bits(key) == types[i].bits)
			return (enum key_type)i;
	}
	return KEY_TYPE__MAX;
}

bool
ecdsa_raw_to_der(struct buf *out, const unsigned char *raw, size_t n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)(n / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw + n / 2, (int)(n / 2), NULL);
	unsigned char *der = NULL;
	int len = -1;

	if (sig != NULL && n % 2 == 0 && ECDSA_SIG_set0(sig, r, s) == 1)
		len = i2d_ECDSA_SIG(sig, &der);
	else {
		BN_free(r);
		BN_free(s);
	}
	if (len > 0)
		buf_put(out, der, (size_t)len);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return len > 0 && !out->failed;
}

bool
ecdsa_der_to_raw(unsigned char *raw, size_t half, const unsigned char *der,
    size_t n)
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	bool good;

	good = sig != NULL && p == der + n &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) >= 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) >= 0;
	ECDSA_SIG_free(sig);
	return good;
}

static bool
set_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SHA256_SIZE) == 1;
}

/* Verifies a digest; cheaper than EVP_DigestVerify for what we already
 * hashed, and the same for every type but Ed25519. */
static bool
verify_digest(EVP_PKEY *key, enum sig_alg alg, const unsigned char *digest,
    size_t n, const unsigned char *sig, size_t siglen)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	struct buf der;
	bool good;

	buf_init(&der, SIGNATURE_MAX);
	good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;
	if (alg == ALG_ES256 || alg == ALG_ES384) {
		good = good && ecdsa_raw_to_der(&der, sig, siglen);
		sig = der.data;
		siglen = der.len;
	} else if (good) {
		good = (alg != ALG_PS256 || set_pss(ctx)) &&
		    EVP_PKEY_CTX_set_signature_md(ctx, algs[alg].md()) == 1;
	}
	good = good && EVP_PKEY_verify(ctx, sig, siglen, digest, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	buf_free(&der);
	return good;
}

static bool
verify_message(EVP_PKEY *key, const void *p, size_t n,
    const unsigned char *sig, size_t siglen)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, sig, siglen, p, n) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

enum err
signature_verify(EVP_PKEY *key, enum sig_alg alg, const void *p, size_t n,
    const unsigned char *sig, size_t siglen, struct fault *why)
{
	unsigned char digest[DIGEST_MAX];
	enum key_type type = spki_type(key);
	bool good;

	if (type == KEY_TYPE__MAX || !alg_fits(alg, type))
		return fault_set(why, ERR_SIGNATURE,
		    "%s does not fit the key", alg_name(alg));
	if (siglen != signature_size(type))
		return fault_set(why, ERR_SIGNATURE,
		    "signature of %zu bytes instead of %zu", siglen,
		    signature_size(type));
	if (alg == ALG_EDDSA)
		good = verify_message(key, p, n, sig, siglen);
	else
		good = verify_digest(key, alg, digest,
		    alg_digest(alg, digest, p, n), sig, siglen);
	return good ? OK : fault_set(why, ERR_SIGNATURE,
	    "signature does not verify with the key's public half");
}

void
random_bytes(void *p, size_t n)
{
	if (RAND_bytes(p, (int)n) != 1)
		fatal("no random bytes");
}
