#include "copy.h"

#include <string.h>

#include "../broker/base/clock.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"

#define OFTEN	   1000000 /* microseconds between two uses, at most */
#define LOOK_EVERY 1000000 /* microseconds between two looks at the key */

/* A copy must not be found by who searches for the key. */
static CK_RV
copy(struct session *s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE *out)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE changes[] = {
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_ID, NULL, 0 },
		{ CKA_LABEL, NULL, 0 },
	};

	return s->module.f->C_CopyObject(s->handle, key, changes,
	    nitems(changes), out);
}

static bool
is_session_object(struct session *s, CK_OBJECT_HANDLE object)
{
	CK_BBOOL token = CK_TRUE;
	struct fault why;
	size_t n;

	return attribute_bytes(s, object, CKA_TOKEN, &token, sizeof(token), &n,
	    &why) == OK && n == sizeof(token) && token == CK_FALSE;
}

/* Nothing that the key forbids may be allowed to its copy. */
static bool
is_faithful(struct session *s, const struct key *key)
{
	const uint32_t same = KEY_SENSITIVE | KEY_EXTRACTABLE | KEY_PRIVATE |
	    KEY_SIGN;
	struct fault why;
	uint32_t flags;

	return attribute_flags(s, key->copy, &flags, &why) == OK &&
	    (flags & KEY_TOKEN) == 0 &&
	    (flags & same) == (key->about.attributes & same);
}

static void
make(struct session *s, struct key *key)
{
	uint32_t has = key->about.attributes;

	if (!s->token.quirk->copies || (has & KEY_SENSITIVE) == 0 ||
	    (has & (KEY_EXTRACTABLE | KEY_ALWAYS_AUTHENTICATE)) != 0 ||
	    copy(s, key->handle, &key->copy) != CKR_OK) {
		key->copy = CK_INVALID_HANDLE;
		return;
	}
	key->seen = key->used;
	if (is_faithful(s, key))
		return;
	log_warning("key %s: the token does not copy it faithfully",
	    key->about.name);
	copy_drop(s, key);
}

/* The handles of a module that renumbers them may mean something else by
 * now, and what lives in the token is never destroyed here. */
void
copy_drop(struct session *s, struct key *key)
{
	if (key->copy != CK_INVALID_HANDLE &&
	    key->generation == s->generation &&
	    is_session_object(s, key->copy))
		(void)s->module.f->C_DestroyObject(s->handle, key->copy);
	key->copy = CK_INVALID_HANDLE;
}

static bool
is_backed(struct session *s, const struct key *key)
{
	unsigned char id[CKA_ID_MAX];
	struct fault why;
	size_t n;

	return attribute_bytes(s, key->handle, CKA_ID, id, sizeof(id), &n,
	    &why) == OK && n == key->about.idlen &&
	    memcmp(id, key->about.id, n) == 0;
}

bool
copy_use(struct session *s, struct key *key)
{
	int64_t now = clock_monotonic_us();
	bool often = now - key->used < OFTEN;

	key->used = now;
	if (key->copy == CK_INVALID_HANDLE) {
		if (often)
			make(s, key);
		return true;
	}
	if (now - key->seen < LOOK_EVERY)
		return true;
	key->seen = now;
	return is_backed(s, key);
}
