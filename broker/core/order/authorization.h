/* What the CA's authorization object says (RFC 8555 section 7.1.4). */
#ifndef CORE_AUTHORIZATION_H
#define CORE_AUTHORIZATION_H

#include "../../../api/json.h"
#include "../store/store.h"

/*
 * Reads facts into a.  False: it cannot be used, and words say why; then its
 * state is AUTHZ_INVALID when the CA found it so.  AUTHZ_PENDING in state
 * ORDER_VALIDATE: the challenge failed and may be answered again.
 */
bool authorization_read(const struct order_row *o,
    struct authorization_row *a, const struct certificate_row *c,
    const struct json *facts, char words[static STORE_TEXT]);

#endif
