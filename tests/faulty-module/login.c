/* The PIN: counted tries, a pad of the token's own, a login for each use. */
#include <stdint.h>
#include <string.h>

#include "calls.h"
#include "state.h"

/* The PIN of the last good login, by which that for a single use is judged. */
static byte known[256];
static number known_n;

CK_FLAGS
login_flags(CK_FLAGS flags)
{
	const struct script *s = module_script();
	unsigned long wrong = calls_wrong_pins();

	if (s->pin_pad[0] != '\0')
		flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (s->pin_tries == 0)
		return flags;
	flags &= ~(CK_FLAGS)(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
	    CKF_USER_PIN_LOCKED);
	if (wrong >= s->pin_tries)
		return flags | CKF_USER_PIN_LOCKED;
	if (wrong == s->pin_tries - 1)
		flags |= CKF_USER_PIN_FINAL_TRY;
	return wrong > 0 ? flags | CKF_USER_PIN_COUNT_LOW : flags;
}

/* For one signature that is about to be made on this session. */
static CK_RV
login_for_use(session s, const byte *pin, number n)
{
	struct opened *o = session_of(s);

	if (o == NULL || !o->signing || !module_script()->always_authenticate)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (n != known_n || memcmp(pin, known, n) != 0)
		return CKR_PIN_INCORRECT;
	o->permitted = true;
	return CKR_OK;
}

CK_RV
do_C_Login(session s, CK_USER_TYPE user, byte *pin, number n)
{
	const struct script *script = module_script();
	CK_RV rv;

	if (script->pin_pad[0] != '\0') {
		if (pin != NULL)
			return CKR_ARGUMENTS_BAD;
		pin = (byte *)(uintptr_t)script->pin_pad;
		n = strlen(script->pin_pad);
	}
	if (user == CKU_SO)
		return real->C_Login(s, user, pin, n);
	if (script->pin_tries != 0 && calls_wrong_pins() >= script->pin_tries)
		return CKR_PIN_LOCKED;
	rv = user == CKU_USER ? real->C_Login(s, user, pin, n) :
	    login_for_use(s, pin, n);
	if (rv == CKR_PIN_INCORRECT)
		calls_wrong_pin();
	if (rv == CKR_OK && user == CKU_USER && n <= sizeof(known)) {
		memcpy(known, pin, n);
		known_n = n;
		calls_right_pin();
	}
	return rv;
}
