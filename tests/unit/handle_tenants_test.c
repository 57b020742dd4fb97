/*
 * Two tenants that may do everything, and what each of them owns: on every
 * route, what is the other one's gets the very answer of what does not exist.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define ANN 50
#define BOB 60
#define OPS 70

#define SMALL_POLICY                                                          \
	"account \"a-main\" { ca \"ca\" key ec-p256 { token \"main\" } }"    \
	"certificate \"a-conf\" { account \"a-main\""                         \
	"  names \"conf.a.test\" key ec-p256 { token \"main\" }\n"            \
	"  challenge http-01 }\n"                                             \
	"tenant \"ann\" { uid 50 owns \"a-*\" }\n"                            \
	"tenant \"bob\" { uid 60 owns \"b-*\" }\n"                            \
	"tenant \"ops\" { uid 70 sees \"*\" }\n"                              \
	"allow \"*\" { operations * names \"*\" }\n"

#include "small_core.h"

#define NONE   "a-none"
#define NOBODY "c-none" /* and nobody's */

static char order_of_ann[24];

/*
 * How a name, or the number of an order, goes into a request: %s in the path,
 * the query or the body.  A route without any of them is about no thing of a
 * tenant's.
 */
static const struct probe {
	const char *route;
	const char *thing; /* Ann's; "order": the number of hers */
	const char *path, *query, *body;
} probes[] = {
	{ "status_get", NULL, "", "", NULL },
	{ "tokens_list", NULL, "", "", NULL },
	{ "token_get", NULL, "main", "", NULL },
	{ "token_unlatch", NULL, "main", "", "{}" },
	{ "configuration_check", NULL, "", "", "{\"text\":\"\"}" },
	{ "audit_list", NULL, "", "", NULL }, /* see the tests of the log */
	{ "audit_rotate", NULL, "", "", "{}" },
	{ "keys_list", NULL, "", "", NULL },
	{ "accounts_list", NULL, "", "", NULL },
	{ "certificates_list", NULL, "", "", NULL },
	{ "orders_list", "a-www", "", "certificate=%s", NULL },
	{ "orders_list", "a-conf", "", "certificate=%s", NULL },
	{ "key_generate", "a-key", "", "", "{\"name\":\"%s\",\"token\":"
	    "\"main\",\"type\":\"ec-p256\",\"purpose\":\"cert\"}" },
	{ "key_get", "a-key", "%s", "", NULL },
	{ "key_get", "account-a-main", "%s", "", NULL },
	{ "key_retire", "a-key", "%s", "", "{}" },
	{ "key_destroy", "a-key", "%s", "", NULL },
	{ "account_get", "a-main", "%s", "", NULL },
	{ "account_register", "a-main", "%s", "", "{}" },
	{ "account_jws", "a-main", "%s", "", "{\"url\":\"https://ca.test/o\","
	    "\"nonce\":\"abc\"}" },
	{ "account_jws", "a-main", "%s", "", "{\"url\":\"https://ca.test/o\","
	    "\"nonce\":\"abc\",\"payload\":{\"csr\":7}}" },
	{ "account_jws", "a-main", "%s", "", "{\"url\":"
	    "\"https://ca.test/key-change\",\"nonce\":\"abc\"}" },
	{ "account_jws", "a-main", "%s", "dry-run=1", "{\"url\":"
	    "\"https://ca.test/new-order\",\"nonce\":\"abc\",\"payload\":"
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"b.test\"}]}}" },
	{ "account_key_authorization", "a-main", "%s", "",
	    "{\"token\":\"abc\"}" },
	{ "key_csr", "a-key", "%s", "", "{\"names\":[\"x.b.test\"]}" },
	{ "key_csr", "a-key", "%s", "dry-run=1",
	    "{\"names\":[\"x.b.test\"]}" },
	{ "order_create", "a-www", "%s", "dry-run=1", "{}" },
	{ "certificate_declare", "a-www", "%s", "", "{\"account\":\"main\","
	    "\"names\":[\"x.test\"]}" },
	{ "certificate_declare", "a-conf", "%s", "", "{\"account\":\"main\","
	    "\"names\":[\"x.test\"]}" },
	{ "certificate_declare", "a-main", "b-new", "", "{\"account\":\"%s\","
	    "\"names\":[\"x.test\"]}" },
	{ "certificate_declare", "a-key", "b-new", "", "{\"account\":\"main\","
	    "\"names\":[\"x.test\"],\"key\":\"%s\"}" },
	{ "certificate_get", "a-www", "%s", "", NULL },
	{ "certificate_get", "a-conf", "%s", "", NULL },
	{ "certificate_chain", "a-www", "%s", "", NULL },
	{ "certificate_delete", "a-www", "%s", "", NULL },
	{ "order_create", "a-www", "%s", "", "{}" },
	{ "order_get", "order", "%s", "", NULL },
	{ "order_cancel", "order", "%s", "", NULL },
	{ "policy_explain", "a-www", "", "", "{\"operation\":"
	    "\"certificate.read\",\"certificate\":\"%s\"}" },
	{ "policy_explain", "a-www", "", "", "{\"operation\":\"order.create\","
	    "\"uid\":50,\"certificate\":\"%s\"}" },
	{ "policy_explain", "a-key", "", "",
	    "{\"operation\":\"key.read\",\"key\":\"%s\"}" },
};

