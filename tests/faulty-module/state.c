#include "state.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/*
 * A handle that is given out: the generation of handles, a bit for a second
 * handle of the same object, and the real handle.
 */
#define GENERATION_BIT 24
#define TWIN_BIT       23
#define REAL_MASK      ((1UL << TWIN_BIT) - 1)
#define INVALID	       REAL_MASK

#define SESSIONS_MAX 256
#define SEATS_MAX    4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct opened sessions[SESSIONS_MAX]; /* handle 0: free */
static unsigned long generation;
static bool misdirected; /* older handles point elsewhere, not nowhere */

/* ---------------------------------------------------------------- sessions */

struct opened *
session_of(session handle)
{
	struct opened *s = NULL;

	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < SESSIONS_MAX && s == NULL; i++)
		if (sessions[i].handle == handle && handle != 0)
			s = &sessions[i];
	pthread_mutex_unlock(&mutex);
	return s;
}

struct opened *
session_book(session handle, CK_SLOT_ID slot, int seat)
{
	struct opened *s = NULL;

	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < SESSIONS_MAX && s == NULL; i++)
		if (sessions[i].handle == 0)
			s = &sessions[i];
	if (s != NULL)
		*s = (struct opened){ .handle = handle, .slot = slot,
			.seat = seat };
	pthread_mutex_unlock(&mutex);
	return s;
}

void
session_forget(struct opened *s)
{
	if (s->seat >= 0)
		close(s->seat);
	*s = (struct opened){ .handle = 0 };
}

void
session_forget_all(CK_SLOT_ID slot)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle != 0 && sessions[i].slot == slot)
			session_forget(&sessions[i]);
}

/* A lock on one byte of a file, which goes with the process that holds it. */
int
seat_take(unsigned long seats)
{
	char path[4096];
	int fd = open(module_path(".sessions", path),
	    O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	for (unsigned long i = 0; fd >= 0 && i < seats && i < SEATS_MAX; i++) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			.l_start = (off_t)i, .l_len = 1 };

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

void
state_lose_sessions(void)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle != 0) {
			CK_SLOT_ID slot = sessions[i].slot;

			real->C_CloseAllSessions(slot);
			session_forget_all(slot);
		}
}

void
state_lose_login(void)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle != 0)
			real->C_Logout(sessions[i].handle);
}

/* ----------------------------------------------------------------- handles */

void
state_renumber(void)
{
	generation++;
	misdirected = false;
}

void
state_misdirect(void)
{
	generation++;
	misdirected = true;
}

void
object_out(object *o)
{
	*o |= generation << GENERATION_BIT;
}

object
object_twin(object o)
{
	return o | 1UL << TWIN_BIT;
}

object
object_in(object o)
{
	if (o >> GENERATION_BIT != generation && !misdirected)
		return INVALID;
	return o & REAL_MASK;
}

object
object_in_for_signing(session s, object o)
{
	if (o >> GENERATION_BIT != generation && misdirected)
		return other_key(s, o & REAL_MASK);
	return object_in(o);
}

object
other_key(session s, object key)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	byte params[64], exponent[] = { 1, 0, 1 }, modulus[1024];
	CK_ATTRIBUTE ask[] = { { CKA_EC_PARAMS, params, sizeof(params) } };
	CK_ATTRIBUTE size[] = { { CKA_MODULUS, modulus, sizeof(modulus) } };
	CK_ULONG bits;
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &no, 1 },
		{ CKA_PRIVATE, &no, 1 }, { CKA_SIGN, &yes, 1 } };
	CK_ATTRIBUTE ec[] = { { CKA_TOKEN, &no, 1 },
		{ CKA_EC_PARAMS, params, 0 } };
	CK_ATTRIBUTE rsa[] = { { CKA_TOKEN, &no, 1 },
		{ CKA_MODULUS_BITS, &bits, sizeof(bits) },
		{ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
	CK_MECHANISM m = { .mechanism = CKM_EC_KEY_PAIR_GEN };
	object public, made;
	CK_RV rv;

	if (real->C_GetAttributeValue(s, key, ask, 1) == CKR_OK) {
		ec[1].ulValueLen = ask[0].ulValueLen;
		rv = real->C_GenerateKeyPair(s, &m, ec, 2, private, 3, &public,
		    &made);
		return rv == CKR_OK ? made : 0;
	}
	if (real->C_GetAttributeValue(s, key, size, 1) != CKR_OK)
		return 0;
	bits = size[0].ulValueLen * 8;
	m.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
	rv = real->C_GenerateKeyPair(s, &m, rsa, 3, private, 3, &public, &made);
	return rv == CKR_OK ? made : 0;
}
