/*
 * Requests and answers, and how an answer goes over the wire: whole, or in
 * one of the ways in which networks and servers fail.
 */
#ifndef FAKECA_HTTP_H
#define FAKECA_HTTP_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "../../broker/base/buf.h"

#define HEADERS_MAX 32

struct request {
	char method[8];
	char target[2048]; /* path as it was sent */
	char content_type[128];
	bool user_agent;   /* there was one */
	bool nonce_header; /* there was a Replay-Nonce, which is forbidden */
	struct buf body;
};

/* When the connection is lost. */
enum loss {
	LOSS_NONE,
	LOSS_UNREAD, /* the request is not looked at */
	LOSS_BEFORE, /* it was done, and no byte of the answer is sent */
	LOSS_DURING, /* half of the answer is sent */
	LOSS_AFTER,  /* all of it, and the connection is not kept */
};

struct answer {
	unsigned status;
	struct {
		char *name, *value;
	} headers[HEADERS_MAX];
	unsigned nheaders;
	struct buf body;
	char *raw;	   /* bytes that go out instead; NULL: none */
	size_t rawlen;
	enum loss loss;
	bool reset;	   /* lost by TCP reset */
	bool endless;	   /* the body has no end */
	unsigned delay_ms; /* before the first byte */
	unsigned drip_ms;  /* before each few bytes */
	unsigned drip_bytes;
	unsigned flood;    /* header lines that nobody wants */
};

void request_init(struct request *rq);
void request_free(struct request *rq);

/* Reads the next request of a connection; false at its end, or when it is no
 * HTTP/1.1 that we know. */
bool request_read(SSL *ssl, struct request *rq);

void answer_init(struct answer *a);
void answer_free(struct answer *a);

/* Sets a header, or removes it when value is NULL. */
void answer_header(struct answer *a, const char *name, const char *value);

/* Sends it; false when the connection is over. */
bool answer_write(SSL *ssl, struct answer *a, bool head_only);

#endif
