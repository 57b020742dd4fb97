#include "tenant.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "rule.h"

#define ACCOUNT_KEY "account-" /* begins the name of an account's key */

static bool
among(const struct strings *list, const char *s)
{
	for (size_t i = 0; s != NULL && i < list->n; i++)
		if (pattern_matches(list->v[i], s))
			return true;
	return false;
}

static bool
among_ids(const uint32_t *ids, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

bool
tenant_has(const struct config_tenant *t, const struct facts *f)
{
	if (t->listeners.n > 0 && !among(&t->listeners, f->listener))
		return false;
	if (t->nuids == 0 && t->ngids == 0)
		return t->listeners.n > 0;
	if (among_ids(t->uids, t->nuids, f->uid) ||
	    among_ids(t->gids, t->ngids, f->gid))
		return true;
	for (size_t i = 0; i < f->ngroups; i++)
		if (among_ids(t->gids, t->ngids, f->groups[i]))
			return true;
	return false;
}

size_t
tenant_of(const struct config *c, const struct facts *client)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (tenant_has(&c->tenants[i], client))
			return i + 1;
	return 0;
}

/* ------------------------------------------------------------- namespaces */

static const struct config_tenant *
owner_of(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (among(&c->tenants[i].owns, name))
			return &c->tenants[i];
	return NULL;
}

/* Keys that the broker makes are named after what they are for: those of an
 * account "account-NAME", those of a certificate "NAME-NUMBER". */
static const struct config_tenant *
owner_of_key(const struct config *c, const char *key)
{
	const struct config_tenant *owner = owner_of(c, key);
	const char *hyphen = strrchr(key, '-');
	char *stem;

	if (owner == NULL && strncmp(key, ACCOUNT_KEY,
	    strlen(ACCOUNT_KEY)) == 0)
		owner = owner_of(c, key + strlen(ACCOUNT_KEY));
	if (owner != NULL || hyphen == NULL || hyphen[1] == '\0' ||
	    hyphen[1 + strspn(hyphen + 1, "0123456789")] != '\0')
		return owner;
	stem = xstrndup(key, (size_t)(hyphen - key));
	owner = owner_of(c, stem);
	free(stem);
	return owner;
}

static bool
sees(const struct config *c, const struct facts *client,
    const struct config_tenant *owner)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if ((&c->tenants[i] == owner ||
			among(&c->tenants[i].sees, owner->name)) &&
		    tenant_has(&c->tenants[i], client))
			return true;
	return false;
}

static bool
anything_owned(const struct config *c)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (c->tenants[i].owns.n > 0)
			return true;
	return false;
}

/* The name that the request gives to a thing that may be new, or NULL. */
static const char *
given_name(const struct facts *f)
{
	return f->operation == OP_KEY_GENERATE ? f->key :
	    f->operation == OP_CERTIFICATE_DECLARE ? f->certificate : NULL;
}

bool
tenant_trespasses(const struct config *c, const struct facts *f,
    struct trespass *t)
{
	const struct trespass things[] = {
		{ "key", f->key, NULL },
		{ "account", f->account, NULL },
		{ "certificate", f->certificate, NULL },
	};
	const char *given = given_name(f);

	if (!anything_owned(c))
		return false;
	for (size_t i = 0; i < nitems(things); i++) {
		*t = things[i];
		if (t->value == NULL)
			continue;
		t->owner = i == 0 ? owner_of_key(c, t->value) :
		    owner_of(c, t->value);
		if (t->value == given && (t->owner == NULL ||
			!tenant_has(t->owner, f))) {
			t->owner = NULL;
			return true;
		}
		if (t->owner != NULL && !sees(c, f, t->owner))
			return true;
	}
	return false;
}
