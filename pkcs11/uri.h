/*
 * pkcs11: URIs (RFC 7512), read more strictly than p11-kit reads them: what
 * it would ignore, or match against nothing, is refused here by name.
 */
#ifndef PKCS11_URI_H
#define PKCS11_URI_H

#include <p11-kit/uri.h>

#include "../broker/base/err.h"

enum uri_kind {
	URI_TOKEN = 1, /* names a token: by label or serial */
	URI_KEY = 2,   /* names a private key: by label (object) or id */
};

/* Owned (p11_kit_uri_free()), or NULL and ERR_CONFIG in why. */
P11KitUri *uri_read(const char *text, enum uri_kind kind, struct fault *why);

/* The URI of the token with that label, owned (free()). */
char *uri_of_label(const char *label);

#endif
