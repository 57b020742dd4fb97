/*
 * A PKCS#11 module that hands everything to SoftHSM, and lies as the
 * environment tells: LIES holds items "function:nth:code" (decimal nth call
 * from 1, hexadecimal code), "bare-point", "der-signature",
 * "flags:hex" (token flags to add), "extractable".  LIES_LOG names a file that
 * gets the name of each call that matters.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST lying;
static CK_FUNCTION_LIST *real;

static const char *
lies(void)
{
	const char *text = getenv("LIES");

	return text != NULL ? text : "";
}

static int
lie(const char *word)
{
	return strstr(lies(), word) != NULL;
}

/* Counts a call; the code that it is to fail with, or CKR_OK. */
static CK_RV
count(const char *function, unsigned *calls)
{
	const char *path = getenv("LIES_LOG");
	size_t n = strlen(function);
	FILE *f;

	++*calls;
	if (path != NULL && (f = fopen(path, "a")) != NULL) {
		fprintf(f, "%s\n", function);
		fclose(f);
	}
	for (const char *p = lies(); (p = strstr(p, function)) != NULL; p++) {
		char *end;

		if (p[n] != ':' || strtoul(p + n + 1, &end, 10) != *calls)
			continue;
		return strtoul(end + 1, NULL, 16);
	}
	return CKR_OK;
}

#define COUNT(function)                                       \
	do {                                                  \
		static unsigned calls;                        \
		CK_RV told = count(function, &calls);         \
		if (told != CKR_OK)                           \
			return told;                          \
	} while (0)

static CK_RV
initialize(void *args)
{
	COUNT("C_Initialize");
	return real->C_Initialize(args);
}

static CK_RV
finalize(void *reserved)
{
	COUNT("C_Finalize");
	return real->C_Finalize(reserved);
}

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify,
    CK_SESSION_HANDLE *session)
{
	COUNT("C_OpenSession");
	return real->C_OpenSession(slot, flags, arg, notify, session);
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
    CK_ULONG n)
{
	COUNT("C_Login");
	return real->C_Login(session, user, pin, n);
}

static CK_RV
logout(CK_SESSION_HANDLE session)
{
	COUNT("C_Logout");
	return real->C_Logout(session);
}

static CK_RV
token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	const char *flags = strstr(lies(), "flags:");
	CK_RV rv = real->C_GetTokenInfo(slot, info);

	if (rv == CKR_OK && flags != NULL)
		info->flags |= strtoul(flags + 6, NULL, 16);
	return rv;
}

static CK_RV
find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
	COUNT("C_FindObjectsInit");
	return real->C_FindObjectsInit(session, template, n);
}

static CK_RV
get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *a, CK_ULONG n)
{
	CK_RV rv = real->C_GetAttributeValue(session, object, a, n);
	unsigned char *p = a->pValue;

	if (rv == CKR_OK && n == 1 && a->type == CKA_EC_POINT && p != NULL &&
	    lie("bare-point")) {
		a->ulValueLen -= 2;
		memmove(p, p + 2, a->ulValueLen);
	}
	if (rv == CKR_OK && n == 1 && a->type == CKA_EXTRACTABLE &&
	    lie("extractable"))
		*p = CK_TRUE;
	return rv;
}

static CK_RV
sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	COUNT("C_SignInit");
	return real->C_SignInit(session, m, key);
}

/* One half as a DER INTEGER of shortest form. */
static size_t
put_integer(unsigned char *out, const unsigned char *p, size_t n)
{
	size_t pad;

	while (n > 1 && *p == 0) {
		p++;
		n--;
	}
	pad = *p >= 0x80;
	out[0] = 0x02;
	out[1] = (unsigned char)(n + pad);
	out[2] = 0;
	memcpy(out + 2 + pad, p, n);
	return 2 + pad + n;
}

static CK_RV
sign(CK_SESSION_HANDLE session, unsigned char *p, CK_ULONG n,
    unsigned char *sig, CK_ULONG *siglen)
{
	unsigned char der[160];
	size_t half, len;
	CK_RV rv;

	COUNT("C_Sign");
	rv = real->C_Sign(session, p, n, sig, siglen);
	if (rv != CKR_OK || *siglen > 96 || !lie("der-signature"))
		return rv;
	half = *siglen / 2;
	len = put_integer(der + 2, sig, half);
	len += put_integer(der + 2 + len, sig + half, half);
	der[0] = 0x30;
	der[1] = (unsigned char)len;
	memcpy(sig, der, len + 2);
	*siglen = len + 2;
	return CKR_OK;
}

static CK_RV
generate(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_ATTRIBUTE *public,
    CK_ULONG npublic, CK_ATTRIBUTE *private, CK_ULONG nprivate,
    CK_OBJECT_HANDLE *a, CK_OBJECT_HANDLE *b)
{
	COUNT("C_GenerateKeyPair");
	return real->C_GenerateKeyPair(session, m, public, npublic, private,
	    nprivate, a, b);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	void *so = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;

	if (so != NULL)
		*(void **)&get = dlsym(so, "C_GetFunctionList");
	if (get == NULL || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	lying = *real;
	lying.C_GetFunctionList = C_GetFunctionList;
	lying.C_Initialize = initialize;
	lying.C_Finalize = finalize;
	lying.C_OpenSession = open_session;
	lying.C_Login = login;
	lying.C_Logout = logout;
	lying.C_GetTokenInfo = token_info;
	lying.C_FindObjectsInit = find_init;
	lying.C_GetAttributeValue = get_attribute;
	lying.C_SignInit = sign_init;
	lying.C_Sign = sign;
	lying.C_GenerateKeyPair = generate;
	*list = &lying;
	return CKR_OK;
}
