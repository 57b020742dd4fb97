#include "destroy.h"

#include "../broker/base/log.h"
#include "../broker/base/mem.h"

#define SAME_ID_MAX 8 /* objects of one class with one CKA_ID */

struct search {
	CK_OBJECT_HANDLE found[SAME_ID_MAX];
	size_t n;
};

static enum err
search_id(struct session *s, CK_OBJECT_CLASS class, struct view id,
    struct search *out, struct fault *why)
{
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, (void *)(uintptr_t)id.p, id.n },
	};

	return object_find(s, template, nitems(template), out->found,
	    SAME_ID_MAX, &out->n, why);
}

static enum err
destroy_labelled(struct session *s, const struct search *objects,
    size_t *destroyed, struct fault *why)
{
	enum err e = OK;

	for (size_t i = 0; e == OK && i < objects->n; i++) {
		char label[LABEL_MAX_BYTES + 1], name[KEY_NAME_MAX];
		enum key_purpose purpose;
		CK_RV rv;

		e = label_read(s, objects->found[i], label, why);
		if (e != OK || !label_parse(label, &purpose, name))
			continue;
		rv = s->module.f->C_DestroyObject(s->handle,
		    objects->found[i]);
		if (rv != CKR_OK)
			e = ladder_fault(why, rv, "C_DestroyObject");
		else
			(*destroyed)++;
	}
	return e;
}

static enum err
check_destroyable(struct keyring *ring, struct view id, struct view pin,
    struct fault *why)
{
	struct key key;
	enum err e = key_find(ring, id, &key, why);

	if (e == OK)
		e = key_check_pin(&key, pin, why);
	if (e == OK && key.foreign)
		e = fault_set(why, ERR_DENIED,
		    "a key born elsewhere is not ours to destroy");
	if (e == OK)
		log_info("destroying key %s", key.about.name);
	return e;
}

enum err
key_destroy(struct keyring *ring, struct view id, struct view pin,
    struct fault *why)
{
	struct session *s = ring->session;
	struct search private, public;
	size_t destroyed = 0;
	enum err e;

	e = search_id(s, CKO_PRIVATE_KEY, id, &private, why);
	if (e == OK && private.n != 0)
		e = check_destroyable(ring, id, pin, why);
	if (e == OK)
		e = destroy_labelled(s, &private, &destroyed, why);
	if (e == OK)
		e = search_id(s, CKO_PUBLIC_KEY, id, &public, why);
	if (e == OK)
		e = destroy_labelled(s, &public, &destroyed, why);
	if (destroyed != 0) {
		key_forget(ring, id);
		quirk_flush(s->token.quirk, s->folder);
	}
	if (e == OK && destroyed == 0)
		e = fault_set(why, ERR_NOT_FOUND, "no key with that CKA_ID");
	return e;
}
