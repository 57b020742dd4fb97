#include "attribute.h"

#include "../broker/base/mem.h"

#define FIND_BATCH 256

static bool
missing(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	    rv == CKR_ATTRIBUTE_SENSITIVE;
}

enum err
attribute_bytes(struct session *s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, void *p, size_t max, size_t *n, struct fault *why)
{
	CK_ATTRIBUTE a = { type, p, max };
	CK_RV rv = s->module.f->C_GetAttributeValue(s->handle, object, &a, 1);

	*n = 0;
	if (rv == CKR_BUFFER_TOO_SMALL)
		return fault_set(why, ERR_LIMIT,
		    "attribute 0x%lx is larger than %zu bytes", type, max);
	if (rv != CKR_OK && !missing(rv))
		return ladder_fault(why, rv, "C_GetAttributeValue");
	if (rv == CKR_OK && a.ulValueLen <= max)
		*n = a.ulValueLen;
	return OK;
}

bool
attribute_kept(struct session *s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type)
{
	unsigned char secret[2048];
	CK_ATTRIBUTE a = { type, secret, sizeof(secret) };
	CK_RV rv = s->module.f->C_GetAttributeValue(s->handle, object, &a, 1);

	wipe(secret, sizeof(secret));
	return rv != CKR_OK || a.ulValueLen == 0 ||
	    a.ulValueLen == (CK_ULONG)-1;
}

enum err
attribute_flags(struct session *s, CK_OBJECT_HANDLE object, uint32_t *flags,
    struct fault *why)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		enum key_attribute bit;
	} bits[] = {
		{ CKA_SENSITIVE, KEY_SENSITIVE },
		{ CKA_ALWAYS_SENSITIVE, KEY_ALWAYS_SENSITIVE },
		{ CKA_EXTRACTABLE, KEY_EXTRACTABLE },
		{ CKA_NEVER_EXTRACTABLE, KEY_NEVER_EXTRACTABLE },
		{ CKA_LOCAL, KEY_LOCAL },
		{ CKA_MODIFIABLE, KEY_MODIFIABLE },
		{ CKA_ALWAYS_AUTHENTICATE, KEY_ALWAYS_AUTHENTICATE },
		{ CKA_PRIVATE, KEY_PRIVATE },
		{ CKA_TOKEN, KEY_TOKEN },
		{ CKA_SIGN, KEY_SIGN },
	};
	enum err e = OK;

	*flags = 0;
	for (size_t i = 0; e == OK && i < nitems(bits); i++) {
		CK_BBOOL value = CK_FALSE;
		size_t n;

		e = attribute_bytes(s, object, bits[i].type, &value,
		    sizeof(value), &n, why);
		if (n == sizeof(value) && value != CK_FALSE)
			*flags |= bits[i].bit;
	}
	return e;
}

enum err
object_find(struct session *s, CK_ATTRIBUTE *template, size_t count,
    CK_OBJECT_HANDLE *found, size_t max, size_t *n, struct fault *why)
{
	CK_FUNCTION_LIST *f = s->module.f;
	CK_RV rv = f->C_FindObjectsInit(s->handle, template, count);

	*n = 0;
	if (rv != CKR_OK)
		return ladder_fault(why, rv, "C_FindObjectsInit");
	while (rv == CKR_OK && *n < max) {
		size_t room = max - *n < FIND_BATCH ? max - *n : FIND_BATCH;
		CK_ULONG got = 0;

		rv = f->C_FindObjects(s->handle, found + *n, room, &got);
		if (rv == CKR_OK && got > room)
			rv = CKR_GENERAL_ERROR; /* counts what is not there */
		if (rv != CKR_OK || got == 0)
			break;
		*n += got;
	}
	(void)f->C_FindObjectsFinal(s->handle);
	return rv == CKR_OK ? OK : ladder_fault(why, rv, "C_FindObjects");
}
