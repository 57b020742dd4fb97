/* The keys from within: what keys.c and birth.c share. */
#ifndef CORE_KEYS_BOOK_H
#define CORE_KEYS_BOOK_H

#include <pthread.h>

#include "keys.h"
#include "cache.h"

#define BUSY_MAX 64 /* keys being made at once */

struct keys {
	struct store *store;
	struct lanes *lanes;
	struct cache *cache;
	pthread_mutex_t lock;
	char busy[BUSY_MAX][STORE_NAME]; /* names of keys being made */
};

#endif
