#include "key.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "public.h"

#define ATTRIBUTES_MAX 8

bool
label_parse(const char *label, enum key_purpose *purpose,
    char name[static KEY_NAME_MAX])
{
	const char *p = label, *colon;
	char word[16];

	if (strncmp(p, KEY_LABEL_TAG ":", sizeof(KEY_LABEL_TAG)) != 0)
		return false;
	p += sizeof(KEY_LABEL_TAG);
	colon = strchr(p, ':');
	if (colon == NULL || (size_t)(colon - p) >= sizeof(word) ||
	    colon[1] == '\0' || strlen(colon + 1) >= KEY_NAME_MAX)
		return false;
	memcpy(word, p, (size_t)(colon - p));
	word[colon - p] = '\0';
	*purpose = purpose_parse(word);
	memcpy(name, colon + 1, strlen(colon + 1) + 1);
	return *purpose != PURPOSE__MAX;
}

enum err
label_read(struct session *s, CK_OBJECT_HANDLE object,
    char label[static LABEL_MAX_BYTES + 1], struct fault *why)
{
	enum err e;
	size_t n;

	e = attribute_bytes(s, object, CKA_LABEL, label, LABEL_MAX_BYTES, &n,
	    why);
	label[n] = '\0';
	if (e == ERR_LIMIT)
		e = OK;
	if (memchr(label, '\0', n) != NULL)
		label[0] = '\0';
	return e;
}

static enum err
find_one(struct keyring *ring, CK_ATTRIBUTE *template, size_t count,
    CK_OBJECT_HANDLE *handle, struct fault *why)
{
	CK_OBJECT_HANDLE found[2];
	enum err e;
	size_t n;

	e = object_find(ring->session, template, count, found, 2, &n, why);
	if (e != OK)
		return e;
	if (n == 0)
		return fault_set(why, ERR_KEY, "the token has no such private "
		    "key: if it was deleted, it must be restored");
	if (n > 1)
		return fault_set(why, ERR_KEY,
		    "more than one private key matches: others must go");
	*handle = found[0];
	return OK;
}

static enum err
find_by_id(struct keyring *ring, struct view id, CK_OBJECT_HANDLE *handle,
    struct fault *why)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, (void *)(uintptr_t)id.p, id.n },
	};

	if (id.n == 0 || id.n > CKA_ID_MAX)
		return fault_set(why, ERR_KEY, "a CKA_ID of %zu bytes", id.n);
	return find_one(ring, template, nitems(template), handle, why);
}

static enum err
find_by_uri(struct keyring *ring, P11KitUri *uri, CK_OBJECT_HANDLE *handle,
    struct fault *why)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[ATTRIBUTES_MAX] = {
		{ CKA_CLASS, &class, sizeof(class) },
	};
	size_t count = 1;
	CK_ATTRIBUTE *all;
	CK_ULONG n = 0;

	if (!p11_kit_uri_match_token_info(uri, &ring->session->token.info))
		return fault_set(why, ERR_KEY,
		    "the key's URI names another token");
	all = p11_kit_uri_get_attributes(uri, &n);
	for (CK_ULONG i = 0; i < n && count < ATTRIBUTES_MAX; i++)
		if (all[i].type != CKA_CLASS)
			template[count++] = all[i];
	return find_one(ring, template, count, handle, why);
}

static const struct foreign *
foreign_named(const struct keyring *ring, struct view id)
{
	size_t prefix = sizeof(FOREIGN_PREFIX) - 1;

	if (id.n <= prefix || memcmp(id.p, FOREIGN_PREFIX, prefix) != 0)
		return NULL;
	for (size_t i = 0; i < ring->nforeign; i++) {
		const struct foreign *f = &ring->foreign[i];

		if (strlen(f->name) == id.n - prefix &&
		    memcmp(f->name, id.p + prefix, id.n - prefix) == 0)
			return f;
	}
	return NULL;
}

