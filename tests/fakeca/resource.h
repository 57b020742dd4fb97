/*
 * What is where: the resources of a CA by the second segment of a path.  To
 * add one (renewalInfo, keyChange, revokeCert ...) is to add a row and its
 * function.
 */
#ifndef FAKECA_RESOURCE_H
#define FAKECA_RESOURCE_H

#include "ca.h"
#include "http.h"
#include "jws.h"
#include "twist.h"

/* A request on its way to its answer. */
struct call {
	struct ca *ca;
	const struct request *rq;
	const struct resource *resource;
	unsigned id;	    /* third segment; 0: none */
	const char *path;   /* behind the CA, "order/7" */
	enum step step;
	struct jws jws;
	struct chosen chosen;
	struct reply *reply;
};

/* Answers; false with a problem when the request is wrong. */
typedef bool resource_fn(struct call *c, struct problem *p);

resource_fn serve_directory, serve_nonce, serve_new_account, serve_account,
    serve_new_order, serve_order, serve_authorization, serve_challenge,
    serve_finalize, serve_certificate;

/* Which step a request is, before it has been looked at closely. */
typedef enum step step_fn(const struct call *c);
step_fn step_new_account, step_order, step_authorization;

/* Answers a request, with all that its CA's script does to it. */
void serve(const struct request *rq, struct answer *a);

/* Sets the answer's status and Content-Type: application/json, and gives the
 * object to be filled. */
cJSON *reply_object(struct reply *r, unsigned status);

/* Adds a member with the URL of a resource. */
void put_url(cJSON *object, const char *name, const struct ca *ca,
    const char *resource, unsigned id);

/* The header Location likewise. */
void put_location(struct call *c, const char *resource, unsigned id);

/* Cuts "STATE [WORDS]", which a script says behind "become"; the words may
 * then be an error.  False when the script does not say. */
bool becomes(const struct call *c, char state[static STATUS_SIZE],
    char words[static WORDS_SIZE]);

/* The error object of an order or challenge, unless words is "". */
void put_error(cJSON *object, const char *type, const char *words);

/* Lets an order go on as far as it can by itself. */
void order_settle(struct ca *ca, struct order *o);

/* The answer that is an order. */
void reply_order(struct call *c, unsigned status, const struct order *o);

#endif
