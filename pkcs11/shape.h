/*
 * The last word on what a key signs: each purpose has the shapes of preimage
 * that its keys may sign, and everything else is refused here, in the
 * process that holds the login.
 */
#ifndef PKCS11_SHAPE_H
#define PKCS11_SHAPE_H

#include "../broker/base/lane.h"

/*
 * ERR_SHAPE, with the check that failed, when a key of that purpose with that
 * SPKI must not sign n bytes with alg.
 */
enum err shape_check(enum key_purpose purpose, enum sig_alg alg,
    struct view spki, const void *p, size_t n, struct fault *why);

#endif
