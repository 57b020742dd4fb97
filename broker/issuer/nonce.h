/*
 * Nonces, RFC 8555 section 6.5, and where to get one: a small pool for each
 * directory URL, so that two CAs, or two environments of one CA, never mix.
 * Thread-safe; each nonce is given out once.
 */
#ifndef ISSUER_NONCE_H
#define ISSUER_NONCE_H

#include <stdbool.h>
#include <stddef.h>

#define NONCE_SIZE	256 /* bytes of a nonce, with its NUL */
#define NONCE_POOL	16  /* kept for a directory; the oldest gives way */
#define NONCE_AGE_US	(300 * 1000000LL)

/* True when the n bytes are base64url text of a length that we keep. */
bool nonce_ok(const char *text, size_t n);

/* Keeps a nonce that was just received. */
void nonce_put(const char *directory, const char *nonce);

/* Takes the youngest one; false when none is left that is young enough. */
bool nonce_take(const char *directory, char out[static NONCE_SIZE]);

/* The newNonce URL of a directory; NULL forgets it. */
void nonce_set_source(const char *directory, const char *url);

/* Writes that URL; false when it is not known. */
bool nonce_source(const char *directory, char *out, size_t size);

/* Forgets everything. */
void nonce_clear(void);

#endif
