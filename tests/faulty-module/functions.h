/*
 * Every function of a PKCS#11 2.40 module, once: what it belongs to (the module
 * as a whole, a token by its slot, a session), its name, its parameters and
 * its arguments.  PLAIN ones are passed on as they are, but for the handles
 * of objects that come in, and one that may go out; the SPECIAL ones are in
 * lies.c and login.c.
 */
#ifndef FAULTY_FUNCTIONS_H
#define FAULTY_FUNCTIONS_H

#include <p11-kit/pkcs11.h>

typedef CK_SESSION_HANDLE session;
typedef CK_OBJECT_HANDLE object;
typedef CK_ATTRIBUTE attribute;
typedef CK_MECHANISM mechanism;
typedef CK_ULONG number;
typedef CK_BYTE byte;

enum belongs { MODULE, TOKEN, SESSION };

/* The handle of the module below for one that we gave out, and back. */
object object_in(object o);
void object_out(object *o);

#define PLAIN_FUNCTIONS(X)                                                     \
	X(MODULE, C_Initialize, (void *p), (p), NULL)                          \
	X(MODULE, C_GetInfo, (CK_INFO *i), (i), NULL)                          \
	X(MODULE, C_GetSlotInfo, (CK_SLOT_ID t, CK_SLOT_INFO *i), (t, i),      \
	    NULL)                                                              \
	X(MODULE, C_WaitForSlotEvent, (CK_FLAGS f, CK_SLOT_ID *t, void *p),    \
	    (f, t, p), NULL)                                                   \
	X(TOKEN, C_GetMechanismInfo, (CK_SLOT_ID t, CK_MECHANISM_TYPE m,       \
	    CK_MECHANISM_INFO *i), (t, m, i), NULL)                            \
	X(TOKEN, C_InitToken, (CK_SLOT_ID t, byte *p, number n, byte *l),      \
	    (t, p, n, l), NULL)                                                \
	X(SESSION, C_InitPIN, (session s, byte *p, number n), (s, p, n),       \
	    NULL)                                                              \
	X(SESSION, C_SetPIN, (session s, byte *p, number n, byte *q,           \
	    number m), (s, p, n, q, m), NULL)                                  \
	X(SESSION, C_GetSessionInfo, (session s, CK_SESSION_INFO *i), (s, i),  \
	    NULL)                                                              \
	X(SESSION, C_GetOperationState, (session s, byte *p, number *n),       \
	    (s, p, n), NULL)                                                   \
	X(SESSION, C_SetOperationState, (session s, byte *p, number n,         \
	    object a, object b), (s, p, n, object_in(a), object_in(b)), NULL)  \
	X(SESSION, C_Logout, (session s), (s), NULL)                           \
	X(SESSION, C_CreateObject, (session s, attribute *a, number n,         \
	    object *o), (s, a, n, o), o)                                       \
	X(SESSION, C_CopyObject, (session s, object from, attribute *a,        \
	    number n, object *o), (s, object_in(from), a, n, o), o)            \
	X(SESSION, C_DestroyObject, (session s, object o), (s, object_in(o)),  \
	    NULL)                                                              \
	X(SESSION, C_GetObjectSize, (session s, object o, number *n),          \
	    (s, object_in(o), n), NULL)                                        \
	X(SESSION, C_SetAttributeValue, (session s, object o, attribute *a,    \
	    number n), (s, object_in(o), a, n), NULL)                          \
	X(SESSION, C_FindObjectsFinal, (session s), (s), NULL)                 \
	X(SESSION, C_EncryptInit, (session s, mechanism *m, object k),         \
	    (s, m, object_in(k)), NULL)                                        \
	X(SESSION, C_Encrypt, (session s, byte *p, number n, byte *q,          \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_EncryptUpdate, (session s, byte *p, number n, byte *q,    \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_EncryptFinal, (session s, byte *p, number *n),            \
	    (s, p, n), NULL)                                                   \
	X(SESSION, C_DecryptInit, (session s, mechanism *m, object k),         \
	    (s, m, object_in(k)), NULL)                                        \
	X(SESSION, C_Decrypt, (session s, byte *p, number n, byte *q,          \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_DecryptUpdate, (session s, byte *p, number n, byte *q,    \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_DecryptFinal, (session s, byte *p, number *n),            \
	    (s, p, n), NULL)                                                   \
	X(SESSION, C_DigestInit, (session s, mechanism *m), (s, m), NULL)      \
	X(SESSION, C_Digest, (session s, byte *p, number n, byte *q,           \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_DigestUpdate, (session s, byte *p, number n), (s, p, n),  \
	    NULL)                                                              \
	X(SESSION, C_DigestKey, (session s, object k), (s, object_in(k)),      \
	    NULL)                                                              \
	X(SESSION, C_DigestFinal, (session s, byte *p, number *n),             \
	    (s, p, n), NULL)                                                   \
	X(SESSION, C_SignUpdate, (session s, byte *p, number n), (s, p, n),    \
	    NULL)                                                              \
	X(SESSION, C_SignFinal, (session s, byte *p, number *n), (s, p, n),    \
	    NULL)                                                              \
	X(SESSION, C_SignRecoverInit, (session s, mechanism *m, object k),     \
	    (s, m, object_in(k)), NULL)                                        \
	X(SESSION, C_SignRecover, (session s, byte *p, number n, byte *q,      \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_VerifyInit, (session s, mechanism *m, object k),          \
	    (s, m, object_in(k)), NULL)                                        \
	X(SESSION, C_Verify, (session s, byte *p, number n, byte *q,           \
	    number m), (s, p, n, q, m), NULL)                                  \
	X(SESSION, C_VerifyUpdate, (session s, byte *p, number n), (s, p, n),  \
	    NULL)                                                              \
	X(SESSION, C_VerifyFinal, (session s, byte *p, number n), (s, p, n),   \
	    NULL)                                                              \
	X(SESSION, C_VerifyRecoverInit, (session s, mechanism *m, object k),   \
	    (s, m, object_in(k)), NULL)                                        \
	X(SESSION, C_VerifyRecover, (session s, byte *p, number n, byte *q,    \
	    number *m), (s, p, n, q, m), NULL)                                 \
	X(SESSION, C_DigestEncryptUpdate, (session s, byte *p, number n,       \
	    byte *q, number *m), (s, p, n, q, m), NULL)                        \
	X(SESSION, C_DecryptDigestUpdate, (session s, byte *p, number n,       \
	    byte *q, number *m), (s, p, n, q, m), NULL)                        \
	X(SESSION, C_SignEncryptUpdate, (session s, byte *p, number n,         \
	    byte *q, number *m), (s, p, n, q, m), NULL)                        \
	X(SESSION, C_DecryptVerifyUpdate, (session s, byte *p, number n,       \
	    byte *q, number *m), (s, p, n, q, m), NULL)                        \
	X(SESSION, C_GenerateKey, (session s, mechanism *m, attribute *a,      \
	    number n, object *k), (s, m, a, n, k), k)                          \
	X(SESSION, C_WrapKey, (session s, mechanism *m, object w, object k,    \
	    byte *p, number *n), (s, m, object_in(w), object_in(k), p, n),     \
	    NULL)                                                              \
	X(SESSION, C_UnwrapKey, (session s, mechanism *m, object w, byte *p,   \
	    number n, attribute *a, number na, object *k),                     \
	    (s, m, object_in(w), p, n, a, na, k), k)                           \
	X(SESSION, C_DeriveKey, (session s, mechanism *m, object b,            \
	    attribute *a, number n, object *k),                                \
	    (s, m, object_in(b), a, n, k), k)                                  \
	X(SESSION, C_SeedRandom, (session s, byte *p, number n), (s, p, n),    \
	    NULL)                                                              \
	X(SESSION, C_GenerateRandom, (session s, byte *p, number n),           \
	    (s, p, n), NULL)                                                   \
	X(SESSION, C_GetFunctionStatus, (session s), (s), NULL)                \
	X(SESSION, C_CancelFunction, (session s), (s), NULL)

#define SPECIAL_FUNCTIONS(X)                                                   \
	X(MODULE, C_Finalize, (void *p), (p))                                  \
	X(MODULE, C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *t,             \
	    number *n), (present, t, n))                                       \
	X(TOKEN, C_GetTokenInfo, (CK_SLOT_ID t, CK_TOKEN_INFO *i), (t, i))     \
	X(TOKEN, C_GetMechanismList, (CK_SLOT_ID t, CK_MECHANISM_TYPE *m,      \
	    number *n), (t, m, n))                                             \
	X(TOKEN, C_OpenSession, (CK_SLOT_ID t, CK_FLAGS f, void *p,            \
	    CK_NOTIFY notify, session *s), (t, f, p, notify, s))               \
	X(MODULE, C_CloseSession, (session s), (s))                            \
	X(MODULE, C_CloseAllSessions, (CK_SLOT_ID t), (t))                     \
	X(SESSION, C_Login, (session s, CK_USER_TYPE u, byte *p, number n),    \
	    (s, u, p, n))                                                      \
	X(SESSION, C_GetAttributeValue, (session s, object o, attribute *a,    \
	    number n), (s, o, a, n))                                           \
	X(SESSION, C_FindObjectsInit, (session s, attribute *a, number n),     \
	    (s, a, n))                                                         \
	X(SESSION, C_FindObjects, (session s, object *o, number max,           \
	    number *n), (s, o, max, n))                                        \
	X(SESSION, C_SignInit, (session s, mechanism *m, object k), (s, m, k)) \
	X(SESSION, C_Sign, (session s, byte *p, number n, byte *q,             \
	    number *m), (s, p, n, q, m))                                       \
	X(SESSION, C_GenerateKeyPair, (session s, mechanism *m, attribute *a,  \
	    number na, attribute *b, number nb, object *ka, object *kb),       \
	    (s, m, a, na, b, nb, ka, kb))

#define FUNCTION_ID(belongs, name, ...) F_##name,
enum function {
	PLAIN_FUNCTIONS(FUNCTION_ID) SPECIAL_FUNCTIONS(FUNCTION_ID) F__MAX
};
#undef FUNCTION_ID

#endif
