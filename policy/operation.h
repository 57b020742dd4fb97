/*
 * Everything that a client can ask for, one row each: the name used in the
 * configuration, the audit log and policy explain, and what it means.
 */
#ifndef POLICY_OPERATION_H
#define POLICY_OPERATION_H

#include <stdbool.h>

#define OPERATIONS(X)                                                         \
	X(STATUS_READ, "status.read", "see the state of the broker")          \
	X(TOKEN_READ, "token.read", "see tokens and what they can do")        \
	X(TOKEN_UNLATCH, "token.unlatch", "allow a PIN to be tried again")    \
	X(KEY_READ, "key.read", "see keys and their public halves")           \
	X(KEY_GENERATE, "key.generate", "generate a key in a token")          \
	X(KEY_REQUEST, "key.request", "have a CSR signed by a key")	      \
	X(KEY_EXTEND, "key.extend", "choose extensions of a CSR")	      \
	X(KEY_RETIRE, "key.retire", "take a key out of use")                  \
	X(KEY_DESTROY, "key.destroy", "destroy a retired key in the token")   \
	X(ACCOUNT_READ, "account.read", "see ACME accounts")                  \
	X(ACCOUNT_REGISTER, "account.register", "register with the CA")       \
	X(ACME_READ, "acme.read", "have a POST-as-GET signed")                \
	X(ACME_FIND, "acme.find", "ask the CA for an account's URL")	      \
	X(ACME_ORDER, "acme.order", "have a new order signed")		      \
	X(ACME_VALIDITY, "acme.validity", "choose the validity of an order")  \
	X(ACME_REPLACE, "acme.replace", "name what an order replaces")	      \
	X(ACME_AUTHORIZE, "acme.authorize", "have a new authorization signed")\
	X(ACME_ANSWER, "acme.answer", "have a challenge's answer signed")     \
	X(ACME_DEACTIVATE, "acme.deactivate", "give an authorization up")     \
	X(ACME_FINALIZE, "acme.finalize", "have an order's CSR sent")	      \
	X(ACME_REVOKE, "acme.revoke", "have a certificate revoked")	      \
	X(ACME_UPDATE, "acme.update", "change an account's contacts")	      \
	X(CERTIFICATE_READ, "certificate.read", "see managed certificates")   \
	X(CERTIFICATE_DECLARE, "certificate.declare", "declare or change one")\
	X(CERTIFICATE_DELETE, "certificate.delete", "stop managing one")      \
	X(ORDER_READ, "order.read", "see orders and their progress")          \
	X(ORDER_CREATE, "order.create", "order or renew a certificate now")   \
	X(ORDER_CANCEL, "order.cancel", "give an order up")                   \
	X(AUDIT_READ, "audit.read", "read the whole audit log")               \
	X(AUDIT_OWN, "audit.own", "read the lines of one's own tenant")       \
	X(AUDIT_ROTATE, "audit.rotate", "begin a new file of the log")        \
	X(POLICY_EXPLAIN, "policy.explain", "ask what policy says")           \
	X(CONFIGURATION_CHECK, "configuration.check", "check a configuration")

enum operation {
#define X(id, name, text) OP_##id,
	OPERATIONS(X)
#undef X
	OP__MAX
};

const char *operation_name(enum operation op);
const char *operation_text(enum operation op);
enum operation operation_parse(const char *name); /* OP__MAX when unknown */

/* True for operations that only look ("noun.read"). */
bool operation_reads(enum operation op);

#endif
