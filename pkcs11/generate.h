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
 * destroyed again (ERR_TOKEN).
 */
enum err generate_pair(struct keyring *ring, enum key_purpose purpose,
    enum key_type type, const char *name, struct key *out, struct fault *why);

#endif
