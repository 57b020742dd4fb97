#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"

#define BUCKETS	  1024
#define ENTRIES	  2048 /* then all are dropped; most keys sign once a month */

struct cache {
	struct store *store;
	pthread_rwlock_t lock;
	uint64_t drops; /* so that a row read before one is not kept after */
	unsigned count;
	struct cached_key *buckets[BUCKETS];
};

struct cache *
cache_new(struct store *store)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->store = store;
	pthread_rwlock_init(&c->lock, NULL);
	return c;
}

static unsigned
bucket_of(const char *name)
{
	uint32_t h = 2166136261U;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return h % BUCKETS;
}

void
cache_put(struct cached_key *k)
{
	if (atomic_fetch_sub(&k->refs, 1) > 1)
		return;
	EVP_PKEY_free(k->public);
	free(k);
}

static struct cached_key *
find(struct cache *c, const char *name)
{
	struct cached_key *k = c->buckets[bucket_of(name)];

	while (k != NULL && strcmp(k->row.name, name) != 0)
		k = k->next;
	return k;
}

static void
drop_all(struct cache *c)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (c->buckets[i] != NULL) {
			struct cached_key *k = c->buckets[i];

			c->buckets[i] = k->next;
			cache_put(k);
		}
	c->count = 0;
}

void
cache_free(struct cache *c)
{
	drop_all(c);
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

static enum err
load(struct cache *c, const char *name, struct cached_key **out,
    struct fault *why)
{
	struct cached_key *k = xcalloc(1, sizeof(*k));
	enum err e;

	k->refs = 1;
	e = store_key_get(c->store, name, &k->row, why);
	if (e == OK && k->row.spkilen == 0)
		e = fault_set(why, ERR_CONFLICT, "key \"%s\" is %s", name,
		    key_state_name(k->row.state));
	if (e == OK) {
		k->public = spki_read(k->row.spki, k->row.spkilen, why);
		e = k->public != NULL ? OK : ERR_KEY;
	}
	if (e == OK)
		*out = k;
	else
		free(k);
	return e;
}

/* Keeps k, or gives the one that another thread has kept meanwhile. */
static struct cached_key *
keep(struct cache *c, struct cached_key *k, uint64_t drops)
{
	struct cached_key *other, **bucket;

	pthread_rwlock_wrlock(&c->lock);
	other = find(c, k->row.name);
	if (other != NULL) {
		atomic_fetch_add(&other->refs, 1);
		cache_put(k);
		k = other;
	} else if (drops == c->drops) {
		if (c->count == ENTRIES)
			drop_all(c);
		bucket = &c->buckets[bucket_of(k->row.name)];
		k->next = *bucket;
		*bucket = k;
		atomic_fetch_add(&k->refs, 1);
		c->count++;
	}
	pthread_rwlock_unlock(&c->lock);
	return k;
}

enum err
cache_get(struct cache *c, const char *name, struct cached_key **out,
    struct fault *why)
{
	uint64_t drops;
	enum err e;

	pthread_rwlock_rdlock(&c->lock);
	*out = find(c, name);
	if (*out != NULL)
		atomic_fetch_add(&(*out)->refs, 1);
	drops = c->drops;
	pthread_rwlock_unlock(&c->lock);
	if (*out != NULL)
		return OK;
	e = load(c, name, out, why);
	if (e == OK)
		*out = keep(c, *out, drops);
	return e;
}

void
cache_drop(struct cache *c, const char *name)
{
	struct cached_key **p, *k;

	pthread_rwlock_wrlock(&c->lock);
	c->drops++;
	p = &c->buckets[bucket_of(name)];
	while (*p != NULL && strcmp((*p)->row.name, name) != 0)
		p = &(*p)->next;
	k = *p;
	if (k != NULL) {
		*p = k->next;
		k->dropped = true;
		c->count--;
		cache_put(k);
	}
	pthread_rwlock_unlock(&c->lock);
}
