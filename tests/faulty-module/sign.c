/* Signatures: by another key, of another length, in another form. */
#include <string.h>

#include "state.h"

#define SIGNATURE_MAX 4200

CK_RV
do_C_SignInit(session s, mechanism *m, object key)
{
	struct opened *o = session_of(s);
	object below = object_in_for_signing(s, key);
	CK_RV rv = real->C_SignInit(s, m, below);

	if (rv != CKR_OK || o == NULL)
		return rv;
	o->mechanism = (CK_MECHANISM){ .mechanism = m->mechanism };
	if (m->ulParameterLen != 0 &&
	    m->ulParameterLen <= sizeof(o->parameter)) {
		memcpy(o->parameter, m->pParameter, m->ulParameterLen);
		o->mechanism.pParameter = o->parameter;
		o->mechanism.ulParameterLen = m->ulParameterLen;
	}
	o->key = below;
	o->signing = true;
	o->permitted = false;
	return rv;
}

/* One half as a DER INTEGER of shortest form. */
static size_t
put_integer(byte *out, const byte *p, size_t n)
{
	size_t sign;

	while (n > 1 && *p == 0) {
		p++;
		n--;
	}
	sign = *p >= 0x80;
	out[0] = 0x02;
	out[1] = (byte)(n + sign);
	out[2] = 0;
	memcpy(out + 2 + sign, p, n);
	return 2 + sign + n;
}

/* An ECDSA signature of up to P-384; another one stays as it is. */
static number
to_der(byte *sig, number n)
{
	byte der[128];
	size_t len;

	if (n > 96)
		return n;
	len = put_integer(der + 2, sig, n / 2);
	len += put_integer(der + 2 + len, sig + n / 2, n / 2);
	der[0] = 0x30;
	der[1] = (byte)len;
	memcpy(sig, der, len + 2);
	return len + 2;
}

static CK_RV
by_other_key(struct opened *o, byte *p, number n, byte *sig, number *m)
{
	object key = other_key(o->handle, o->key);
	CK_RV rv = real->C_SignInit(o->handle, &o->mechanism, key);

	*m = SIGNATURE_MAX;
	return rv == CKR_OK ? real->C_Sign(o->handle, p, n, sig, m) : rv;
}

static CK_RV
twist(struct opened *o, const struct rule *r, byte *p, number n, byte *sig,
    number *m)
{
	CK_RV rv = real->C_Sign(o->handle, p, n, sig, m);

	if (rv != CKR_OK)
		return rv;
	if (r->form == OTHER_KEY)
		return by_other_key(o, p, n, sig, m);
	if (r->form == FLIPPED)
		sig[*m / 2] ^= 1;
	if (r->form == DER)
		*m = to_der(sig, *m);
	if (r->form == OF_LENGTH)
		*m = r->number;
	return CKR_OK;
}

CK_RV
do_C_Sign(session s, byte *p, number n, byte *out, number *m)
{
	const struct rule *r = module_rule(SIGNATURE, NULL);
	struct opened *o = session_of(s);
	byte sig[SIGNATURE_MAX] = { 0 };
	number len = sizeof(sig);
	CK_RV rv;

	if (o != NULL && o->signing && !o->permitted &&
	    module_script()->always_authenticate)
		return CKR_USER_NOT_LOGGED_IN;
	if (o != NULL && out != NULL)
		o->signing = false;
	if (r == NULL || o == NULL || out == NULL)
		return real->C_Sign(s, p, n, out, m);
	rv = twist(o, r, p, n, sig, &len);
	if (rv == CKR_OK && len > *m)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv == CKR_OK)
		memcpy(out, sig, len);
	*m = len;
	return rv;
}
