/* The protected header of a JWS that a client has made. */
#ifndef CORE_HEADER_H
#define CORE_HEADER_H

#include "../../../api/json.h"
#include "../../base/crypto.h"

struct header {
	struct json *tree; /* owned; the strings are its */
	enum sig_alg alg;
	bool jwk;	   /* has the key itself, and not its URL */
	const char *url, *nonce;
};

/*
 * Reads one: exactly alg, nonce, url and either kid or jwk, the last two
 * those of the account.  To be freed either way.
 */
enum err header_read(struct header *h, const char *account,
    struct view text, struct fault *why);
void header_free(struct header *h);

#endif
