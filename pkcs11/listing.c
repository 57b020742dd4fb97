#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"

#define HANDLES_MAX 250000 /* private keys in a token that can be listed */

static int
by_id(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	size_t n = x->idlen < y->idlen ? x->idlen : y->idlen;
	int order = memcmp(x->id, y->id, n);

	if (order == 0)
		order = (x->idlen > y->idlen) - (x->idlen < y->idlen);
	return order;
}

/* Adds the key when its label is ours; one that vanished is none. */
static enum err
consider(struct listing *l, struct session *s, CK_OBJECT_HANDLE handle,
    struct fault *why)
{
	struct listed *k = &l->keys[l->n];
	char label[LABEL_MAX_BYTES + 1], name[KEY_NAME_MAX];
	enum key_purpose purpose;
	enum err e;

	e = label_read(s, handle, label, why);
	if (e == OK && !label_parse(label, &purpose, name))
		return OK;
	k->handle = handle;
	if (e == OK)
		e = attribute_bytes(s, handle, CKA_ID, k->id, sizeof(k->id),
		    &k->idlen, why);
	if (e == OK)
		l->n++;
	return why->ckr == CKR_OBJECT_HANDLE_INVALID ? OK : e;
}

static enum err
rebuild(struct listing *l, struct session *s, const CK_OBJECT_HANDLE *handles,
    size_t n, struct fault *why)
{
	enum err e = OK;

	listing_free(l);
	l->keys = xcalloc(n + 1, sizeof(*l->keys));
	for (size_t i = 0; e == OK && i < n; i++) {
		why->ckr = CKR_OK;
		e = consider(l, s, handles[i], why);
	}
	if (e == OK)
		qsort(l->keys, l->n, sizeof(*l->keys), by_id);
	return e;
}

enum err
listing_refresh(struct listing *l, struct session *s, struct fault *why)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE *handles;
	uint64_t sum = 0;
	enum err e;
	size_t n;

	handles = xreallocarray(NULL, HANDLES_MAX, sizeof(*handles));
	e = object_find(s, &template, 1, handles, HANDLES_MAX, &n, why);
	if (e == OK && n == HANDLES_MAX)
		e = fault_set(why, ERR_LIMIT,
		    "the token has %d private keys or more", HANDLES_MAX);
	for (size_t i = 0; e == OK && i < n; i++)
		sum += handles[i] * 0x9e3779b97f4a7c15ULL;
	if (e == OK && (l->keys == NULL || n != l->seen || sum != l->sum ||
	    l->generation != s->generation)) {
		e = rebuild(l, s, handles, n, why);
		l->seen = e == OK ? n : 0;
		l->sum = sum;
		l->generation = s->generation;
	}
	free(handles);
	return e;
}

void
listing_drop(struct listing *l, size_t at)
{
	l->n--;
	memmove(&l->keys[at], &l->keys[at + 1],
	    (l->n - at) * sizeof(*l->keys));
}

void
listing_free(struct listing *l)
{
	free(l->keys);
	*l = (struct listing){ .keys = NULL };
}
