/*
 * Signatures for foreign ACME clients (RFC 8555): each act is understood,
 * asked for, and found to be about what is the client's own; only then is it
 * signed, from what was understood.
 */
#ifndef CORE_SIGN_H
#define CORE_SIGN_H

#include "../../../api/route.h"
#include "../key/keys.h"

struct acme_wish {
	const struct peer *peer;
	const char *account;
	const char *url, *nonce;
	const struct json *payload; /* NULL: POST-as-GET */
	enum sig_alg alg;	    /* ALG__MAX: the key's default */
	bool dry_run;		    /* decide and tell, sign nothing */
	int64_t start_us;	    /* clock_monotonic_us() of its arrival */
};

/*
 * Appends the flattened JWS, or with dry_run the decision and what was
 * understood.  Everything that came of it is in the audit log before this
 * returns, but for ERR_SYNTAX, which the server tells of.
 */
enum err acme_sign(const struct acme_wish *wish, struct buf *out,
    struct fault *why);

/*
 * The same for protocols in which the client has made the bytes: a protected
 * header and a payload (empty: POST-as-GET), each without its base64url.
 * They are signed exactly as they are, when the gate of json.h takes them,
 * the header is that of the account and the payload is an act of act.h in
 * full; whatever is the matter is in the audit log.
 */
struct acme_bytes {
	const struct peer *peer;
	const char *account;
	struct view header, payload;
	int64_t start_us;
};
enum err acme_sign_bytes(const struct acme_bytes *bytes,
    struct signature *sig, struct fault *why);

#endif
