/*
 * A whole broker on a token that misbehaves by script, and what a client of it
 * sees: each scenario breaks the token, asks, looks at the answer, mends the
 * token, and wants a signature within HEALED_MS.
 */
#ifndef TESTS_FAULTY_WORLD_H
#define TESTS_FAULTY_WORLD_H

#include "hostile_ca.h"

#define HEALED_MS 5000
#define SETTLE_MS 15000 /* for a broker to start */

static const char faulty_config[] =
    "ca \"ca\" { directory \"" CA "/dir\" timeout 1s }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  terms agreed }\n";

static EVP_PKEY *account_key;

/* A client's last answer. */
static struct {
	int status;
	int ms; /* that it took */
	char detail[1024];
} last;

static inline int64_t
now_ms(void)
{
	return clock_monotonic_us() / 1000;
}

static inline void
break_token(const char *script)
{
	faulty_script(world.module, script);
}

static inline void
mend_token(void)
{
	faulty_script(world.module, "");
}

static inline unsigned long
logins(void)
{
	return faulty_calls(world.module, "C_Login");
}

/* Takes what an answer says; its status. */
static inline int
hear(struct answer *a, int64_t began)
{
	const char *detail = json_get_string(a->json, "detail");

	last.status = a->status;
	last.ms = (int)(now_ms() - began);
	snprintf(last.detail, sizeof(last.detail), "%s",
	    detail != NULL ? detail : "");
	return a->status;
}

static inline int
request(const char *method, const char *path, const char *body)
{
	int64_t began = now_ms();
	struct answer a = world_api(method, path, body);
	int status = hear(&a, began);

	answer_free(&a);
	return status;
}

/* True when what was given is a signature of the account's key. */
static inline bool
is_ours(const struct json *jws)
{
	const char *head = json_get_string(jws, "protected");
	const char *sig = json_get_string(jws, "signature");
	struct buf bytes;
	struct fault why;
	char *input;
	bool good;

	if (head == NULL || sig == NULL)
		return false;
	input = xasprintf("%s.%s", head, json_get_string(jws, "payload"));
	buf_init(&bytes, 4096);
	good = b64_get(&bytes, sig, strlen(sig)) &&
	    (account_key == NULL || signature_verify(account_key, ALG_ES256,
	    input, strlen(input), bytes.data, bytes.len, &why) == OK);
	buf_free(&bytes);
	free(input);
	return good;
}

/* Asks for a signature; what comes with 200 must be one of our key. */
static inline int
client_sign(void)
{
	int64_t began = now_ms();
	struct answer a = world_api("POST", "/v1/accounts/main/jws",
	    "{\"url\":\"" CA "/account/1\",\"nonce\":\"" NONCE "\"}");
	int status = hear(&a, began);

	if (status == 200 && !is_ours(a.json))
		fail_msg("a signature that is not the key's was given away");
	if (status != 200 && a.body != NULL &&
	    strstr(a.body, "\"signature\"") != NULL)
		fail_msg("a problem with a signature in it");
	answer_free(&a);
	return status;
}

/* Waits for a signature; gives the milliseconds, or fails. */
static inline int
wait_signature(int most)
{
	int64_t began = now_ms();

	while (client_sign() != 200) {
		if (now_ms() - began > most)
			fail_msg("no signature after %d ms: %d %s", most,
			    last.status, last.detail);
		usleep(50000);
	}
	return (int)(now_ms() - began);
}

/* How many lanes are up, and how often any was started again. */
static inline int64_t
lanes_up(int64_t *restarts)
{
	struct answer a = world_api("GET", "/v1/status", "");
	const struct json *v = json_first(json_get(a.json, "processes"));
	int64_t up = 0, n;

	*restarts = 0;
	for (; v != NULL; v = json_next(v))
		if (strcmp(json_get_string(v, "role"), "lane") == 0) {
			up += strcmp(json_get_string(v, "state"), "up") == 0;
			if (json_get_int(v, "restarts", &n))
				*restarts += n;
		}
	answer_free(&a);
	return up;
}

