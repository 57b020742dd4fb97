/*
 * Which act of ACME (RFC 8555) a request is: by what its URL is, and by the
 * members of its payload.  What is in no row of the table is not signed.
 *
 * What was understood is all that is known afterwards: the payload that is
 * signed is written from it, and so is the audit line.
 */
#ifndef CORE_ACT_H
#define CORE_ACT_H

#include "../../../api/json.h"
#include "../../../policy/operation.h"
#include "proof.h"

/* What a URL of a CA is. */
#define PLACES(X)                                                             \
	X(UNKNOWN, "unknown", "a URL that is not known")                      \
	X(ACCOUNT, "account", "the account's URL")                            \
	X(ORDER, "order", "an order's URL")                                   \
	X(AUTHORIZATION, "authorization", "an authorization's URL")           \
	X(CHALLENGE, "challenge", "a challenge's URL")                        \
	X(FINALIZE, "finalize", "a finalize URL")                             \
	X(CERTIFICATE, "certificate", "a certificate's URL")                  \
	X(NEW_ACCOUNT, "newAccount", "newAccount")                            \
	X(NEW_ORDER, "newOrder", "newOrder")                                  \
	X(NEW_AUTHZ, "newAuthz", "newAuthz")                                  \
	X(REVOKE_CERT, "revokeCert", "revokeCert")                            \
	X(KEY_CHANGE, "keyChange", "keyChange")                               \
	X(NEW_NONCE, "newNonce", "newNonce")                                  \
	X(RENEWAL_INFO, "renewalInfo", "renewalInfo")                         \
	X(DIRECTORY, "directory", "the directory")

enum place {
#define X(id, name, text) PLACE_##id,
	PLACES(X)
#undef X
	PLACE__MAX
};

const char *place_name(enum place);
const char *place_text(enum place); /* for a sentence */

enum act {
	ACT_READ,	/* POST-as-GET, section 6.3 */
	ACT_FIND,	/* the account's URL, section 7.3.1 */
	ACT_ORDER,	/* section 7.4 */
	ACT_AUTHORIZE,	/* section 7.4.1 */
	ACT_ANSWER,	/* section 7.5.1 */
	ACT_DEACTIVATE, /* an authorization, section 7.5.2 */
	ACT_FINALIZE,	/* section 7.4 */
	ACT_REVOKE,	/* section 7.6 */
	ACT_UPDATE,	/* the account's contacts, section 7.3.2 */
	ACT__MAX
};

/* Members of payloads that are understood; see member.c. */
enum member {
	MEMBER_ONLY_EXISTING,
	MEMBER_IDENTIFIERS,
	MEMBER_IDENTIFIER,
	MEMBER_NOT_BEFORE,
	MEMBER_NOT_AFTER,
	MEMBER_PROFILE,
	MEMBER_REPLACES,
	MEMBER_CSR,
	MEMBER_CERTIFICATE,
	MEMBER_REASON,
	MEMBER_STATUS,
	MEMBER_CONTACT,
	MEMBER__MAX
};

#define CONTACTS_MAX 10

/* What was understood of a request.  Strings belong to the payload's tree. */
struct understood {
	enum act act;
	const char *name; /* of the act: "new-order" ... */
	enum operation operation;
	bool jwk; /* the header has the key and not its URL */
	enum operation extra[2]; /* further rights that it needs */
	size_t nextra;
	bool payload; /* false: POST-as-GET */
	bool has[MEMBER__MAX];
	struct identifiers ids; /* of the payload itself */
	const char *not_before, *not_after, *profile, *replaces;
	struct proof proof; /* the CSR or the certificate */
	int64_t reason;
	const char *contacts[CONTACTS_MAX];
	size_t ncontacts;
};

/*
 * Classifies and reads.  payload is NULL for POST-as-GET.  ERR_DENIED: an act
 * that is never signed; ERR_SYNTAX, ERR_LIMIT, ERR_UNSUPPORTED: not what such
 * an act's payload is.  To be freed either way.
 */
enum err act_read(struct understood *u, enum place place,
    const struct json *payload, struct fault *why);
void act_free(struct understood *u);

/* The names and addresses that the act is about, by its own payload. */
const struct identifiers *act_identifiers(const struct understood *u);

/* Appends the payload; nothing for POST-as-GET. */
void act_write(const struct understood *u, struct buf *out);

/* The same as the member "payload" of an audit line or a reply, in which DER
 * is told by its digest, its names and its key's. */
void act_tell(const struct understood *u, struct json_writer *w);

#endif
