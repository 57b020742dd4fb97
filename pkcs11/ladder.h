/*
 * What to do about a CK_RV: the table of return codes and the rungs of
 * recovery, from "ask again" to "an operator must act".
 */
#ifndef PKCS11_LADDER_H
#define PKCS11_LADDER_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#include "../broker/base/err.h"

/* Codes newer than the header. */
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#define CKR_OPERATION_CANCEL_FAILED 0x202UL

enum rung {
	RUNG_STOP,     /* permanent: tell who asked, change nothing */
	RUNG_SAME,     /* ask again on the same session */
	RUNG_LOGIN,    /* log in if the session says so; find the key again */
	RUNG_SESSION,  /* open another session, log in, find */
	RUNG_MODULE,   /* C_Finalize, C_Initialize, find the token by its URI */
	RUNG_DIE,      /* end this process, to be started again later */
	RUNG_OPERATOR, /* end this process, not to be started again */
	RUNG__MAX
};

const char *rung_name(enum rung rung);

/* What to do when an operation failed with rv for the failures-th time in a
 * row, counted from 0. */
enum rung ladder_rung(CK_RV rv, unsigned failures);

/* True when rv says that the module refused before it did anything, so that
 * even an operation that must not happen twice may be asked again. */
bool ladder_untouched(CK_RV rv);

/* "CKR_DEVICE_ERROR"; "vendor code" or "unknown code" for what has no row. */
const char *ladder_name(CK_RV rv);

/* Adds what an operator can do, when the fault came from the module. */
void ladder_advise(struct fault *why);

/* Fills why with "call: CKR_NAME (0x..)" and its CK_RV; returns its code. */
enum err ladder_fault(struct fault *why, CK_RV rv, const char *call);

#endif
