/* The end of a key pair that the broker made. */
#ifndef PKCS11_DESTROY_H
#define PKCS11_DESTROY_H

#include "key.h"

/*
 * Destroys the private and the public object with that CKA_ID, after comparing
 * the SPKI with its pin, and flushes.  The private key goes first; when it is
 * gone already, an interrupted destruction is finished.  Objects without our
 * label stay; a key born elsewhere is ERR_DENIED; nothing there is
 * ERR_NOT_FOUND.
 */
enum err key_destroy(struct keyring *ring, struct view id, struct view pin,
    struct fault *why);

#endif
