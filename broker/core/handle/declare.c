/*
 * PUT /v1/certificates/{name}: a client declares what it wants to have.
 * Checks are in three rounds: the form of the wish, policy, and whether it
 * can be fulfilled here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../engine/engine.h"
#include "handle.h"

#define NAMES_MAX 100 /* in one certificate; what most CAs allow */

struct wish {
	const char *account;
	struct words names;
	const char *key_type, *token, *challenge; /* NULL: not given */
	const char *webroot, *key;
};

/* Each name once, each well formed. */
static enum err
check_names(const struct words *names, struct fault *why)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!dns_name_valid(names->v[i], true))
			return fault_set(why, ERR_SYNTAX, "\"names\": \"%.255s"
			    "\" is not a DNS name in lower case",
			    names->v[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(names->v[i], names->v[k]) == 0)
				return fault_set(why, ERR_SYNTAX, "\"names\":"
				    " \"%s\" is given twice", names->v[i]);
	}
	return OK;
}

/* A name with a space in it would become two: it is refused before. */
static enum err
read_names(const struct json *array, struct words *names, struct fault *why)
{
	size_t n = json_count(array);
	struct buf text;
	enum err err = OK;

	if (n == 0 || n > NAMES_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"names\" has %zu names, not 1 to %d", n, NAMES_MAX);
	buf_init(&text, ORDER_NAMES_MAX - 1);
	for (const struct json *v = json_first(array); v != NULL;
	    v = json_next(v)) {
		if (strchr(json_string(v), ' ') != NULL)
			err = fault_set(why, ERR_SYNTAX,
			    "\"names\": a name has a space in it");
		buf_putf(&text, "%s%s", text.len > 0 ? " " : "",
		    json_string(v));
	}
	if (err == OK && text.failed)
		err = fault_set(why, ERR_LIMIT, "\"names\" has more than %d"
		    " bytes", ORDER_NAMES_MAX - 1);
	if (err == OK) {
		words_split(names, buf_str(&text));
		err = names->n == n ? check_names(names, why) :
		    fault_set(why, ERR_SYNTAX, "\"names\": a name is empty");
	}
	buf_free(&text);
	return err;
}

static enum err
read_wish(const struct request *rq, struct wish *wish, struct fault *why)
{
	const struct json *names = NULL;
	const struct json_member rows[] = {
		{ "account", JSON_STRING, true, &wish->account },
		{ "names", JSON_STRINGS, true, &names },
		{ "keyType", JSON_STRING, false, &wish->key_type },
		{ "token", JSON_STRING, false, &wish->token },
		{ "challenge", JSON_STRING, false, &wish->challenge },
		{ "webroot", JSON_STRING, false, &wish->webroot },
		{ "key", JSON_STRING, false, &wish->key },
	};
	enum err err;

	err = json_read(rq->body, rows, nitems(rows), why);
	if (err == OK && !name_valid(rq->params[0]))
		err = fault_set(why, ERR_SYNTAX, "the certificate's name is"
		    " not a name: [a-z0-9] then [a-z0-9._-], at most %d",
		    NAME_MAX_LEN);
	if (err == OK && !name_valid(wish->account))
		err = fault_set(why, ERR_SYNTAX,
		    "\"account\" is not a name");
	if (err == OK)
		err = read_names(names, &wish->names, why);
	return err;
}

/* Whoever changes a certificate must be allowed what it was, too: otherwise
 * one tenant could take the name of another's certificate. */
static void
join_names(struct words *all, const struct words *a, const struct words *b)
{
	*all = (struct words){ .n = a->n + b->n };
	all->v = xcalloc(all->n + 1, sizeof(*all->v));
	if (a->n != 0)
		memcpy(all->v, a->v, a->n * sizeof(*a->v));
	if (b->n != 0)
		memcpy(all->v + a->n, b->v, b->n * sizeof(*b->v));
}

static enum err
permit(struct request *rq, const struct wish *wish, struct subject *old,
    struct decision *d, struct fault *why)
{
	struct facts facts, asked;
	struct words all;
	enum err err;

	facts_from(&facts, rq, OP_CERTIFICATE_DECLARE);
	err = subject_load(old, rq->params[0], &facts, why);
	if (err != OK)
		return err;
	join_names(&all, &wish->names, &old->names);
	facts_account(&facts, wish->account);
	facts.key = wish->key;
	asked = facts;
	asked.names = wish->names.v;
	asked.nnames = wish->names.n;
	facts.names = all.v;
	facts.nnames = all.n;
	err = authorize_known(&facts, &asked, rq->peer->pid, d, why);
	if (err == ERR_NOT_FOUND && d->foreign == NULL)
		err = fault_set(why, ERR_DENIED, "certificate \"%s\" is there,"
		    " and no rule allows all of its names",
		    rq->params[0]);
	words_free(&all);
	return err;
}

