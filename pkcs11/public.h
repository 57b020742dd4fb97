/* Where the public half of a private key is to be found in a token. */
#ifndef PKCS11_PUBLIC_H
#define PKCS11_PUBLIC_H

#include "key.h"

/*
 * Fills SPKI, type and hash of a key whose handle is known: from the public
 * key object with the same CKA_ID, else a certificate with it, else
 * CKA_PUBLIC_KEY_INFO, else (RSA) from the private key itself.
 */
enum err public_find(struct session *s, struct key *key, struct view id,
    struct fault *why);

#endif
