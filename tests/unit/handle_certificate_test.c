/* Certificates and orders by API: what may be declared and by whom, what is
 * shown, and what stands in the way of what. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_core.h"

#define WEB_BODY                                                              \
	"{\"account\":\"main\",\"names\":[\"a.web.test\",\"b.web.test\"]}"

static void
expect(struct outcome_of o, enum err err, const char *words)
{
	assert_int_equal(o.err, err);
	if (words != NULL)
		assert_non_null(strstr(o.why.text, words));
	outcome_free(&o);
}

static struct outcome_of
declare(uint32_t uid, const char *name, const char *body)
{
	return ask(uid, handle_certificate_declare, name, body);
}

static void
test_declare(void **state)
{
	struct outcome_of o = declare(UID_WEB, "web-a", WEB_BODY);
	struct json *line;

	(void)state;
	assert_int_equal(o.err, OK);
	assert_int_equal(o.status, 201);
	assert_string_equal(o.location, "/v1/certificates/web-a");
	assert_string_equal(json_get_string(o.json, "ca"), "ca");
	assert_int_equal(json_count(json_get(o.json, "names")), 2);
	assert_string_equal(json_get_string(o.json, "keyType"), "ec-p256");
	assert_string_equal(json_get_string(o.json, "token"), "main");
	assert_string_equal(json_get_string(o.json, "challenge"), "http-01");
	assert_string_equal(json_get_string(o.json, "declaredBy"), "api");
	assert_string_equal(json_get_string(o.json, "tenant"), "web");
	assert_string_equal(json_get_string(json_get(o.json, "deployment"),
	    "state"), "none");
	assert_null(json_get(o.json, "serial"));
	outcome_free(&o);
	line = last_decision();
	assert_string_equal(json_get_string(line, "operation"),
	    "certificate.declare");
	assert_string_equal(json_get_string(line, "certificate"), "web-a");
	assert_string_equal(json_get_string(line, "account"), "main");
	assert_string_equal(json_get_string(line, "ca"), "ca");
	assert_string_equal(json_string(json_at(json_get(line, "names"), 1)),
	    "b.web.test");
	json_free(line);
	o = ask(UID_WEB, handle_certificate_get, "web-a", NULL);
	assert_int_equal(o.err, OK);
	outcome_free(&o);
}

static void
test_declare_denied(void **state)
{
	struct json *line;

	(void)state;
	expect(declare(UID_WEB, "web-b", "{\"account\":\"main\",\"names\":"
	    "[\"a.web.test\",\"evil.test\"]}"), ERR_DENIED, "evil.test");
	line = last_decision();
	assert_string_equal(json_get_string(line, "decision"), "deny");
	assert_int_equal(json_count(json_get(line, "names")), 2);
	json_free(line);
	expect(declare(UID_WEB, "other", WEB_BODY), ERR_DENIED, "other");
	expect(declare(UID_NOBODY, "web-b", WEB_BODY), ERR_DENIED, NULL);
	expect(ask(UID_OPS, handle_certificate_get, "web-b", NULL),
	    ERR_NOT_FOUND, NULL);
}

/* A client may not take over a certificate whose names it may not have. */
static void
test_takeover(void **state)
{
	(void)state;
	expect(declare(UID_OPS, "web-ops", "{\"account\":\"main\","
	    "\"names\":[\"ops.test\"]}"), OK, NULL);
	expect(declare(UID_WEB, "web-ops", WEB_BODY), ERR_DENIED,
	    "certificate \"web-ops\" is there");
	expect(ask(UID_WEB, handle_certificate_get, "web-ops", NULL),
	    ERR_NOT_FOUND, "no certificate named \"web-ops\"");
	expect(ask(UID_WEB, handle_certificate_delete, "web-ops", NULL),
	    ERR_NOT_FOUND, "no certificate named \"web-ops\"");
}

