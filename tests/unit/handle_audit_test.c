/* Reading the audit log by the API: all of it, one's own lines, waiting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_core.h"

static struct outcome_of
ask_audit(uint32_t uid, const char *query)
{
	return ask_query(uid, handle_audit_list, "", query, NULL);
}

static const struct json *
items(const struct outcome_of *o)
{
	assert_int_equal(o->err, OK);
	return json_get(o->json, "items");
}

static void
expect(struct outcome_of o, enum err err, const char *words)
{
	assert_int_equal(o.err, err);
	if (words != NULL)
		assert_non_null(strstr(o.why.text, words));
	outcome_free(&o);
}

static void
expect_last(const char *operation, const char *decision, int64_t uid)
{
	struct json *line = last_decision();
	int64_t n = -1;

	assert_string_equal(json_get_string(line, "operation"), operation);
	assert_string_equal(json_get_string(line, "decision"), decision);
	assert_true(json_get_int(line, "uid", &n) && n == uid);
	json_free(line);
}

static void
test_pages(void **state)
{
	struct outcome_of o;
	int64_t seq = 0, last = 0;
	bool more = false;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		outcome_free((o = ask(UID_OPS, handle_keys_list, "", NULL),
		    &o));
	o = ask_audit(UID_OPS, "after=1&limit=2");
	assert_int_equal(json_count(items(&o)), 2);
	assert_true(json_get_int(json_first(items(&o)), "seq", &seq) &&
	    seq == 2);
	assert_string_equal(json_get_string(o.json, "next"), "3");
	assert_true(json_get_bool(o.json, "more", &more) && more);
	assert_true(json_get_int(o.json, "last", &last) && last > 3);
	assert_int_equal(last, audit_last(core.audit));
	outcome_free(&o);
	expect_last("audit.read", "allow", UID_OPS);
	o = ask_audit(UID_OPS, "tail=1");
	assert_int_equal(json_count(items(&o)), 1);
	assert_true(json_get_int(json_first(items(&o)), "seq", &seq));
	assert_int_equal(seq, last);
	assert_true(json_get_bool(o.json, "more", &more) && !more);
	outcome_free(&o);
}

static void
test_refusals(void **state)
{
	static const struct { const char *query, *words; } bad[] = {
		{ "after=x", "after" }, { "limit=0", "limit" },
		{ "limit=501", "limit" }, { "tail=0", "tail" },
		{ "wait=31", "wait" }, { "since=now", "since" },
		{ "after=1&tail=2", "exclude" }, { "page=2", "page" },
		{ "tenant=", "tenant" }, { "tenant=a&tenant=a", "twice" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		expect(ask_audit(UID_OPS, bad[i].query), ERR_SYNTAX,
		    bad[i].words);
	expect(ask_audit(UID_NOBODY, ""), ERR_DENIED, "audit.read");
	expect_last("audit.read", "deny", UID_NOBODY);
}

static void
test_filters(void **state)
{
	struct outcome_of o;

	(void)state;
	outcome_free((o = ask(UID_WEB, handle_keys_list, "", NULL), &o));
	outcome_free((o = ask(UID_NOBODY, handle_status_get, "", NULL), &o));
	o = ask_audit(UID_OPS, "tenant=web&operation=key.read&tail=1");
	assert_int_equal(json_count(items(&o)), 1);
	assert_string_equal(json_get_string(json_first(items(&o)), "tenant"),
	    "web");
	assert_non_null(json_get_string(json_first(items(&o)), "prev"));
	outcome_free(&o);
	o = ask_audit(UID_OPS, "decision=deny&tail=1");
	assert_int_equal(json_count(items(&o)), 1);
	assert_string_equal(json_get_string(json_first(items(&o)),
	    "operation"), "status.read");
	outcome_free(&o);
	o = ask_audit(UID_OPS, "since=253402300799");
	assert_int_equal(json_count(items(&o)), 0);
	outcome_free(&o);
	o = ask_audit(UID_OPS, "since=1&limit=1");
	assert_int_equal(json_count(items(&o)), 1);
	outcome_free(&o);
}

/* A tenant sees its own lines and nothing that counts those of others. */
static void
test_own(void **state)
{
	const struct json *v;
	struct outcome_of o;
	char *query;
	size_t n = 0;

	(void)state;
	outcome_free((o = ask(UID_WEB, handle_keys_list, "", NULL), &o));
	outcome_free((o = ask(UID_OPS, handle_keys_list, "", NULL), &o));
	o = ask_audit(UID_WEB, "limit=500");
	for (v = json_first(items(&o)); v != NULL; v = json_next(v), n++) {
		assert_string_equal(json_get_string(v, "tenant"), "web");
		assert_null(json_get(v, "seq"));
		assert_null(json_get(v, "prev"));
		assert_non_null(json_get_string(v, "time"));
	}
	assert_true(n > 0);
	assert_null(json_get(o.json, "last"));
	expect_last("audit.own", "allow", UID_WEB);
	query = xasprintf("after=%s", json_get_string(o.json, "next"));
	outcome_free(&o);
	o = ask_audit(UID_WEB, query);
	assert_int_equal(json_count(items(&o)), 1); /* that of the request */
	outcome_free(&o);
	free(query);
	o = ask_audit(UID_WEB, "tenant=ops");
	assert_int_equal(json_count(items(&o)), 0);
	outcome_free(&o);
	expect(ask_audit(UID_WEB, "after=5"), ERR_SYNTAX, "next");
}