static enum err
no_such_type(const char *type, struct fault *why)
{
	return fault_set(why, ERR_SYNTAX,
	    "\"keyType\": no key type is named \"%.64s\"", type);
}

/* The client may have left the token to us: then it is the account's. */
static enum err
settle_generated(struct certificate_row *c, const struct wish *wish,
    const struct config_account *account, struct fault *why)
{
	const char *token = wish->token != NULL ? wish->token :
	    account->key.token;
	const char *type = wish->key_type != NULL ? wish->key_type :
	    key_type_name(KEY_EC_P256);
	struct lanes_status status;

	c->key_type = key_type_parse(type);
	if (c->key_type == KEY_TYPE__MAX)
		return no_such_type(type, why);
	if (config_token(core.config, token) == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no token named \"%.64s\"", token);
	if (lanes_status(core.lanes, token, &status) && status.known &&
	    (status.info.key_types & 1u << c->key_type) == 0)
		return fault_set(why, ERR_UNSUPPORTED,
		    "token \"%s\" has no keys of type %s", token, type);
	snprintf(c->token, sizeof(c->token), "%s", token);
	c->foreign_key[0] = '\0';
	return OK;
}

/* The token that has a key of this name, born elsewhere, for certificates. */
static const struct config_token *
foreign_home(const char *key)
{
	const struct config *config = core.config;

	for (size_t i = 0; i < config->ntokens; i++)
		for (size_t k = 0; k < config->tokens[i].nkeys; k++)
			if (strcmp(config->tokens[i].keys[k].name, key) == 0 &&
			    config->tokens[i].keys[k].purpose ==
				PURPOSE_CERTIFICATE)
				return &config->tokens[i];
	return NULL;
}

/* Such a key is met in its token by the first order; what type it has is
 * known from then on. */
static enum err
settle_foreign(struct certificate_row *c, const struct wish *wish,
    struct fault *why)
{
	const struct config_token *home = foreign_home(wish->key);
	enum key_type type = KEY_EC_P256;
	struct key_row key;

	if (wish->token != NULL && strcmp(wish->token, home->name) != 0)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" is in token"
		    " \"%s\"", wish->key, home->name);
	if (wish->key_type != NULL)
		type = key_type_parse(wish->key_type);
	if (type == KEY_TYPE__MAX)
		return no_such_type(wish->key_type, why);
	if (store_key_get(core.store, wish->key, &key, NULL) == OK) {
		if (wish->key_type != NULL && type != key.type)
			return fault_set(why, ERR_CONFLICT, "key \"%s\" is of"
			    " type %s", wish->key, key_type_name(key.type));
		type = key.type;
	}
	c->key_type = type;
	snprintf(c->token, sizeof(c->token), "%s", home->name);
	snprintf(c->foreign_key, sizeof(c->foreign_key), "%s", wish->key);
	return OK;
}

/* The core writes below a webroot: clients choose among those that the
 * operator has named. */
static bool
webroot_known(const char *webroot)
{
	const struct config *config = core.config;

	for (size_t i = 0; i < config->ncertificates; i++)
		if (config->certificates[i].webroot != NULL &&
		    strcmp(config->certificates[i].webroot, webroot) == 0)
			return true;
	return false;
}

static enum err
check_listener(struct certificate_row *c, const struct wish *wish,
    struct fault *why)
{
	(void)c;
	if (wish->webroot != NULL)
		return fault_set(why, ERR_SYNTAX, "\"webroot\" goes with"
		    " challenge http-01-webroot");
	if (core.config->http_listen == NULL)
		return fault_set(why, ERR_UNSUPPORTED, "challenge http-01"
		    " needs http-listen in the configuration");
	return OK;
}

static enum err
check_webroot(struct certificate_row *c, const struct wish *wish,
    struct fault *why)
{
	if (wish->webroot == NULL)
		return fault_set(why, ERR_SYNTAX, "challenge http-01-webroot"
		    " needs \"webroot\"");
	if (!webroot_known(wish->webroot))
		return fault_set(why, ERR_UNSUPPORTED, "\"webroot\" is none"
		    " that a certificate in the configuration uses");
	snprintf(c->webroot, sizeof(c->webroot), "%s", wish->webroot);
	return OK;
}

static enum err
check_dns(struct certificate_row *c, const struct wish *wish,
    struct fault *why)
{
	(void)c;
	(void)wish;
	return fault_set(why, ERR_UNSUPPORTED, "challenge dns-01 needs a"
	    " program, which only the configuration can name");
}

