/* The challenge answers of an order. */
#ifndef CORE_PROVISION_H
#define CORE_PROVISION_H

#include "../store/store.h"

/* Takes away those that were put somewhere. */
void order_clean(const struct order_row *o);

#endif
