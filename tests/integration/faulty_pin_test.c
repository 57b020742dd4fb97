/*
 * No PIN is tried after one was refused, whatever is killed and started again,
 * until an operator says so.
 */
#include "faulty_world.h"

#define SETTLED_MS 400 /* in which a lane that may start has started */
#define KEEP_LOW   "C_GetTokenInfo * flags -CKF_USER_PIN_COUNT_LOW\n"

static void
write_pin(const char *pin)
{
	char *path = xasprintf("%s/pin", world.token.folder);

	world_file(path, pin);
	free(path);
}

static void
unlatch(void)
{
	assert_int_equal(request("POST", "/v1/tokens/main/unlatch", "{}"), 200);
}

/* The operator's way out of all this: the right PIN, a token that does not
 * complain any more, and his word. */
static void
operate(void)
{
	write_pin(SOFT_PIN "\n");
	break_token(KEEP_LOW);
	unlatch();
	wait_signature(HEALED_MS);
	wait_lanes();
}

static void
kill_all(void)
{
	assert_int_equal(kill(world.pid, SIGKILL), 0);
	waitpid(world.pid, NULL, 0);
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		close(world.channel[i]);
	close(world.issuer);
	usleep(200000); /* the others die with it */
}

/* ------------------------------------------------- what needs an operator */

/* How often a PIN may be given until the operator acts stands as status. */
static const struct scenario refused[] = {
	{ "pin_incorrect", KEEP_LOW "C_Login * return CKR_PIN_INCORRECT", 1,
	    "CKR_PIN_INCORRECT" },
	{ "pin_invalid", "C_Login * return CKR_PIN_INVALID", 1,
	    "CKR_PIN_INVALID" },
	{ "pin_length", "C_Login * return CKR_PIN_LEN_RANGE", 1,
	    "CKR_PIN_LEN_RANGE" },
	{ "pin_expired", "C_Login * return CKR_PIN_EXPIRED", 1,
	    "CKR_PIN_EXPIRED" },
	{ "pin_locked", "C_Login * return CKR_PIN_LOCKED", 1,
	    "CKR_PIN_LOCKED" },
	{ "count_low", "C_GetTokenInfo * flags +CKF_USER_PIN_COUNT_LOW", 0,
	    "a wrong PIN was given since the last login" },
	{ "final_try", "C_GetTokenInfo * flags +CKF_USER_PIN_FINAL_TRY", 0,
	    "one PIN try left" },
	{ "locked", "C_GetTokenInfo * flags +CKF_USER_PIN_LOCKED", 0,
	    "PIN locked" },
	{ "last_of_its_tries", "token pin-tries 1", 0, "one PIN try left" },
	{ "crashes_at_login", "C_Login * crash", 2,
	    "2 logins in a row ended in a crash" },
};

static void
needs_operator(void **state)
{
	const struct scenario *s = *state;
	unsigned long before = logins();

	start_broken(s->script);
	wait_told(503, s->detail, HEALED_MS);
	assert_int_equal(logins() - before, s->status);
	assert_int_equal(kill(world_pid("core"), SIGKILL), 0);
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		close(world.channel[i]);
	close(world.issuer);
	world_let_in();
	usleep(SETTLED_MS * 1000);
	wait_told(503, s->detail, HEALED_MS);
	restart_broker();
	usleep(SETTLED_MS * 1000);
	wait_told(503, s->detail, HEALED_MS);
	kill_all();
	mend_token(); /* this alone does not help */
	world_start();
	usleep(SETTLED_MS * 1000);
	wait_told(503, s->detail, HEALED_MS);
	assert_int_equal(logins() - before, s->status);
	operate();
}

/* A real wrong PIN: in the file when the broker starts. */
static void
wrong_pin_at_start(void **state)
{
	unsigned long before = logins(), wrong;

	(void)state;
	wrong = faulty_calls(world.module, "wrong-pins");
	world_stop();
	write_pin("0000\n");
	break_token(KEEP_LOW "token pin-tries 10");
	world_start();
	wait_told(503, "CKR_PIN_INCORRECT", HEALED_MS);
	for (unsigned i = 0; i < 3; i++) {
		restart_broker();
		usleep(SETTLED_MS * 1000);
	}
	write_pin(SOFT_PIN "\n");
	restart_broker();
	wait_told(503, "CKR_PIN_INCORRECT", HEALED_MS);
	assert_int_equal(logins() - before, 1);
	assert_int_equal(faulty_calls(world.module, "wrong-pins") - wrong, 1);
	operate();
}