static void
test_wishes(void **state)
{
	static const struct {
		const char *rest;
		enum err err;
		const char *words;
	} bad[] = {
		{ "\"names\":[]", ERR_SYNTAX, "0 names" },
		{ "\"names\":[\"A.test\"]", ERR_SYNTAX, "A.test" },
		{ "\"names\":[\"localhost\"]", ERR_SYNTAX, "localhost" },
		{ "\"names\":[\"10.0.0.1\"]", ERR_SYNTAX, "10.0.0.1" },
		{ "\"names\":[\"a.test b.test\"]", ERR_SYNTAX, "space" },
		{ "\"names\":[\"\"]", ERR_SYNTAX, "empty" },
		{ "\"names\":[\"a.test\",\"a.test\"]", ERR_SYNTAX, "twice" },
		{ "\"names\":[\"*.*.test\"]", ERR_SYNTAX, NULL },
		{ "\"names\":[1]", ERR_SYNTAX, "names" },
		{ "\"names\":\"a.test\"", ERR_SYNTAX, "names" },
		{ "\"names\":[\"*.a.test\"]", ERR_UNSUPPORTED, "wildcard" },
		{ "\"names\":[\"a.test\"],\"challenge\":\"dns-01\"",
		    ERR_UNSUPPORTED, "program" },
		{ "\"names\":[\"*.a.test\"],\"challenge\":\"dns-01\"",
		    ERR_UNSUPPORTED, "program" },
		{ "\"names\":[\"a.test\"],\"challenge\":\"tls-alpn-01\"",
		    ERR_SYNTAX, "tls-alpn-01" },
		{ "\"names\":[\"a.test\"],\"challenge\":\"http-01-webroot\"",
		    ERR_SYNTAX, "webroot" },
		{ "\"names\":[\"a.test\"],\"webroot\":\"/srv/known\"",
		    ERR_SYNTAX, "webroot" },
		{ "\"names\":[\"a.test\"],\"challenge\":\"http-01-webroot\","
		    "\"webroot\":\"/etc\"", ERR_UNSUPPORTED, "webroot" },
		{ "\"names\":[\"a.test\"],\"keyType\":\"dsa\"", ERR_SYNTAX,
		    "dsa" },
		{ "\"names\":[\"a.test\"],\"keyType\":\"ed25519\"",
		    ERR_UNSUPPORTED, "ed25519" },
		{ "\"names\":[\"a.test\"],\"token\":\"gone\"", ERR_NOT_FOUND,
		    "gone" },
		{ "\"names\":[\"a.test\"],\"key\":\"gone\"", ERR_NOT_FOUND,
		    "gone" },
		{ "\"names\":[\"a.test\"],\"key\":\"born\","
		    "\"token\":\"spare\"", ERR_CONFLICT, "born" },
		{ "\"names\":[\"a.test\"],\"deploy\":\"/bin/sh\"", ERR_SYNTAX,
		    "deploy" },
	};
	char body[512];

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		snprintf(body, sizeof(body), "{\"account\":\"main\",%s}",
		    bad[i].rest);
		expect(declare(UID_OPS, "wish", body), bad[i].err,
		    bad[i].words);
	}
	expect(declare(UID_OPS, "wish", "{\"names\":[\"a.test\"]}"),
	    ERR_SYNTAX, "account");
	expect(declare(UID_OPS, "wish", "{\"account\":\"gone\","
	    "\"names\":[\"a.test\"]}"), ERR_NOT_FOUND, "gone");
	expect(declare(UID_OPS, "Wish", WEB_BODY), ERR_SYNTAX, "name");
	expect(ask(UID_OPS, handle_certificate_get, "wish", NULL),
	    ERR_NOT_FOUND, NULL);
}

static void
test_many_names(void **state)
{
	struct buf body;

	(void)state;
	buf_init(&body, 100000);
	buf_puts(&body, "{\"account\":\"main\",\"names\":[");
	for (unsigned i = 0; i < 101; i++)
		buf_putf(&body, "%s\"n%u.test\"", i > 0 ? "," : "", i);
	buf_puts(&body, "]}");
	expect(declare(UID_OPS, "many", buf_str(&body)), ERR_SYNTAX, "101");
	buf_free(&body);
}

