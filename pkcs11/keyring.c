/* Keys that were found before: what makes a signature one call, not twenty. */
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "copy.h"
#include "key.h"

/* CKA_IDs are random, or hashes, or short: any mixing does. */
static struct key **
bucket(struct keyring *ring, struct view id)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ id.p[i]) * 16777619U;
	return &ring->buckets[h % RING_BUCKETS];
}

/* Points at the link to the key, or at the NULL where it would be. */
static struct key **
link_of(struct keyring *ring, struct view id)
{
	struct key **p = bucket(ring, id);

	while (*p != NULL && ((*p)->about.idlen != id.n ||
	    memcmp((*p)->about.id, id.p, id.n) != 0))
		p = &(*p)->next;
	return p;
}

void
key_forget(struct keyring *ring, struct view id)
{
	struct key **p = link_of(ring, id);
	struct key *key = *p;

	if (key == NULL)
		return;
	*p = key->next;
	copy_drop(ring->session, key);
	free(key);
	ring->count--;
}

void
key_forget_all(struct keyring *ring)
{
	for (size_t i = 0; i < RING_BUCKETS; i++)
		while (ring->buckets[i] != NULL) {
			struct key *key = ring->buckets[i];

			ring->buckets[i] = key->next;
			copy_drop(ring->session, key);
			free(key);
		}
	ring->count = 0;
}

void
key_drop_copies(struct keyring *ring)
{
	for (size_t i = 0; i < RING_BUCKETS; i++)
		for (struct key *k = ring->buckets[i]; k != NULL; k = k->next)
			copy_drop(ring->session, k);
}

static struct key *
remember(struct keyring *ring, const struct key *found)
{
	struct key *key = xmemdup(found, sizeof(*found));
	struct view id = { key->about.id, key->about.idlen };
	struct key **p;

	key_forget(ring, id);
	if (ring->count == RING_MAX)
		key_forget_all(ring);
	p = link_of(ring, id);
	key->next = NULL;
	*p = key;
	ring->count++;
	return key;
}

enum err
key_get(struct keyring *ring, struct view id, struct view pin,
    struct key **key, struct fault *why)
{
	struct key found;
	enum err e;

	*key = *link_of(ring, id);
	if (*key == NULL || (*key)->generation != ring->session->generation ||
	    !copy_use(ring->session, *key)) {
		e = key_find(ring, id, &found, why);
		if (e != OK)
			return e;
		*key = remember(ring, &found);
	}
	return key_check_pin(*key, pin, why);
}
