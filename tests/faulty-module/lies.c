/* The functions whose answers a script can change. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define VALUE_MAX 16384

/* ------------------------------------------------------------------- token */

CK_RV
do_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, number *n)
{
	if (!module_script()->absent || present == CK_FALSE)
		return real->C_GetSlotList(present, slots, n);
	*n = 0;
	return CKR_OK;
}

static void
pad(const struct rule *r, byte *field, size_t size)
{
	if (r == NULL)
		return;
	memset(field, ' ', size);
	memcpy(field, r->text, r->n < size ? r->n : size);
}

CK_RV
do_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	const struct rule *r = NULL;

	if (rv != CKR_OK || (info->flags & CKF_TOKEN_INITIALIZED) == 0)
		return rv;
	info->flags = login_flags(info->flags);
	while ((r = module_rule(FLAGS, r)) != NULL)
		info->flags = (info->flags | r->set) & ~r->clear;
	pad(module_rule(LABEL, NULL), info->label, sizeof(info->label));
	pad(module_rule(SERIAL, NULL), info->serialNumber,
	    sizeof(info->serialNumber));
	pad(module_rule(MANUFACTURER, NULL), info->manufacturerID,
	    sizeof(info->manufacturerID));
	pad(module_rule(MODEL, NULL), info->model, sizeof(info->model));
	r = module_rule(MAX_SESSIONS, NULL);
	if (r != NULL)
		info->ulMaxSessionCount = info->ulMaxRwSessionCount =
		    r->number;
	return rv;
}

static bool
is_without(CK_MECHANISM_TYPE type)
{
	const struct rule *r = NULL;

	while ((r = module_rule(WITHOUT, r)) != NULL)
		if (r->number == type)
			return true;
	return false;
}

CK_RV
do_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, number *n)
{
	CK_RV rv = real->C_GetMechanismList(slot, types, n);
	number kept = 0;

	if (rv != CKR_OK || types == NULL)
		return rv;
	for (number i = 0; i < *n; i++)
		if (!is_without(types[i]))
			types[kept++] = types[i];
	*n = kept;
	return rv;
}

/* ---------------------------------------------------------------- sessions */

CK_RV
do_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *p, CK_NOTIFY notify,
    session *s)
{
	unsigned long seats = module_script()->sessions;
	int seat = seats != 0 ? seat_take(seats) : -1;
	struct opened booked = { .seat = seat };
	CK_RV rv;

	if (seats != 0 && seat < 0)
		return CKR_SESSION_COUNT;
	rv = real->C_OpenSession(slot, flags, p, notify, s);
	if (rv != CKR_OK)
		session_forget(&booked);
	else if (session_book(*s, slot, seat) == NULL)
		abort();
	return rv;
}

CK_RV
do_C_CloseSession(session s)
{
	struct opened *opened = session_of(s);

	if (opened != NULL)
		session_forget(opened);
	return real->C_CloseSession(s);
}

CK_RV
do_C_CloseAllSessions(CK_SLOT_ID slot)
{
	session_forget_all(slot);
	return real->C_CloseAllSessions(slot);
}

CK_RV
do_C_Finalize(void *p)
{
	state_lose_sessions();
	return real->C_Finalize(p);
}

/* ----------------------------------------------------------------- objects */

CK_RV
do_C_FindObjectsInit(session s, attribute *a, number n)
{
	const struct rule *r = module_rule(HIDE, NULL);
	CK_OBJECT_CLASS nothing = CKO_VENDOR_DEFINED | 0x4711;
	attribute copy[64];

	if (r == NULL || n > 64)
		return real->C_FindObjectsInit(s, a, n);
	memcpy(copy, a, n * sizeof(*a));
	for (number i = 0; i < n; i++)
		if (a[i].type == CKA_CLASS &&
		    a[i].ulValueLen == sizeof(CK_OBJECT_CLASS) &&
		    *(CK_OBJECT_CLASS *)a[i].pValue == r->number)
			copy[i].pValue = &nothing;
	return real->C_FindObjectsInit(s, copy, n);
}

