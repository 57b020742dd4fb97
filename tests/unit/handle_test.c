/* Handlers of status, tokens, keys, accounts, policy and
 * configuration: shapes, refusals, and the line that each leaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_core.h"

#define KEY_BODY(name)                                                        \
	"{\"name\":\"" name "\",\"token\":\"main\","                           \
	"\"type\":\"ec-p256\",\"purpose\":\"cert\"}"

static void
expect(struct outcome_of o, enum err err, const char *words)
{
	assert_int_equal(o.err, err);
	if (words != NULL)
		assert_non_null(strstr(o.why.text, words));
	outcome_free(&o);
}

static void
expect_decision(const char *operation, const char *decision, int64_t uid,
    const char *key)
{
	struct json *line = last_decision();
	int64_t n = 0;

	assert_string_equal(json_get_string(line, "operation"), operation);
	assert_string_equal(json_get_string(line, "decision"), decision);
	assert_true(json_get_int(line, "uid", &n) && n == uid);
	assert_true(json_get_int(line, "pid", &n) && n == 99);
	assert_string_equal(json_get_string(line, "listener"), "api");
	if (strcmp(decision, "deny") == 0)
		assert_non_null(json_get_string(line, "reason"));
	else
		assert_true(json_get_int(line, "line", &n) && n > 0);
	if (key != NULL)
		assert_string_equal(json_get_string(line, "key"), key);
	json_free(line);
}

static void
test_status(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_status_get, "", NULL);
	int64_t n = -1;

	(void)state;
	assert_int_equal(o.err, OK);
	assert_non_null(json_get_string(o.json, "version"));
	assert_non_null(json_get_string(o.json, "started"));
	/* token "spare" has no lane */
	assert_string_equal(json_get_string(o.json, "state"), "degraded");
	assert_int_equal(json_count(json_get(o.json, "tokens")), 2);
	assert_int_equal(json_count(json_get(o.json, "processes")), 1);
	assert_true(json_get_int(json_get(o.json, "certificates"), "total",
	    &n) && n >= 1);
	assert_true(json_get_int(json_get(o.json, "orders"), "open", &n));
	assert_true(json_get_int(json_get(o.json, "audit"), "lines", &n) &&
	    n > 0);
	assert_string_equal(json_get_string(json_get(o.json, "audit"),
	    "mode"), "durable");
	assert_true(json_get_int(o.json, "connections", &n) && n == 0);
	outcome_free(&o);
	expect(ask(UID_NOBODY, handle_status_get, "", NULL), ERR_DENIED, NULL);
	expect_decision("status.read", "deny", UID_NOBODY, NULL);
}

static void
test_tokens(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_tokens_list, "", NULL);

	(void)state;
	assert_int_equal(o.err, OK);
	assert_int_equal(json_count(json_get(o.json, "items")), 2);
	outcome_free(&o);
	o = ask(UID_OPS, handle_token_get, "main", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "up");
	assert_string_equal(json_get_string(o.json, "label"), "soft token");
	assert_int_equal(json_count(json_get(o.json, "keyTypes")),
	    KEY_TYPE__MAX - 1);
	assert_int_equal(json_count(json_get(o.json, "algorithms")), ALG__MAX);
	outcome_free(&o);
	expect(ask(UID_OPS, handle_token_get, "none", NULL), ERR_NOT_FOUND,
	    "none");
	expect(ask(UID_NOBODY, handle_token_get, "none", NULL), ERR_DENIED,
	    NULL);
	expect(ask(UID_NOBODY, handle_tokens_list, "", NULL), ERR_DENIED,
	    NULL);
}

static void
test_latched(void **state)
{
	struct outcome_of o;
	struct fault why;

	(void)state;
	fault_set(&why, ERR_PIN, "the PIN was refused");
	lanes_down(core.lanes, "spare", 0, &why);
	o = ask(UID_OPS, handle_token_get, "spare", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "latched");
	assert_string_equal(json_get_string(json_get(o.json, "error"),
	    "type"), "pin-refused");
	outcome_free(&o);
	expect(ask(UID_WEB, handle_token_unlatch, "spare", "{}"), ERR_DENIED,
	    NULL);
	expect(ask(UID_OPS, handle_token_unlatch, "none", "{}"),
	    ERR_NOT_FOUND, NULL);
	expect(ask(UID_OPS, handle_token_unlatch, "spare", "{\"a\":1}"),
	    ERR_SYNTAX, "\"a\"");
	assert_false(small_told);
	expect(ask(UID_OPS, handle_token_unlatch, "spare", "{}"), OK, NULL);
	for (unsigned i = 0; i < 1000 && !small_told; i++)
		usleep(1000);
	assert_true(small_told);
	assert_string_equal(small_unlatched, "spare");
}

