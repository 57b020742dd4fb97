/* Header fields of CAs: Retry-After in every spelling, Link, and the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/header.h"
#include "../../broker/issuer/link.h"

#define NOW 1795445256 /* Mon, 23 Nov 2026 14:47:36 GMT */

static void
retry_after_zoo(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} rows[] = {
		{ "0", 0 },
		{ "3", 3 },
		{ "00003", 3 },
		{ "86399", 86399 },
		{ "86400", 86400 },
		{ "86401", 86400 },
		{ "31536000", 86400 },
		{ "18446744073709551617", 86400 },
		{ "99999999999999999999999999999999", 86400 },
		{ "-5", 0 },
		{ "-", -1 },
		{ "", -1 },
		{ "soon", -1 },
		{ "3 s", -1 },
		{ "3.5", -1 },
		{ "+3", -1 },
		{ "0x10", -1 },
		{ "Mon, 23 Nov 2026 14:47:46 GMT", 10 },
		{ "Mon, 23 Nov 2026 14:47:36 GMT", 0 },
		{ "Mon, 23 Nov 2026 14:47:26 GMT", 0 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 86400 },
		{ "Monday, 23-Nov-26 14:48:36 GMT", 60 },
		{ "Mon Nov 23 14:48:36 2026", 60 },
		{ "2026-11-23T14:48:36Z", -1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++)
		if (headers_retry_after(rows[i].value, NOW) !=
		    rows[i].seconds)
			fail_msg("\"%s\" gives %lld", rows[i].value,
			    (long long)headers_retry_after(rows[i].value,
			    NOW));
}

static void
append(const char *target, void *arg)
{
	strcat(strcat(arg, target), " ");
}

static void
links(void **state)
{
	static const struct {
		const char *value;
		const char *found;
	} rows[] = {
		{ "<a>;rel=\"alternate\"", "a " },
		{ "<a>; rel=alternate", "a " },
		{ "<a> ; REL = \"Alternate\"", "a " },
		{ "<a>;rel=\"up alternate\"", "a " },
		{ "<a>;rel=\"alternate\tup\"", "a " },
		{ "<a>;rel=\"alternates\"", "" },
		{ "<a>;rel=\"index\"", "" },
		{ "<a>;rel=up, <b>;rel=alternate,<c>;rel=alternate", "b c " },
		{ "<a,b;c>;rel=alternate", "a,b;c " },
		{ "<a>;title=\"x, <z>;rel=alternate\";rel=alternate,<b>;"
		  "rel=up", "a " },
		{ "<a>;title=\"q\\\"uote\";rel=alternate", "a " },
		{ "<a>;rel=up;rel=alternate", "" },
		{ "<a>;rel=alternate;anchor=\"#x\"", "" },
		{ "<a>;rel=alternate;hreflang", "a " },
		{ "<a>;;rel=alternate;", "a " },
		{ ",, <a>;rel=alternate,,", "a " },
		{ "<a>;rel=\"alt\\ernate\"", "a " },
		{ "<a>", "" },
		{ "<a>;rel", "" },
		{ "<a>;rel=", "" },
		{ "<a>;rel=\"alternate", "a " },
		{ "<a", "" },
		{ "a;rel=alternate", "" },
		{ "<a> x;rel=alternate", "" },
		{ "<a>;rel=alternate x, <b>;rel=alternate", "a " },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char found[256] = "";

		link_each(rows[i].value, "alternate", append, found);
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("%s gives \"%s\"", rows[i].value, found);
	}
}

static void
long_link_parameters_match_nothing(void **state)
{
	char value[4096] = "<a>;rel=\"", found[64] = "";

	(void)state;
	memset(value + 9, 'x', 3000);
	strcpy(value + 3009, " alternate\", <b>;rel=alternate");
	link_each(value, "alternate", append, found);
	assert_string_equal(found, "b ");
}

static void
feed(struct headers *h, const char *line)
{
	assert_true(headers_line(h, line, strlen(line), NOW));
}

