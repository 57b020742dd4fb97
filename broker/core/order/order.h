/*
 * Orders of certificates (RFC 8555 section 7.4): what others may ask of them.
 * The rest of their life is the job's.
 */
#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include "../store/store.h"

/* Goes on with the orders that the store knows to be open. */
void orders_load(void);

/* Begins an order; ERR_CONFLICT when one is open, whose id is given all the
 * same. */
enum err order_start(const char *certificate, int64_t *id,
    struct fault *why);

/* Gives an order up whose job nobody has taken, or that has none. */
enum err order_cancel_now(int64_t order, struct fault *why);

/* Tells the owner what happened: a line of the order's events; printf-like. */
void order_note(int64_t order, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
