/*
 * The life of an ACME account (RFC 8555 section 7.3): a key in the token,
 * then the question whether the CA knows it, then newAccount.
 */
#include "account.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../compose/payload.h"
#include "../core.h"
#include "../engine/engine.h"
#include "../engine/job.h"
#include "../engine/report.h"
#include "../key/keys.h"
#include "directory.h"

#define RETRY_FIRST 1000 /* milliseconds */
#define RETRY_MOST  600000
#define NAME_KEPT   50	   /* bytes of an account's name in its key's */

/* Valid accounts, copied out of the store for the signing path. */
static struct {
	pthread_rwlock_t lock;
	struct account_row *of; /* by index of the configured account */
} accounts = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static struct account_row *
cached(const char *name)
{
	for (size_t i = 0; i < core.config->naccounts; i++)
		if (strcmp(core.config->accounts[i].name, name) == 0)
			return &accounts.of[i];
	return NULL;
}

bool
account_valid(const char *name, struct account_row *row)
{
	const struct account_row *known = cached(name);
	bool valid;

	if (known == NULL)
		return false;
	pthread_rwlock_rdlock(&accounts.lock);
	valid = known->state == ACCOUNT_VALID;
	if (valid)
		*row = *known;
	pthread_rwlock_unlock(&accounts.lock);
	return valid;
}

static bool
save(struct account_row *a)
{
	struct account_row *known = cached(a->name);
	struct fault why;

	a->updated = clock_now();
	if (store_account_put(core.store, a, &why) != OK) {
		log_error("account %s not stored: %s", a->name, why.text);
		return false;
	}
	if (known != NULL) {
		pthread_rwlock_wrlock(&accounts.lock);
		*known = *a;
		pthread_rwlock_unlock(&accounts.lock);
	}
	return true;
}

static void
set_local(struct job *j, const struct account_row *a)
{
	j->local = a->state == ACCOUNT_NEW;
}

/* That the CA does not know the account is no success: when making it fails
 * again and again, so does looking for it in between. */
static void
enter(struct job *j, struct account_row *a, enum account_state state)
{
	a->state = state;
	if (state != ACCOUNT_CREATE)
		a->attempts = 0;
	if (state == ACCOUNT_FIND)
		a->error[0] = '\0'; /* of the token */
	a->next_at = 0;
	if (!save(a)) {
		job_again(j, RETRY_FIRST);
		return;
	}
	set_local(j, a);
	job_again(j, 0);
	log_info("account %s: %s", a->name, account_state_name(state));
	j->over = state >= ACCOUNT_VALID;
	if (state >= ACCOUNT_VALID)
		jobs_release(JOB_ORDER);
}

static void
try_again(struct job *j, struct account_row *a, const char *words,
    int64_t retry_after)
{
	int64_t ms;

	a->attempts++;
	ms = retry_after > 0 ? retry_after * 1000 :
	    backoff(a->attempts, RETRY_FIRST, RETRY_MOST);
	a->next_at = clock_now_ms() + ms;
	snprintf(a->error, sizeof(a->error), "%s", words);
	log_warning("account %s: %s; next try in %lld s", a->name, words,
	    (long long)(ms / 1000));
	(void)save(a);
	job_again(j, ms);
}

static void
give_up(struct job *j, struct account_row *a, const char *words)
{
	snprintf(a->error, sizeof(a->error), "%s", words);
	log_error("account %s: %s", a->name, words);
	enter(j, a, ACCOUNT_FAILED);
}

/* ------------------------------------------------------------------- key */

static enum err
make_key(const struct config_account *a, const char *name,
    struct fault *why)
{
	const struct config_key *key = &a->key;
	struct key_row row;

	if (store_key_get(core.store, name, &row, why) == OK &&
	    row.state == KEY_ACTIVE)
		return OK;
	if (key->name != NULL)
		return keys_adopt(core.keys, name, key->token,
		    config_foreign_key(core.config, key->token, key->name),
		    key->verify, why);
	return keys_generate(core.keys, name, key->token, PURPOSE_ACCOUNT,
	    key->type, key->verify, why);
}