static void
test_settled(void **state)
{
	struct outcome_of o;

	(void)state;
	o = declare(UID_OPS, "settled", "{\"account\":\"main\",\"names\":"
	    "[\"s.test\"],\"challenge\":\"http-01-webroot\",\"webroot\":"
	    "\"/srv/known\",\"keyType\":\"rsa-2048\",\"token\":\"spare\"}");
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "webroot"), "/srv/known");
	assert_string_equal(json_get_string(o.json, "keyType"), "rsa-2048");
	assert_string_equal(json_get_string(o.json, "token"), "spare");
	outcome_free(&o);
	o = declare(UID_OPS, "settled", "{\"account\":\"main\",\"names\":"
	    "[\"s.test\"],\"key\":\"born\"}");
	assert_int_equal(o.err, OK);
	assert_int_equal(o.status, 200);
	assert_string_equal(json_get_string(o.json, "token"), "main");
	assert_null(json_get(o.json, "webroot"));
	outcome_free(&o);
	expect(ask(UID_OPS, handle_certificate_delete, "settled", NULL), OK,
	    NULL);
}

static void
test_configured(void **state)
{
	struct outcome_of o;

	(void)state;
	o = ask(UID_OPS, handle_certificate_get, "configured", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "declaredBy"),
	    "configuration");
	outcome_free(&o);
	expect(declare(UID_OPS, "configured", WEB_BODY), ERR_CONFLICT,
	    "configuration");
	expect(ask(UID_OPS, handle_certificate_delete, "configured", NULL),
	    ERR_CONFLICT, "configuration");
}

/* A certificate as if issued, with its key. */
static void
issue(const char *name, int64_t not_after)
{
	struct certificate_row c;
	struct fault why;

	assert_int_equal(store_certificate_get(core.store, name, &c, &why),
	    OK);
	snprintf(c.key, sizeof(c.key), "key-%.40s", name);
	small_key(c.key, "main", PURPOSE_CERTIFICATE, KEY_ACTIVE);
	free(c.chain);
	c.chain = xstrdup("-----BEGIN CERTIFICATE-----\n");
	snprintf(c.serial, sizeof(c.serial), "0a");
	c.not_before = c.issued = 1000;
	c.not_after = not_after;
	assert_int_equal(store_certificate_put(core.store, &c, &why), OK);
	certificate_row_free(&c);
}

static void
expect_state(const char *name, const char *expected)
{
	struct outcome_of o = ask(UID_OPS, handle_certificate_get, name, NULL);

	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), expected);
	outcome_free(&o);
}

static int64_t
put_order(const char *certificate, enum order_state order_state)
{
	struct order_row o = { .state = order_state, .account = "main",
		.next_at = INT64_MAX, .deadline = INT64_MAX / 2000,
		.error = "the CA said no" };
	struct fault why;

	snprintf(o.certificate, sizeof(o.certificate), "%s", certificate);
	assert_int_equal(store_order_put(core.store, &o, &why), OK);
	return o.id;
}

