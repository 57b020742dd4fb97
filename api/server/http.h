/*
 * HTTP/1.1 on Unix sockets and on inherited channels, through libmicrohttpd
 * with a guard in front: one thread a connection, hard limits, keep-alive.
 */
#ifndef API_SERVER_HTTP_H
#define API_SERVER_HTTP_H

#include "../route.h"

struct http_limits {
	unsigned connections;	      /* in all */
	unsigned connections_per_uid;
	unsigned idle;		      /* seconds */
	unsigned deadline; /* seconds of a request, from its first line on */
	unsigned body_max;	      /* bytes */
	unsigned refusals; /* of a uid before it waits for more; 0: never */
	unsigned connections_per_tenant; /* 0: as many as in all */
	size_t (*tenant)(const struct peer *); /* whose it is; NULL: of one */
};

struct http_server;

/* A server without any socket yet.  Tables are copied by reference. */
struct http_server *http_server_new(const struct route *api, size_t napi,
    const struct route *issuer, size_t nissuer,
    const struct http_limits *limits, struct fault *why);

/* Serves a listening Unix socket under this name; fd is then owned. */
enum err http_server_listen(struct http_server *s, const char *name, int fd,
    struct fault *why);

/* Serves one connected socket as that issuer's (peer.issuer); fd is then
 * owned. */
enum err http_server_adopt_issuer(struct http_server *s, int fd,
    uint64_t issuer, struct fault *why);

/*
 * Called for each refused request that no decision of policy is about (bad
 * syntax, no such route, too large), so that it can be audited.  Set before
 * listening.
 */
typedef void http_refusal_fn(const struct peer *peer, const char *method,
    const char *target, const struct fault *why);
void http_server_on_refusal(struct http_server *s, http_refusal_fn *fn);

/* Called when a handler is done, in its thread, with what came of it: why is
 * filled unless result is OK.  Set before listening. */
typedef void http_outcome_fn(const struct peer *peer, const char *method,
    const char *target, enum err result, const struct fault *why);
void http_server_on_outcome(struct http_server *s, http_outcome_fn *fn);

/* Number of open connections, for status. */
unsigned http_server_connections(const struct http_server *s);

/* Stops accepting, waits for running requests, frees. */
void http_server_free(struct http_server *s);

#endif
