/*
 * Public keys as tokens give them, made into OpenSSL keys.  Pure functions:
 * no token is asked here.
 */
#ifndef PKCS11_SPKI_H
#define PKCS11_SPKI_H

#include "../broker/base/crypto.h"

/* A named curve by the DER of CKA_EC_PARAMS; KEY_TYPE__MAX when it is none of
 * ours (explicit parameters, for one). */
enum key_type curve_parse(const unsigned char *params, size_t n);

/*
 * Finds the point in a CKA_EC_POINT, which some tokens wrap into a DER OCTET
 * STRING and others do not; told apart by exact length.  The view is empty
 * when it is neither.
 */
struct view point_unwrap(enum key_type type, const unsigned char *p, size_t n);

/* Owned keys, or NULL and ERR_KEY in why; points off the curve are refused. */
EVP_PKEY *public_from_point(enum key_type type, const unsigned char *point,
    size_t n, struct fault *why);
EVP_PKEY *public_from_rsa(const unsigned char *modulus, size_t nmodulus,
    const unsigned char *exponent, size_t nexponent, struct fault *why);
EVP_PKEY *public_from_certificate(const unsigned char *der, size_t n,
    struct fault *why);

/* Writes the key's SPKI to out (SPKI_MAX bytes); its length, 0 when refused. */
size_t spki_write(EVP_PKEY *key, unsigned char *out, struct fault *why);

#endif
