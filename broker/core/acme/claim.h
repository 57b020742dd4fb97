/* Whose a URL is that nobody has come with before: by what the CA shows
 * there, and by what was signed for that client. */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "binding.h"

#define CLAIM_DAYS 30 /* since an order, for its URLs to be claimed */

/*
 * Looks and binds.  An order's identifiers are those of a newOrder that this
 * owner had signed; an authorization's is one of them; a challenge belongs to
 * its authorization; a certificate's key is that of a CSR with which this
 * owner finalized.  For the act of finalizing, a URL at which the CA shows
 * nothing, and that is nobody else's, is taken for what the client says.
 *
 * ERR_DENIED in one sentence whatever is the matter, so that nobody learns
 * what others have; detail (for the audit log) says more.
 */
enum err claim(const struct requester *by, const char *url, enum act act,
    int64_t end, struct binding *b, char detail[static FAULT_MAX],
    struct fault *why);

/* Seconds since the epoch before which nothing can be claimed. */
int64_t claim_since(void);

#endif
