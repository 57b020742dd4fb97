/* Looking things up in the schema. */
#include "schema.h"

#include <string.h>

#include "../broker/base/mem.h"

static const char *const block_names[] = {
	[BLOCK_NONE] = "nothing",
	[BLOCK_TOP] = "the configuration",
	[BLOCK_AUDIT] = "audit",
	[BLOCK_CHECKPOINT] = "checkpoint",
	[BLOCK_LIMITS] = "limits",
	[BLOCK_ISSUER] = "issuer",
	[BLOCK_CORE] = "core",
	[BLOCK_SIGNER] = "signer",
	[BLOCK_LISTENER] = "listener",
	[BLOCK_LACME] = "protocol lacme-accountd",
	[BLOCK_TOKEN] = "token",
	[BLOCK_FOREIGN] = "key of a token",
	[BLOCK_CA] = "ca",
	[BLOCK_BUDGET] = "budget",
	[BLOCK_ACCOUNT] = "account",
	[BLOCK_EAB] = "eab",
	[BLOCK_KEY_NEW] = "key",
	[BLOCK_KEY_FOREIGN] = "key foreign",
	[BLOCK_CERTIFICATE] = "certificate",
	[BLOCK_HTTP01] = "challenge http-01",
	[BLOCK_DNS01] = "challenge dns-01",
	[BLOCK_DNS_PROGRAM] = "program",
	[BLOCK_DEPLOY] = "deploy",
	[BLOCK_TENANT] = "tenant",
	[BLOCK_ALLOW] = "allow",
	[BLOCK_DENY] = "deny",
};
_Static_assert(nitems(block_names) == BLOCK__MAX, "every block has a name");

const char *
block_name(enum block block)
{
	return block_names[block];
}

const struct row *
schema_find(enum block in, const char *keyword)
{
	for (size_t i = 0; i < schema_rows; i++)
		if ((schema[i].in & IN(in)) != 0 &&
		    strcmp(schema[i].keyword, keyword) == 0)
			return &schema[i];
	return NULL;
}

bool
schema_keyword(const char *word)
{
	for (size_t i = 0; i < schema_rows; i++)
		if (strcmp(schema[i].keyword, word) == 0)
			return true;
	return false;
}

const struct choice *
choice_word(const struct row *row, const char *word)
{
	for (const struct choice *c = row->choices; c->word != NULL; c++)
		if (strcmp(c->word, word) == 0)
			return c;
	return NULL;
}

const struct choice *
choice_value(const struct row *row, int value)
{
	for (const struct choice *c = row->choices; c->word != NULL; c++)
		if (c->value == value)
			return c;
	return NULL;
}

/* What the types have in common: how many values, bare words or quoted. */
static const struct shape {
	size_t least, most;
	bool bare;
} shapes[] = {
	[VALUE_BLOCK] = { 0, 0, false },
	[VALUE_ITEM] = { 1, 1, false },
	[VALUE_RULE] = { 1, 1, false },
	[VALUE_TEXT] = { 1, 1, false },
	[VALUE_TEXTS] = { 1, UNBOUNDED, false },
	[VALUE_WORD] = { 1, 1, true },
	[VALUE_FLAG] = { 1, 1, true },
	[VALUE_WORD_TEXT] = { 1, 1, true },
	[VALUE_COUNT] = { 1, 1, true },
	[VALUE_SECONDS] = { 1, 1, true },
	[VALUE_BYTES] = { 1, 1, true },
	[VALUE_MODE] = { 1, 1, true },
	[VALUE_USER] = { 1, 1, false },
	[VALUE_UID] = { 1, 1, true },
	[VALUE_GROUP] = { 1, 1, false },
	[VALUE_GID] = { 1, 1, true },
	[VALUE_USERS] = { 1, UNBOUNDED, false },
	[VALUE_UIDS] = { 1, UNBOUNDED, true },
	[VALUE_GROUPS] = { 1, UNBOUNDED, false },
	[VALUE_GIDS] = { 1, UNBOUNDED, true },
	[VALUE_PIN] = { 1, 1, false },
	[VALUE_SPKI] = { 1, 1, false },
	[VALUE_RATES] = { 3, UNBOUNDED, true },
	[VALUE_OPERATIONS] = { 1, UNBOUNDED, true },
	[VALUE_UNTIL] = { 1, 1, true },
};
_Static_assert(nitems(shapes) == VALUE__MAX, "every type has a shape");

size_t
row_least(const struct row *row)
{
	return shapes[row->type].least;
}

size_t
row_most(const struct row *row)
{
	return shapes[row->type].most;
}

bool
row_bare(const struct row *row)
{
	return shapes[row->type].bare;
}

enum block
row_opens(const struct row *row, const char *first)
{
	const struct choice *choice;

	if (row->choices == NULL || row->opens != BLOCK_NONE)
		return row->opens;
	choice = first != NULL ? choice_word(row, first) : NULL;
	return choice != NULL ? choice->opens : BLOCK_NONE;
}
