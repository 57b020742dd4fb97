/*
 * Tenants: who belongs to them, and what is theirs.  As soon as one tenant
 * owns names, each name of a key, an account or a certificate that matches
 * what a tenant owns is that tenant's: others neither use nor see it, unless
 * they say that they see that tenant's things, and new names are made by
 * their owners only.  What nobody owns is everybody's whom a rule allows it.
 */
#ifndef POLICY_TENANT_H
#define POLICY_TENANT_H

#include "evaluate.h"

bool tenant_has(const struct config_tenant *t, const struct facts *client);

/* The number, from 1, of the client's first tenant; 0 when it has none. */
size_t tenant_of(const struct config *c, const struct facts *client);

/* Why a request that the rules allow is not allowed for what is owned. */
struct trespass {
	const char *what;  /* "key", "account" or "certificate" */
	const char *value; /* its name */
	const struct config_tenant *owner; /* NULL: the name is new, and not
					    * the client's to give */
};
bool tenant_trespasses(const struct config *c, const struct facts *facts,
    struct trespass *trespass);

#endif
