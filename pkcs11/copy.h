/*
 * Session copies of token keys.  SoftHSM looks at its files whenever a token
 * key is used; a copy that lives in the session skips that.  It has the
 * attributes of the key that it was made of, and lives only while the key is
 * used again and again.
 */
#ifndef PKCS11_COPY_H
#define PKCS11_COPY_H

#include "key.h"

/*
 * A key is about to be used: makes key->copy when the last use was not long
 * ago and the token is one that gains by it and allows it.  False: there is a
 * copy, and the key behind it is not in the token any more; this is looked at
 * once a second.
 */
bool copy_use(struct session *s, struct key *key);

/* Destroys the copy, if there is one. */
void copy_drop(struct session *s, struct key *key);

#endif
