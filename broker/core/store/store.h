/*
 * The broker's memory: SQLite in WAL mode with full synchronisation, opened
 * by keybroker-core alone.  Rows are plain structs with fixed strings; a
 * function that gives one copies it out.  Every function is one transaction
 * unless it is called between store_begin() and store_commit().
 *
 * Thread-safe: one connection behind one recursive lock, which store_begin()
 * holds until store_commit() or store_rollback().
 *
 * All SQL stands in sql.c, one row a statement.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../policy/config.h"
#include "../../base/crypto.h"
#include "../../base/err.h"
#include "../../base/lane.h"
#include "../../base/url.h"

#define STORE_NAME 72	/* bytes of a name with its NUL */
#define STORE_URL  URL_SIZE
#define STORE_TEXT 2048 /* bytes of an error or a note with its NUL */
#define ORDER_NAMES_MAX 16384 /* bytes of the names of one certificate */

struct store;

/*
 * Opens or creates folder/keybroker.db, brings it to the newest schema in
 * numbered forward steps, and refuses one that is newer than this program.
 */
struct store *store_open(const char *folder, struct fault *why);
void store_close(struct store *s);

/*
 * No transaction within a transaction.  A commit that fails has rolled back:
 * the transaction is over either way.  store_rollback() does nothing when
 * none is open, so that it may stand behind an "out:".
 */
enum err store_begin(struct store *s, struct fault *why);
enum err store_commit(struct store *s, struct fault *why);
void store_rollback(struct store *s);

/* ------------------------------------------------------------------ keys */

enum key_state { KEY_GENERATING, KEY_ACTIVE, KEY_RETIRED, KEY_DESTROYED,
	KEY_STATE__MAX };
const char *key_state_name(enum key_state);

struct key_row {
	char name[STORE_NAME];
	char token[STORE_NAME];
	enum key_purpose purpose;
	enum key_type type;
	enum key_state state;
	bool sample;		/* verify sample instead of always */
	bool foreign;		/* born elsewhere: never destroyed by us */
	unsigned char id[CKA_ID_MAX];
	size_t idlen;
	unsigned char spki[SPKI_MAX];
	size_t spkilen;
	unsigned char pin[SHA256_SIZE]; /* SHA-256 of the SPKI */
	uint32_t attributes;	/* enum key_attribute, as read at its birth */
	int64_t created, retired, destroy_after; /* seconds; 0: not yet */
};

enum err store_key_put(struct store *s, const struct key_row *k,
    struct fault *why); /* insert or replace by name */
enum err store_key_get(struct store *s, const char *name, struct key_row *k,
    struct fault *why); /* ERR_NOT_FOUND */

/* By the SHA-256 of the SPKI in hex; one in use before one that is not. */
enum err store_key_by_pin(struct store *s, const char *hex,
    struct key_row *k, struct fault *why);

/* Who needs a key, as words for a person ("account \"main\""): an account
 * that is not deactivated, a certificate, or an open order.  ERR_NOT_FOUND
 * when nobody does. */
enum err store_key_user(struct store *s, const char *name,
    char user[static STORE_TEXT], struct fault *why);

/* -------------------------------------------------------------- accounts */

enum account_state {
	ACCOUNT_NEW,	   /* declared; nothing sent */
	ACCOUNT_FIND,	   /* asking the CA whether it knows the key */
	ACCOUNT_CREATE,	   /* newAccount sent or to be sent */
	ACCOUNT_VALID,
	ACCOUNT_FAILED,	   /* the CA refused for good: operator needed */
	ACCOUNT_DEACTIVATED,
	ACCOUNT_STATE__MAX
};
const char *account_state_name(enum account_state);

struct account_row {
	char name[STORE_NAME];
	char ca[STORE_NAME];
	char directory[STORE_URL]; /* for which the account holds */
	char key[STORE_NAME];
	enum account_state state;
	char kid[STORE_URL];
	char error[STORE_TEXT];	/* the CA's words, or "" */
	uint32_t attempts;
	int64_t next_at;	/* milliseconds; when the next step is due */
	int64_t updated;	/* seconds */
};

enum err store_account_put(struct store *s, const struct account_row *a,
    struct fault *why);
enum err store_account_get(struct store *s, const char *name,
    struct account_row *a, struct fault *why);

