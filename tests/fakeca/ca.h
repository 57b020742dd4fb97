/*
 * The CAs of this program: one for each first segment of a path, each with
 * its script, accounts, orders, nonces and counts of its own.  They appear
 * when they are first asked for and live as long as the program.
 */
#ifndef FAKECA_CA_H
#define FAKECA_CA_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../broker/base/buf.h"
#include "script.h"

#define NAME_SIZE   64
#define STATUS_SIZE 16
#define WORDS_SIZE  1024

struct account {
	unsigned id;
	char *jwk; /* canonical, RFC 7638 */
	EVP_PKEY *key;
};

/* An authorization and the one challenge that may be answered. */
struct authorization {
	unsigned id;
	char name[256];
	bool wildcard;
	char token[32];
	char status[STATUS_SIZE];
	char challenge[STATUS_SIZE]; /* status */
	char verdict[STATUS_SIZE];   /* what the next look tells; "" */
	char error[WORDS_SIZE];	     /* of the challenge */
	bool answered;
	struct order *order;
};

struct order {
	unsigned id;
	struct account *account;
	char *names; /* with spaces between them */
	char status[STATUS_SIZE];
	char error[WORDS_SIZE];
	struct authorization **of;
	size_t n;
	EVP_PKEY *key; /* of the CSR; NULL: not finalized */
	unsigned serial; /* of the certificate; 0: not made */
};

struct nonce {
	char text[32];
	bool used;
};

/* What tests look at; all are numbers of events. */
#define COUNTS(X)                                                             \
	X(misbehaviours) /* requests for which the script had something */    \
	X(refusals)	 /* of requests that were really wrong */              \
	X(unknownNonces)                                                      \
	X(reusedNonces)                                                       \
	X(accounts)                                                           \
	X(orders)                                                             \
	X(answers)	 /* to challenges */                                  \
	X(validations)	 /* looks at the client for a challenge */            \
	X(finalizations)                                                      \
	X(certificates)                                                       \
	X(downloads)

struct counts {
#define X(name) unsigned name;
	COUNTS(X)
#undef X
};

struct ca {
	char name[NAME_SIZE];
	pthread_mutex_t lock;
	struct script script;
	unsigned requests[STEP__MAX];
	struct counts counts;
	char refusal[WORDS_SIZE]; /* the last one */
	struct account **accounts;
	size_t naccounts;
	struct order **orders;
	size_t norders;
	struct authorization **authorizations;
	size_t nauthorizations;
	struct nonce *nonces;
	size_t nnonces;
};

/* The settings of the program. */
extern struct settings {
	const char *folder;
	unsigned port;
	unsigned http_port; /* where clients are looked at; 0: nowhere */
} settings;

/* The CA of that name, which is made if need be; NULL when the name is no
 * name or its script does not parse. */
struct ca *ca_find(const char *name);

/* Gives a new nonce, owned by the CA until the next one. */
const char *ca_nonce(struct ca *ca);

/* Takes one that was given: OK, or ERR_NOT_FOUND or ERR_CONFLICT when it is
 * unknown or was used before. */
enum err ca_nonce_use(struct ca *ca, const char *text);

struct account *ca_account(struct ca *ca, unsigned id);
struct order *ca_order(struct ca *ca, unsigned id);
struct authorization *ca_authorization(struct ca *ca, unsigned id);

/* An order with one authorization for each name. */
struct order *ca_order_new(struct ca *ca, struct account *account,
    const char *names);

/* Appends "https://localhost:PORT/CA/RESOURCE", and "/ID" unless it is 0. */
void ca_url(const struct ca *ca, const char *resource, unsigned id,
    struct buf *out);

/* Appends the counts of a CA as JSON. */
void ca_counts(struct ca *ca, struct buf *out);

#endif
