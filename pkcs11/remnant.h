/*
 * What an interrupted generation left in the token.  A module that is killed
 * in C_GenerateKeyPair may leave a whole pair, a public key alone, or a
 * private key that cannot sign.
 */
#ifndef PKCS11_REMNANT_H
#define PKCS11_REMNANT_H

#include "key.h"

/*
 * Gives a whole pair of that label and type, proved by a signature.  Pairs
 * and halves of that label that are not whole are destroyed.  ERR_NOT_FOUND
 * when there is no whole one.
 */
enum err remnant_adopt(struct keyring *ring, const char *label,
    enum key_type type, struct key *out, struct fault *why);

#endif