static void
fields(void **state)
{
	struct headers h;

	(void)state;
	headers_init(&h);
	assert_int_equal(h.retry_after, -1);
	feed(&h, "HTTP/1.1 201 Created\r\n");
	feed(&h, "replay-nonce:  abc-_9 \r\n");
	feed(&h, "LOCATION: https://ca.example/acct/1\r\n");
	feed(&h, "Content-Type: Application/JSON; charset=utf-8\r\n");
	feed(&h, "Retry-After: 7\r\n");
	feed(&h, "Link: <https://ca.example/dir>;rel=\"index\"\r\n");
	feed(&h, "Link: <https://ca.example/c/1>;rel=\"alternate\"\r\n");
	feed(&h, "Link: <https://ca.example/c/2>;rel=\"alternate\", "
	    "<https://ca.example/c/1>;rel=\"alternate\", </c/3>;"
	    "rel=\"alternate\", <http://ca.example/c/4>;rel=\"alternate\"\r\n");
	feed(&h, "X-Nonsense\r\n");
	feed(&h, "\r\n");
	assert_string_equal(h.nonce, "abc-_9");
	assert_string_equal(h.location, "https://ca.example/acct/1");
	assert_string_equal(h.media_type, "application/json");
	assert_int_equal(h.retry_after, 7);
	assert_int_equal(h.nalternates, 2);
	assert_string_equal(h.alternates[0], "https://ca.example/c/1");
	assert_string_equal(h.alternates[1], "https://ca.example/c/2");
	headers_free(&h);
	assert_int_equal(h.nalternates, 0);
	assert_string_equal(h.nonce, "");
}

static void
junk_is_as_good_as_absent(void **state)
{
	struct headers h;

	(void)state;
	headers_init(&h);
	feed(&h, "Replay-Nonce: a b\r\n");
	feed(&h, "Location: /acct/1\r\n");
	feed(&h, "Location: http://ca.example/acct/1\r\n");
	feed(&h, "Location: https://u@ca.example/\r\n");
	feed(&h, "Location: https://ca.example/\x01\r\n");
	feed(&h, "Retry-After: whenever\r\n");
	feed(&h, "Replay-Nonce : abc\r\n");
	feed(&h, ": abc\r\n");
	assert_string_equal(h.nonce, "");
	assert_string_equal(h.location, "");
	assert_string_equal(h.media_type, "");
	assert_int_equal(h.retry_after, -1);
	headers_free(&h);
}

static void
an_interim_answer_leaves_nothing(void **state)
{
	struct headers h;

	(void)state;
	headers_init(&h);
	feed(&h, "HTTP/1.1 103 Early Hints\r\n");
	feed(&h, "Link: <https://ca.example/c/1>;rel=\"alternate\"\r\n");
	feed(&h, "Replay-Nonce: early\r\n");
	feed(&h, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(h.nalternates, 0);
	assert_string_equal(h.nonce, "");
	assert_true(h.total > 60);
	headers_free(&h);
}

/* The last line is empty; what comes without it was cut off. */
static void
a_head_has_an_end(void **state)
{
	struct headers h;

	(void)state;
	headers_init(&h);
	feed(&h, "HTTP/1.1 100 Continue\r\n");
	feed(&h, "\r\n");
	assert_true(h.complete);
	feed(&h, "HTTP/1.1 200 OK\r\n");
	feed(&h, "Content-Length: 0\r\n");
	assert_false(h.complete);
	feed(&h, "\r\n");
	assert_true(h.complete);
	headers_free(&h);
}

static void
headers_are_bounded(void **state)
{
	char line[8192];
	struct headers h;
	unsigned taken = 0;

	(void)state;
	headers_init(&h);
	memset(line, 'x', sizeof(line));
	while (headers_line(&h, line, sizeof(line), NOW))
		taken++;
	assert_int_equal(taken, HEADER_MAX / sizeof(line));
	headers_free(&h);
	assert_false(headers_line(&h, "Location: a\0b\r\n", 15, NOW));
	for (unsigned i = 0; i < HEADER_ALTERNATES + 5; i++) {
		snprintf(line, sizeof(line), "Link: <https://ca.example/%u>;"
		    "rel=alternate\r\n", i);
		feed(&h, line);
	}
	assert_int_equal(h.nalternates, HEADER_ALTERNATES);
	headers_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after_zoo),
		cmocka_unit_test(links),
		cmocka_unit_test(long_link_parameters_match_nothing),
		cmocka_unit_test(fields),
		cmocka_unit_test(junk_is_as_good_as_absent),
		cmocka_unit_test(an_interim_answer_leaves_nothing),
		cmocka_unit_test(a_head_has_an_end),
		cmocka_unit_test(headers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
