/*
 * May this client do this?  Deny by default; a matching deny rule overrides
 * any allow rule; otherwise the first matching allow rule decides.  Adding a
 * deny rule never permits more.
 */
#ifndef POLICY_EVALUATE_H
#define POLICY_EVALUATE_H

#include "config.h"

/* What was understood of a request; absent things are NULL or empty. */
struct facts {
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups; /* supplementary */
	size_t ngroups;
	const char *listener;
	enum operation operation;
	const char *key;
	const char *account;
	const char *ca;
	const char *certificate;
	const char *profile;
	const char *const *names;
	size_t nnames;
	const char *const *ips; /* addresses, as text */
	size_t nips;
};

struct decision {
	bool allow;
	enum err code;	       /* OK, ERR_DENIED, ERR_RATE; ERR_NOT_FOUND for
				* what must look as if it did not exist */
	const char *tenant;    /* the rule's, else the client's first; of the
				* config; NULL when of none */
	size_t number;	       /* of that tenant, from 1; 0: of none */
	unsigned line;	       /* of the deciding rule; 0: no rule */
	const char *foreign;   /* with ERR_NOT_FOUND: "key", "account" or
				* "certificate" */
	uint32_t retry_after;  /* seconds, with ERR_RATE */
	char reason[256];      /* one sentence that names rule and check */
};

/*
 * Counters of rates, one token bucket for each rate of a rule and tenant; a
 * rule for everybody counts by the client's first tenant.  c must outlive
 * them.  Not thread-safe: the caller holds a lock.
 *
 * Those of LIMITS_KEPT and more are to outlive a restart.  Each has a name
 * that a changed configuration keeps as long as the rule's other statements,
 * its tenant and the duration are what they were.
 */
#define LIMITS_KEPT	3600 /* seconds of a rate */
#define LIMITS_NAME_MAX 128

struct limits;
struct limits *limits_new(const struct config *c);
void limits_free(struct limits *l);

/* True when limits_save() has something to give: what was charged since. */
bool limits_changed(const struct limits *l);
typedef void limits_give_fn(const char *name, const struct bucket *b,
    uint32_t seconds, void *arg);
void limits_save(struct limits *l, limits_give_fn *give, void *arg);
/* Does nothing when there is no such counter any more. */
void limits_restore(struct limits *l, const char *name,
    const struct bucket *b);

/*
 * Decides.  now is in seconds since the epoch.  With spend, an allowed
 * request is charged to its rule's rate; without (explain, dry run) nothing
 * changes.  limits may be NULL: rates are then ignored.
 */
struct decision policy_evaluate(const struct config *c, struct limits *limits,
    const struct facts *facts, int64_t now, bool spend);

/* The client's tenants, in the order of the configuration: at most max names
 * of the config's into v.  Gives their number. */
size_t policy_tenants(const struct config *c, const struct facts *facts,
    const char **v, size_t max);

/* True when pattern covers the DNS name: exact, ".suffix" (any depth below,
 * not itself), or "*.parent" (exactly that wildcard or one label below), and
 * "*" (everything). */
bool name_matches(const char *pattern, const char *name);

/* True when pattern covers the IP address: a network ("192.0.2.0/24"), an
 * address, or "*". */
bool ip_matches(const char *pattern, const char *ip);

#endif
