/* What a lane does about return codes of a module. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../pkcs11/session.h"

static void
rungs_follow_the_code(void **state)
{
	static const struct {
		CK_RV rv;
		enum rung rungs[3];
	} expected[] = {
		{ CKR_SESSION_HANDLE_INVALID,
		    { RUNG_SESSION, RUNG_MODULE, RUNG_DIE } },
		{ CKR_SESSION_CLOSED,
		    { RUNG_SESSION, RUNG_MODULE, RUNG_DIE } },
		{ CKR_USER_NOT_LOGGED_IN,
		    { RUNG_LOGIN, RUNG_SESSION, RUNG_DIE } },
		{ CKR_KEY_HANDLE_INVALID,
		    { RUNG_LOGIN, RUNG_SESSION, RUNG_STOP } },
		{ CKR_OBJECT_HANDLE_INVALID,
		    { RUNG_LOGIN, RUNG_SESSION, RUNG_STOP } },
		{ CKR_DEVICE_REMOVED, { RUNG_MODULE, RUNG_DIE, RUNG_DIE } },
		{ CKR_TOKEN_NOT_PRESENT, { RUNG_MODULE, RUNG_DIE, RUNG_DIE } },
		{ CKR_DEVICE_ERROR, { RUNG_SESSION, RUNG_MODULE, RUNG_STOP } },
		{ CKR_VENDOR_DEFINED | 7,
		    { RUNG_SESSION, RUNG_MODULE, RUNG_STOP } },
		{ 0x7654321, { RUNG_SESSION, RUNG_MODULE, RUNG_STOP } },
		{ CKR_OPERATION_NOT_INITIALIZED,
		    { RUNG_SAME, RUNG_SESSION, RUNG_STOP } },
		{ CKR_MECHANISM_INVALID, { RUNG_STOP, RUNG_STOP, RUNG_STOP } },
		{ CKR_SESSION_COUNT, { RUNG_DIE, RUNG_DIE, RUNG_DIE } },
	};

	(void)state;
	for (size_t i = 0; i < nitems(expected); i++)
		for (unsigned n = 0; n < 3; n++)
			assert_int_equal(ladder_rung(expected[i].rv, n),
			    expected[i].rungs[n]);
	assert_int_equal(ladder_rung(CKR_DEVICE_ERROR, 3), RUNG_STOP);
	assert_int_equal(ladder_rung(CKR_DEVICE_ERROR, 1000), RUNG_STOP);
}

static void
pin_codes_need_an_operator(void **state)
{
	static const CK_RV codes[] = { CKR_PIN_INCORRECT, CKR_PIN_INVALID,
		CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED };
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(codes); i++) {
		assert_int_equal(ladder_rung(codes[i], 0), RUNG_OPERATOR);
		assert_int_equal(ladder_fault(&why, codes[i], "C_Login"),
		    ERR_PIN);
	}
	assert_int_equal(session_exit_code(ERR_PIN), EXIT_PIN);
	assert_int_equal(session_exit_code(ERR_TOKEN), EXIT_TEMPORARY);
	assert_int_equal(session_exit_code(ERR_CONFIG), EXIT_SETTING);
}

static void
faults_name_call_and_code(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(ladder_fault(&why, CKR_DEVICE_ERROR, "C_Sign"),
	    ERR_TOKEN);
	assert_string_equal(why.text, "C_Sign: CKR_DEVICE_ERROR (0x30)");
	assert_int_equal(why.ckr, 0x30);
	ladder_fault(&why, CKR_VENDOR_DEFINED | 1, "C_Sign");
	assert_string_equal(why.text, "C_Sign: vendor code (0x80000001)");
	ladder_advise(&why);
	assert_string_equal(why.text, "C_Sign: vendor code (0x80000001); if it "
	    "stays, see to the token and its module");
	fault_set(&why, ERR_TOKEN, "ours");
	ladder_advise(&why);
	assert_string_equal(why.text, "ours");
}

/* A module that lets every session be opened and fails as told. */
static CK_RV script[8];
static unsigned calls, opened, initialised;

