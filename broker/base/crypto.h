/*
 * Key types, signature algorithms, digests and the verification that every
 * signature passes before it leaves.  Public keys travel as DER
 * SubjectPublicKeyInfo (SPKI); a key's identity is the SHA-256 of that.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

#define SHA256_SIZE   32
#define DIGEST_MAX    64
#define SIGNATURE_MAX 1024 /* bytes; RSA-4096 needs 512 */
#define SPKI_MAX      1024 /* bytes; RSA-4096 needs 550 */
#define CKA_ID_MAX    64

/* Starts OpenSSL without any configuration file; to be called before anything
 * that uses it.  In no program that does not: its tables take room. */
void crypto_start(void);

enum key_type {
	KEY_EC_P256,
	KEY_EC_P384,
	KEY_RSA_2048,
	KEY_RSA_3072,
	KEY_RSA_4096,
	KEY_ED25519,
	KEY_TYPE__MAX
};

/* RFC 7518 section 3.1 and RFC 8037.  ECDSA signatures are raw r||s. */
enum sig_alg {
	ALG_ES256,
	ALG_ES384,
	ALG_RS256,
	ALG_PS256,
	ALG_EDDSA,
	ALG__MAX
};

/* "ec-p256", "rsa-2048", "ed25519" ...; KEY_TYPE__MAX when unknown. */
const char *key_type_name(enum key_type);
enum key_type key_type_parse(const char *name);

/* The JOSE name; ALG__MAX when unknown. */
const char *alg_name(enum sig_alg);
enum sig_alg alg_parse(const char *name);

/* What a key of that type signs with unless told otherwise. */
enum sig_alg alg_default(enum key_type);

/* True when a key of that type can sign with alg. */
bool alg_fits(enum sig_alg alg, enum key_type type);

/* Bytes of a signature by such a key (JOSE form). */
size_t signature_size(enum key_type type);

void sha256(unsigned char out[static SHA256_SIZE], const void *p, size_t n);

/* The digest that alg signs: writes it to out and gives its length; 0 for
 * EdDSA, which signs the message itself. */
size_t alg_digest(enum sig_alg alg, unsigned char out[static DIGEST_MAX],
    const void *p, size_t n);

/* Reads an SPKI (no trailing bytes); owned EVP_PKEY, NULL when refused. */
EVP_PKEY *spki_read(const unsigned char *der, size_t n, struct fault *why);

/* The type of a public key; KEY_TYPE__MAX when it is none that we handle. */
enum key_type spki_type(EVP_PKEY *key);

/*
 * Checks a signature in JOSE form over the n bytes at p.  ERR_SIGNATURE when
 * it does not verify.  key may be used by several threads at once.
 */
enum err signature_verify(EVP_PKEY *key, enum sig_alg alg, const void *p,
    size_t n, const unsigned char *sig, size_t siglen, struct fault *why);

/* ECDSA: raw r||s to DER (owned by out's growth) and DER to raw of 2 * half
 * bytes.  False when the input is not such a signature. */
bool ecdsa_raw_to_der(struct buf *out, const unsigned char *raw, size_t n);
bool ecdsa_der_to_raw(unsigned char *raw, size_t half,
    const unsigned char *der, size_t n);

/* Fills p with n random bytes; fatal when the library has none. */
void random_bytes(void *p, size_t n);

#endif