static enum err
audit_key(const struct account_row *a, struct fault *why)
{
	char hex[2 * SHA256_SIZE + 1];
	struct json_writer w;
	struct buf members;
	struct key_row key;
	enum err e;

	e = store_key_get(core.store, a->key, &key, why);
	if (e != OK)
		return e;
	hex_encode(hex, key.pin, sizeof(key.pin));
	buf_init(&members, STORE_TEXT);
	json_write_start(&w, &members);
	json_put_string(&w, "by", "core");
	json_put_string(&w, "account", a->name);
	json_put_string(&w, "key", a->key);
	json_put_string(&w, "keyId", hex);
	e = audit_append(core.audit, "key", buf_str(&members), members.len,
	    why);
	buf_free(&members);
	return e;
}

static void
run(struct job *j)
{
	const struct config_account *c;
	struct account_row a;
	struct fault why;

	c = config_account(core.config, j->name);
	if (!row_found(store_account_get(core.store, j->name, &a, &why), j,
		&why))
		return;
	if (c == NULL || a.state != ACCOUNT_NEW) {
		set_local(j, &a);
		j->over = c == NULL || a.state >= ACCOUNT_VALID;
		return;
	}
	POINT("account-key", "before");
	if (make_key(c, a.key, &why) != OK || audit_key(&a, &why) != OK) {
		try_again(j, &a, why.text, 0);
		return;
	}
	POINT("account-key", "after");
	enter(j, &a, ACCOUNT_FIND);
}

/* ------------------------------------------------------------- the issuer */

static bool
prepare(struct job *j)
{
	struct account_row a;
	struct fault why;

	if (!row_found(store_account_get(core.store, j->name, &a, &why), j,
		&why))
		return false;
	if (directory_url(a.ca, "newAccount", j->url) == NULL) {
		job_wait(j);
		return false;
	}
	j->step = a.state == ACCOUNT_FIND ? STEP_FIND_ACCOUNT :
	    STEP_NEW_ACCOUNT;
	return true;
}

static enum err
payload(struct job *j, struct buf *out, struct fault *why)
{
	const struct config_account *c;

	c = config_account(core.config, j->name);
	if (c == NULL)
		return fault_set(why, ERR_CONFLICT,
		    "account is no longer configured");
	return payload_new_account(out, c, j->url,
	    j->step == STEP_FIND_ACCOUNT, why);
}

static void
registered(struct job *j, struct account_row *a, const struct report *r)
{
	const char *status = json_get_string(r->facts, "status");

	if (r->location == NULL) {
		try_again(j, a, "the CA sent no usable account URL", 0);
		return;
	}
	if (status != NULL && strcmp(status, "valid") != 0) {
		char words[128];

		snprintf(words, sizeof(words), "the CA says the account is %s",
		    status);
		give_up(j, a, words);
		return;
	}
	strcpy(a->kid, r->location);
	a->error[0] = '\0';
	enter(j, a, ACCOUNT_VALID);
}

/* Problem types after which asking again cannot help. */
static bool
hopeless(const struct report *r)
{
	static const char *const soft[] = { "badNonce", "rateLimited",
		"serverInternal", "" };

	if (r->outcome != OUTCOME_PROBLEM || r->status >= 500 ||
	    r->status == 429)
		return false;
	for (size_t i = 0; i < nitems(soft); i++)
		if (strcmp(r->type, soft[i]) == 0)
			return r->type[0] == '\0' && r->status / 100 == 4;
	return true;
}

