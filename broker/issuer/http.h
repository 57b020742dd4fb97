/*
 * HTTPS to the CAs, and the only home of libcurl.  One struct http is one
 * worker's: not thread-safe, its connections stay open between requests.
 */
#ifndef ISSUER_HTTP_H
#define ISSUER_HTTP_H

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/sandbox.h"
#include "header.h"

#define HTTP_BODY_MAX 1048576 /* bytes of an answer */

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
};

struct http_request {
	enum http_method method;
	const char *url;
	const char *accept; /* media type */
	const char *body;   /* HTTP_POST: a JWS of n bytes */
	size_t n;
	const char *trust;  /* file of the CA's roots; NULL: the system's */
	unsigned timeout;   /* seconds for the whole exchange */
};

struct http_answer {
	unsigned status;
	struct headers headers;
	struct buf body;
	bool sent; /* false only when no byte of the request left */
};

struct http;

/* Once in a process, before there are threads. */
void http_start(void);

/* Where libcurl looks for the system's roots.  Gives how many. */
#define HTTP_TRUST_MAX 4
size_t http_trust(struct sandbox_path out[static HTTP_TRUST_MAX]);

struct http *http_new(void);
void http_free(struct http *h);

void http_answer_init(struct http_answer *a);
void http_answer_free(struct http_answer *a);

/*
 * One request, one answer of any status; nothing is followed or repeated.
 * ERR_NETWORK when there was no complete answer, ERR_LIMIT when it was too
 * long; then a->sent tells whether the CA may have seen the request.
 */
enum err http_exchange(struct http *h, const struct http_request *request,
    struct http_answer *a, struct fault *why);

#endif