static const struct route routes[] = {
#define X(id, method, path, query) { #id, method, path, query, handle_##id },
	ROUTES(X)
#undef X
};

static route_handler *
handler_of(const char *id)
{
	for (size_t i = 0; i < nitems(routes); i++)
		if (strcmp(routes[i].id, id) == 0)
			return routes[i].handler;
	fail_msg("there is no route %s", id);
	return NULL;
}

/* A format of ours, with at most one %s. */
static char *
fill(const char *format, const char *name)
{
	const char *at = strstr(format, "%s");

	return at == NULL ? xstrdup(format) : xasprintf("%.*s%s%s",
	    (int)(at - format), format, name, at + 2);
}

static struct outcome_of
probe_as(uint32_t uid, const struct probe *p, const char *name)
{
	char *path = fill(p->path, name), *query = fill(p->query, name);
	char *body = p->body != NULL ? fill(p->body, name) : NULL;
	struct outcome_of o = ask_query(uid, handler_of(p->route), path,
	    query, body);

	free(path);
	free(query);
	free(body);
	return o;
}

/* All that the client gets, the name that it gave taken out of it. */
static char *
answer(struct outcome_of *o, const char *name)
{
	char *all = xasprintf("%d %u %s %s %u %s|%s", o->err, o->status,
	    o->type, o->location, o->why.retry_after,
	    o->err != OK ? o->why.text : "", o->text);
	struct buf text;

	buf_init(&text, 8000000);
	for (const char *p = all; *p != '\0';)
		if (strncmp(p, name, strlen(name)) == 0) {
			buf_puts(&text, "NAME");
			p += strlen(name);
		} else {
			buf_putc(&text, (unsigned char)*p++);
		}
	free(all);
	outcome_free(o);
	return (char *)buf_take(&text, NULL);
}

static char *
answer_to(uint32_t uid, const struct probe *p, const char *name)
{
	struct outcome_of o = probe_as(uid, p, name);

	return answer(&o, name);
}

static void
assert_same(const struct probe *p, const char *name, const char *other)
{
	char *a = answer_to(BOB, p, name), *b = answer_to(BOB, p, other);

	if (strcmp(a, b) != 0)
		fail_msg("%s: %s gets\n%s\nbut %s gets\n%s", p->route, name,
		    a, other, b);
	free(a);
	free(b);
}

/* ----------------------------------------------------------------- set-up */

static void
must(struct outcome_of o)
{
	if (o.err != OK)
		fail_msg("%s", o.why.text);
	outcome_free(&o);
}

static void
give(uint32_t uid, const char *own)
{
	char *key = xasprintf("{\"name\":\"%s-key\",\"token\":\"main\","
	    "\"type\":\"ec-p256\",\"purpose\":\"cert\"}", own);
	char *body = xasprintf("{\"account\":\"main\",\"names\":"
	    "[\"www.%s.test\"]}", own);
	char *name = xasprintf("%s-www", own);

	must(ask(uid, handle_key_generate, "", key));
	must(ask(uid, handle_certificate_declare, name, body));
	must(ask(uid, handle_order_create, name, "{}"));
	free(key);
	free(body);
	free(name);
}

static bool
see_keyless(const struct order_row *o, void *arg)
{
	*(bool *)arg = *(bool *)arg || o->state == ORDER_KEY;
	return true;
}

/* The keys of all orders are made: nothing of ours is at the token. */
static void
settle(void)
{
	bool keyless = true;

	for (unsigned i = 0; keyless && i < 3000; i++) {
		usleep(10000);
		keyless = false;
		store_orders(core.store, NULL, 0, SIZE_MAX, see_keyless,
		    &keyless, NULL);
	}
	assert_false(keyless);
}

