/* Public keys of accounts, RFC 7517. */
#ifndef FAKECA_JWK_H
#define FAKECA_JWK_H

#include <openssl/evp.h>

#include "../../api/json.h"

/* The key of a JWK, owned; NULL when it is none that we know. */
EVP_PKEY *jwk_key(const struct json *jwk);

/* Its canonical form, RFC 7638 section 3, as an owned string. */
char *jwk_canonical(const struct json *jwk);

#endif