static void
test_issued(void **state)
{
	struct outcome_of o;

	(void)state;
	expect(declare(UID_OPS, "life", "{\"account\":\"main\",\"names\":"
	    "[\"life.test\"]}"), OK, NULL);
	expect(ask(UID_OPS, handle_certificate_chain, "life", NULL),
	    ERR_NOT_FOUND, "issued");
	put_order("life", ORDER_FAILED);
	expect_state("life", "failed");
	issue("life", clock_now() + 1000);
	put_order("life", ORDER_ISSUED);
	o = ask(UID_OPS, handle_certificate_get, "life", NULL);
	assert_string_equal(json_get_string(o.json, "state"), "issued");
	assert_string_equal(json_get_string(o.json, "serial"), "0a");
	assert_string_equal(json_get_string(o.json, "key"), "key-life");
	assert_non_null(json_get_string(o.json, "keyUri"));
	assert_non_null(strstr(json_get_string(o.json, "directory"),
	    "/certificates/life"));
	assert_string_equal(json_get_string(o.json, "notBefore"),
	    "1970-01-01T00:16:40.000Z");
	assert_null(json_get(o.json, "error"));
	outcome_free(&o);
	o = ask(UID_OPS, handle_certificate_chain, "life", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(o.type, "application/pem-certificate-chain");
	assert_string_equal(o.text, "-----BEGIN CERTIFICATE-----\n");
	outcome_free(&o);
	expect(ask(UID_OPS, handle_key_retire, "key-life", "{}"),
	    ERR_CONFLICT, "certificate \"life\"");
	issue("life", 2000);
	expect_state("life", "expired");
}

static void
test_delete(void **state)
{
	struct key_row key;
	struct outcome_of o;
	struct fault why;

	(void)state;
	expect(declare(UID_WEB, "web-gone", "{\"account\":\"main\","
	    "\"names\":[\"gone.web.test\"]}"), OK, NULL);
	issue("web-gone", clock_now() + 1000);
	o = ask(UID_WEB, handle_certificate_delete, "web-gone", NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "name"), "web-gone");
	outcome_free(&o);
	assert_int_equal(store_key_get(core.store, "key-web-gone", &key,
	    &why), OK);
	assert_int_equal(key.state, KEY_RETIRED);
	expect(ask(UID_OPS, handle_certificate_get, "web-gone", NULL),
	    ERR_NOT_FOUND, NULL);
	expect(ask(UID_OPS, handle_certificate_delete, "web-gone", NULL),
	    ERR_NOT_FOUND, NULL);
	/* the name is free, and starts anew */
	expect(declare(UID_WEB, "web-gone", WEB_BODY), OK, NULL);
	expect(ask(UID_OPS, handle_certificate_chain, "web-gone", NULL),
	    ERR_NOT_FOUND, NULL);
}

static void
test_open_order(void **state)
{
	int64_t id;

	(void)state;
	expect(declare(UID_WEB, "web-open", "{\"account\":\"main\","
	    "\"names\":[\"open.web.test\"]}"), OK, NULL);
	id = put_order("web-open", ORDER_VALIDATE);
	expect_state("web-open", "ordering");
	expect(ask(UID_WEB, handle_certificate_delete, "web-open", NULL),
	    ERR_CONFLICT, "open");
	expect(declare(UID_WEB, "web-open", WEB_BODY), ERR_CONFLICT, "open");
	expect(ask(UID_WEB, handle_order_create, "web-open", "{}"),
	    ERR_CONFLICT, "open");
	assert_true(id > 0);
}

static bool
lists(const struct json *reply, const char *member, const char *name)
{
	const struct json *v = json_first(json_get(reply, "items"));

	for (; v != NULL; v = json_next(v))
		if (strcmp(json_get_string(v, member), name) == 0)
			return true;
	return false;
}

static void
test_certificates_list(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_certificates_list, "", NULL);

	(void)state;
	assert_int_equal(o.err, OK);
	assert_true(lists(o.json, "name", "configured"));
	assert_true(lists(o.json, "name", "web-a"));
	assert_true(lists(o.json, "name", "web-ops"));
	assert_false(lists(o.json, "name", "settled"));
	outcome_free(&o);
	o = ask(UID_WEB, handle_certificates_list, "", NULL);
	assert_int_equal(o.err, OK);
	assert_true(lists(o.json, "name", "web-a"));
	assert_false(lists(o.json, "name", "web-ops"));
	assert_false(lists(o.json, "name", "configured"));
	outcome_free(&o);
	expect(ask(UID_NOBODY, handle_certificates_list, "", NULL),
	    ERR_DENIED, NULL);
}

