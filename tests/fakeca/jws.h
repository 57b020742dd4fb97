/*
 * The signed envelope of a request, RFC 8555 section 6.2, checked as strictly
 * as the strictest CAs do.
 */
#ifndef FAKECA_JWS_H
#define FAKECA_JWS_H

#include "../../api/json.h"
#include "ca.h"
#include "http.h"

struct problem {
	unsigned status;
	const char *type; /* without its URN prefix */
	char words[WORDS_SIZE];
};

/* What a request turned out to say. */
struct jws {
	struct account *account; /* NULL: none that is known */
	bool by_jwk;		 /* signed for a key and not for an account */
	char *jwk;		 /* canonical form of that key */
	EVP_PKEY *key;		 /* owned when by_jwk */
	struct json *payload;	 /* NULL: POST-as-GET */
};

/* Reads the payload without any check; NULL when there is none. */
struct json *jws_peek(const struct request *rq);

/* Checks everything, the nonce last; url is the one that was asked.  False:
 * p says why. */
bool jws_read(struct jws *j, struct ca *ca, const struct request *rq,
    const char *url, struct problem *p);
void jws_free(struct jws *j);

/* Fills p and gives false. */
bool problem_set(struct problem *p, unsigned status, const char *type,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
