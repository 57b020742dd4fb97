/* Payloads of ACME requests, as far as a signer must know them. */
#ifndef PKCS11_SHAPE_ACME_H
#define PKCS11_SHAPE_ACME_H

#include <stdbool.h>

#include "../broker/base/buf.h"
#include "../broker/base/err.h"

/*
 * OK for the payload of an act that the broker has signed, for itself or for
 * a client: nothing, or members of RFC 8555 section 7 that go with that form
 * of header.  A JWS within it (keyChange) and the end of an account are no
 * such acts.  own: the request goes to the account's own URL.
 */
enum err shape_acme_payload(struct view payload, bool jwk, bool own,
    struct fault *why);

#endif
