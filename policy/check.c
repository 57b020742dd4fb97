#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"

struct checking {
	const struct config *c;
	const struct node *root;
	struct config_errors *errors;
};

static bool
known_token(const struct config *c, const char *name)
{
	return config_token(c, name) != NULL;
}

static bool
known_ca(const struct config *c, const char *name)
{
	return config_ca(c, name) != NULL;
}

static bool
known_account(const struct config *c, const char *name)
{
	return config_account(c, name) != NULL;
}

static bool
known_tenant(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (strcmp(c->tenants[i].name, name) == 0)
			return true;
	return false;
}

static bool
known_listener(const struct config *c, const char *name)
{
	return config_listener(c, name) != NULL;
}

static const struct {
	bool (*known)(const struct config *c, const char *name);
	const char *what;
} references[] = {
	[REFERS_NOWHERE] = { NULL, "" },
	[REFERS_TOKEN] = { known_token, "token" },
	[REFERS_CA] = { known_ca, "ca" },
	[REFERS_ACCOUNT] = { known_account, "account" },
	[REFERS_TENANT] = { known_tenant, "tenant" },
	[REFERS_LISTENER] = { known_listener, "listener" },
};
_Static_assert(nitems(references) == REFERS__MAX, "all have a finder");

/* Notes each value that names something unknown.  Patterns name nothing, and
 * what is no name at all is noted already. */
static void
check_references(const struct checking *ck, const struct node *node)
{
	enum reference refers = node->row->refers;

	for (size_t i = 0; refers != REFERS_NOWHERE && i < node->nvalues; i++) {
		const struct token *value = &node->values[i];

		if (value->bad || !name_valid(value->text) ||
		    references[refers].known(ck->c, value->text))
			continue;
		mistake(ck->errors, value->at,
		    "%s: there is no %s \"%s\"", node->row->keyword,
		    references[refers].what, value->text);
	}
	for (size_t i = 0; i < node->nchildren; i++)
		check_references(ck, &node->children[i]);
}

/* A name that is given, for sorting. */
struct given {
	const struct row *row;
	const struct token *name;
};

static int
compare_given(const void *pa, const void *pb)
{
	const struct given *a = pa, *b = pb;
	int order;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	order = strcmp(a->name->text, b->name->text);
	if (order != 0)
		return order;
	if (a->name->at.line != b->name->at.line)
		return a->name->at.line < b->name->at.line ? -1 : 1;
	return a->name->at.column < b->name->at.column ? -1 :
	    a->name->at.column > b->name->at.column;
}

static size_t
count_items(const struct node *node)
{
	size_t n = node->row != NULL && node->row->type == VALUE_ITEM;

	for (size_t i = 0; i < node->nchildren; i++)
		n += count_items(&node->children[i]);
	return n;
}

static void
collect_items(const struct node *node, struct given *all, size_t *n)
{
	if (node->row != NULL && node->row->type == VALUE_ITEM &&
	    node->nvalues > 0 && !node->values[0].bad)
		all[(*n)++] = (struct given){ node->row, node->values };
	for (size_t i = 0; i < node->nchildren; i++)
		collect_items(&node->children[i], all, n);
}

/* Two things of one kind never have one name; keys of all tokens are one
 * kind, because the API names a key without its token. */
static void
check_doubles(const struct checking *ck)
{
	struct given *all = xcalloc(count_items(ck->root), sizeof(*all));
	size_t n = 0;
	char text[SHOWN_MAX];

	collect_items(ck->root, all, &n);
	qsort(all, n, sizeof(*all), compare_given);
	for (size_t i = 1; i < n; i++)
		if (all[i].row == all[i - 1].row &&
		    strcmp(all[i].name->text, all[i - 1].name->text) == 0)
			mistake(ck->errors, all[i].name->at,
			    "%s \"%s\" exists already",
			    all[i].row->keyword,
			    shown(all[i].name->text, text));
	free(all);
}

/* A foreign key must be one of its token, and have the right purpose. */
static void
check_key(const struct checking *ck, const struct node *parent,
    const struct config_key *key, enum key_purpose purpose)
{
	const struct node *node = tree_child(parent, "key");
	const struct config_foreign_key *foreign;
	struct place at;

	if (key->name == NULL || key->token == NULL ||
	    config_token(ck->c, key->token) == NULL)
		return;
	at = tree_child(node, "name")->values[0].at;
	foreign = config_foreign_key(ck->c, key->token, key->name);
	if (foreign == NULL)
		mistake(ck->errors, at, "name: token \"%s\" has no key \"%s\"",
		    key->token, key->name);
	else if (foreign->purpose != purpose)
		mistake(ck->errors, at,
		    "name: key \"%s\" has the purpose %s, not %s", key->name,
		    purpose_name(foreign->purpose), purpose_name(purpose));
}