/* Each object and, when there is room, its twin. */
CK_RV
do_C_FindObjects(session s, object *out, number max, number *n)
{
	bool twice = module_rule(DUPLICATE, NULL) != NULL && max > 1;
	CK_RV rv = real->C_FindObjects(s, out, twice ? max / 2 : max, n);

	if (rv != CKR_OK)
		return rv;
	for (number i = 0; i < *n; i++)
		object_out(&out[i]);
	for (number i = 0; twice && i < *n; i++)
		out[*n + i] = object_twin(out[i]);
	*n *= twice ? 2 : 1;
	return rv;
}

/* The point itself, whatever it is wrapped into. */
static void
unwrap(const byte **p, size_t *n)
{
	if (*n > 2 && (*p)[0] == 0x04 && (*p)[1] < 0x80 && (*p)[1] == *n - 2) {
		*p += 2;
		*n -= 2;
	} else if (*n > 3 && (*p)[0] == 0x04 && (*p)[1] == 0x81 &&
	    (*p)[2] == *n - 3) {
		*p += 3;
		*n -= 3;
	}
}

static size_t
wrap(enum form form, byte *out, const byte *p, size_t n)
{
	size_t head = 0, inner = n + (form == BIT_STRING);

	unwrap(&p, &n);
	inner = n + (form == BIT_STRING);
	if (form != RAW) {
		out[head++] = form == BIT_STRING ? 0x03 : 0x04;
		if (inner >= 0x80)
			out[head++] = 0x81;
		out[head++] = (byte)inner;
		if (form == BIT_STRING)
			out[head++] = 0; /* unused bits */
	}
	memcpy(out + head, p, n);
	return head + n;
}

/* Gives what the rule says, by the rules of C_GetAttributeValue. */
static CK_RV
answer(attribute *a, const void *p, size_t n)
{
	if (a->pValue != NULL && a->ulValueLen < n) {
		a->ulValueLen = (number)-1;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (a->pValue != NULL)
		memcpy(a->pValue, p, n);
	a->ulValueLen = n;
	return CKR_OK;
}

static CK_RV
lie_about(session s, object o, attribute *a, const struct rule *r)
{
	byte value[VALUE_MAX], changed[VALUE_MAX + 8];
	attribute whole = { a->type, value, sizeof(value) };
	CK_RV rv;

	if (r->form == BYTES)
		return answer(a, r->text, r->n);
	if (r->form == MISSING || r->form == SENSITIVE) {
		a->ulValueLen = (number)-1;
		return r->form == MISSING ? CKR_ATTRIBUTE_TYPE_INVALID :
		    CKR_ATTRIBUTE_SENSITIVE;
	}
	rv = real->C_GetAttributeValue(s, o, &whole, 1);
	if (rv != CKR_OK || whole.ulValueLen == 0) {
		a->ulValueLen = whole.ulValueLen;
		return rv;
	}
	return answer(a, changed, wrap(r->form, changed, value,
	    whole.ulValueLen));
}

static CK_RV
one_attribute(session s, object o, attribute *a)
{
	static const byte yes = CK_TRUE;
	const struct rule *r = NULL;

	while ((r = module_rule(ATTRIBUTE, r)) != NULL)
		if (r->number == a->type)
			return lie_about(s, o, a, r);
	if (a->type == CKA_ALWAYS_AUTHENTICATE &&
	    module_script()->always_authenticate)
		return answer(a, &yes, 1);
	return real->C_GetAttributeValue(s, o, a, 1);
}

/* One by one, as each may be another lie; the last complaint is told. */
CK_RV
do_C_GetAttributeValue(session s, object o, attribute *a, number n)
{
	CK_RV rv = CKR_OK;

	o = object_in(o);
	if (module_rule(ATTRIBUTE, NULL) == NULL &&
	    !module_script()->always_authenticate)
		return real->C_GetAttributeValue(s, o, a, n);
	for (number i = 0; i < n; i++) {
		CK_RV one = one_attribute(s, o, &a[i]);

		rv = one != CKR_OK ? one : rv;
	}
	return rv;
}

CK_RV
do_C_GenerateKeyPair(session s, mechanism *m, attribute *a, number na,
    attribute *b, number nb, object *ka, object *kb)
{
	CK_RV rv = real->C_GenerateKeyPair(s, m, a, na, b, nb, ka, kb);

	if (rv == CKR_OK) {
		object_out(ka);
		object_out(kb);
	}
	return rv;
}
