/*
 * The routes, one row each, and the request and reply that handlers see.
 * The table is the reference for code; openapi.yaml is the reference for
 * people; a test compares the two.
 *
 * In a path, {name} matches one segment of [A-Za-z0-9._-]{1,128}.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../broker/base/buf.h"
#include "../broker/base/err.h"
#include "json.h"

#define ROUTE_PARAMS 2
#define PARAM_MAX    128 /* bytes of a path parameter */
#define BODY_MAX     65536

/*      id                 method    path                          query? */
#define ROUTES(X)                                                             \
	X(status_get,	     "GET",    "/v1/status", false)		      \
	X(tokens_list,	     "GET",    "/v1/tokens", false)		      \
	X(token_get,	     "GET",    "/v1/tokens/{name}", false)	      \
	X(token_unlatch,     "POST",   "/v1/tokens/{name}/unlatch", false)    \
	X(keys_list,	     "GET",    "/v1/keys", true)		      \
	X(key_generate,	     "POST",   "/v1/keys", false)		      \
	X(key_get,	     "GET",    "/v1/keys/{name}", false)	      \
	X(key_csr,	     "POST",   "/v1/keys/{name}/csr", true)	      \
	X(key_retire,	     "POST",   "/v1/keys/{name}/retire", false)	      \
	X(key_destroy,	     "DELETE", "/v1/keys/{name}", false)	      \
	X(accounts_list,     "GET",    "/v1/accounts", true)		      \
	X(account_get,	     "GET",    "/v1/accounts/{name}", false)	      \
	X(account_register,  "POST",   "/v1/accounts/{name}/register", false) \
	X(account_jws,	     "POST",   "/v1/accounts/{name}/jws", true)	      \
	X(account_key_authorization, "POST",				      \
	    "/v1/accounts/{name}/key-authorization", false)		      \
	X(certificates_list, "GET",    "/v1/certificates", true)	      \
	X(certificate_declare, "PUT",  "/v1/certificates/{name}", false)      \
	X(certificate_get,   "GET",    "/v1/certificates/{name}", false)      \
	X(certificate_chain, "GET",    "/v1/certificates/{name}/chain", false)\
	X(certificate_delete, "DELETE", "/v1/certificates/{name}", false)     \
	X(order_create,	     "POST",   "/v1/certificates/{name}/orders", true)\
	X(orders_list,	     "GET",    "/v1/orders", true)		      \
	X(order_get,	     "GET",    "/v1/orders/{id}", false)	      \
	X(order_cancel,	     "DELETE", "/v1/orders/{id}", false)	      \
	X(audit_list,	     "GET",    "/v1/audit", true)		      \
	X(audit_rotate,	     "POST",   "/v1/audit/rotate", false)	      \
	X(policy_explain,    "POST",   "/v1/policy/explain", false)	      \
	X(configuration_check, "POST", "/v1/configuration/check", false)

/* Only on the channels that keybroker-issuer inherited. */
#define ISSUER_ROUTES(X)                                                      \
	X(issuer_next,	    "POST", "/issuer/next", false)		      \
	X(issuer_jws,	    "POST", "/issuer/jws", false)		      \
	X(issuer_result,    "POST", "/issuer/result", false)		      \
	X(issuer_challenge, "POST", "/issuer/challenge", false)

/* Who asks: what the kernel says, and where. */
struct peer {
	uint32_t uid;
	uint32_t gid;
	int pid;	      /* a hint for the audit line, never for policy */
	uint32_t groups[64];  /* supplementary */
	size_t ngroups;
	const char *listener; /* name; "issuer" for the issuer's channel */
	uint64_t issuer;      /* which one, counted from 1; 0: a client */
	size_t tenant;	      /* as http_limits says, for limits only */
};

struct request {
	const struct peer *peer;
	const struct route *route;
	char params[ROUTE_PARAMS][PARAM_MAX + 1];
	const char *query;	/* raw, without "?", or "" */
	const struct json *body; /* NULL when the method has none */
	int64_t start_us;	/* clock_monotonic_us() at its first byte */
	bool *told;		/* of the connection, false at first: for what
				 * goes on over many requests and is told of
				 * once */
};

struct reply {
	unsigned status;      /* set to 200 before the handler runs */
	const char *type;     /* set to "application/json" */
	struct buf body;
	char location[256];   /* "" : no Location header */
	uint32_t retry_after; /* 0: no Retry-After header */
};

typedef enum err route_handler(struct request *, struct reply *,
    struct fault *);

struct route {
	const char *id;
	const char *method;
	const char *path;
	bool query;
	route_handler *handler;
};

/* Handlers are defined by the program that serves (broker/core). */
#define X(id, method, path, query) route_handler handle_##id;
ROUTES(X)
ISSUER_ROUTES(X)
#undef X

/*
 * Finds the route of method and target (path only) in a table of n rows and
 * writes the path parameters.  ERR_NOT_FOUND or ERR_METHOD otherwise.
 */
enum err route_match(const struct route *table, size_t n, const char *method,
    const char *path, char params[ROUTE_PARAMS][PARAM_MAX + 1],
    const struct route **route, struct fault *why);

/* True for the bytes [A-Za-z0-9._-] of names in paths and values in queries. */
bool route_name_byte(char c);

/* One value of a raw query "a=1&b=x" into out; false when absent.  Values are
 * [A-Za-z0-9._-]*: nothing is percent-decoded. */
bool query_get(const char *query, const char *name, char *out, size_t size);

#endif
