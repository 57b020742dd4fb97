/*
 * The http-01 responder, RFC 8555 section 8.3: a web server that knows one
 * kind of resource, key authorizations, and asks the core for each.  One
 * thread; anyone on the Internet may talk to it.
 */
#ifndef ISSUER_RESPONDER_H
#define ISSUER_RESPONDER_H

#include <stddef.h>

#include "facts.h"

#define RESPONDER_HEAD_MAX    4096 /* bytes of a request's head */
#define RESPONDER_CONNECTIONS 64   /* at once; the oldest gives way */
#define RESPONDER_SECONDS     10   /* of life for a connection */

/* What a request is after. */
struct responder_request {
	unsigned status; /* 200: ask for token; otherwise the answer */
	bool head;	 /* HEAD: no body */
	char token[257];
};

/* Reads a complete head of n bytes, the empty line included. */
void responder_parse(const char *head, size_t n,
    struct responder_request *request);

/* Starts the thread on the listening socket; core is the channel that it
 * asks on.  Both are then owned. */
void responder_start(int listener, int core);

#endif