/* ------------------------------------------------------------------ waiting */

struct waiter {
	pthread_t thread;
	uint32_t uid;
	const char *query;
	bool told;
	struct reply rp;
	enum err err;
	int64_t us;
	char next[64];
};

static void *
wait_for_line(void *arg)
{
	struct waiter *w = arg;
	struct peer peer = { .uid = w->uid, .gid = w->uid, .pid = 99,
		.listener = "api" };
	struct route route = { .query = true };
	struct request rq = { .peer = &peer, .route = &route,
		.query = w->query, .told = &w->told };
	int64_t start = clock_monotonic_us();
	struct fault why;

	buf_init(&w->rp.body, 8000000);
	w->err = handle_audit_list(&rq, &w->rp, &why);
	w->us = clock_monotonic_us() - start;
	return NULL;
}

static size_t
waited(struct waiter *w)
{
	struct fault why;
	struct json *reply;
	size_t n;

	assert_int_equal(w->err, OK);
	reply = json_parse(buf_str(&w->rp.body), w->rp.body.len, &why);
	n = json_count(json_get(reply, "items"));
	snprintf(w->next, sizeof(w->next), "%s",
	    json_get_string(reply, "next"));
	json_free(reply);
	buf_free(&w->rp.body);
	return n;
}

/* One line about a connection that follows, not one for each wait. */
static void
test_follow(void **state)
{
	char query[64];
	struct waiter w = { .uid = UID_OPS, .query = "tail=1&wait=0" };
	uint64_t before = audit_last(core.audit);

	(void)state;
	wait_for_line(&w);
	assert_int_equal(waited(&w), 1);
	assert_true(w.told);
	assert_int_equal(audit_last(core.audit), before + 1);
	snprintf(query, sizeof(query), "after=%llu&wait=1",
	    (unsigned long long)before + 1);
	w.query = query;
	wait_for_line(&w);
	assert_int_equal(waited(&w), 0);
	assert_true(w.us > 900000);
	assert_int_equal(audit_last(core.audit), before + 1);
	snprintf(query, sizeof(query), "after=%llu&wait=20",
	    (unsigned long long)before + 1);
	pthread_create(&w.thread, NULL, wait_for_line, &w);
	usleep(200000);
	expect(ask(UID_NOBODY, handle_status_get, "", NULL), ERR_DENIED,
	    NULL);
	pthread_join(w.thread, NULL);
	assert_int_equal(waited(&w), 1);
	assert_true(w.us < 10000000);
	assert_int_equal(audit_last(core.audit), before + 2);
}

