/*
 * What a CA allows each account ("budget" of a ca in the configuration), so
 * that we refuse by ourselves what it would: new orders, certificates for the
 * same identifiers, and certificates per registered domain.  One account, for
 * all tenants and our own orders.  The counters are in the store.
 *
 * An order costs a new order when it is made; then there must be room for its
 * certificate, which costs its share only when it is finalized, because CAs
 * count what they issue.  Thread-safe.
 */
#ifndef CORE_BUDGET_H
#define CORE_BUDGET_H

#include <stddef.h>

#include "../../base/err.h"

enum budget_act { BUDGET_NOTHING, BUDGET_NEW_ORDER, BUDGET_FINALIZE };

/* What the CA thinks of an order.  The caller has made sure of it: a client's
 * word is not enough. */
enum budget_kind {
	BUDGET_NEW,
	BUDGET_RENEWAL,	 /* for exactly the identifiers of a certificate that
			  * this account has: costs its duplicates only */
	BUDGET_REPLACES, /* names, as ARI (RFC 9773) has it, a certificate of
			  * this account: costs nothing */
};

struct budget_wish {
	const char *account; /* of the configuration */
	enum budget_act act;
	enum budget_kind kind;
	const char *const *identifiers; /* DNS names and IP addresses */
	size_t n;
};

/*
 * OK, or ERR_RATE, whose text names the limit and the time, with retry_after.
 * budget_take() is a transaction of its own and charges when it gives OK; it
 * is to be called last before the request is signed.
 */
typedef enum err budget_fn(const struct budget_wish *wish, struct fault *why);
budget_fn budget_check, budget_take;

#endif
