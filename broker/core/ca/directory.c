/*
 * The CAs' directories (RFC 8555 section 7.1.1): fetched when first needed,
 * then daily, and when a CA answers that one of its URLs is gone.  A stale
 * one is used until the new one is there.
 */
#include "directory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/url.h"
#include "../core.h"
#include "../engine/job.h"
#include "../engine/report.h"
#include "../order/order.h"

#define FRESH_SECONDS 86400
#define RETRY_FIRST   500   /* milliseconds */
#define RETRY_MOST    60000

struct entry {
	struct json *facts; /* NULL: never fetched */
	int64_t fetched;
	struct fault trouble; /* no text: the last try went well */
};

static struct {
	pthread_mutex_t lock;
	struct entry *of; /* by index of the configured CA; NULL: not loaded */
} directories = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct entry *
entry_of(const char *ca)
{
	for (size_t i = 0; i < core.config->ncas; i++)
		if (directories.of != NULL &&
		    strcmp(core.config->cas[i].name, ca) == 0)
			return &directories.of[i];
	return NULL;
}

static void
load_one(size_t i)
{
	struct entry *entry = &directories.of[i];
	struct fault why;
	struct buf text;

	buf_init(&text, CONFIG_MAX);
	if (store_directory_get(core.store, core.config->cas[i].directory,
		&text, &entry->fetched, &why) == OK)
		entry->facts = json_parse(buf_str(&text), text.len, &why);
	buf_free(&text);
}

void
directory_load(void)
{
	directories.of = xcalloc(core.config->ncas, sizeof(struct entry));
	for (size_t i = 0; i < core.config->ncas; i++)
		load_one(i);
}

const char *
directory_url(const char *ca, const char *member,
    char out[static STORE_URL])
{
	struct entry *entry = entry_of(ca);
	const char *url = NULL;
	bool have, stale;

	if (entry == NULL)
		return NULL;
	pthread_mutex_lock(&directories.lock);
	have = entry->facts != NULL;
	stale = clock_now() - entry->fetched > FRESH_SECONDS;
	if (have) {
		url = json_get_string(entry->facts, member);
		out[0] = '\0';
		if (url_valid(url))
			strcpy(out, url);
	}
	pthread_mutex_unlock(&directories.lock);
	if (!have || stale)
		job_add(JOB_DIRECTORY, ca, 0, clock_now_ms());
	return have ? out : NULL;
}

static bool
find_member(const struct json *facts, const char *url,
    bool (*same)(const char *, const char *), char member[static STORE_NAME])
{
	for (const struct json *v = json_first(facts); v != NULL;
	    v = json_next(v))
		if (json_is_string(v) && same(url, json_string(v))) {
			snprintf(member, STORE_NAME, "%s", json_name(v));
			return true;
		}
	return false;
}

bool
directory_find(const char *ca, const char *url,
    bool (*same)(const char *, const char *), char member[static STORE_NAME])
{
	const struct config_ca *c = config_ca(core.config, ca);
	struct entry *entry = entry_of(ca);
	bool found;

	member[0] = '\0';
	if (c == NULL || entry == NULL)
		return false;
	if (same(url, c->directory))
		return true;
	pthread_mutex_lock(&directories.lock);
	found = find_member(entry->facts, url, same, member);
	pthread_mutex_unlock(&directories.lock);
	return found;
}

void
directory_forget(const char *ca)
{
	struct entry *entry = entry_of(ca);

	if (entry == NULL)
		return;
	pthread_mutex_lock(&directories.lock);
	entry->fetched = 0;
	pthread_mutex_unlock(&directories.lock);
	job_add(JOB_DIRECTORY, ca, 0, clock_now_ms());
}

void
directory_trouble(const char *ca, char out[static FAULT_MAX])
{
	struct entry *entry = entry_of(ca);

	out[0] = '\0';
	if (entry == NULL)
		return;
	pthread_mutex_lock(&directories.lock);
	strcpy(out, entry->trouble.text);
	pthread_mutex_unlock(&directories.lock);
}

static void
set_trouble(const char *ca, const char *words)
{
	struct entry *entry = entry_of(ca);

	if (entry == NULL)
		return;
	pthread_mutex_lock(&directories.lock);
	fault_set(&entry->trouble, ERR_NETWORK, "the directory of %s: %s", ca,
	    words);
	pthread_mutex_unlock(&directories.lock);
}

static bool
prepare(struct job *j)
{
	const struct config_ca *c = config_ca(core.config, j->name);

	if (c == NULL) {
		j->over = true;
		return false;
	}
	j->step = STEP_DIRECTORY;
	strcpy(j->url, "");
	return true;
}

static void
keep(const char *ca, const struct json *facts)
{
	struct entry *entry = entry_of(ca);
	struct json_writer w;
	struct fault why;
	struct buf text;
	struct json *copy;

	buf_init(&text, CONFIG_MAX);
	json_write_start(&w, &text);
	json_put_value(&w, NULL, facts);
	copy = json_parse(buf_str(&text), text.len, &why);
	if (copy == NULL)
		fatal("directory: cannot re-read our own JSON: %s", why.text);
	if (store_directory_put(core.store,
		config_ca(core.config, ca)->directory, buf_str(&text),
		clock_now(), &why) != OK)
		log_warning("directory of %s not stored: %s", ca, why.text);
	pthread_mutex_lock(&directories.lock);
	json_free(entry->facts);
	entry->facts = copy;
	entry->fetched = clock_now();
	entry->trouble.text[0] = '\0';
	pthread_mutex_unlock(&directories.lock);
	buf_free(&text);
}

struct told {
	const char *ca;
	const char *words;
};

static bool
tell_order(const struct order_row *o, void *arg)
{
	const struct told *told = arg;
	const struct config_account *a;

	a = config_account(core.config, o->account);
	if (o->state < ORDER_ISSUED && a != NULL &&
	    strcmp(a->ca, told->ca) == 0)
		order_note(o->id, "the directory of %s: %s", told->ca,
		    told->words);
	return true;
}

/* Whoever waits for this CA shall see why. */
static void
tell_waiting(const char *ca, const char *words)
{
	struct told told = { ca, words };
	struct fault why;

	(void)store_orders(core.store, NULL, 0, 100, tell_order, &told, &why);
}

/* Without these two nobody could be served. */
static bool
usable(const struct json *facts)
{
	return url_valid(json_get_string(facts, "newAccount")) &&
	    url_valid(json_get_string(facts, "newOrder"));
}

static void
result(struct job *j, const struct report *r)
{
	const char *words = r->outcome != OUTCOME_OK ? r->words :
	    "it has no usable newAccount or newOrder";

	if (r->outcome == OUTCOME_OK && usable(r->facts)) {
		keep(j->name, r->facts);
		j->failures = 0;
		j->over = true;
		jobs_release(JOB_ACCOUNT);
		jobs_release(JOB_ORDER);
		return;
	}
	j->failures++;
	log_warning("directory of %s: %s", j->name, words);
	set_trouble(j->name, words);
	if (j->failures == 1)
		tell_waiting(j->name, words);
	job_again(j, r->retry_after > 0 ? r->retry_after * 1000 :
	    backoff(j->failures, RETRY_FIRST, RETRY_MOST));
}

static const struct config_ca *
ca_of(const struct job *j)
{
	return config_ca(core.config, j->name);
}

const struct job_class directory_class = {
	.prepare = prepare,
	.result = result,
	.ca = ca_of,
};
