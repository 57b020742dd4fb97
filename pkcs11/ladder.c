#include "ladder.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../broker/base/mem.h"

#define TRIES 3 /* rungs in a row; then the operation is given up */

struct row {
	CK_RV rv;
	const char *name;
	enum err err;
	bool untouched;
	enum rung rungs[TRIES];
};

#define STOP	 { RUNG_STOP, RUNG_STOP, RUNG_STOP }
#define OPERATOR { RUNG_OPERATOR, RUNG_OPERATOR, RUNG_OPERATOR }
#define DIE	 { RUNG_DIE, RUNG_DIE, RUNG_DIE }
#define DEVICE	 { RUNG_SESSION, RUNG_MODULE, RUNG_STOP }
#define GONE	 { RUNG_MODULE, RUNG_DIE, RUNG_DIE }
#define SESSION	 { RUNG_SESSION, RUNG_MODULE, RUNG_DIE }
#define HANDLE	 { RUNG_LOGIN, RUNG_SESSION, RUNG_STOP }
#define ROW(rv, ...) { rv, #rv, __VA_ARGS__ }

static const struct row rows[] = {
	ROW(CKR_SESSION_HANDLE_INVALID, ERR_TOKEN, true, SESSION),
	ROW(CKR_SESSION_CLOSED, ERR_TOKEN, true, SESSION),
	ROW(CKR_OPERATION_ACTIVE, ERR_TOKEN, true, SESSION),
	ROW(CKR_OPERATION_CANCEL_FAILED, ERR_TOKEN, false, SESSION),
	ROW(CKR_USER_NOT_LOGGED_IN, ERR_TOKEN, true,
	    { RUNG_LOGIN, RUNG_SESSION, RUNG_DIE }),
	ROW(CKR_OPERATION_NOT_INITIALIZED, ERR_TOKEN, true,
	    { RUNG_SAME, RUNG_SESSION, RUNG_STOP }),
	ROW(CKR_FUNCTION_CANCELED, ERR_TOKEN, false,
	    { RUNG_SAME, RUNG_SESSION, RUNG_STOP }),
	ROW(CKR_BUFFER_TOO_SMALL, ERR_TOKEN, false,
	    { RUNG_SESSION, RUNG_STOP, RUNG_STOP }),

	ROW(CKR_KEY_HANDLE_INVALID, ERR_KEY, true, HANDLE),
	ROW(CKR_OBJECT_HANDLE_INVALID, ERR_KEY, true, HANDLE),

	ROW(CKR_DEVICE_REMOVED, ERR_TOKEN, false, GONE),
	ROW(CKR_TOKEN_NOT_PRESENT, ERR_TOKEN, false, GONE),
	ROW(CKR_TOKEN_NOT_RECOGNIZED, ERR_TOKEN, false, GONE),
	ROW(CKR_SLOT_ID_INVALID, ERR_TOKEN, true, GONE),
	ROW(CKR_CRYPTOKI_NOT_INITIALIZED, ERR_TOKEN, true, GONE),

	ROW(CKR_DEVICE_ERROR, ERR_TOKEN, false, DEVICE),
	ROW(CKR_GENERAL_ERROR, ERR_TOKEN, false, DEVICE),
	ROW(CKR_FUNCTION_FAILED, ERR_TOKEN, false, DEVICE),
	ROW(CKR_DEVICE_MEMORY, ERR_TOKEN, false, DEVICE),
	ROW(CKR_HOST_MEMORY, ERR_TOKEN, false, DEVICE),

	/* What C_Sign gave does not verify, or cannot. */
	ROW(CKR_SIGNATURE_INVALID, ERR_SIGNATURE, false, DEVICE),
	ROW(CKR_SIGNATURE_LEN_RANGE, ERR_SIGNATURE, false, DEVICE),

	ROW(CKR_PIN_INCORRECT, ERR_PIN, false, OPERATOR),
	ROW(CKR_PIN_INVALID, ERR_PIN, false, OPERATOR),
	ROW(CKR_PIN_LEN_RANGE, ERR_PIN, false, OPERATOR),
	ROW(CKR_PIN_EXPIRED, ERR_PIN, false, OPERATOR),
	ROW(CKR_PIN_LOCKED, ERR_PIN, false, OPERATOR),

	/* Another process that logs in may hide the user PIN for a moment. */
	ROW(CKR_USER_PIN_NOT_INITIALIZED, ERR_TOKEN, true, DIE),
	ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, ERR_TOKEN, true, DIE),
	ROW(CKR_USER_TOO_MANY_TYPES, ERR_TOKEN, true, DIE),
	ROW(CKR_SESSION_COUNT, ERR_TOKEN, true, DIE),
	ROW(CKR_TOKEN_RESOURCE_EXCEEDED, ERR_BUSY, false, STOP),

	ROW(CKR_MECHANISM_INVALID, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_MECHANISM_PARAM_INVALID, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_KEY_TYPE_INCONSISTENT, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_KEY_SIZE_RANGE, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_TEMPLATE_INCOMPLETE, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_TEMPLATE_INCONSISTENT, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_ATTRIBUTE_VALUE_INVALID, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_ATTRIBUTE_TYPE_INVALID, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_ATTRIBUTE_READ_ONLY, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_ATTRIBUTE_SENSITIVE, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_CURVE_NOT_SUPPORTED, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_DOMAIN_PARAMS_INVALID, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_FUNCTION_NOT_SUPPORTED, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_DATA_INVALID, ERR_UNSUPPORTED, false, STOP),
	ROW(CKR_DATA_LEN_RANGE, ERR_UNSUPPORTED, false, STOP),
	ROW(CKR_ARGUMENTS_BAD, ERR_UNSUPPORTED, true, STOP),

	ROW(CKR_TOKEN_WRITE_PROTECTED, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_SESSION_READ_ONLY, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_SESSION_PARALLEL_NOT_SUPPORTED, ERR_UNSUPPORTED, true, STOP),
	ROW(CKR_SESSION_READ_WRITE_SO_EXISTS, ERR_TOKEN, true, DIE),
	ROW(CKR_CANT_LOCK, ERR_UNSUPPORTED, true, STOP),
};

