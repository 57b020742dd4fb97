/* Taking from the rates; the rest of the interface is in evaluate.h. */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include "evaluate.h"

/*
 * Asks one token of each of the rule's buckets for that slot (the tenants of
 * a rule for everybody have theirs each: slot 0 to ntenants).  Gives 0 when
 * all have one, and takes them if spend is set; otherwise the seconds until
 * they will.
 */
uint32_t limits_take(struct limits *l, const struct config_rule *rule,
    size_t slot, int64_t now, bool spend);

#endif