static CK_RV
fake_open(CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify,
    CK_SESSION_HANDLE *handle)
{
	(void)slot;
	(void)flags;
	(void)arg;
	(void)notify;
	*handle = ++opened;
	return CKR_OK;
}

static CK_RV
fake_close(CK_SESSION_HANDLE handle)
{
	(void)handle;
	return CKR_OK;
}

static CK_RV
fake_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	(void)handle;
	info->state = CKS_RW_USER_FUNCTIONS;
	return CKR_OK;
}

/* Starting afresh fails here: the token is gone. */
static CK_RV
fake_initialize(void *args)
{
	(void)args;
	initialised++;
	return CKR_DEVICE_REMOVED;
}

static enum err
scripted(void *arg, struct fault *why)
{
	CK_RV rv = script[calls++];

	(void)arg;
	return rv == CKR_OK ? OK : ladder_fault(why, rv, "C_Sign");
}

static enum err
run(struct session *s, CK_FUNCTION_LIST *f, bool repeatable)
{
	struct fault why;

	*f = (CK_FUNCTION_LIST){ .C_OpenSession = fake_open,
		.C_CloseSession = fake_close, .C_GetSessionInfo = fake_info,
		.C_Initialize = fake_initialize };
	*s = (struct session){ .leave = -1, .pin_fd = -1, .folder = -1,
		.handle = 77 };
	s->module.f = f;
	calls = opened = initialised = 0;
	return session_run(s, scripted, NULL, repeatable, &why);
}

static void
climbs_and_comes_back(void **state)
{
	CK_FUNCTION_LIST f;
	struct session s;

	(void)state;
	memcpy(script, (CK_RV[]){ CKR_SESSION_HANDLE_INVALID, CKR_OK },
	    2 * sizeof(CK_RV));
	assert_int_equal(run(&s, &f, true), OK);
	assert_int_equal(calls, 2);
	assert_int_equal(opened, 1);
	assert_int_equal(s.generation, 1);
	assert_int_equal(s.leave, -1);
}

static void
does_not_repeat_what_may_have_happened(void **state)
{
	CK_FUNCTION_LIST f;
	struct session s;

	(void)state;
	memcpy(script, (CK_RV[]){ CKR_DEVICE_ERROR, CKR_OK },
	    2 * sizeof(CK_RV));
	assert_int_equal(run(&s, &f, false), ERR_TOKEN);
	assert_int_equal(calls, 1);
	assert_int_equal(opened, 1);
	memcpy(script, (CK_RV[]){ CKR_SESSION_HANDLE_INVALID, CKR_OK },
	    2 * sizeof(CK_RV));
	assert_int_equal(run(&s, &f, false), OK);
	assert_int_equal(calls, 2);
}

static void
leaves_when_no_rung_holds(void **state)
{
	CK_FUNCTION_LIST f;
	struct session s;

	(void)state;
	memcpy(script, (CK_RV[]){ CKR_DEVICE_ERROR, CKR_DEVICE_ERROR },
	    2 * sizeof(CK_RV));
	assert_int_equal(run(&s, &f, true), ERR_TOKEN);
	assert_int_equal(calls, 2);
	assert_int_equal(initialised, 1);
	assert_int_equal(s.leave, EXIT_TEMPORARY);
	script[0] = CKR_PIN_INCORRECT;
	assert_int_equal(run(&s, &f, true), ERR_PIN);
	assert_int_equal(calls, 1);
	assert_int_equal(s.leave, EXIT_PIN);
	script[0] = CKR_MECHANISM_INVALID;
	assert_int_equal(run(&s, &f, true), ERR_UNSUPPORTED);
	assert_int_equal(calls, 1);
	assert_int_equal(s.leave, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rungs_follow_the_code),
		cmocka_unit_test(pin_codes_need_an_operator),
		cmocka_unit_test(faults_name_call_and_code),
		cmocka_unit_test(climbs_and_comes_back),
		cmocka_unit_test(does_not_repeat_what_may_have_happened),
		cmocka_unit_test(leaves_when_no_rung_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
