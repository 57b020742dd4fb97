/*
 * keybroker-issuer and a CA that is out of its mind: raw_fake sends what the
 * test wrote, byte for byte.
 */
#include "issuer_core.h"

static void
put_answer(const char *name, const char *head, const char *body, size_t n)
{
	char path[160];
	struct buf text;
	struct fault why;

	buf_init(&text, 8 << 20);
	buf_putf(&text, "%s\r\nContent-Length: %zu\r\n\r\n", head, n);
	buf_put(&text, body, n);
	snprintf(path, sizeof(path), "%s/raw/%s", world.folder, name);
	assert_int_equal(write_file(path, text.data, text.len, 0600, &why),
	    OK);
	buf_free(&text);
}

static struct json *
raw_step(const char *word, const char *name)
{
	bool unsigned_step = strcmp(word, "directory") == 0;
	char directory[64], url[64];

	snprintf(directory, sizeof(directory), "https://localhost:%u/%s",
	    world.raw_port, unsigned_step ? name : "dir");
	snprintf(url, sizeof(url), "https://localhost:%u/%s",
	    world.raw_port, name);
	return step(word, directory, unsigned_step ? NULL : url, "{}");
}

/* How often the fake CA saw a request that begins so. */
static unsigned
requests(const char *line)
{
	char path[160];
	struct buf text;
	struct fault why;
	unsigned count = 0;

	buf_init(&text, 8 << 20);
	snprintf(path, sizeof(path), "%s/raw.log", world.folder);
	assert_int_equal(read_file(path, &text, &why), OK);
	for (const char *p = buf_str(&text); (p = strstr(p, line)) != NULL;
	    p++)
		count++;
	buf_free(&text);
	return count;
}

/* The directory of raw_fake and a nonce from it. */
static void
put_basics(void)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"newNonce\":\"https://localhost:%u/"
	    "nonce\",\"newAccount\":\"https://localhost:%u/a\",\"newOrder\":"
	    "\"https://localhost:%u/o\"}", world.raw_port, world.raw_port,
	    world.raw_port);
	put_answer("get-dir", "HTTP/1.1 200 OK\r\nContent-Type: "
	    "application/json", body, strlen(body));
	put_answer("head-nonce", "HTTP/1.1 200 OK\r\nReplay-Nonce: abc", "",
	    0);
}

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json"

static void
strange_directories(void **state)
{
	static const struct {
		const char *head, *body, *outcome, *why;
	} rows[] = {
		{ JSON_HEAD, "{}", "malformed", "newNonce" },
		{ JSON_HEAD, "{\"a\":1,\"a\":2}", "malformed", "" },
		{ JSON_HEAD, "{\"a\":1.5}", "malformed", "" },
		{ JSON_HEAD, "", "malformed", "" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: text/html", "<html>",
		  "malformed", "text/html" },
		{ "HTTP/1.1 200 OK", "{}", "malformed", "no type" },
		{ "HTTP/1.1 302 Found\r\nLocation: https://localhost/", "",
		  "problem", "" },
		{ "HTTP/1.1 503 No\r\nRetry-After: 999999\r\n"
		  "Content-Type: text/html", "<b>busy</b>", "problem", "" },
	};
	struct json *v;
	int64_t seconds;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < nitems(rows); i++) {
		snprintf(name, sizeof(name), "get-strange-%u", i);
		put_answer(name, rows[i].head, rows[i].body,
		    strlen(rows[i].body));
		v = raw_step("directory", name + 4);
		expect_word(v, "outcome", rows[i].outcome);
		if (rows[i].outcome[0] == 'm' && strstr(json_get_string(v,
		    "detail"), rows[i].why) == NULL)
			fail_msg("%s", core.result);
		seconds = -1;
		json_get_int(v, "retryAfter", &seconds);
		assert_int_equal(seconds,
		    strstr(rows[i].head, "Retry") != NULL ? 86400 : -1);
		json_free(v);
	}
	assert_int_equal(requests("GET /strange-6 "), 1);
}

static void
answers_are_bounded(void **state)
{
	size_t n = (1 << 20) + 1;
	char *text = xmalloc(n + 64);
	struct json *v;

	(void)state;
	memset(text, ' ', n);
	text[n] = '\0';
	put_answer("get-large", JSON_HEAD, text, n);
	v = raw_step("directory", "large");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	strcpy(text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 1000; i++)
		sprintf(text + strlen(text), "X-Header-%d: %0100d\r\n", i, i);
	strcat(text, "X: y");
	put_answer("get-headers", text, "{}", 2);
	v = raw_step("directory", "headers");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	free(text);
}

/* libcurl sends a request again when a connection that it kept turns out to
 * be dead; a signed request must go out once. */
static void
a_signed_request_leaves_once(void **state)
{
	struct json *v;

	(void)state;
	put_basics();
	v = raw_step("new-order", "silent");
	expect_sent(v, true);
	json_free(v);
	assert_int_equal(requests("POST /silent "), 1);
	assert_int_equal(requests("HEAD /nonce "), 1);
}

static void
no_nonce_no_request(void **state)
{
	struct json *v;

	(void)state;
	put_basics();
	put_answer("head-nonce", "HTTP/1.1 200 OK\r\nReplay-Nonce: a b", "",
	    0);
	v = raw_step("new-order", "nothing");
	expect_sent(v, false);
	json_free(v);
	put_answer("head-nonce", "HTTP/1.1 429 Slow\r\nRetry-After: 9", "",
	    0);
	v = raw_step("new-order", "nothing");
	expect_word(v, "outcome", "problem");
	json_free(v);
	assert_int_equal(requests("POST /nothing "), 0);
}

#define BAD_NONCE "{\"type\":\"urn:ietf:params:acme:error:badNonce\"}"

static void
bad_nonces_end(void **state)
{
	unsigned before = core.signatures;
	struct json *v;

	(void)state;
	put_basics();
	put_answer("post-bad", "HTTP/1.1 400 No\r\nReplay-Nonce: again\r\n"
	    "Content-Type: application/problem+json; charset=utf-8",
	    BAD_NONCE, strlen(BAD_NONCE));
	v = raw_step("new-order", "bad");
	expect_word(v, "outcome", "problem");
	assert_true(is_bad_nonce(v));
	json_free(v);
	assert_int_equal(requests("POST /bad "), 11);
	assert_int_equal(core.signatures - before, 11);
}

static void
an_order_needs_its_location(void **state)
{
	static const char order[] = "{\"status\":\"ready\",\"finalize\":"
	    "\"https://x/f\",\"authorizations\":[],\"identifiers\":[]}";
	struct json *v;

	(void)state;
	put_basics();
	put_answer("post-order", "HTTP/1.1 201 Created\r\nContent-Type: "
	    "application/json", order, strlen(order));
	v = raw_step("new-order", "order");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	v = raw_step("get-order", "order");
	expect_word(v, "outcome", "ok");
	json_free(v);
}

static void
the_core_may_say_no(void **state)
{
	char directory[64];
	struct json *v;

	(void)state;
	put_basics();
	core.jws_status = 504;
	v = raw_step("new-order", "unsigned");
	expect_sent(v, false);
	json_free(v);
	core.jws_status = 409;
	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    world.raw_port);
	give_task("new-order", directory, "https://localhost/unsigned", "{}");
	assert_null(take_result(2));
	assert_null(core.next);
	core.jws_status = 200;
	assert_int_equal(requests("POST /unsigned "), 0);
}

static int
begin(void **state)
{
	(void)state;
	world_begin();
	core.key = new_key();
	start_raw_fake();
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