static void
check_account(const struct checking *ck, const struct node *node, size_t i)
{
	check_key(ck, node, &ck->c->accounts[i].key, PURPOSE_ACCOUNT);
}

/* What answers on one web server says nothing about all names below a name,
 * so that CAs take only a DNS record as proof for a wildcard. */
static void
check_certificate(const struct checking *ck, const struct node *node,
    size_t i)
{
	const struct config_certificate *cert = &ck->c->certificates[i];
	const struct node *names = tree_child(node, "names");
	const struct node *challenge = tree_child(node, "challenge");

	check_key(ck, node, &cert->key, PURPOSE_CERTIFICATE);
	if (challenge == NULL || challenge->block == BLOCK_NONE ||
	    cert->challenge == CHALLENGE_DNS_HOOK)
		return;
	if (tree_child(challenge, "webroot") == NULL &&
	    tree_child(ck->root, "http-listen") == NULL)
		mistake(ck->errors, challenge->values[0].at,
		    "challenge: http-01 without webroot needs http-listen");
	for (size_t j = 0; names != NULL && j < names->nvalues; j++)
		if (!names->values[j].bad &&
		    names->values[j].text[0] == '*')
			mistake(ck->errors, names->values[j].at,
			    "names: a wildcard needs challenge dns-01");
}

static bool
says_who(const struct node *node)
{
	static const char *const words[] = { "user", "uid", "group", "gid",
		"listener" };

	for (size_t i = 0; i < nitems(words); i++)
		if (tree_child(node, words[i]) != NULL)
			return true;
	return false;
}

/* One name has one owner: patterns of two tenants have no name in common,
 * which they would have when one begins like the other. */
static bool
overlap(const char *a, const char *b)
{
	size_t n = strcspn(a, "*"), m = strcspn(b, "*");

	if (strncmp(a, b, n < m ? n : m) != 0)
		return false;
	if (a[n] == '*' && b[m] == '*')
		return true;
	return a[n] == '*' ? n <= m : b[m] == '*' ? m <= n : n == m;
}

static void
check_owned_by_one(const struct checking *ck, const struct token *value,
    size_t tenant)
{
	const struct config_tenant *others = ck->c->tenants;

	for (size_t i = 0; i < tenant; i++)
		for (size_t j = 0; j < others[i].owns.n; j++)
			if (overlap(others[i].owns.v[j], value->text)) {
				mistake(ck->errors, value->at, "owns: tenant "
				    "\"%s\" has names of these already",
				    others[i].name);
				return;
			}
}

static void
check_tenant(const struct checking *ck, const struct node *node, size_t i)
{
	if (node->has_block && !says_who(node))
		mistake(ck->errors, node->keyword.at,
		    "tenant needs user, uid, group, gid or listener");
	for (size_t k = 0; k < node->nchildren; k++) {
		const struct node *child = &node->children[k];

		for (size_t j = 0; j < child->nvalues && strcmp(
		    child->row->keyword, "owns") == 0; j++)
			if (!child->values[j].bad)
				check_owned_by_one(ck, &child->values[j], i);
	}
}

static void
check_listener(const struct checking *ck, const struct node *node, size_t i)
{
	const struct config_listener *listeners = ck->c->listeners;

	if (listeners[i].path == NULL)
		return;
	for (size_t j = 0; j < i; j++)
		if (listeners[j].path != NULL &&
		    strcmp(listeners[j].path, listeners[i].path) == 0) {
			mistake(ck->errors,
			    tree_child(node, "path")->values[0].at,
			    "path: listener \"%s\" has it already",
			    listeners[j].name);
			return;
		}
}

static const struct {
	const char *keyword;
	void (*check)(const struct checking *, const struct node *, size_t);
} item_checks[] = {
	{ "listener", check_listener },
	{ "account", check_account },
	{ "certificate", check_certificate },
	{ "tenant", check_tenant },
};

void
check_config(const struct config *c, const struct node *root,
    struct config_errors *errors)
{
	struct checking ck = { c, root, errors };

	for (size_t i = 0; i < root->nchildren; i++)
		check_references(&ck, &root->children[i]);
	check_doubles(&ck);
	for (size_t k = 0; k < nitems(item_checks); k++)
		for (size_t i = 0, nth = 0; i < root->nchildren; i++)
			if (strcmp(root->children[i].row->keyword,
			    item_checks[k].keyword) == 0)
				item_checks[k].check(&ck,
				    &root->children[i], nth++);
}