/* Both lanes are up when the PIN ceases to be right, and both lose their
 * login: one of them tries, and the other has heard of it. */
static void
wrong_pin_while_up(void **state)
{
	unsigned long before;

	(void)state;
	fresh_broker();
	before = logins();
	write_pin("0000\n");
	break_token(KEEP_LOW "C_SignInit * lose-login");
	wait_told(503, "C_Login: CKR_PIN_INCORRECT", HEALED_MS);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(client_sign(), 503);
		usleep(50000);
	}
	assert_int_equal(logins() - before, 1);
	restart_broker();
	wait_told(503, "PIN", HEALED_MS);
	assert_int_equal(logins() - before, 1);
	operate();
}

/* The PIN is wanted for each signature, and refused once. */
static void
wrong_pin_for_one_use(void **state)
{
	unsigned long before;

	(void)state;
	fresh_broker();
	break_token(KEEP_LOW "token always-authenticate\n"
			     "C_SignInit 1..2 return CKR_KEY_HANDLE_INVALID");
	assert_int_equal(client_sign(), 200);
	before = logins();
	write_pin("0000\n");
	wait_told(503, "C_Login: CKR_PIN_INCORRECT", HEALED_MS);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(client_sign(), 503);
		usleep(50000);
	}
	assert_int_equal(logins() - before, 1);
	operate();
}

/* keybrokerd does not hear of the refusal: it stands still, and then all is
 * killed. */
static void
refusal_that_nobody_heard(void **state)
{
	unsigned long before;
	int64_t began;

	(void)state;
	fresh_broker();
	before = logins();
	write_pin("0000\n");
	break_token(KEEP_LOW "C_SignInit * lose-login");
	assert_int_equal(kill(world.pid, SIGSTOP), 0);
	began = now_ms();
	while (logins() == before && now_ms() - began < HEALED_MS)
		client_sign();
	usleep(200000);
	kill_all();
	world_start();
	wait_told(503, "did not live to tell", HEALED_MS);
	usleep(SETTLED_MS * 1000);
	assert_int_equal(logins() - before, 1);
	operate();
}

/* Killed while it gave the right PIN: that was no refusal. */
static void
killed_during_login(void **state)
{
	int64_t began = now_ms();
	unsigned long before = logins();

	(void)state;
	start_broken(KEEP_LOW "C_Login 1 hang");
	while (logins() == before && now_ms() - began < HEALED_MS)
		usleep(10000);
	kill_all();
	world_start();
	wait_signature(HEALED_MS);
}

/* A latch that an operator removes by hand is gone, too. */
static void
latch_removed_by_hand(void **state)
{
	char *path = xasprintf("%s/state/latch/main", world.token.folder);
	unsigned long before;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		wait_lanes();
		before = logins();
		start_broken("C_Login * return CKR_PIN_EXPIRED");
		wait_told(503, "CKR_PIN_EXPIRED", HEALED_MS);
		assert_int_equal(logins() - before, 1);
		break_token(KEEP_LOW);
		if (i == 1)
			world_stop();
		assert_int_equal(unlink(path), 0);
		if (i == 1)
			world_start();
		wait_signature(HEALED_MS);
	}
	free(path);
}

static int
all_scenarios(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(wrong_pin_at_start),
		cmocka_unit_test(wrong_pin_while_up),
		cmocka_unit_test(wrong_pin_for_one_use),
		cmocka_unit_test(refusal_that_nobody_heard),
		cmocka_unit_test(killed_during_login),
		cmocka_unit_test(latch_removed_by_hand),
	};

	open_account(NULL);
	return run_scenarios(
		   "refused", refused, nitems(refused), needs_operator) +
	    cmocka_run_group_tests(others, NULL, verify_audit);
}

int
main(int argc, char **argv)
{
	return faulty_main(argc, argv, all_scenarios);
}
