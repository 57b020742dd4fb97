/* JWS signing inputs (RFC 7515 section 5.1), recognised member by member. */
#ifndef PKCS11_SHAPE_JWS_H
#define PKCS11_SHAPE_JWS_H

#include "../broker/base/crypto.h"

/*
 * An ACME request (RFC 8555 section 6.2): the protected header has exactly
 * alg (the one asked for), nonce, url and one of kid and jwk.
 */
enum err shape_jws_acme(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why);

#endif