/* Vendor's and undocumented codes mean the worst that a device can say. */
static const struct row vendor = { CKR_VENDOR_DEFINED, "vendor code",
	ERR_TOKEN, false, DEVICE };
static const struct row unknown = { CKR_OK, "unknown code",
	ERR_TOKEN, false, DEVICE };

static const char *const rung_names[] = {
	[RUNG_STOP] = "nothing to be done",
	[RUNG_SAME] = "asking again",
	[RUNG_LOGIN] = "checking the login",
	[RUNG_SESSION] = "opening another session",
	[RUNG_MODULE] = "starting the module afresh",
	[RUNG_DIE] = "ending this lane",
	[RUNG_OPERATOR] = "an operator must act",
};
_Static_assert(nitems(rung_names) == RUNG__MAX, "every rung has a name");

/* What is left to an operator when no rung helped. */
static const char *const advice[ERR__MAX] = {
	[ERR_TOKEN] = "if it stays, see to the token and its module",
	[ERR_KEY] = "see which objects the token has",
	[ERR_SIGNATURE] = "test the token before it is trusted again",
	[ERR_UNSUPPORTED] = "the token does not do this: use another type of "
	    "key, or another token",
	[ERR_BUSY] = "the token is full: free sessions or objects in it",
};

static const struct row *
row_of(CK_RV rv)
{
	for (size_t i = 0; i < nitems(rows); i++)
		if (rows[i].rv == rv)
			return &rows[i];
	return rv >= CKR_VENDOR_DEFINED ? &vendor : &unknown;
}

const char *
rung_name(enum rung rung)
{
	return rung_names[rung];
}

enum rung
ladder_rung(CK_RV rv, unsigned failures)
{
	return failures < TRIES ? row_of(rv)->rungs[failures] : RUNG_STOP;
}

bool
ladder_untouched(CK_RV rv)
{
	return row_of(rv)->untouched;
}

void
ladder_advise(struct fault *why)
{
	size_t n = strlen(why->text);

	if (why->ckr != CKR_OK && advice[why->code] != NULL)
		snprintf(why->text + n, sizeof(why->text) - n, "; %s",
		    advice[why->code]);
}

const char *
ladder_name(CK_RV rv)
{
	return row_of(rv)->name;
}

enum err
ladder_fault(struct fault *why, CK_RV rv, const char *call)
{
	const struct row *row = row_of(rv);

	fault_set(why, row->err, "%s: %s (0x%lx)", call, row->name, rv);
	why->ckr = rv;
	return row->err;
}