static void
test_order(void **state)
{
	struct authorization_row a = { .state = AUTHZ_INVALID,
		.identifier = "ord.web.test", .error = "no answer" };
	char id[24];
	struct outcome_of o;
	struct fault why;
	bool ended = true;

	(void)state;
	expect(declare(UID_WEB, "web-ord", "{\"account\":\"main\","
	    "\"names\":[\"ord.web.test\"]}"), OK, NULL);
	a.order = put_order("web-ord", ORDER_VALIDATE);
	assert_int_equal(store_authorization_put(core.store, &a, &why), OK);
	assert_int_equal(store_event_add(core.store, a.order, 1000, "begun",
	    &why), OK);
	snprintf(id, sizeof(id), "%lld", (long long)a.order);
	o = ask(UID_WEB, handle_order_get, id, NULL);
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "state"), "validate");
	assert_true(json_get_bool(o.json, "ended", &ended) && !ended);
	assert_int_equal(json_count(json_get(o.json, "names")), 1);
	assert_string_equal(json_get_string(json_first(json_get(o.json,
	    "authorizations")), "error"), "no answer");
	assert_string_equal(json_get_string(json_first(json_get(o.json,
	    "events")), "text"), "begun");
	outcome_free(&o);
	expect(ask(UID_NOBODY, handle_order_get, id, NULL), ERR_DENIED, NULL);
	expect(ask(UID_NOBODY, handle_order_get, "999", NULL), ERR_DENIED,
	    NULL);
	expect(ask(UID_OPS, handle_order_get, "999", NULL), ERR_NOT_FOUND,
	    "999");
	expect(ask(UID_OPS, handle_order_get, "x", NULL), ERR_NOT_FOUND, "x");
	expect(ask(UID_NOBODY, handle_order_cancel, id, NULL), ERR_DENIED,
	    NULL);
	expect(ask(UID_WEB, handle_order_cancel, id, NULL), OK, NULL);
	expect(ask(UID_WEB, handle_order_cancel, id, NULL), ERR_CONFLICT,
	    "ended");
}

static void
test_order_create(void **state)
{
	struct outcome_of o;
	struct json *line;

	(void)state;
	expect(ask(UID_OPS, handle_order_create, "none", "{}"),
	    ERR_NOT_FOUND, "none");
	expect(ask(UID_WEB, handle_order_create, "configured", "{}"),
	    ERR_DENIED, NULL);
	expect(ask(UID_WEB, handle_order_create, "web-ord", "{\"x\":1}"),
	    ERR_SYNTAX, NULL);
	o = ask(UID_WEB, handle_order_create, "web-ord", "{}");
	assert_int_equal(o.err, OK);
	assert_int_equal(o.status, 202);
	assert_int_equal(strncmp(o.location, "/v1/orders/", 11), 0);
	assert_string_equal(json_get_string(o.json, "certificate"),
	    "web-ord");
	outcome_free(&o);
	line = last_decision();
	assert_string_equal(json_get_string(line, "operation"),
	    "order.create");
	assert_string_equal(json_get_string(line, "account"), "main");
	assert_int_equal(json_count(json_get(line, "names")), 1);
	json_free(line);
}

static void
test_orders_list(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_orders_list, "", NULL);
	int64_t first = 0, second = 0;
	char query[64];

	(void)state;
	assert_int_equal(o.err, OK);
	assert_true(lists(o.json, "certificate", "life"));
	assert_true(json_get_int(json_at(json_get(o.json, "items"), 0), "id",
	    &first));
	assert_true(json_get_int(json_at(json_get(o.json, "items"), 1), "id",
	    &second) && second < first);
	outcome_free(&o);
	o = ask(UID_WEB, handle_orders_list, "", NULL);
	assert_int_equal(o.err, OK);
	assert_true(lists(o.json, "certificate", "web-ord"));
	assert_false(lists(o.json, "certificate", "life"));
	outcome_free(&o);
	snprintf(query, sizeof(query), "certificate=life&after=%lld&limit=1",
	    (long long)first + 1);
	o = ask_query(UID_OPS, handle_orders_list, "", query, NULL);
	assert_int_equal(o.err, OK);
	assert_int_equal(json_count(json_get(o.json, "items")), 1);
	assert_true(lists(o.json, "certificate", "life"));
	assert_non_null(json_get_string(o.json, "next"));
	outcome_free(&o);
	expect(ask_query(UID_OPS, handle_orders_list, "", "after=x", NULL),
	    ERR_SYNTAX, "after");
	expect(ask_query(UID_OPS, handle_orders_list, "", "state=open", NULL),
	    ERR_SYNTAX, "state");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declare),
		cmocka_unit_test(test_declare_denied),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_issued),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_open_order),
		cmocka_unit_test(test_certificates_list),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_create),
		cmocka_unit_test(test_orders_list),
	};

	return cmocka_run_group_tests(tests, small_open, small_close);
}
