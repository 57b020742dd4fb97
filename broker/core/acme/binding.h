/*
 * Whose a URL of a CA is, and what it is.  Known ones are remembered in the
 * store, and those in use in memory, so that reading an order over and over
 * asks no disk.  Thread-safe.
 *
 * An owner is a tenant, or "uid N" for a client of none.
 */
#ifndef CORE_BINDING_H
#define CORE_BINDING_H

#include "../store/store.h"
#include "act.h"

struct binding {
	enum place place;
	char identifier[256]; /* of an authorization or its challenge; "" when
			       * it was not looked at yet */
	int64_t request;      /* struct request_row; 0: none */
};

/* False when that owner has none there. */
bool binding_find(const struct requester *by, const char *url,
    struct binding *b);

/* Remembers; replaces what that owner had there. */
enum err binding_put(const struct requester *by, const char *url,
    const struct binding *b, struct fault *why);

/* True when the URL belongs to anybody else. */
bool binding_taken(const struct requester *by, const char *url);

/* True when it belongs to an order of the broker's own, and to which managed
 * certificate's. */
bool binding_managed(const char *account, const char *url,
    char certificate[static STORE_NAME]);

#endif
