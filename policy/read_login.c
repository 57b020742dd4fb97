/*
 * Readers of users and groups.  They are stored as written: a name, or the
 * digits of a number; a name of digits only is refused, so that the two can
 * be told apart again.
 */
#include <string.h>

#include "grow.h"
#include "read.h"

#define ID_MAX (UINT32_MAX - 1) /* the last number means "none" */

/* How one value becomes a number; false when a mistake is noted. */
#define RESOLVER(name)                                                \
	bool name(const struct reading *r, const struct row *row,     \
	    const struct token *value, uint32_t *id)

static bool
look_up(const struct reading *r, const struct row *row,
    const struct token *value, bool (*find)(const char *, uint32_t *),
    uint32_t *id, const char *otherwise)
{
	const char *complaint = row->check(value->text);

	if (complaint == NULL &&
	    (find == NULL || !find(value->text, id)))
		complaint = otherwise;
	if (complaint != NULL)
		complain(r, row, value, complaint);
	return complaint == NULL;
}

static
RESOLVER(resolve_user)
{
	return look_up(r, row, value, r->names != NULL ? r->names->user :
	    NULL, id, "is no user of this system");
}

static
RESOLVER(resolve_group)
{
	return look_up(r, row, value, r->names != NULL ? r->names->group :
	    NULL, id, "is no group of this system");
}

static
RESOLVER(resolve_number)
{
	uint64_t v;

	if (!decimal(value->text, strlen(value->text), ID_MAX, &v)) {
		complain(r, row, value,
		    "is not a number from 0 to 4294967294");
		return false;
	}
	*id = (uint32_t)v;
	return true;
}

/* The one user or group of something; by name or by number, not both. */
static void
read_one(const struct reading *r, const struct row *row,
    const struct node *node, void *base, RESOLVER((*resolve)))
{
	char **at = field(base, row);
	uint32_t id;

	if (!resolve(r, row, node->values, &id))
		return;
	if (*at != NULL)
		mistake(r->errors, node->keyword.at,
		    "%s: given by name and by number", row->keyword);
	else
		*at = xstrdup(node->values[0].text);
}

READER(read_user)
{
	read_one(r, row, node, base, resolve_user);
}

READER(read_group)
{
	read_one(r, row, node, base, resolve_group);
}

READER(read_uid)
{
	read_one(r, row, node, base, resolve_number);
}

READER(read_gid)
{
	read_one(r, row, node, base, resolve_number);
}

/* A tenant's list: the texts, and beside each its number. */
static void
read_many(const struct reading *r, const struct row *row,
    const struct node *node, RESOLVER((*resolve)), struct strings *list,
    uint32_t **ids, size_t *nids)
{
	uint32_t id;

	for (size_t i = 0; i < node->nvalues; i++) {
		const struct token *value = &node->values[i];

		if (value->bad || !resolve(r, row, value, &id) ||
		    !add_string(r, row, value, list))
			continue;
		*ids = grow(*ids, *nids, sizeof(**ids));
		(*ids)[(*nids)++] = id;
	}
}

READER(read_users)
{
	struct config_tenant *t = base;

	read_many(r, row, node, resolve_user, &t->users, &t->uids,
	    &t->nuids);
}

READER(read_uids)
{
	struct config_tenant *t = base;

	read_many(r, row, node, resolve_number, &t->users, &t->uids,
	    &t->nuids);
}

READER(read_groups)
{
	struct config_tenant *t = base;

	read_many(r, row, node, resolve_group, &t->groups, &t->gids,
	    &t->ngids);
}

READER(read_gids)
{
	struct config_tenant *t = base;

	read_many(r, row, node, resolve_number, &t->groups, &t->gids,
	    &t->ngids);
}
