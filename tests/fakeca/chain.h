/* Chains of certificates, as they should be or as a script wants them. */
#ifndef FAKECA_CHAIN_H
#define FAKECA_CHAIN_H

#include "ca.h"

/* Appends the chain of an order in PEM, in the form that a variant names; NULL
 * for the right one.  False when there is no such variant. */
bool chain_put(const struct order *o, const char *variant, struct buf *out);

#endif
