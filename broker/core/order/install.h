/* A downloaded chain becomes the certificate. */
#ifndef CORE_INSTALL_H
#define CORE_INSTALL_H

#include "../store/store.h"

/* Checks, publishes and records it; the order is then issued. */
enum err install(struct order_row *o, struct fault *why);

#endif