/* Lines of others do not wake one who may not know of them. */
static void
test_follow_own(void **state)
{
	char query[80];
	struct waiter w = { .uid = UID_WEB, .query = "tail=1&wait=0" };
	struct outcome_of o;
	struct json *line;
	int64_t uid;

	(void)state;
	wait_for_line(&w);
	waited(&w);
	w.query = query;
	snprintf(query, sizeof(query), "after=%s&wait=0", w.next);
	wait_for_line(&w);
	assert_int_equal(waited(&w), 1); /* that of the first request */
	snprintf(query, sizeof(query), "after=%s&wait=20", w.next);
	pthread_create(&w.thread, NULL, wait_for_line, &w);
	usleep(100000);
	outcome_free((o = ask(UID_OPS, handle_keys_list, "", NULL), &o));
	usleep(200000);
	line = last_decision();
	assert_true(json_get_int(line, "uid", &uid) && uid == UID_OPS);
	json_free(line);
	outcome_free((o = ask(UID_WEB, handle_keys_list, "", NULL), &o));
	pthread_join(w.thread, NULL);
	assert_in_range(waited(&w), 1, 2);
	assert_true(w.us > 250000 && w.us < 10000000);
}

static void
test_rotate(void **state)
{
	struct outcome_of o = ask(UID_OPS, handle_audit_rotate, "", "{}");
	char path[128];

	(void)state;
	assert_int_equal(o.err, OK);
	assert_string_equal(json_get_string(o.json, "file"),
	    "audit-0000000000000001.log");
	snprintf(path, sizeof(path), "%s/audit/%s", small_folder,
	    json_get_string(o.json, "file"));
	assert_int_equal(access(path, R_OK), 0);
	outcome_free(&o);
	expect(ask(UID_WEB, handle_audit_rotate, "", "{}"), ERR_DENIED, NULL);
	expect(ask(UID_OPS, handle_audit_rotate, "", "{\"a\":1}"), ERR_SYNTAX,
	    NULL);
}

/* ------------------------------------------------------- what came of it */

static char *
lines_since(uint64_t after)
{
	const struct audit_query query = { .from.after = after, .max = 100 };
	struct audit_page page;
	struct fault why;
	struct buf text;
	size_t n;

	buf_init(&text, 1000000);
	assert_int_equal(audit_read(core.audit, &query, &text, &page, &why),
	    OK);
	return (char *)buf_take(&text, &n);
}

/* What never reached a handler. */
static void
test_refused(void **state)
{
	struct peer peer = { .uid = UID_WEB, .gid = 6, .pid = 7,
		.listener = "api" };
	uint64_t before = audit_last(core.audit);
	struct fault why;
	char *text;

	(void)state;
	fault_set(&why, ERR_NOT_FOUND, "no such path: /v2");
	audit_refusal(&peer, "GET", "/v2\"\n\xff", &why);
	text = lines_since(before);
	assert_non_null(strstr(text, "\"event\":\"refused\","
	    "\"method\":\"GET\",\"target\":\"/v2\\\"\\n"));
	assert_non_null(strstr(text, "\"error\":\"not-found\""));
	assert_non_null(strstr(text, "\"tenant\":\"web\",\"uid\":20"));
	free(text);
}

/* An act that was allowed and came to nothing says so; nothing else does. */
static void
test_failed(void **state)
{
	struct peer peer = { .uid = UID_OPS, .gid = 1, .pid = 7,
		.listener = "api" };
	uint64_t before = audit_last(core.audit);
	struct outcome_of o = ask(UID_OPS, handle_key_destroy, "none", NULL);
	char *text;

	(void)state;
	audit_outcome(&peer, "DELETE", "/v1/keys/none", o.err, &o.why);
	audit_outcome(&peer, "DELETE", "/v1/keys/none", o.err, &o.why);
	outcome_free(&o);
	text = lines_since(before);
	assert_non_null(strstr(text, "\"event\":\"failed\",\"method\":"
	    "\"DELETE\",\"target\":\"/v1/keys/none\",\"error\":\"not-found\""));
	assert_non_null(strstr(text, "\"tenant\":\"ops\""));
	free(text);
	assert_int_equal(audit_last(core.audit), before + 2);
	o = ask(UID_OPS, handle_key_get, "none", NULL);
	audit_outcome(&peer, "GET", "/v1/keys/none", o.err, &o.why);
	outcome_free(&o);
	o = ask(UID_NOBODY, handle_key_destroy, "none", NULL);
	audit_outcome(&peer, "DELETE", "/v1/keys/none", o.err, &o.why);
	outcome_free(&o);
	assert_int_equal(audit_last(core.audit), before + 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_follow_own),
		cmocka_unit_test(test_rotate),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, small_open, small_close);
}
