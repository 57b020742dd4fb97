/*
 * A token that misbehaves while a key is made or destroyed: what may have
 * happened does not happen twice, and a key that is not as it should be is
 * not kept.
 */
#include "faulty_world.h"

/* Whatever happened, one key of the name is in the token when it was mended and
 * the client has asked again. */
static const struct scenario births[] = {
	{ "template_inconsistent",
	    "C_GenerateKeyPair 1 return CKR_TEMPLATE_INCONSISTENT", 201,
	    NULL },
	{ "attribute_read_only",
	    "C_GenerateKeyPair 1 return CKR_ATTRIBUTE_READ_ONLY", 201,
	    NULL },
	{ "session_lost_before",
	    "C_GenerateKeyPair 1 return CKR_SESSION_HANDLE_INVALID", 201,
	    NULL },
	{ "sessions_lost_before", "C_GenerateKeyPair 1 lose-sessions", 201,
	    NULL },
	{ "slow_birth", "C_GenerateKeyPair 1 delay 1s", 201, NULL },
	{ "point_of_the_newborn_raw",
	    "C_GetAttributeValue * attribute CKA_EC_POINT raw", 201, NULL },
	{ "failed_before_it_began",
	    "C_GenerateKeyPair * return CKR_DEVICE_ERROR", 503,
	    "CKR_DEVICE_ERROR" },
	{ "made_but_said_to_have_failed",
	    "C_GenerateKeyPair * say CKR_DEVICE_ERROR", 503,
	    "CKR_DEVICE_ERROR" },
	{ "token_is_full", "C_GenerateKeyPair * return CKR_DEVICE_MEMORY",
	    503, "CKR_DEVICE_MEMORY" },
	{ "templates_never_right",
	    "C_GenerateKeyPair * return CKR_TEMPLATE_INCONSISTENT", 422,
	    "CKR_TEMPLATE_INCONSISTENT" },
	{ "curve_not_supported",
	    "C_GenerateKeyPair * return CKR_CURVE_NOT_SUPPORTED", 422,
	    "CKR_CURVE_NOT_SUPPORTED" },
	{ "domain_params_invalid",
	    "C_GenerateKeyPair * return CKR_DOMAIN_PARAMS_INVALID", 422,
	    "CKR_DOMAIN_PARAMS_INVALID" },
	{ "attribute_value_invalid",
	    "C_GenerateKeyPair * return CKR_ATTRIBUTE_VALUE_INVALID", 422,
	    "CKR_ATTRIBUTE_VALUE_INVALID" },
	{ "write_protected",
	    "C_GenerateKeyPair * return CKR_TOKEN_WRITE_PROTECTED", 422,
	    "CKR_TOKEN_WRITE_PROTECTED" },
	{ "session_read_only",
	    "C_GenerateKeyPair * return CKR_SESSION_READ_ONLY", 422,
	    "CKR_SESSION_READ_ONLY" },
	{ "extractable",
	    "C_GetAttributeValue * attribute CKA_EXTRACTABLE true", 503,
	    "extractable or not sensitive; it was destroyed" },
	{ "not_sensitive",
	    "C_GetAttributeValue * attribute CKA_SENSITIVE false", 503,
	    "extractable or not sensitive; it was destroyed" },
	{ "another_id", "C_GetAttributeValue * attribute CKA_ID 00112233",
	    409, "no public half" },
	{ "test_signature_by_another_key", "C_Sign * signature other-key",
	    500, "does not verify" },
	{ "does_not_sign", "C_Sign * return CKR_FUNCTION_FAILED", 503,
	    "CKR_FUNCTION_FAILED" },
	{ "birth_hangs", "C_GenerateKeyPair * hang", 504,
	    "did not answer in time" },
	{ "hangs_behind_the_birth", "C_Sign * hang", 504,
	    "did not answer in time" },
	{ "crash_at_birth", "C_GenerateKeyPair * crash", 503,
	    "ended before it answered" },
	{ "crash_behind_the_birth", "C_SignInit * crash", 503,
	    "ended before it answered" },
};

/* How many private keys of a name are in the token, as another program sees
 * it without any faults. */
static int
count_keys(const char *name)
{
	char *command = xasprintf("pkcs11-tool --module " SOFT_MODULE
	    " --token-label " SOFT_LABEL " --login --pin " SOFT_PIN
	    " --list-objects --type privkey 2>&1 | grep -c 'kb1:cert:%s$'",
	    name);
	FILE *f = popen(command, "r");
	int n = -1;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	free(command);
	return n;
}

static int
make_key(const char *name)
{
	char *body = xasprintf("{\"name\":\"%s\",\"token\":\"main\","
	    "\"type\":\"ec-p256\",\"purpose\":\"cert\"}", name);
	int status = request("POST", "/v1/keys", body);

	free(body);
	return status;
}

static void
birth(void **state)
{
	const struct scenario *s = *state;
	int64_t began;

	fresh_broker();
	break_token(s->script);
	make_key(s->name);
	expect(s->status, s->detail);
	mend_token();
	began = now_ms();
	while (s->status != 201 && make_key(s->name) != 201) {
		if (now_ms() - began > HEALED_MS)
			expect(201, NULL);
		usleep(100000);
	}
	assert_int_equal(count_keys(s->name), 1);
}

static const struct scenario deaths[] = {
	{ "session_lost_at_death",
	    "C_DestroyObject 1 return CKR_SESSION_HANDLE_INVALID", 200,
	    NULL },
	{ "device_error_at_death",
	    "C_DestroyObject 1 return CKR_DEVICE_ERROR", 200, NULL },
	{ "destroyed_but_said_to_have_failed",
	    "C_DestroyObject 1 say CKR_DEVICE_ERROR", 200, NULL },
	{ "handles_renumbered_at_death", "C_DestroyObject 1 renumber", 200,
	    NULL },
	{ "may_not_be_destroyed",
	    "C_DestroyObject * return 0x1b", 503, "unknown code (0x1b)" },
	{ "death_hangs", "C_DestroyObject * hang", 504,
	    "did not answer in time" },
	{ "crash_at_death", "C_DestroyObject * crash", 503,
	    "ended before it answered" },
};

static int
destroy_key(const char *name)
{
	char *path = xasprintf("/v1/keys/%s", name);
	int status = request("DELETE", path, "");

	free(path);
	return status;
}

static void
death(void **state)
{
	const struct scenario *s = *state;
	char *path = xasprintf("/v1/keys/%s/retire", s->name);
	int64_t began;

	fresh_broker();
	assert_int_equal(make_key(s->name), 201);
	assert_int_equal(request("POST", path, "{}"), 200);
	free(path);
	break_token(s->script);
	destroy_key(s->name);
	expect(s->status, s->detail);
	mend_token();
	began = now_ms();
	while (s->status != 200 && destroy_key(s->name) != 200) {
		if (now_ms() - began > HEALED_MS)
			expect(200, NULL);
		usleep(100000);
	}
	assert_int_equal(count_keys(s->name), 0);
	assert_int_equal(client_sign(), 200);
}

static int
all_scenarios(void)
{
	open_account(NULL);
	return run_scenarios("births", births, nitems(births), birth) +
	    run_scenarios("deaths", deaths, nitems(deaths), death) +
	    verify_audit(NULL);
}

int
main(int argc, char **argv)
{
	return faulty_main(argc, argv, all_scenarios);
}
