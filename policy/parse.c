/* The way from text to a checked configuration, and finding things in it. */
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "check.h"
#include "read.h"

/* A webroot says who serves the answer: another web server, not ours. */
static void
settle_challenges(struct config *c)
{
	for (size_t i = 0; i < c->ncertificates; i++)
		if (c->certificates[i].webroot != NULL)
			c->certificates[i].challenge = CHALLENGE_HTTP_WEBROOT;
}

struct config *
config_parse(const char *text, size_t n, const struct config_names *names,
    struct config_errors *errors)
{
	struct config *c;
	struct node root;

	*errors = (struct config_errors){ NULL, 0 };
	if (n > CONFIG_MAX) {
		mistake(errors, (struct place){ 1, 1 },
		    "longer than %d bytes", CONFIG_MAX);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	tree_parse(&root, text, n, errors);
	read_config(c, &root, names, errors);
	settle_challenges(c);
	check_config(c, &root, errors);
	tree_free(&root);
	if (errors->n == 0)
		return c;
	config_free(c);
	return NULL;
}

const struct config_listener *
config_listener(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (strcmp(c->listeners[i].name, name) == 0)
			return &c->listeners[i];
	return NULL;
}

const struct config_token *
config_token(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ntokens; i++)
		if (strcmp(c->tokens[i].name, name) == 0)
			return &c->tokens[i];
	return NULL;
}

const struct config_ca *
config_ca(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ncas; i++)
		if (strcmp(c->cas[i].name, name) == 0)
			return &c->cas[i];
	return NULL;
}

const struct config_account *
config_account(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->naccounts; i++)
		if (strcmp(c->accounts[i].name, name) == 0)
			return &c->accounts[i];
	return NULL;
}

const struct config_certificate *
config_certificate(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ncertificates; i++)
		if (strcmp(c->certificates[i].name, name) == 0)
			return &c->certificates[i];
	return NULL;
}

const struct config_ca *
config_account_ca(const struct config *c, const char *account)
{
	const struct config_account *a = config_account(c, account);

	return a != NULL ? config_ca(c, a->ca) : NULL;
}

const struct config_foreign_key *
config_foreign_key(const struct config *c, const char *token,
    const char *name)
{
	const struct config_token *t = config_token(c, token);

	for (size_t i = 0; t != NULL && i < t->nkeys; i++)
		if (strcmp(t->keys[i].name, name) == 0)
			return &t->keys[i];
	return NULL;
}
