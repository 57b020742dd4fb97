/* What this process has: sessions, and handles of objects that were given
 * out. */
#ifndef FAULTY_STATE_H
#define FAULTY_STATE_H

#include "module.h"

/* An open session and the signature that it is about to make. */
struct opened {
	session handle;
	CK_SLOT_ID slot;
	int seat; /* one of "token sessions"; -1: none was needed */
	CK_MECHANISM mechanism;
	byte parameter[128];
	object key;		   /* of the real module */
	bool signing, permitted; /* by a login of its own */
};

/* Books a session that was opened; NULL when there is no room. */
struct opened *session_book(session handle, CK_SLOT_ID slot, int seat);
struct opened *session_of(session handle);
void session_forget(struct opened *s);
void session_forget_all(CK_SLOT_ID slot);

/* A seat among so many that all processes share; -1 when none is free. */
int seat_take(unsigned long seats);

/* A second handle of the same object. */
object object_twin(object o);

/* The handle below for a key that is to sign; after "misdirect", that of
 * another one. */
object object_in_for_signing(session s, object o);

/* A key like this one that was made just now; 0 when that failed. */
object other_key(session s, object key);

/* The flags of a token's PIN, as the script counts. */
CK_FLAGS login_flags(CK_FLAGS flags);

#endif
