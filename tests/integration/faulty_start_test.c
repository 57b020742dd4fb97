/*
 * A token that misbehaves while lanes start: what passes by itself, and what a
 * client is told until somebody has mended the token.
 */
#include "faulty_world.h"

/* ------------------------------------------------- what goes away by itself */

static const struct scenario passing[] = {
	{ "cannot_lock_at_start", "C_Initialize 1 return CKR_CANT_LOCK", 0,
	    NULL },
	{ "initialize_fails_once", "C_Initialize 1 return CKR_DEVICE_ERROR", 0,
	    NULL },
	{ "already_initialized",
	    "C_Initialize 1 say CKR_CRYPTOKI_ALREADY_INITIALIZED", 0, NULL },
	{ "slot_list_fails_once", "C_GetSlotList 1 return CKR_GENERAL_ERROR", 0,
	    NULL },
	{ "slot_list_grows", "C_GetSlotList 2..3 return CKR_BUFFER_TOO_SMALL",
	    0, NULL },
	{ "mechanisms_fail_once",
	    "C_GetMechanismList 1 return CKR_DEVICE_ERROR", 0, NULL },
	{ "session_count_once", "C_OpenSession 1 return CKR_SESSION_COUNT", 0,
	    NULL },
	{ "user_pin_hidden_once",
	    "C_Login 1 return CKR_USER_PIN_NOT_INITIALIZED", 0, NULL },
	{ "another_user_once",
	    "C_Login 1 return CKR_USER_ANOTHER_ALREADY_LOGGED_IN", 0, NULL },
	{ "too_many_types_once", "C_Login 1 return CKR_USER_TOO_MANY_TYPES", 0,
	    NULL },
	{ "already_logged_in", "C_Login * say CKR_USER_ALREADY_LOGGED_IN", 0,
	    NULL },
	{ "crash_at_start_once", "C_Initialize 1 crash", 0, NULL },
	{ "crash_at_login_once", "C_Login 1 crash", 0, NULL },
	{ "write_protected",
	    "C_OpenSession 1 return CKR_TOKEN_WRITE_PROTECTED\n"
	    "C_OpenSession 3 return CKR_TOKEN_WRITE_PROTECTED",
	    0, NULL },
	{ "pin_pad", "token pin-pad " SOFT_PIN, 0, NULL },
	{ "lying_session_count",
	    "C_GetTokenInfo * max-sessions 0\n"
	    "token sessions 1",
	    0, NULL },
	{ "hundred_tries_left", "token pin-tries 100", 0, NULL },
	{ "no_library_information", "C_GetInfo * return CKR_FUNCTION_FAILED", 0,
	    NULL },
};

static void
passes(void **state)
{
	const struct scenario *s = *state;

	start_broken(s->script);
	wait_signature(HEALED_MS);
	mend_token();
	wait_signature(HEALED_MS);
}

/* ----------------------------------------- what is told until it is mended */

static const struct scenario told[] = {
	{ "no_token", "token absent", 503, "no token matches the URI" },
	{ "relabelled", "C_GetTokenInfo * label other", 503,
	    "no token matches the URI" },
	{ "initialize_fails", "C_Initialize * return CKR_DEVICE_ERROR", 503,
	    "see to the token and its module" },
	{ "session_count", "C_OpenSession * return CKR_SESSION_COUNT", 503,
	    "CKR_SESSION_COUNT" },
	{ "user_pin_hidden", "C_Login * return CKR_USER_PIN_NOT_INITIALIZED",
	    503, "CKR_USER_PIN_NOT_INITIALIZED" },
};

static void
is_told(void **state)
{
	const struct scenario *s = *state;

	start_broken(s->script);
	wait_told(s->status, s->detail, HEALED_MS);
	mend_token();
	wait_signature(HEALED_MS);
}

/* A token that is away for long enough that the delays have grown. */
static void
long_absence(void **state)
{
	int64_t restarts;

	(void)state;
	fresh_broker();
	break_token("token absent");
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(client_sign(), 503);
		usleep(500000);
	}
	mend_token();
	print_message("healed after %d ms, ", wait_signature(HEALED_MS));
	(void)lanes_up(&restarts);
	print_message("%d lanes started again\n", (int)restarts);
}

/* While a lane hangs, a client that another lane serves waits for nobody. */
static void
others_go_on(void **state)
{
	int64_t began, restarts;
	unsigned served = 0;
	int status = -1;
	pid_t other;

	(void)state;
	fresh_broker();
	break_token("C_Sign 1 hang");
	other = fork();
	assert_true(other >= 0);
	if (other == 0)
		_exit(client_sign() == 504 && last.ms >= 1900 && last.ms < 6000
			? 0
			: 1);
	began = now_ms();
	usleep(200000); /* it hangs by now */
	while (now_ms() - began < 3000) {
		assert_int_equal(client_sign(), 200);
		assert_true(last.ms < 1500); /* not as long as the other */
		served++;
	}
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
	assert_true(served > 3);
	wait_lanes(); /* it was replaced */
	(void)lanes_up(&restarts);
	assert_int_equal(restarts, 1);
}

static int
all_scenarios(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(others_go_on),
		cmocka_unit_test(long_absence),
	};

	open_account(NULL);
	return run_scenarios("passing", passing, nitems(passing), passes) +
	    run_scenarios("told", told, nitems(told), is_told) +
	    cmocka_run_group_tests(others, NULL, verify_audit);
}

int
main(int argc, char **argv)
{
	return faulty_main(argc, argv, all_scenarios);
}