static void
test_key_generate(void **state)
{
	struct outcome_of o;
	const struct json *a;
	bool yes = false;

	(void)state;
	o = ask(UID_OPS, handle_key_generate, "", KEY_BODY("k1"));
	assert_int_equal(o.err, OK);
	assert_int_equal(o.status, 201);
	assert_string_equal(o.location, "/v1/keys/k1");
	assert_string_equal(json_get_string(o.json, "state"), "active");
	assert_string_equal(json_get_string(o.json, "verify"), "always");
	assert_int_equal(strlen(json_get_string(o.json, "spkiSha256")), 64);
	assert_int_equal(strncmp(json_get_string(o.json, "publicKey"),
	    "-----BEGIN PUBLIC KEY-----\nMFkw", 31), 0);
	a = json_get(o.json, "attributes");
	assert_true(json_get_bool(a, "sensitive", &yes) && yes);
	assert_true(json_get_bool(a, "extractable", &yes) && !yes);
	outcome_free(&o);
	expect_decision("key.generate", "allow", UID_OPS, "k1");
	expect(ask(UID_OPS, handle_key_generate, "", KEY_BODY("k1")),
	    ERR_CONFLICT, NULL);
	expect(ask(UID_WEB, handle_key_generate, "", KEY_BODY("k2")),
	    ERR_DENIED, NULL);
	expect_decision("key.generate", "deny", UID_WEB, "k2");
	expect(ask(UID_OPS, handle_key_get, "k2", NULL), ERR_NOT_FOUND,
	    "k2");
}

static void
test_key_wishes(void **state)
{
	static const struct {
		const char *body;
		enum err err;
		const char *words;
	} bad[] = {
		{ "{}", ERR_SYNTAX, "\"name\"" },
		{ "{\"name\":\"K\",\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"cert\"}", ERR_SYNTAX, "not a name" },
		{ "{\"name\":\"k3\",\"token\":\"gone\",\"type\":\"ec-p256\","
		    "\"purpose\":\"cert\"}", ERR_NOT_FOUND, "gone" },
		{ "{\"name\":\"k3\",\"token\":\"main\",\"type\":\"dsa\","
		    "\"purpose\":\"cert\"}", ERR_SYNTAX, "dsa" },
		{ "{\"name\":\"k3\",\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"audit\"}", ERR_SYNTAX, "purpose" },
		{ "{\"name\":\"k3\",\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"tls\"}", ERR_SYNTAX, "purpose" },
		{ "{\"name\":\"k3\",\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"cert\",\"verify\":\"never\"}", ERR_SYNTAX,
		    "verify" },
		{ "{\"name\":\"k3\",\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"cert\",\"extractable\":true}", ERR_SYNTAX,
		    "extractable" },
		{ "{\"name\":3,\"token\":\"main\",\"type\":\"ec-p256\","
		    "\"purpose\":\"cert\"}", ERR_SYNTAX, "name" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		expect(ask(UID_OPS, handle_key_generate, "", bad[i].body),
		    bad[i].err, bad[i].words);
	expect(ask(UID_OPS, handle_key_get, "k3", NULL), ERR_NOT_FOUND, NULL);
}

static void
test_key_end(void **state)
{
	struct outcome_of o;

	(void)state;
	small_key("old", "main", PURPOSE_CERTIFICATE, KEY_ACTIVE);
	expect(ask(UID_OPS, handle_key_destroy, "old", NULL), ERR_CONFLICT,
	    NULL);
	expect(ask(UID_WEB, handle_key_retire, "old", "{}"), ERR_DENIED,
	    NULL);
	expect(ask(UID_OPS, handle_key_retire, "old", "{\"grace\":-1}"),
	    ERR_SYNTAX, "grace");
	expect(ask(UID_OPS, handle_key_retire, "none", "{}"), ERR_NOT_FOUND,
	    NULL);
	o = ask(UID_OPS, handle_key_retire, "old", "{\"grace\":86400}");
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "retired");
	assert_non_null(json_get_string(o.json, "destroyAfter"));
	outcome_free(&o);
	o = ask(UID_OPS, handle_key_destroy, "old", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "destroyed");
	outcome_free(&o);
	expect_decision("key.destroy", "allow", UID_OPS, "old");
}

static void
test_key_in_use(void **state)
{
	(void)state;
	expect(ask(UID_OPS, handle_key_retire, "account-main", "{}"),
	    ERR_CONFLICT, "account \"main\"");
	expect(ask(UID_OPS, handle_key_destroy, "account-main", NULL),
	    ERR_CONFLICT, "account \"main\"");
	small_key("sealed", "main", PURPOSE_AUDIT, KEY_ACTIVE);
	expect(ask(UID_OPS, handle_key_retire, "sealed", "{}"), ERR_CONFLICT,
	    "audit");
}

static bool
lists(const struct json *reply, const char *name)
{
	const struct json *v = json_first(json_get(reply, "items"));

	for (; v != NULL; v = json_next(v))
		if (strcmp(json_get_string(v, "name"), name) == 0)
			return true;
	return false;
}

static void
test_keys_list(void **state)
{
	struct outcome_of o;

	(void)state;
	small_key("web-one", "main", PURPOSE_CERTIFICATE, KEY_ACTIVE);
	o = ask(UID_OPS, handle_keys_list, "", NULL);
	assert_int_equal(o.err, OK);
	assert_true(lists(o.json, "web-one"));
	assert_true(lists(o.json, "account-main"));
	outcome_free(&o);
	o = ask(UID_WEB, handle_keys_list, "", NULL);
	assert_int_equal(o.err, OK);
	assert_int_equal(json_count(json_get(o.json, "items")), 1);
	assert_true(lists(o.json, "web-one"));
	outcome_free(&o);
	expect_decision("key.read", "allow", UID_WEB, "web-one");
	expect(ask(UID_NOBODY, handle_keys_list, "", NULL), ERR_DENIED, NULL);
	expect_decision("key.read", "deny", UID_NOBODY, NULL);
}

/* A list costs one, whatever is in it; and then the rate is over. */
static void
test_rate(void **state)
{
	struct outcome_of o;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		o = ask(UID_RATED, handle_keys_list, "", NULL);
		assert_int_equal(o.err, OK);
		assert_true(json_count(json_get(o.json, "items")) > 1);
		outcome_free(&o);
	}
	o = ask(UID_RATED, handle_keys_list, "", NULL);
	assert_int_equal(o.err, ERR_RATE);
	assert_true(o.why.retry_after > 0 && o.why.retry_after <= 3600);
	outcome_free(&o);
	expect_decision("key.read", "deny", UID_RATED, NULL);
}

