/*
 * What a CA shows at a URL, as the issuer tells it (step "look" of
 * broker/issuer/protocol.h), read as a stranger's words.
 */
#ifndef CORE_SIGHT_H
#define CORE_SIGHT_H

#include "../../../api/json.h"
#include "act.h"

#define SIGHT_URLS 100

struct sight {
	enum place place; /* PLACE_UNKNOWN: nothing that is for clients */
	struct identifiers ids; /* of an order; the one of an authorization,
				 * with "*." when it is a wildcard's */
	char *urls[SIGHT_URLS]; /* authorizations; or challenges */
	size_t nurls;
	char *finalize, *certificate; /* of an order; NULL: none */
	char *up;	  /* of a challenge: its authorization; NULL: unknown */
	struct proof leaf; /* of a certificate */
};

/* What cannot be understood is of no known place.  To be freed. */
void sight_read(struct sight *s, const struct json *facts);
void sight_free(struct sight *s);

#endif