/* The directory of a CA as last fetched: JSON of the issuer's facts. */
enum err store_directory_put(struct store *s, const char *url,
    const char *json, int64_t fetched, struct fault *why);
enum err store_directory_get(struct store *s, const char *url,
    struct buf *json, int64_t *fetched, struct fault *why);

/* ---------------------------------------------------------- certificates */

/* "http-01", "http-01-webroot" or "dns-01", of enum challenge_kind. */
#define CHALLENGE__MAX (CHALLENGE_DNS_HOOK + 1)
const char *challenge_name(unsigned challenge);

/* Declared in the configuration or by the API; what is wanted, and what is
 * there. */
struct certificate_row {
	char name[STORE_NAME];
	bool configured;	/* from the configuration, else from the API */
	char account[STORE_NAME];
	char *names;		/* owned; names separated by one space */
	char token[STORE_NAME];
	enum key_type key_type;
	char foreign_key[STORE_NAME]; /* "" : generate one for each order */
	bool sample;
	enum challenge_kind challenge;
	char webroot[STORE_URL];
	char tenant[STORE_NAME]; /* who declared it; "" for configuration */
	/* what is there; zero or "" when nothing was issued yet */
	char key[STORE_NAME];
	char *chain;		/* owned PEM, leaf first */
	char serial[64];	/* hex */
	char issuer[256];
	int64_t not_before, not_after, issued; /* seconds */
	int64_t order;		/* id of the last order; 0 when none */
	bool deleted;
	int64_t updated;
};
void certificate_row_free(struct certificate_row *c);

enum err store_certificate_put(struct store *s,
    const struct certificate_row *c, struct fault *why);
enum err store_certificate_get(struct store *s, const char *name,
    struct certificate_row *c, struct fault *why);

/* ---------------------------------------------------------------- orders */

/* Where an order stands.  Each state but the last three names what is to be
 * done next; order.c has the table of who does it and what may follow. */
enum order_state {
	ORDER_KEY,	      /* make the key and the CSR */
	ORDER_NEW,	      /* newOrder */
	ORDER_AUTHORIZATIONS, /* read each authorization */
	ORDER_PROVISION,      /* put the challenge answers where CAs look */
	ORDER_ANSWER,	      /* tell the CA to look */
	ORDER_VALIDATE,	      /* poll the authorizations */
	ORDER_READY,	      /* poll the order until ready */
	ORDER_FINALIZE,	      /* send the CSR */
	ORDER_PROCESSING,     /* poll the order until valid */
	ORDER_DOWNLOAD,	      /* fetch the chain */
	ORDER_ALTERNATES,     /* fetch alternate chains, if one is preferred */
	ORDER_INSTALL,	      /* verify, store, publish */
	ORDER_ISSUED,
	ORDER_FAILED,
	ORDER_CANCELED,
	ORDER_STATE__MAX
};
const char *order_state_name(enum order_state);

struct order_row {
	int64_t id;		/* 0 on insert: given by the store */
	char certificate[STORE_NAME];
	char account[STORE_NAME];
	char key[STORE_NAME];
	enum order_state state;
	bool sent;		/* the request of this state may have left */
	char url[STORE_URL];
	char finalize[STORE_URL];
	char certificate_url[STORE_URL];
	unsigned char *csr;	/* owned DER, or NULL */
	size_t csrlen;
	char *chain;		/* owned PEM as downloaded, or NULL */
	char *alternates;	/* owned; URLs still to fetch, by spaces */
	char error[STORE_TEXT];	/* why it failed, in the CA's words */
	uint32_t attempts;	/* of the present state */
	uint32_t rounds;	/* ACME orders that were given up before */
	int64_t next_at;	/* milliseconds */
	int64_t deadline;	/* seconds; given up after */
	int64_t created, updated; /* seconds */
};
void order_row_free(struct order_row *o);

/* Inserts (id 0, which is then set) or replaces. */
enum err store_order_put(struct store *s, struct order_row *o,
    struct fault *why);
enum err store_order_get(struct store *s, int64_t id, struct order_row *o,
    struct fault *why);

/* Ids of orders that are not ended (issued, failed, canceled), oldest first;
 * owned array. */
