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
	const char *const *ips; /* addresses asked for, in canonical text */
	size_t nips;
};

struct decision {
	bool allow;
	enum err code;	       /* OK, ERR_DENIED or ERR_RATE */
	const char *tenant;    /* the rule's, else the client's first; of the
				* config; NULL when of none */
	unsigned line;	       /* of the deciding rule; 0: no rule */
	uint32_t retry_after;  /* seconds, with ERR_RATE */
	char reason[256];      /* one sentence that names rule and check */
};

/*
 * Counters of rates, one token bucket for each rule and tenant; a rule for
 * everybody counts by the client's first tenant.  c must outlive them.  Not
 * thread-safe: the caller holds a lock.
 */
struct limits;
struct limits *limits_new(const struct config *c);
void limits_free(struct limits *l);

/*
 * Decides.  now is in seconds since the epoch.  With spend, an allowed
 * request is charged to its rule's rate; without (explain, dry run) nothing
 * changes.  limits may be NULL: rates are then ignored.
 */
struct decision policy_evaluate(const struct config *c, struct limits *limits,
    const struct facts *facts, int64_t now, bool spend);

/* True when the client is one of that tenant's. */
bool policy_member(const struct config *c, const struct facts *facts,
    const char *tenant);

/* True when pattern covers the DNS name: exact, ".suffix" (any depth below,
 * not itself), or "*.parent" (exactly that wildcard or one label below), and
 * "*" (everything). */
bool name_matches(const char *pattern, const char *name);

#endif