static void
test_pages(void **state)
{
	char query[128] = "limit=2";
	struct outcome_of o;
	const char *next;
	size_t seen = 0, all;

	(void)state;
	o = ask_query(UID_OPS, handle_keys_list, "", "limit=500", NULL);
	all = json_count(json_get(o.json, "items"));
	assert_null(json_get(o.json, "next"));
	outcome_free(&o);
	assert_true(all > 4);
	do {
		o = ask_query(UID_OPS, handle_keys_list, "", query, NULL);
		assert_int_equal(o.err, OK);
		assert_true(json_count(json_get(o.json, "items")) <= 2);
		seen += json_count(json_get(o.json, "items"));
		next = json_get_string(o.json, "next");
		if (next != NULL)
			snprintf(query, sizeof(query), "after=%s&limit=2",
			    next);
		else
			query[0] = '\0';
		outcome_free(&o);
	} while (query[0] != '\0' && seen <= all);
	assert_int_equal(seen, all);
}

static void
test_queries(void **state)
{
	static const char *const bad[] = { "limit=0", "limit=501", "limit=01",
		"limit=", "limit", "limit=1&limit=2", "offset=1", "&",
		"limit=1&", "after=a%20b", "limit=-1", "limits=1" };

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		expect(ask_query(UID_OPS, handle_keys_list, "", bad[i], NULL),
		    ERR_SYNTAX, "query");
}

