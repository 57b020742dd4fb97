/* Taking from the rates; the rest of the interface is in evaluate.h. */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include "evaluate.h"

/*
 * Asks one token of the rule's bucket for that slot (the tenants of a rule
 * for everybody have one bucket each: slot 0 to ntenants).  Gives 0 when
 * there is one, and takes it if spend is set; otherwise the seconds until
 * there will be one.
 */
uint32_t limits_take(struct limits *l, const struct config_rule *rule,
    size_t slot, int64_t now, bool spend);

#endif
