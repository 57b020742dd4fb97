/*
 * A look at a URL of a CA: the issuer fetches it by POST-as-GET with the
 * account (RFC 8555 section 6.3), for the CA's answers go to the clients and
 * not through us.  One look at a URL at a time, however many ask; what was
 * seen is remembered for a short while.  Thread-safe.
 */
#ifndef CORE_LOOK_H
#define CORE_LOOK_H

#include "../store/store.h"
#include "sight.h"

struct look;

/*
 * Waits until end (clock_monotonic_us()) for what is there.  ERR_CA when the
 * CA shows nothing; ERR_NETWORK, ERR_TIMEOUT, ERR_BUSY.  With OK it is to be
 * released.
 */
enum err look_at(const struct requester *by, const char *url, int64_t end,
    struct look **look, struct fault *why);
const struct sight *look_sight(const struct look *look);
void look_release(struct look *look);

#endif
