/* New key pairs: sensitive, not extractable, with a random CKA_ID. */
#ifndef PKCS11_GENERATE_H
#define PKCS11_GENERATE_H

#include "key.h"

#define GENERATED_ID 16 /* random bytes of a CKA_ID */

/* True when the token can generate such a key. */
bool generate_offered(const struct token *t, enum key_type type);

/*
 * Generates a key pair labelled "kb1:purpose:name", reads back what became of
 * it, lets it sign and verifies that, and flushes it to disk.  A pair that is
 * extractable or not sensitive, or otherwise not what was asked for, is
 * destroyed again (ERR_TOKEN).  With again, an attempt before may have come
 * half or all the way: see remnant.h.
 */
enum err generate_pair(struct keyring *ring, enum key_purpose purpose,
    enum key_type type, const char *name, bool again, struct key *out,
    struct fault *why);

/* Lets a key sign a text of ours that has no shape of any purpose, and
 * verifies that. */
enum err key_test(struct session *s, struct key *key, struct fault *why);

#endif
