/* The payloads of the broker's own ACME requests (RFC 8555 section 7). */
#ifndef CORE_PAYLOAD_H
#define CORE_PAYLOAD_H

#include "../../../policy/config.h"
#include "../../base/buf.h"

/* names: separated by one space. */
void payload_new_order(struct buf *out, const char *names);

/*
 * With only_existing the request carries nothing else: an EAB that the CA
 * has bound already must not be sent again (RFC 8555 section 7.3.1).
 */
enum err payload_new_account(struct buf *out,
    const struct config_account *a, const char *url, bool only_existing,
    struct fault *why);

/* csr: DER. */
void payload_finalize(struct buf *out, const unsigned char *csr, size_t n);

#endif
