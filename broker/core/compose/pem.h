/*
 * A strict reading of PEM chains: CERTIFICATE blocks one after the other,
 * nothing within, between or behind them that another program could read as
 * something else (RFC 8555 section 11.4, RFC 7468 section 3, stricter).
 */
#ifndef CORE_PEM_H
#define CORE_PEM_H

#include <openssl/x509.h>
#include <stddef.h>

#include "../../base/err.h"

/*
 * Reads at most max certificates.  Gives an owned stack of at least one, or
 * NULL and why.
 */
STACK_OF(X509) *pem_read(const char *text, unsigned max, struct fault *why);
void pem_free(STACK_OF(X509) *certificates);

/* Bytes of the first block with its last newline; 0 when there is none. */
size_t pem_first_length(const char *text);

#endif