static void
test_accounts(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_account_get, "main", NULL);

	(void)state;
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "valid");
	assert_string_equal(json_get_string(o.json, "url"),
	    "https://ca.test/account/1");
	assert_string_equal(json_get_string(o.json, "key"), "account-main");
	assert_string_equal(json_get_string(json_get(o.json, "jwk"), "kty"),
	    "EC");
	assert_int_equal(strlen(json_get_string(o.json, "thumbprint")), 43);
	assert_int_equal(json_count(json_get(o.json, "contacts")), 1);
	outcome_free(&o);
	o = ask(UID_OPS, handle_accounts_list, "", NULL);
	assert_int_equal(json_count(json_get(o.json, "items")), 2);
	outcome_free(&o);
	expect(ask(UID_OPS, handle_account_get, "none", NULL), ERR_NOT_FOUND,
	    NULL);
	expect(ask(UID_WEB, handle_account_get, "main", NULL), ERR_DENIED,
	    NULL);
	expect(ask(UID_WEB, handle_accounts_list, "", NULL), ERR_DENIED, NULL);
	expect(ask(UID_WEB, handle_account_register, "fresh", "{}"),
	    ERR_DENIED, NULL);
	o = ask(UID_OPS, handle_account_register, "fresh", "{}");
	assert_int_equal(o.err, OK);
	assert_int_equal(o.status, 202);
	outcome_free(&o);
}

static bool
explained(const char *body, bool expected)
{
	struct outcome_of o = ask(UID_OPS, handle_policy_explain, "", body);
	bool allow = !expected;

	assert_int_equal(o.err, OK);
	assert_true(json_get_bool(o.json, "allow", &allow));
	assert_non_null(json_get_string(o.json, "reason"));
	outcome_free(&o);
	return allow;
}

static void
test_explain(void **state)
{
	(void)state;
	assert_true(explained("{\"operation\":\"key.destroy\"}", true));
	assert_false(explained("{\"operation\":\"key.destroy\",\"uid\":20}",
	    false));
	assert_true(explained("{\"operation\":\"certificate.declare\","
	    "\"uid\":20,\"gid\":20,\"groups\":[],\"listener\":\"api\","
	    "\"account\":\"main\",\"certificate\":\"web-x\","
	    "\"names\":[\"a.web.test\"]}", true));
	assert_false(explained("{\"operation\":\"certificate.declare\","
	    "\"uid\":20,\"certificate\":\"web-x\","
	    "\"names\":[\"a.web.test\",\"evil.test\"]}", false));
	/* nobody else is in the asker's group */
	assert_false(explained("{\"operation\":\"token.unlatch\","
	    "\"uid\":77}", false));
	assert_true(explained("{\"operation\":\"token.unlatch\","
	    "\"uid\":77,\"gid\":10}", true));
	assert_true(explained("{\"operation\":\"token.unlatch\","
	    "\"uid\":77,\"groups\":[9,10]}", true));
	/* the names of a certificate that there is count by themselves */
	assert_false(explained("{\"operation\":\"certificate.read\","
	    "\"uid\":20,\"certificate\":\"configured\"}", false));
	expect(ask(UID_OPS, handle_policy_explain, "",
	    "{\"operation\":\"fly\"}"), ERR_SYNTAX, "fly");
	expect(ask(UID_OPS, handle_policy_explain, "",
	    "{\"operation\":\"key.read\",\"uid\":-1}"), ERR_SYNTAX, "uid");
	expect(ask(UID_OPS, handle_policy_explain, "",
	    "{\"operation\":\"key.read\",\"groups\":[\"adm\"]}"), ERR_SYNTAX,
	    "groups");
	expect(ask(UID_WEB, handle_policy_explain, "",
	    "{\"operation\":\"key.read\"}"), ERR_DENIED, NULL);
	expect_decision("policy.explain", "deny", UID_WEB, NULL);
}

static void
test_configuration(void **state)
{
	struct outcome_of o;
	const struct json *mistake;
	bool valid = true;
	int64_t line = 0;

	(void)state;
	o = ask(UID_OPS, handle_configuration_check, "", "{\"text\":"
	    "\"state \\\"/var/lib/kb\\\"\\nnonsense \\\"x\\\"\\n\"}");
	assert_int_equal(o.err, OK);
	assert_true(json_get_bool(o.json, "valid", &valid) && !valid);
	mistake = json_first(json_get(o.json, "mistakes"));
	assert_true(json_get_int(mistake, "line", &line) && line == 2);
	assert_non_null(json_get_string(mistake, "detail"));
	outcome_free(&o);
	expect(ask(UID_OPS, handle_configuration_check, "", "{}"),
	    ERR_SYNTAX, "text");
	expect(ask(UID_WEB, handle_configuration_check, "",
	    "{\"text\":\"\"}"), ERR_DENIED, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_latched),
		cmocka_unit_test(test_key_generate),
		cmocka_unit_test(test_key_wishes),
		cmocka_unit_test(test_key_end),
		cmocka_unit_test(test_key_in_use),
		cmocka_unit_test(test_keys_list),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_configuration),
	};

	return cmocka_run_group_tests(tests, small_open, small_close);
}
