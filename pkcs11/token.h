/* The token: found by its URI, described by its info and mechanisms. */
#ifndef PKCS11_TOKEN_H
#define PKCS11_TOKEN_H

#include "../broker/base/lane.h"
#include "module.h"
#include "quirks.h"
#include "uri.h"

#define MECHANISMS_MAX 512

struct mechanism {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
};

struct token {
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	char library[33]; /* CK_INFO.manufacturerID */
	const struct quirk *quirk;
	struct lane_token about; /* the same, as told to the core */
	struct mechanism mechanisms[MECHANISMS_MAX];
	size_t nmechanisms;
};

/*
 * Finds the one initialised token that matches uri.  ERR_TOKEN when it is not
 * there, ERR_CONFIG when several match.
 */
enum err token_find(struct token *t, const struct module *m, P11KitUri *uri,
    struct fault *why);

/* Reads CK_TOKEN_INFO again. */
enum err token_refresh(struct token *t, const struct module *m,
    struct fault *why);

/* The mechanism, when the token offers it with all of those flags. */
const struct mechanism *token_mechanism(const struct token *t,
    CK_MECHANISM_TYPE type, CK_FLAGS flags);

#endif