/* The foreign key that has this CKA_ID, of which there is only one. */
static enum err
foreign_with_id(struct keyring *ring, struct view id,
    const struct foreign **out, struct fault *why)
{
	for (size_t i = 0; i < ring->nforeign; i++) {
		unsigned char other[CKA_ID_MAX];
		CK_OBJECT_HANDLE handle;
		enum err e;
		size_t n;

		e = find_by_uri(ring, ring->foreign[i].uri, &handle, why);
		if (e == OK)
			e = attribute_bytes(ring->session, handle, CKA_ID,
			    other, sizeof(other), &n, why);
		if (e != OK && why->ckr != CKR_OK)
			return e;
		if (e == OK && n == id.n && memcmp(other, id.p, n) == 0) {
			*out = &ring->foreign[i];
			return OK;
		}
	}
	return fault_set(why, ERR_KEY, "the key is neither labelled by the "
	    "broker nor configured");
}

static void
name_foreign(struct key *key, const struct foreign *f)
{
	key->foreign = true;
	key->about.purpose = f->purpose;
	snprintf(key->about.name, sizeof(key->about.name), "%s", f->name);
}

/* A key without CKA_ID goes by its name. */
static void
substitute_id(struct key *key, const struct foreign *f)
{
	int n = snprintf((char *)key->about.id, sizeof(key->about.id), "%s%s",
	    FOREIGN_PREFIX, f->name);

	key->about.idlen = (size_t)n < CKA_ID_MAX ? (size_t)n : 0;
}

/* Fills purpose and name: by our label, else by the command line. */
static enum err
read_purpose(struct keyring *ring, const struct foreign *f, struct key *key,
    struct fault *why)
{
	struct view id = { key->about.id, key->about.idlen };
	char label[LABEL_MAX_BYTES + 1];
	bool ours;
	enum err e;

	e = label_read(ring->session, key->handle, label, why);
	if (e != OK)
		return e;
	ours = label_parse(label, &key->about.purpose, key->about.name);
	if (ours && f != NULL && f->purpose != key->about.purpose)
		return fault_set(why, ERR_KEY, "key %s was born for purpose %s",
		    f->name, purpose_name(key->about.purpose));
	if (ours)
		return OK;
	if (f == NULL)
		e = foreign_with_id(ring, id, &f, why);
	if (e == OK)
		name_foreign(key, f);
	return e;
}

static enum err
read_key(struct keyring *ring, const struct foreign *f, struct key *key,
    struct fault *why)
{
	struct session *s = ring->session;
	struct lane_key *about = &key->about;
	enum err e;

	key->generation = s->generation;
	e = attribute_bytes(s, key->handle, CKA_ID, about->id,
	    sizeof(about->id), &about->idlen, why);
	if (e == OK)
		e = read_purpose(ring, f, key, why);
	if (e == OK)
		e = attribute_flags(s, key->handle, &about->attributes, why);
	if (e == OK)
		e = public_find(s, key,
		    (struct view){ about->id, about->idlen }, why);
	if (e == OK && about->idlen == 0 && f != NULL)
		substitute_id(key, f);
	return e;
}

enum err
key_read(struct keyring *ring, CK_OBJECT_HANDLE handle, struct key *out,
    struct fault *why)
{
	*out = (struct key){ .handle = handle,
		.copy = CK_INVALID_HANDLE };
	return read_key(ring, NULL, out, why);
}

enum err
key_find(struct keyring *ring, struct view id, struct key *out,
    struct fault *why)
{
	const struct foreign *f = foreign_named(ring, id);
	enum err e;

	*out = (struct key){ .handle = CK_INVALID_HANDLE,
		.copy = CK_INVALID_HANDLE };
	if (f != NULL)
		e = find_by_uri(ring, f->uri, &out->handle, why);
	else
		e = find_by_id(ring, id, &out->handle, why);
	return e == OK ? read_key(ring, f, out, why) : e;
}

enum err
key_check_pin(const struct key *key, struct view pin, struct fault *why)
{
	if (pin.n == SHA256_SIZE &&
	    CRYPTO_memcmp(pin.p, key->hash, SHA256_SIZE) == 0)
		return OK;
	return fault_set(why, ERR_KEY,
	    "the key in the token is not the pinned one: that must be put "
	    "back");
}
