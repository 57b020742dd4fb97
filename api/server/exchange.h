/*
 * One request and its reply, on their way between the HTTP library and a
 * handler.  A connection has one struct exchange for its whole life, so that
 * a request allocates nothing of its own but the JSON tree.
 */
#ifndef API_SERVER_EXCHANGE_H
#define API_SERVER_EXCHANGE_H

#include "guard.h"
#include "http.h"
#include "pace.h"

#define REPLY_MAX  4194304 /* bytes of a reply's body */
#define ALLOW_SIZE 32	   /* of "GET, POST, PUT, DELETE" with its NUL */

struct exchange {
	const struct route *table;
	size_t ntable;
	struct peer peer;
	http_refusal_fn *on_refusal; /* may be NULL */
	http_outcome_fn *on_outcome; /* may be NULL */
	struct pace *pace;	     /* may be NULL; refusals are slowed */
	char target[TARGET_MAX + 1]; /* cut when it is refused for its length */
	char method[16];
	int64_t start_us;
	bool told; /* see struct request */
	struct buf body;
	struct reply reply;
};

/* For requests to a table of n routes with bodies up to body_max. */
void exchange_init(struct exchange *x, const struct route *table, size_t n,
    size_t body_max, http_refusal_fn *on_refusal);
void exchange_free(struct exchange *x);

/* A request line arrived; and its reply is out or the request is lost. */
void exchange_start(struct exchange *x, const char *target);
void exchange_end(struct exchange *x);

/* Reports a request that no decision of policy is about, and only that. */
void exchange_report(const struct exchange *x, const struct fault *why);

/* Reports it and makes the reply the problem document. */
void exchange_refuse(struct exchange *x, const struct fault *why);

/* Runs a request whose body is complete; the reply is ready afterwards,
 * whatever happened. */
void exchange_serve(struct exchange *x);

/* The methods that the path of this request has, as Allow wants them. */
void exchange_allow(const struct exchange *x, char out[static ALLOW_SIZE]);

#endif