static int
set_up(void **state)
{
	struct outcome_of o;
	int64_t id = 0;

	if (small_open(state) != 0)
		return -1;
	small_key("account-a-main", "main", PURPOSE_ACCOUNT, KEY_ACTIVE);
	give(ANN, "a");
	give(BOB, "b");
	o = ask_query(ANN, handle_orders_list, "", "certificate=a-www", NULL);
	json_get_int(json_at(json_get(o.json, "items"), 0), "id", &id);
	snprintf(order_of_ann, sizeof(order_of_ann), "%lld", (long long)id);
	outcome_free(&o);
	settle();
	return id != 0 ? 0 : -1;
}

/* ------------------------------------------------------------------ tests */

static void
test_every_route(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(routes); i++) {
		bool there = false;

		for (size_t k = 0; k < nitems(probes); k++)
			there = there ||
			    strcmp(probes[k].route, routes[i].id) == 0;
		if (!there)
			fail_msg("nothing is known of %s", routes[i].id);
	}
}

static void
test_as_if_it_did_not_exist(void **state)
{
	unsigned served = small_lane.served;

	(void)state;
	for (size_t i = 0; i < nitems(probes); i++) {
		const struct probe *p = &probes[i];

		if (p->thing == NULL)
			continue;
		if (strcmp(p->thing, "order") == 0) {
			assert_same(p, order_of_ann, "999999");
			continue;
		}
		assert_same(p, p->thing, NONE);
		if (strcmp(p->route, "policy_explain") != 0)
			assert_same(p, p->thing, NOBODY);
	}
	/* Nothing of this reached the token. */
	assert_int_equal(small_lane.served, served);
}

/* Those who may, may: the probes ask for what is there. */
static void
test_owners_and_overseers(void **state)
{
	static const char *const reads[] = { "key_get", "account_get",
		"certificate_get", "order_get" };

	(void)state;
	for (size_t i = 0; i < nitems(probes); i++)
		for (size_t k = 0; k < nitems(reads); k++) {
			const char *thing = probes[i].thing;

			if (strcmp(probes[i].route, reads[k]) != 0)
				continue;
			if (strcmp(thing, "order") == 0)
				thing = order_of_ann;
			must(probe_as(ANN, &probes[i], thing));
			must(probe_as(OPS, &probes[i], thing));
		}
}

/* The text of all pages of a list, one item at a time. */
static char *
list(uint32_t uid, route_handler *handler)
{
	char *query = xstrdup("limit=1");
	struct buf text;

	buf_init(&text, 8000000);
	for (unsigned i = 0; i < 50; i++) {
		struct outcome_of o = ask_query(uid, handler, "", query, NULL);
		const char *next;

		assert_int_equal(o.err, OK);
		assert_int_equal(json_count(json_get(o.json, "items")), 1);
		buf_puts(&text, o.text);
		next = json_get_string(o.json, "next");
		free(query);
		query = next != NULL ? xasprintf("limit=1&after=%s", next) :
		    NULL;
		outcome_free(&o);
		if (query == NULL)
			break;
	}
	free(query);
	return (char *)buf_take(&text, NULL);
}

/* Neither as an item nor as a cursor, and no page more for them. */
static void
test_lists(void **state)
{
	static const struct {
		route_handler *handler;
		const char *own;
	} lists[] = {
		{ handle_keys_list, "\"b-key\"" },
		{ handle_accounts_list, "\"main\"" },
		{ handle_certificates_list, "\"b-www\"" },
		{ handle_orders_list, "\"b-www\"" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(lists); i++) {
		char *text = list(BOB, lists[i].handler);
		char *number = xasprintf("\"next\":\"%s\"", order_of_ann);

		assert_non_null(strstr(text, lists[i].own));
		assert_null(strstr(text, "\"a-"));
		assert_null(strstr(text, "account-a-"));
		assert_null(strstr(text, ".a.test"));
		assert_null(strstr(text, number));
		free(text);
		free(number);
		text = list(OPS, lists[i].handler);
		assert_non_null(strstr(text, "\"a-"));
		free(text);
	}
}

/* What the log has is the truth. */
static void
test_log(void **state)
{
	struct outcome_of o = ask(BOB, handle_key_get, "a-key", NULL);
	struct json *line = last_decision();

	(void)state;
	assert_int_equal(o.err, ERR_NOT_FOUND);
	assert_string_equal(o.why.text, "there is no key named \"a-key\"");
	assert_string_equal(json_get_string(line, "decision"), "deny");
	assert_string_equal(json_get_string(line, "tenant"), "bob");
	assert_string_equal(json_get_string(line, "reason"),
	    "the key \"a-key\" is the tenant ann's");
	json_free(line);
	outcome_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route),
		cmocka_unit_test(test_as_if_it_did_not_exist),
		cmocka_unit_test(test_owners_and_overseers),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, set_up, small_close);
}
