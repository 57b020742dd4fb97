/*
 * What the broker says: JWK, JWS and CSR, composed from its own records and
 * signed by a key in a token.  Thread-safe; no state.
 */
#ifndef CORE_COMPOSE_H
#define CORE_COMPOSE_H

#include "../../base/crypto.h"
#include "../key/keys.h"

/* Appends the JWK of a public key: RFC 7638 members only, in lexicographic
 * order, no white space (RFC 7517, RFC 7518 section 6, RFC 8037). */
enum err jwk_write(struct buf *out, const unsigned char *spki, size_t n,
    struct fault *why);

/* The RFC 7638 thumbprint, base64url, owned. */
char *jwk_thumbprint(const unsigned char *spki, size_t n, struct fault *why);

/* token "." thumbprint (RFC 8555 section 8.1), owned. */
char *key_authorization(const char *token, const unsigned char *spki,
    size_t n, struct fault *why);

/* The dns-01 value: base64url of the SHA-256 of the key authorization. */
char *dns01_value(const char *key_authorization);

/*
 * The protected header of a JWS (RFC 8555 section 6.2).  With kid NULL the
 * JWK goes into it; alg is ALG__MAX for what the key signs with by default.
 */
struct jws_header {
	const char *key; /* name */
	enum sig_alg alg;
	const char *kid;
	const char *nonce;
	const char *url;
};

/*
 * Appends a flattened JWS.  payload may be NULL for POST-as-GET.  Protected
 * header members in the order alg, jwk or kid, nonce, url.  sig may be NULL;
 * otherwise it tells about the signature made.
 */
enum err jws_write(struct buf *out, struct keys *keys,
    const struct jws_header *h, const char *payload, size_t n,
    struct signature *sig, struct fault *why);

/* Signs a JWS whose protected header and payload are there already, byte for
 * byte; of the header only alg is given. */
enum err jws_sign(struct keys *keys, const char *key, enum sig_alg alg,
    struct view header, struct view payload, struct signature *sig,
    struct fault *why);

/* Appends the externalAccountBinding object (RFC 8555 section 7.3.4), HMAC
 * with the base64url key in key_file. */
enum err eab_write(struct buf *out, const char *kid, const char *alg,
    const char *key_file, const char *url, const unsigned char *spki,
    size_t n, struct fault *why);

/* What a request may ask for besides names. */
struct csr_extras {
	bool must_staple; /* RFC 7633 */
	unsigned usages;  /* RFC 5280 section 4.2.1.12; set of 1 << i */
};

/* "serverAuth" ... by i from 0; NULL behind the last one. */
const char *csr_usage(unsigned i);

/*
 * A PKCS#10 request for names (and addresses, separated by one space): empty
 * subject, critical subjectAltName with all of them, extras (NULL: none),
 * signed by the key in its token and verified.  Owned DER; sig tells about
 * the signature made.
 */
unsigned char *csr_make(struct keys *keys, const char *key,
    const char *names, const struct csr_extras *extras, size_t *n,
    struct signature *sig, struct fault *why);

#endif