enum err store_orders_open(struct store *s, int64_t **ids, size_t *n,
    struct fault *why);

/* The open order of a certificate; 0 when none. */
enum err store_order_open_of(struct store *s, const char *certificate,
    int64_t *id, struct fault *why);

enum authorization_state {
	AUTHZ_UNREAD, AUTHZ_PENDING, AUTHZ_ANSWERED, AUTHZ_VALID,
	AUTHZ_INVALID, AUTHZ_STATE__MAX
};
const char *authorization_state_name(enum authorization_state);

struct authorization_row {
	int64_t order;
	uint32_t index;		/* from 0 */
	enum authorization_state state;
	bool sent;		/* the answer may have left */
	bool provisioned;	/* there is something to clean up */
	bool wildcard;
	uint32_t answers;	/* how often the CA was asked to look */
	char url[STORE_URL];
	char identifier[256];
	char challenge_url[STORE_URL];
	char token[300];
	char error[STORE_TEXT];
};

enum err store_authorization_put(struct store *s,
    const struct authorization_row *a, struct fault *why);
/* All of an order, by index; owned array. */
enum err store_authorizations(struct store *s, int64_t order,
    struct authorization_row **rows, size_t *n, struct fault *why);
/* The pending or answered http-01 authorization of a token. */
enum err store_authorization_by_token(struct store *s, const char *token,
    struct authorization_row *a, struct fault *why);
enum err store_authorizations_clear(struct store *s, int64_t order,
    struct fault *why);

/* What happened to an order, for its owner's eyes; the first 900 are kept. */
enum err store_event_add(struct store *s, int64_t order, int64_t at_ms,
    const char *text, struct fault *why);

/* -------------------------------------------- other ACME clients' requests */

/* A newOrder or newAuthz that was signed for a client.  Times are seconds,
 * digests SHA-256 in hex. */
struct request_row {
	int64_t id;		/* 0 on insert: given by the store */
	char account[STORE_NAME];
	char owner[STORE_NAME];	/* tenant; see acme/binding.h */
	char act[STORE_NAME];	/* "new-order" or "new-authorization" */
	char *names;		/* owned; the identifiers as a set */
	char profile[STORE_NAME];
	char replaces[256];	/* name of a certificate (RFC 9773), or "" */
	char url[STORE_URL];	/* of the order; "" until it is known */
	char csr[2 * SHA256_SIZE + 1]; /* with which it was finalized, or "" */
	char key[2 * SHA256_SIZE + 1]; /* the CSR's */
	char certificate[256];	/* its name (RFC 9773), or "" */
	int64_t created;
};
void request_row_free(struct request_row *r);

enum err store_request_put(struct store *s, struct request_row *r,
    struct fault *why); /* insert (id 0, which is then set) or change */
enum err store_request_get(struct store *s, int64_t id, struct request_row *r,
    struct fault *why);

/* The new-order behind the order at url, for those names; behind a CSR; the
 * last one with a name among its identifiers; with a key; of a certificate;
 * and one for those names of which a certificate came.  since: only those
 * made later.  ERR_NOT_FOUND. */
struct requester {
	const char *account, *owner;
};
enum err store_request_of_order(struct store *s, const struct requester *by,
    const char *names, const char *url, int64_t since, struct request_row *r,
    struct fault *why);
enum err store_request_to_finalize(struct store *s, const struct requester *by,
    const char *names, const char *csr, int64_t since, struct request_row *r,
    struct fault *why);
enum err store_request_naming(struct store *s, const struct requester *by,
    const char *name, int64_t since, struct request_row *r, struct fault *why);
enum err store_request_of_key(struct store *s, const struct requester *by,
    const char *key, struct request_row *r, struct fault *why);
enum err store_request_of_certificate(struct store *s,
    const struct requester *by, const char *certificate,
    struct request_row *r, struct fault *why);

enum err store_request_before(struct store *s, const struct requester *by,
    const char *names, struct request_row *r, struct fault *why);

/* What a URL of a CA is, and whose. */
struct binding_row {
	char account[STORE_NAME];
	char url[STORE_URL];
	char owner[STORE_NAME];
	char place[STORE_NAME];	/* place_name() */
	char identifier[256];	/* of an authorization or its challenge */
	int64_t request;	/* 0: none */
	int64_t created;	/* seconds */
};
enum err store_binding_put(struct store *s, const struct binding_row *b,
    struct fault *why);
