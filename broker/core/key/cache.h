/*
 * Rows of keys with their parsed public halves, by name.  What is dropped
 * while somebody holds it is marked, and goes when it is put back.
 * Thread-safe.
 */
#ifndef CORE_KEYS_CACHE_H
#define CORE_KEYS_CACHE_H

#include <stdatomic.h>

#include "../store/store.h"

struct cached_key {
	struct cached_key *next;
	atomic_uint refs;
	struct key_row row;
	EVP_PKEY *public;
	atomic_uint made;	 /* signatures */
	_Atomic uint64_t proven; /* generation of the last verified one */
	atomic_bool dropped;
};

struct cache;

struct cache *cache_new(struct store *store);
void cache_free(struct cache *c);

/* Gives a key that has been made, whatever its state; to be put back. */
enum err cache_get(struct cache *c, const char *name, struct cached_key **out,
    struct fault *why);
void cache_put(struct cached_key *k);

/* To be called after the row has changed in the store. */
void cache_drop(struct cache *c, const char *name);

#endif
