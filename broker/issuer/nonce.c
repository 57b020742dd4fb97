#include "nonce.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/mem.h"

struct nonce {
	char text[NONCE_SIZE];
	int64_t at; /* clock_monotonic_us() of its arrival */
};

struct pool {
	struct pool *next;
	char *directory;
	char *source; /* newNonce, NULL when not known */
	struct nonce nonces[NONCE_POOL]; /* the youngest last */
	unsigned count;
};

static struct {
	pthread_mutex_t lock;
	struct pool *first;
} pools = { PTHREAD_MUTEX_INITIALIZER, NULL };

/* The lock is held.  Directories come from the configuration, so there are
 * few and none is ever dropped. */
static struct pool *
pool_of(const char *directory)
{
	struct pool *p;

	for (p = pools.first; p != NULL; p = p->next)
		if (strcmp(p->directory, directory) == 0)
			return p;
	p = xcalloc(1, sizeof(*p));
	p->directory = xstrdup(directory);
	p->next = pools.first;
	pools.first = p;
	return p;
}

bool
nonce_ok(const char *text, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";

	if (n == 0 || n >= NONCE_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL)
			return false;
	return true;
}

void
nonce_put(const char *directory, const char *nonce)
{
	struct pool *p;
	struct nonce *slot;

	if (!nonce_ok(nonce, strlen(nonce)))
		return;
	pthread_mutex_lock(&pools.lock);
	p = pool_of(directory);
	if (p->count == NONCE_POOL) {
		memmove(&p->nonces[0], &p->nonces[1],
		    (NONCE_POOL - 1) * sizeof(p->nonces[0]));
		p->count--;
	}
	slot = &p->nonces[p->count++];
	strcpy(slot->text, nonce);
	slot->at = clock_monotonic_us();
	pthread_mutex_unlock(&pools.lock);
}

/* When the youngest is too old, so are all the others. */
bool
nonce_take(const char *directory, char out[static NONCE_SIZE])
{
	struct pool *p;
	struct nonce *youngest;
	bool found = false;

	pthread_mutex_lock(&pools.lock);
	p = pool_of(directory);
	if (p->count != 0) {
		youngest = &p->nonces[--p->count];
		found = clock_monotonic_us() - youngest->at <= NONCE_AGE_US;
		if (found)
			strcpy(out, youngest->text);
		else
			p->count = 0;
	}
	pthread_mutex_unlock(&pools.lock);
	return found;
}

void
nonce_set_source(const char *directory, const char *url)
{
	struct pool *p;

	pthread_mutex_lock(&pools.lock);
	p = pool_of(directory);
	free(p->source);
	p->source = url != NULL ? xstrdup(url) : NULL;
	pthread_mutex_unlock(&pools.lock);
}

bool
nonce_source(const char *directory, char *out, size_t size)
{
	struct pool *p;
	bool found;

	pthread_mutex_lock(&pools.lock);
	p = pool_of(directory);
	found = p->source != NULL && strlen(p->source) < size;
	if (found)
		strcpy(out, p->source);
	pthread_mutex_unlock(&pools.lock);
	return found;
}

void
nonce_clear(void)
{
	struct pool *p;

	pthread_mutex_lock(&pools.lock);
	while ((p = pools.first) != NULL) {
		pools.first = p->next;
		free(p->directory);
		free(p->source);
		free(p);
	}
	pthread_mutex_unlock(&pools.lock);
}
