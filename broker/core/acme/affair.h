/* One request of an ACME client on its way to a signature. */
#ifndef CORE_AFFAIR_H
#define CORE_AFFAIR_H

#include "../handle/authorize.h"
#include "binding.h"
#include "sign.h"

#define OWNERS_MAX 16 /* tenants of one client that are looked at */

struct affair {
	const struct acme_wish *wish;
	const struct acme_bytes *bytes; /* NULL: we compose */
	bool bytes_jwk;			/* their header has the key */
	struct account_row account;
	struct facts facts;
	struct decision decision;
	const char *owners[OWNERS_MAX]; /* who the client is; at least one */
	size_t nowners;
	char nobody[STORE_NAME]; /* the owner that a client of no tenant is */
	enum place place;
	struct understood u;
	struct requester by; /* the owner of the URL, or of what is made */
	struct binding binding; /* of what is neither the account's URL nor in
				 * the directory */
	char managed[STORE_NAME]; /* the certificate whose order it is of */
	const char *identifier; /* what facts point to */
	char key[STORE_NAME];	/* the CSR's, when it is one of ours */
	int64_t request;	/* struct request_row; 0: none */
	char replaces[256];	/* the certificate that its order replaces */
	bool charged;		/* the CA's budget was, when it was first
				 * finalized */
	char detail[FAULT_MAX]; /* for the audit log only */
};

/* Who the client is, as an owner. */
void affair_owners(struct affair *a);

/* Finds out what the URL is, from what is known; ERR_DENIED for one that only
 * looks like another. */
enum err affair_place(struct affair *a, struct fault *why);

/* Looks at a URL that is not known; a->place is known then. */
enum err affair_claim(struct affair *a, struct fault *why);

/* What the act is about must be the client's own; what it makes is noted. */
enum err affair_owned(struct affair *a, struct fault *why);

/* One line about what came of it: why it failed, or the signature. */
enum err affair_log(struct affair *a, const struct fault *failed,
    const struct signature *sig, struct fault *why);

/* One about what would have come of it, and the same for the client. */
enum err affair_log_try(struct affair *a, const struct fault *failed,
    struct fault *why);
enum err affair_reply(const struct affair *a, struct buf *out,
    struct fault *why);

#endif
