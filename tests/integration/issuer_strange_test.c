/*
 * keybroker-issuer and a CA that is out of its mind, step by step: what it
 * reports of each answer, and how often it asks.
 */
#include "issuer_core.h"

/* One step at a CA of its own, whose script that is. */
static struct json *
step_at(const char *ca, const char *word, const char *script)
{
	char path[160], directory[128], url[128];
	struct fault why;

	snprintf(path, sizeof(path), "%s/%s.script", world.folder, ca);
	assert_int_equal(write_file(path, script, strlen(script), 0600, &why),
	    OK);
	snprintf(directory, sizeof(directory),
	    "https://localhost:%u/%s/directory", world.fakeca_port, ca);
	snprintf(url, sizeof(url), "https://localhost:%u/%s/%s",
	    world.fakeca_port, ca, strcmp(word, "get-order") == 0 ?
	    "order/1" : "new-order");
	return step(word, directory, strcmp(word, "directory") == 0 ? NULL :
	    url, "{}");
}

/* How often a CA saw a step. */
static unsigned
requests(const char *ca, const char *step_word)
{
	char path[160], line[128];
	struct buf text;
	struct fault why;
	unsigned count = 0;

	buf_init(&text, 8 << 20);
	snprintf(path, sizeof(path), "%s/fakeca.log", world.folder);
	snprintf(line, sizeof(line), "%s: %s ", ca, step_word);
	assert_int_equal(read_file(path, &text, &why), OK);
	for (const char *p = buf_str(&text); (p = strstr(p, line)) != NULL;
	    p++)
		count++;
	buf_free(&text);
	return count;
}

static void
strange_directories(void **state)
{
	static const struct {
		const char *script, *outcome, *why;
	} rows[] = {
		{ "set / {}", "malformed", "newNonce" },
		{ "set / {\"a\":1,\"a\":2}", "malformed", "" },
		{ "set / {\"a\":1.5}", "malformed", "" },
		{ "body", "malformed", "" },
		{ "answer 200 text/html <html>", "malformed", "text/html" },
		{ "answer 200 - {}", "malformed", "no type" },
		{ "redirect 302 https://localhost/", "problem", "" },
		{ "answer 503 text/html <b>busy</b>\n"
		  "directory * retry-after 999999", "problem", "" },
	};
	char ca[32], script[256];
	struct json *v;
	int64_t seconds;

	(void)state;
	for (unsigned i = 0; i < nitems(rows); i++) {
		snprintf(ca, sizeof(ca), "strange-%u", i);
		snprintf(script, sizeof(script), "directory * %s",
		    rows[i].script);
		v = step_at(ca, "directory", script);
		expect_word(v, "outcome", rows[i].outcome);
		if (rows[i].outcome[0] == 'm' && strstr(json_get_string(v,
		    "detail"), rows[i].why) == NULL)
			fail_msg("%s", core.result);
		seconds = -1;
		json_get_int(v, "retryAfter", &seconds);
		assert_int_equal(seconds,
		    strstr(rows[i].script, "retry") != NULL ? 86400 : -1);
		json_free(v);
		assert_int_equal(requests(ca, "directory"), 1);
	}
}

static void
answers_are_bounded(void **state)
{
	struct json *v;

	(void)state;
	v = step_at("large", "directory", "directory * pad 1048577");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	v = step_at("headers", "directory", "directory * flood 1000");
	expect_word(v, "outcome", "malformed");
	json_free(v);
}

/* libcurl sends a request again when a connection that it kept turns out to
 * be dead; a signed request must go out once. */
static void
a_signed_request_leaves_once(void **state)
{
	struct json *v;

	(void)state;
	v = step_at("silent", "new-order", "new-order * lose unread");
	expect_sent(v, true);
	json_free(v);
	assert_int_equal(requests("silent", "new-order"), 1);
	assert_int_equal(requests("silent", "new-nonce"), 1);
}

static void
no_nonce_no_request(void **state)
{
	struct json *v;

	(void)state;
	v = step_at("junk", "new-order",
	    "new-nonce * header Replay-Nonce a b");
	expect_sent(v, false);
	json_free(v);
	v = step_at("slow-down", "new-order",
	    "new-nonce * problem 429 rateLimited slow down");
	expect_word(v, "outcome", "problem");
	json_free(v);
	assert_int_equal(requests("junk", "new-order"), 0);
	assert_int_equal(requests("slow-down", "new-order"), 0);
}

static void
bad_nonces_end(void **state)
{
	unsigned before = core.signatures;
	struct json *v;

	(void)state;
	v = step_at("bad", "new-order", "new-order * bad-nonce");
	expect_word(v, "outcome", "problem");
	assert_true(is_bad_nonce(v));
	json_free(v);
	assert_int_equal(requests("bad", "new-order"), 11);
	assert_int_equal(requests("bad", "new-nonce"), 1);
	assert_int_equal(core.signatures - before, 11);
}

#define ORDER                                                                 \
	"answer 201 application/json {\"status\":\"ready\",\"finalize\":"      \
	"\"https://x/f\",\"authorizations\":[],\"identifiers\":[]}"

static void
an_order_needs_its_location(void **state)
{
	struct json *v;

	(void)state;
	v = step_at("nowhere", "new-order", "new-order * " ORDER);
	expect_word(v, "outcome", "malformed");
	json_free(v);
	v = step_at("somewhere", "get-order", "order * " ORDER);
	expect_word(v, "outcome", "ok");
	json_free(v);
}

static void
the_core_may_say_no(void **state)
{
	char directory[128], url[128];
	struct json *v;

	(void)state;
	core.jws_status = 504;
	v = step_at("unsigned", "new-order", "");
	expect_sent(v, false);
	json_free(v);
	core.jws_status = 409;
	snprintf(directory, sizeof(directory),
	    "https://localhost:%u/unsigned/directory", world.fakeca_port);
	snprintf(url, sizeof(url), "https://localhost:%u/unsigned/new-order",
	    world.fakeca_port);
	give_task("new-order", directory, url, "{}");
	assert_null(take_result(2));
	assert_null(core.next);
	core.jws_status = 200;
	assert_int_equal(requests("unsigned", "new-order"), 0);
}

static int
begin(void **state)
{
	(void)state;
	world_begin();
	core.key = new_key();
	start_fakeca();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	core_free();
	return world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ISSUER(strange_directories),
		WITH_ISSUER(answers_are_bounded),
		WITH_ISSUER(a_signed_request_leaves_once),
		WITH_ISSUER(no_nonce_no_request),
		WITH_ISSUER(bad_nonces_end),
		WITH_ISSUER(an_order_needs_its_location),
		WITH_ISSUER(the_core_may_say_no),
	};

	if (!have_programs("openssl")) {
		puts("skipped: openssl is not installed");
		return 77;
	}
	return cmocka_run_group_tests(tests, begin, end);
}
