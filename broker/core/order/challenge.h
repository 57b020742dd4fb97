/*
 * Putting challenge answers where a CA looks, and taking them away
 * (RFC 8555 section 8): nothing for the own listener, which asks the core for
 * each token; a file for a webroot; a program for DNS.
 */
#ifndef CORE_CHALLENGE_H
#define CORE_CHALLENGE_H

#include "../store/store.h"

/* The type of challenge that answers for this certificate: "dns-01". */
const char *challenge_type(const struct certificate_row *c);

enum err challenge_provision(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key,
    struct fault *why);

/* What cannot be taken away is logged. */
void challenge_clean(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key);

#endif
