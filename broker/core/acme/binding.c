#include "binding.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../core.h"

#define SETS 2048 /* a power of two */
#define WAYS 4	  /* entries of a set; the one that came first goes first */

struct entry {
	uint64_t hash;
	char *url;
	char account[STORE_NAME], owner[STORE_NAME];
	struct binding binding;
};

static struct {
	pthread_rwlock_t lock;
	pthread_once_t once;
	uint64_t seed; /* so that nobody can choose who shares a set */
	struct entry *sets[SETS][WAYS];
	unsigned char oldest[SETS];
} cache = { .lock = PTHREAD_RWLOCK_INITIALIZER,
	.once = PTHREAD_ONCE_INIT };

static void
choose_seed(void)
{
	random_bytes(&cache.seed, sizeof(cache.seed));
}

/* FNV-1a with a secret start and a last mixing. */
static uint64_t
hash_more(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	while (*s++ != '\0');
	return h;
}

static uint64_t
hash_of(const struct requester *by, const char *url)
{
	uint64_t h;

	pthread_once(&cache.once, choose_seed);
	h = hash_more(hash_more(hash_more(cache.seed, by->account),
	    by->owner), url);
	h = (h ^ h >> 32 ^ cache.seed) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static bool
is(const struct entry *e, uint64_t hash, const struct requester *by,
    const char *url)
{
	return e != NULL && e->hash == hash && strcmp(e->url, url) == 0 &&
	    strcmp(e->owner, by->owner) == 0 &&
	    strcmp(e->account, by->account) == 0;
}

static bool
recall(const struct requester *by, const char *url, struct binding *b)
{
	uint64_t hash = hash_of(by, url);
	struct entry *const *set = cache.sets[hash % SETS];
	bool found = false;

	pthread_rwlock_rdlock(&cache.lock);
	for (unsigned i = 0; i < WAYS && !found; i++)
		if (is(set[i], hash, by, url)) {
			*b = set[i]->binding;
			found = true;
		}
	pthread_rwlock_unlock(&cache.lock);
	return found;
}

static struct entry *
entry_new(const struct requester *by, const char *url, uint64_t hash,
    const struct binding *b)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->hash = hash;
	e->url = xstrdup(url);
	snprintf(e->account, sizeof(e->account), "%s", by->account);
	snprintf(e->owner, sizeof(e->owner), "%s", by->owner);
	e->binding = *b;
	return e;
}

static void
entry_free(struct entry *e)
{
	if (e != NULL)
		free(e->url);
	free(e);
}

static void
keep(const struct requester *by, const char *url, const struct binding *b)
{
	uint64_t hash = hash_of(by, url);
	size_t set = hash % SETS;
	struct entry *e = entry_new(by, url, hash, b), *old = NULL;
	unsigned i;

	pthread_rwlock_wrlock(&cache.lock);
	for (i = 0; i < WAYS; i++)
		if (is(cache.sets[set][i], hash, by, url))
			break;
	if (i == WAYS) {
		i = cache.oldest[set];
		cache.oldest[set] = (unsigned char)((i + 1) % WAYS);
	}
	old = cache.sets[set][i];
	cache.sets[set][i] = e;
	pthread_rwlock_unlock(&cache.lock);
	entry_free(old);
}

static enum place
place_parse(const char *name)
{
	enum place place = 0;

	while (place < PLACE__MAX && strcmp(place_name(place), name) != 0)
		place++;
	return place;
}

bool
binding_find(const struct requester *by, const char *url, struct binding *b)
{
	struct binding_row row;
	struct fault why;
	enum err e;

	if (recall(by, url, b))
		return true;
	e = store_binding_get(core.store, by, url, &row, &why);
	if (e != OK) {
		if (e != ERR_NOT_FOUND)
			log_error("a binding is not found: %s", why.text);
		return false;
	}
	*b = (struct binding){ .place = place_parse(row.place),
		.request = row.request };
	memcpy(b->identifier, row.identifier, sizeof(b->identifier));
	if (b->place == PLACE__MAX)
		return false;
	keep(by, url, b);
	return true;
}

enum err
binding_put(const struct requester *by, const char *url,
    const struct binding *b, struct fault *why)
{
	struct binding_row row = { .request = b->request,
		.created = clock_now() };
	enum err e;

	snprintf(row.account, sizeof(row.account), "%s", by->account);
	snprintf(row.owner, sizeof(row.owner), "%s", by->owner);
	snprintf(row.url, sizeof(row.url), "%s", url);
	snprintf(row.place, sizeof(row.place), "%s", place_name(b->place));
	memcpy(row.identifier, b->identifier, sizeof(row.identifier));
	e = store_binding_put(core.store, &row, why);
	if (e == OK)
		keep(by, url, b);
	return e;
}

bool
binding_taken(const struct requester *by, const char *url)
{
	struct binding_row row;
	struct fault why;

	return store_binding_of_others(core.store, by, url, &row, &why) !=
	    ERR_NOT_FOUND;
}

/* In memory these have no owner, and their certificate for an identifier. */
bool
binding_managed(const char *account, const char *url,
    char certificate[static STORE_NAME])
{
	const struct requester nobody = { account, "" };
	struct binding b = { .place = PLACE_UNKNOWN };
	struct fault why;

	if (recall(&nobody, url, &b)) {
		memcpy(certificate, b.identifier, STORE_NAME);
		return true;
	}
	if (store_managed_by_url(core.store, url, certificate, &why) != OK)
		return false;
	memcpy(b.identifier, certificate, STORE_NAME);
	keep(&nobody, url, &b);
	return true;
}
