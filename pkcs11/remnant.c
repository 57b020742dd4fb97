#include "remnant.h"

#include <string.h>

#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "generate.h"

#define REMNANTS_MAX 16

static enum err
find_labelled(struct session *s, CK_OBJECT_CLASS class, const char *label,
    CK_OBJECT_HANDLE found[static REMNANTS_MAX], size_t *n,
    struct fault *why)
{
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
	};

	return object_find(s, template, nitems(template), found,
	    REMNANTS_MAX, n, why);
}

static void
destroy(struct session *s, CK_OBJECT_HANDLE object, const char *label)
{
	log_warning("removing what is left of %s, which was not finished",
	    label);
	(void)s->module.f->C_DestroyObject(s->handle, object);
}

/* True when a private key with the CKA_ID of this public one is there. */
static bool
has_private(struct session *s, CK_OBJECT_HANDLE public)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	unsigned char id[CKA_ID_MAX];
	CK_OBJECT_HANDLE found[1];
	struct fault why;
	size_t idlen, n;

	if (attribute_bytes(s, public, CKA_ID, id, sizeof(id), &idlen,
		&why) != OK)
		return why.ckr != CKR_ATTRIBUTE_TYPE_INVALID;
	if (idlen == 0)
		return false;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, id, idlen },
	};
	return object_find(s, template, nitems(template), found, 1, &n,
	    &why) != OK || n > 0;
}

static void
clear_public(struct session *s, const char *label)
{
	CK_OBJECT_HANDLE found[REMNANTS_MAX];
	struct fault why;
	size_t n;

	if (find_labelled(s, CKO_PUBLIC_KEY, label, found, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++)
		if (!has_private(s, found[i]))
			destroy(s, found[i], label);
}

enum err
remnant_adopt(struct keyring *ring, const char *label, enum key_type type,
    struct key *out, struct fault *why)
{
	struct session *s = ring->session;
	CK_OBJECT_HANDLE found[REMNANTS_MAX];
	struct key key;
	bool whole = false;
	enum err e;
	size_t n;

	e = find_labelled(s, CKO_PRIVATE_KEY, label, found, &n, why);
	if (e != OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		e = key_read(ring, found[i], &key, why);
		if (e == OK)
			e = key_test(s, &key, why);
		if (e != OK)
			destroy(s, found[i], label);
		else if (key.about.type == type && !whole) {
			*out = key;
			whole = true;
		}
	}
	clear_public(s, label);
	return whole ? OK : fault_set(why, ERR_NOT_FOUND,
	    "no whole key %s", label);
}