static void
result(struct job *j, const struct report *r)
{
	struct account_row a;
	struct fault why;

	if (!row_found(store_account_get(core.store, j->name, &a, &why), j,
		&why))
		return;
	if (r->outcome == OUTCOME_OK)
		registered(j, &a, r);
	else if (a.state == ACCOUNT_FIND &&
	    strcmp(r->type, "accountDoesNotExist") == 0)
		enter(j, &a, ACCOUNT_CREATE);
	else if (hopeless(r))
		give_up(j, &a, r->words);
	else {
		/* whether it was created is asked first */
		a.state = ACCOUNT_FIND;
		if (r->status == 404 || r->status == 405)
			directory_forget(a.ca);
		try_again(j, &a, r->words, r->retry_after);
	}
}

static const char *
account_of(const struct job *j)
{
	return j->name;
}

static const struct config_ca *
ca_of(const struct job *j)
{
	return config_account_ca(core.config, j->name);
}

const struct job_class account_class = {
	.run = run,
	.prepare = prepare,
	.payload = payload,
	.result = result,
	.account = account_of,
	.ca = ca_of,
};

/* ------------------------------------------------------------ start of it */

/* A long name is cut, but never to that of another account's key. */
static void
name_key(char key[static STORE_NAME], const char *account)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (strlen(account) <= NAME_KEPT) {
		snprintf(key, STORE_NAME, "account-%s", account);
		return;
	}
	sha256(digest, account, strlen(account));
	hex_encode(hex, digest, sizeof(digest));
	snprintf(key, STORE_NAME, "account-%.33s-%.16s", account, hex);
}

/* An account holds for one directory and one key; another CA is another
 * account. */
static void
load_one(const struct config_account *c)
{
	const char *directory = config_ca(core.config, c->ca)->directory;
	struct account_row a;
	struct fault why;
	bool known;

	known = store_account_get(core.store, c->name, &a, &why) == OK;
	if (!known || strcmp(a.directory, directory) != 0) {
		memset(&a, 0, sizeof(a));
		snprintf(a.name, sizeof(a.name), "%s", c->name);
		snprintf(a.directory, sizeof(a.directory), "%s", directory);
		name_key(a.key, c->name);
		if (known)
			log_warning("account %s moves to another directory",
			    c->name);
	}
	snprintf(a.ca, sizeof(a.ca), "%s", c->ca);
	if (a.state == ACCOUNT_CREATE)
		a.state = ACCOUNT_FIND;
	(void)save(&a);
	if (a.state < ACCOUNT_VALID)
		job_add(JOB_ACCOUNT, c->name, 0, a.next_at);
}

void
accounts_load(void)
{
	accounts.of = xcalloc(core.config->naccounts,
	    sizeof(*accounts.of));
	for (size_t i = 0; i < core.config->naccounts; i++)
		load_one(&core.config->accounts[i]);
}

void
account_lost(const char *name)
{
	struct account_row a;
	struct fault why;

	if (store_account_get(core.store, name, &a, &why) != OK)
		return;
	log_warning("account %s: the CA does not know it any more", name);
	a.state = ACCOUNT_FIND;
	a.kid[0] = '\0';
	if (save(&a))
		job_add(JOB_ACCOUNT, name, 0, clock_now_ms());
}

enum err
engine_register(struct engine *e, const char *account, struct fault *why)
{
	struct account_row a;
	enum err code;

	(void)e;
	code = store_account_get(core.store, account, &a, why);
	if (code != OK)
		return code;
	if (a.state == ACCOUNT_VALID)
		return OK;
	if (a.state == ACCOUNT_FAILED || a.state == ACCOUNT_DEACTIVATED) {
		struct key_row key;

		a.state = store_key_get(core.store, a.key, &key, why) == OK &&
		    key.state == KEY_ACTIVE ? ACCOUNT_FIND : ACCOUNT_NEW;
		a.error[0] = '\0';
		a.attempts = 0;
		if (!save(&a))
			return fault_set(why, ERR_IO, "account not stored");
	}
	job_add(JOB_ACCOUNT, account, 0, clock_now_ms());
	return OK;
}