enum err store_binding_get(struct store *s, const struct requester *by,
    const char *url, struct binding_row *b, struct fault *why);
/* Anybody else's. */
enum err store_binding_of_others(struct store *s, const struct requester *by,
    const char *url, struct binding_row *b, struct fault *why);

/* Forgets requests and bindings that are older. */
enum err store_requests_prune(struct store *s, int64_t before,
    struct fault *why);

/* The managed certificate to one of whose orders a URL belongs; and the one
 * that a tenant declared, with a key by its SHA-256 in hex. */
enum err store_managed_by_url(struct store *s, const char *url,
    char name[static STORE_NAME], struct fault *why);
enum err store_managed_by_key(struct store *s, const struct requester *by,
    const char *key, char name[static STORE_NAME], struct fault *why);

/* ----------------------------------------------------------- deployments */

enum deployment_state { DEPLOY_PENDING, DEPLOY_RUNNING, DEPLOY_DONE,
	DEPLOY_FAILED, DEPLOY_STATE__MAX };
const char *deployment_state_name(enum deployment_state);

struct deployment_row {
	char certificate[STORE_NAME]; /* one row a certificate */
	int64_t order;
	enum deployment_state state;
	uint32_t attempts;
	int64_t next_at;	/* milliseconds */
	int64_t updated;	/* seconds */
	uint32_t exit_status;
	char output[STORE_TEXT * 2];
};
enum err store_deployment_put(struct store *s,
    const struct deployment_row *d, struct fault *why);
enum err store_deployment_get(struct store *s, const char *certificate,
    struct deployment_row *d, struct fault *why);

/* -------------------------------------------------------------- counters */

/* What is gone from a bucket (policy/rate.h) that outlives a restart. */
#define STORE_COUNTER 512 /* bytes of its name with its NUL */
struct counter_row {
	char name[STORE_COUNTER];
	int64_t used, at;
	int64_t full_at; /* of no interest any more from then on; seconds */
};
enum err store_counter_put(struct store *s, const struct counter_row *c,
    struct fault *why);
/* ERR_NOT_FOUND leaves why as it was. */
enum err store_counter_get(struct store *s, const char *name,
    struct counter_row *c, struct fault *why);
/* Forgets those that are full at now. */
enum err store_counters_clear(struct store *s, int64_t now,
    struct fault *why);

/* ------------------------------------------------------------- iterators */

/*
 * Visits rows in a stable order, starting behind the name or id given ("" or
 * 0 for the first), at most max of them.  A visitor that gives false ends it.
 * The row is the iterator's: copy what you keep.
 */
enum err store_keys(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct key_row *, void *), void *arg,
    struct fault *why);
enum err store_accounts(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct account_row *, void *), void *arg,
    struct fault *why);
enum err store_certificates(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct certificate_row *, void *), void *arg,
    struct fault *why); /* those not deleted */
enum err store_orders(struct store *s, const char *certificate /* or NULL */,
    int64_t before /* newest first; 0: from the newest */, size_t max,
    bool (*visit)(const struct order_row *, void *), void *arg,
    struct fault *why);
enum err store_events(struct store *s, int64_t order,
    bool (*visit)(int64_t at_ms, const char *text, void *), void *arg,
    struct fault *why);
enum err store_deployments_due(struct store *s, int64_t now_ms,
    bool (*visit)(const struct deployment_row *, void *), void *arg,
    struct fault *why); /* pending or running, next_at <= now */

enum err store_counters(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct counter_row *, void *), void *arg,
    struct fault *why);

/* How many there are, for the state of the broker. */
struct store_counts {
	int64_t certificates; /* not deleted */
	int64_t issued;	      /* of these: there, and not expired at now */
	int64_t failing;      /* of these: expired, or the last order failed */
	int64_t open_orders;
};
enum err store_counts(struct store *s, int64_t now, struct store_counts *out,
    struct fault *why);

/* Small facts by name, such as the audit key's. */
enum err store_setting_put(struct store *s, const char *name,
    const char *value, struct fault *why);
enum err store_setting_get(struct store *s, const char *name, struct buf *out,
    struct fault *why);

#endif
