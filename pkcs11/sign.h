/*
 * Signing in the token.  The ways to make one JWS algorithm out of PKCS#11
 * mechanisms stand in a table, the preferred one (we hash, the token signs
 * the digest) first.
 */
#ifndef PKCS11_SIGN_H
#define PKCS11_SIGN_H

#include "key.h"

#define SIGN_WAYS 9

struct sign_way {
	enum sig_alg alg;
	CK_MECHANISM_TYPE mechanism;
	const char *name; /* of the mechanism */
	enum sign_input { INPUT_DIGEST, INPUT_DIGEST_INFO, INPUT_MESSAGE }
	    input;
};

extern const struct sign_way sign_ways[SIGN_WAYS];

struct sign_result {
	unsigned char bytes[SIGNATURE_MAX]; /* JOSE form */
	size_t n;
	uint32_t microseconds; /* inside the module */
};

/* True when the token offers some way to sign with alg. */
bool sign_offered(const struct token *t, enum sig_alg alg);
bool sign_way_offered(const struct token *t, const struct sign_way *way);

/*
 * Signs n bytes: takes the first way that the token and the key allow, and
 * remembers it in the key.  ERR_UNSUPPORTED when there is none; what the
 * ladder says when the module fails.
 */
enum err sign_message(struct session *s, struct key *key, enum sig_alg alg,
    const void *p, size_t n, struct sign_result *out, struct fault *why);

/* Signs in one particular way. */
enum err sign_with(struct session *s, struct key *key,
    const struct sign_way *way, const void *p, size_t n,
    struct sign_result *out, struct fault *why);

/* Verifies with the key's public half; what does not verify is for the ladder
 * a failure of C_Sign. */
enum err sign_verify(const struct key *key, enum sig_alg alg, const void *p,
    size_t n, const struct sign_result *sig, struct fault *why);

/*
 * Brings a signature as a token gave it into JOSE form: ECDSA also as DER, or
 * as two halves that lost leading zeros.  *odd tells that it had to be
 * converted and so has to be verified.  False when it is no signature.
 */
bool signature_normalise(enum key_type type, unsigned char *sig, size_t *n,
    bool *odd);

#endif
