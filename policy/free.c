/* Giving a configuration back, whole or half read. */
#include <stdlib.h>

#include "config.h"

static void
free_strings(struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
}

static void
free_token(struct config_token *token)
{
	for (size_t i = 0; i < token->nkeys; i++) {
		free(token->keys[i].name);
		free(token->keys[i].uri);
	}
	free(token->keys);
	free(token->name);
	free(token->module);
	free(token->uri);
	free(token->pin);
}

static void
free_ca(struct config_ca *ca)
{
	free(ca->name);
	free(ca->directory);
	free(ca->trust);
	free(ca->anchors);
	free_strings(&ca->origins);
	free(ca->preferred_chain);
	free(ca->budget.new_orders.v);
	free(ca->budget.duplicates.v);
	free(ca->budget.per_domain.v);
}

static void
free_key(struct config_key *key)
{
	free(key->token);
	free(key->name);
}

static void
free_account(struct config_account *account)
{
	free(account->name);
	free(account->ca);
	free_key(&account->key);
	free_strings(&account->contacts);
	free(account->eab_kid);
	free(account->eab_key_file);
	free(account->eab_alg);
}

static void
free_program(struct config_program *program)
{
	free(program->path);
	free_strings(&program->arguments);
	free(program->user);
}

static void
free_certificate(struct config_certificate *cert)
{
	free(cert->name);
	free(cert->account);
	free_strings(&cert->names);
	free_key(&cert->key);
	free(cert->webroot);
	free_program(&cert->dns);
	free_program(&cert->deploy);
}

static void
free_tenant(struct config_tenant *tenant)
{
	free(tenant->name);
	free_strings(&tenant->users);
	free_strings(&tenant->groups);
	free(tenant->uids);
	free(tenant->gids);
	free_strings(&tenant->listeners);
	free_strings(&tenant->owns);
	free_strings(&tenant->sees);
}

static void
free_rule(struct config_rule *rule)
{
	free(rule->tenant);
	free_strings(&rule->operation_words);
	free_strings(&rule->names);
	free_strings(&rule->ips);
	free_strings(&rule->keys);
	free_strings(&rule->accounts);
	free_strings(&rule->cas);
	free_strings(&rule->certificates);
	free_strings(&rule->profiles);
	free(rule->rates.v);
	free(rule->until_text);
}

static void
free_listener(struct config_listener *listener)
{
	free(listener->name);
	free(listener->path);
	free(listener->user);
	free(listener->group);
	free(listener->account);
}

#define FREE_ALL(array, number, free_one)           \
	do {                                        \
		for (size_t i = 0; i < number; i++) \
			free_one(&array[i]);        \
		free(array);                        \
	} while (0)

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	FREE_ALL(c->listeners, c->nlisteners, free_listener);
	FREE_ALL(c->tokens, c->ntokens, free_token);
	FREE_ALL(c->cas, c->ncas, free_ca);
	FREE_ALL(c->accounts, c->naccounts, free_account);
	FREE_ALL(c->certificates, c->ncertificates, free_certificate);
	FREE_ALL(c->tenants, c->ntenants, free_tenant);
	FREE_ALL(c->rules, c->nrules, free_rule);
	free(c->state);
	free(c->audit_token);
	free(c->http_listen);
	free(c->user_core);
	free(c->user_issuer);
	free(c->user_signer);
	free(c);
}
