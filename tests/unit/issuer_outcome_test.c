/* What the responder makes of requests, and what the core is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/outcome.h"
#include "../../broker/issuer/responder.h"
#include "../../broker/issuer/step.h"

#define PATH "/.well-known/acme-challenge/"

static void
requests(void **state)
{
	static const struct {
		const char *head;
		unsigned status;
		const char *token;
	} cases[] = {
		{ "GET " PATH "abc-_ HTTP/1.1\r\n\r\n", 200, "abc-_" },
		{ "GET " PATH "abc HTTP/1.0\r\n\r\n", 200, "abc" },
		{ "HEAD " PATH "abc HTTP/1.1\r\nHost: x\r\n\r\n", 200, "abc" },
		{ "POST " PATH "abc HTTP/1.1\r\n\r\n", 405, "" },
		{ "get " PATH "abc HTTP/1.1\r\n\r\n", 405, "" },
		{ "GET " PATH " HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET " PATH "a/b HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET " PATH "a?b HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET " PATH "%61 HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET " PATH "../abc HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET / HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET http://x" PATH "abc HTTP/1.1\r\n\r\n", 404, "" },
		{ "GET " PATH "abc HTTP/2.0\r\n\r\n", 505, "" },
		{ "GET " PATH "abc\r\n\r\n", 400, "" },
		{ "GET  " PATH "abc HTTP/1.1\r\n\r\n", 400, "" },
		{ "GET " PATH "abc FTP/1.1\r\n\r\n", 400, "" },
		{ "\r\n\r\n", 400, "" },
		{ "\x16\x03\x01\r\n\r\n", 400, "" },
		{ "VERYLONGMETHODNAME / HTTP/1.1\r\n\r\n", 400, "" },
	};
	struct responder_request r;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		responder_parse(cases[i].head, strlen(cases[i].head), &r);
		if (r.status != cases[i].status)
			fail_msg("%s gives %u", cases[i].head, r.status);
		assert_string_equal(r.token, cases[i].token);
		assert_int_equal(r.head,
		    strncmp(cases[i].head, "HEAD", 4) == 0);
	}
	responder_parse("GET " PATH "a\0b HTTP/1.1\r\n\r\n",
	    sizeof("GET " PATH "a\0b HTTP/1.1\r\n\r\n") - 1, &r);
	assert_int_equal(r.status, 400);
}

static void
long_targets(void **state)
{
	char head[RESPONDER_HEAD_MAX];
	size_t prefix = strlen("GET " PATH);
	struct responder_request r;

	(void)state;
	memset(head, 'x', sizeof(head));
	memcpy(head, "GET " PATH, prefix);
	responder_parse(head, sizeof(head), &r);
	assert_int_equal(r.status, 400);
	memcpy(head + sizeof(head) - 13, " HTTP/1.1\r\n\r\n", 13);
	responder_parse(head, sizeof(head), &r);
	assert_int_equal(r.status, 404);
	memcpy(head + prefix + 257, " HTTP/1.1\r\n\r\n", 13);
	responder_parse(head, prefix + 270, &r);
	assert_int_equal(r.status, 404);
	memcpy(head + prefix + 256, " HTTP/1.1\r\n\r\n", 13);
	responder_parse(head, prefix + 269, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(strlen(r.token), 256);
}

static void
expect(const struct outcome *o, const char *text)
{
	struct buf out;

	buf_init(&out, OUTCOME_BYTES_MAX);
	outcome_write(o, 7, &out);
	assert_string_equal(buf_str(&out), text);
	buf_free(&out);
}

static void
outcomes(void **state)
{
	struct outcome o;
	struct fault why;

	(void)state;
	outcome_init(&o);
	o.status = 201;
	strcpy(o.location, "https://ca/1");
	buf_puts(&o.body, "{\"status\":\"valid\"}");
	expect(&o, "{\"task\":7,\"outcome\":\"ok\",\"status\":201,"
	    "\"location\":\"https://ca/1\",\"facts\":{\"status\":\"valid\"}}");
	o.kind = OUTCOME_PROBLEM;
	o.retry_after = 0;
	expect(&o, "{\"task\":7,\"outcome\":\"problem\",\"status\":201,"
	    "\"retryAfter\":0,\"location\":\"https://ca/1\",\"problem\":"
	    "{\"status\":\"valid\"}}");
	fault_set(&why, ERR_NETWORK, "no route");
	outcome_network(&o, false, &why);
	expect(&o, "{\"task\":7,\"outcome\":\"network\",\"sent\":false,"
	    "\"detail\":\"no route\"}");
	o.status = 200;
	outcome_malformed(&o, &why);
	expect(&o, "{\"task\":7,\"outcome\":\"malformed\",\"status\":200,"
	    "\"detail\":\"no route\"}");
	outcome_free(&o);
}

/* What the core would not read is told as such, and never sent in part. */
static void
large_reports(void **state)
{
	struct outcome o;

	(void)state;
	outcome_init(&o);
	o.status = 200;
	while (o.body.len < OUTCOME_BYTES_MAX - 8)
		buf_puts(&o.body, "xxxxxxxx");
	assert_false(o.body.failed);
	expect(&o, "{\"task\":7,\"outcome\":\"malformed\",\"status\":200,"
	    "\"detail\":\"the answer makes a report longer than 65536 "
	    "bytes\"}");
	buf_puts(&o.body, "xxxxxxxxxxxxxxxx");
	assert_true(o.body.failed);
	expect(&o, "{\"task\":7,\"outcome\":\"malformed\",\"status\":200,"
	    "\"detail\":\"the answer makes a report longer than 65536 "
	    "bytes\"}");
	outcome_free(&o);
}

static void
step_words(void **state)
{
	(void)state;
	for (int i = 0; i < STEP__MAX; i++)
		assert_int_equal(step_parse(step_word(i)), i);
	assert_int_equal(step_parse("get-authorization"),
	    STEP_GET_AUTHORIZATION);
	assert_int_equal(step_parse(""), STEP__MAX);
	assert_int_equal(step_parse("revoke"), STEP__MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(long_targets),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(large_reports),
		cmocka_unit_test(step_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
