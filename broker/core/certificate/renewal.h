/* When a certificate is to be ordered anew. */
#ifndef CORE_RENEWAL_H
#define CORE_RENEWAL_H

#include "../store/store.h"

/*
 * The second (since the epoch) from which an order is due; INT64_MAX: never
 * by itself.  failures: failed orders since the last good one, the last of
 * which ended at last_failure.  Pure.
 */
int64_t renewal_time(const struct certificate_row *c, unsigned failures,
    int64_t last_failure);

#endif
