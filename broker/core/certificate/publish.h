/*
 * STATE/certificates/NAME -> ../versions/NAME/SERIAL: fullchain.pem, cert.pem,
 * chain.pem, key.uri (the key's pkcs11: URI) and metadata.json.  A version is
 * complete and flushed before the link is moved, so that whoever opens
 * the link sees the old one or the new one.
 */
#ifndef CORE_PUBLISH_H
#define CORE_PUBLISH_H

#include "../../base/err.h"
#include "../compose/chain.h"

/* Publishes; key_uri may be NULL; repeating it after a crash is harmless.
 * The two versions before are kept, older ones removed. */
enum err publish(const char *state, const char *name, const char *pem,
    const struct chain_facts *facts, const char *key_uri, const char *names,
    struct fault *why);

/* Removes what was published under name. */
enum err unpublish(const char *state, const char *name, struct fault *why);

#endif