/* No lane is about to start any more. */
static inline void
wait_lanes(void)
{
	int64_t began = now_ms(), restarts;

	while (lanes_up(&restarts) != 2) {
		if (now_ms() - began > SETTLE_MS)
			fail_msg("the lanes do not come up");
		usleep(20000);
	}
}

/* The core may know of a lane's end before keybrokerd does. */
static inline bool
is_fresh(void)
{
	struct answer a = world_api("GET", "/v1/tokens/main", "");
	int64_t restarts, known = 0;

	json_get_int(json_get(a.json, "lanes"), "up", &known);
	answer_free(&a);
	return known == 2 && lanes_up(&restarts) == 2 && restarts == 0;
}

static inline void
restart_broker(void)
{
	world_stop();
	world_start();
}

/* A broker whose lanes are up and were never started again, so that the delay
 * before the next start is a short one. */
static inline void
fresh_broker(void)
{
	int64_t began = now_ms();

	mend_token();
	if (is_fresh() && client_sign() == 200)
		return;
	restart_broker();
	while (!is_fresh() || client_sign() != 200) {
		if (now_ms() - began > SETTLE_MS)
			fail_msg("the lanes do not come up");
		usleep(20000);
	}
}

static inline void
learn_account_key(void)
{
	struct answer a = world_api("GET", "/v1/accounts/main", "");
	char *path = xasprintf("/v1/keys/%s", json_get_string(a.json, "key"));
	const char *pem;
	BIO *bio;

	answer_free(&a);
	a = world_api("GET", path, "");
	free(path);
	pem = json_get_string(a.json, "publicKey");
	assert_non_null(pem);
	bio = BIO_new_mem_buf(pem, -1);
	account_key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	assert_non_null(account_key);
	BIO_free(bio);
	answer_free(&a);
}

/* The account is made and registered. */
static inline int
open_account(void **state)
{
	int64_t began = now_ms();

	(void)state;
	while (client_sign() != 200) {
		if (now_ms() - began > SETTLE_MS)
			fail_msg("no account: %s", last.detail);
		work(world.channel[1], 100, "");
	}
	learn_account_key();
	return 0;
}

static inline int
verify_audit(void **state)
{
	const char *build = getenv("BUILD");
	char *command = xasprintf("%s/keybroker audit verify "
	    "%s/state/audit/audit.log >/dev/null", build != NULL ? build :
	    "build/test", world.token.folder);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

/* What is wrong, and what a client that asks meanwhile is to be told. */
struct scenario {
	const char *name, *script;
	int status;
	const char *detail; /* a part of it */
};

static inline void
expect(int status, const char *detail)
{
	if (last.status != status ||
	    (detail != NULL && strstr(last.detail, detail) == NULL))
		fail_msg("%d %s instead of %d %s", last.status, last.detail,
		    status, detail != NULL ? detail : "");
}

/* Stops the broker, breaks the token, and starts it again. */
static inline void
start_broken(const char *script)
{
	world_stop();
	break_token(script);
	world_start();
}

/* Waits until a client is told this. */
static inline void
wait_told(int status, const char *detail, int most)
{
	int64_t began = now_ms();

	while (client_sign() != status || strstr(last.detail, detail) == NULL) {
		if (now_ms() - began > most)
			expect(status, detail);
		usleep(20000);
	}
}

/* Runs a table of scenarios as tests with their names. */
static inline int
run_scenarios(const char *group, const struct scenario *table, size_t n,
    CMUnitTestFunction one)
{
	struct CMUnitTest *tests = xcalloc(n, sizeof(*tests));
	int failed;

	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = table[i].name,
			.test_func = one,
			.initial_state = (void *)(uintptr_t)&table[i] };
	failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

/* main() of such a test: 77 without SoftHSM. */
static inline int
faulty_main(int argc, char **argv, int (*all)(void))
{
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	world.faulty = true;
	world.token_lines = "  deadline 2s\n  generate-deadline 3s\n";
	code = world_open(faulty_config);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	make_root();
	world_start();
	code = all();
	world_close(code != 0);
	return code;
}

#endif
