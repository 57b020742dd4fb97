/*
 * What the CA's answers say, by kind: each function reads one parsed answer
 * and writes the members that protocol.h lists for its step into the open
 * object of w.  A member that is missing or of another shape is ERR_SYNTAX,
 * more than we take is ERR_LIMIT.
 */
#ifndef ISSUER_ANSWER_H
#define ISSUER_ANSWER_H

#include "facts.h"
#include "header.h"

#define DIRECTORY_PROFILES	 50
#define AUTHORIZATION_CHALLENGES 20

typedef enum err answer_reader(struct json_writer *w,
    const struct json *answer, struct fault *why);

answer_reader answer_directory;
answer_reader answer_account;
answer_reader answer_new_order; /* with all that a new order must have */
answer_reader answer_order;
answer_reader answer_authorization;
answer_reader answer_challenge;

/* Whatever is at a URL, with its "kind"; the facts of a kind that is known. */
answer_reader answer_look;

/* The download: not JSON but PEM, and links beside it. */
enum err answer_certificate(struct json_writer *w, const char *pem, size_t n,
    const struct headers *headers, struct fault *why);

#endif