static enum err (*const challenges[])(struct certificate_row *,
    const struct wish *, struct fault *) = {
	[CHALLENGE_HTTP_LISTENER] = check_listener,
	[CHALLENGE_HTTP_WEBROOT] = check_webroot,
	[CHALLENGE_DNS_HOOK] = check_dns,
};
_Static_assert(nitems(challenges) == CHALLENGE__MAX, "every challenge");

static bool
has_wildcard(const struct words *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->v[i][0] == '*')
			return true;
	return false;
}

static enum err
settle_challenge(struct certificate_row *c, const struct wish *wish,
    struct fault *why)
{
	unsigned kind = CHALLENGE_HTTP_LISTENER;

	if (wish->challenge != NULL)
		for (kind = 0; kind < CHALLENGE__MAX; kind++)
			if (strcmp(challenge_name(kind), wish->challenge) == 0)
				break;
	if (kind == CHALLENGE__MAX)
		return fault_set(why, ERR_SYNTAX, "\"challenge\": none is"
		    " named \"%.64s\"", wish->challenge);
	if (kind != CHALLENGE_DNS_HOOK && has_wildcard(&wish->names))
		return fault_set(why, ERR_UNSUPPORTED,
		    "a wildcard needs challenge dns-01, and that a"
		    " certificate in the configuration");
	c->challenge = kind;
	c->webroot[0] = '\0';
	return challenges[kind](c, wish, why);
}

/* Other names want another certificate: the one that is there is due for
 * replacement at once. */
static void
settle_names(struct certificate_row *c, const struct words *names)
{
	struct buf text;

	buf_init(&text, ORDER_NAMES_MAX);
	for (size_t i = 0; i < names->n; i++)
		buf_putf(&text, "%s%s", i > 0 ? " " : "", names->v[i]);
	if (c->names != NULL && strcmp(c->names, buf_str(&text)) != 0)
		c->not_after = c->not_before;
	free(c->names);
	c->names = (char *)buf_take(&text, NULL);
}

static enum err
settle(struct certificate_row *c, const struct wish *wish,
    const struct config_account *account, struct fault *why)
{
	enum err err;

	snprintf(c->account, sizeof(c->account), "%s", wish->account);
	settle_names(c, &wish->names);
	err = wish->key != NULL ? settle_foreign(c, wish, why) :
	    settle_generated(c, wish, account, why);
	return err == OK ? settle_challenge(c, wish, why) : err;
}

/* In one transaction, so that no order begins in between. */
static enum err
save(struct certificate_row *c, struct fault *why)
{
	int64_t order = 0;
	enum err err;

	err = store_begin(core.store, why);
	if (err != OK)
		return err;
	err = store_order_open_of(core.store, c->name, &order, why);
	if (err == OK && order != 0)
		err = fault_set(why, ERR_CONFLICT, "order %lld of certificate"
		    " \"%s\" is open", (long long)order, c->name);
	if (err == OK)
		err = store_certificate_put(core.store, c, why);
	if (err == OK)
		return store_commit(core.store, why);
	store_rollback(core.store);
	return err;
}

static enum err
declare(struct subject *s, const char *name, const struct wish *wish,
    const struct decision *d, struct fault *why)
{
	const struct config_account *account = config_account(core.config,
	    wish->account);
	struct certificate_row *c = &s->row;
	enum err err;

	if (account == NULL)
		return no_such("account", wish->account, why);
	if (wish->key != NULL && foreign_home(wish->key) == NULL)
		return no_such("key", wish->key, why);
	if (config_certificate(core.config, name) != NULL ||
	    (s->found && c->configured))
		return fault_set(why, ERR_CONFLICT, "certificate \"%s\" is"
		    " declared in the configuration", name);
	if (!s->found)
		certificate_row_free(c);
	snprintf(c->name, sizeof(c->name), "%.*s", NAME_MAX_LEN, name);
	snprintf(c->tenant, sizeof(c->tenant), "%s",
	    d->tenant != NULL ? d->tenant : "");
	c->updated = clock_now();
	err = settle(c, wish, account, why);
	return err == OK ? save(c, why) : err;
}

enum err
handle_certificate_declare(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct wish wish = { .account = NULL };
	struct subject s = { .found = false };
	struct json_writer w;
	struct decision d;
	enum err err;

	err = read_wish(rq, &wish, why);
	certificates_lock();
	if (err == OK)
		err = permit(rq, &wish, &s, &d, why);
	if (err == OK)
		err = declare(&s, rq->params[0], &wish, &d, why);
	certificates_unlock();
	if (err == OK) {
		engine_wake(core.engine);
		rp->status = s.found ? 200 : 201;
		snprintf(rp->location, sizeof(rp->location),
		    "/v1/certificates/%s", s.row.name);
		json_write_start(&w, &rp->body);
		put_certificate(&w, &s.row);
		err = reply_done(rp, why);
	}
	subject_free(&s);
	words_free(&wish.names);
	return err;
}
