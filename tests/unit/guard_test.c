/* The guard, without any HTTP library; and the seats beside it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../api/server/guard.h"
#include "../../api/server/peer.h"
#include "../../api/server/seats.h"
#include "../../broker/base/mem.h"

static void
test_target(void **state)
{
	static const struct { const char *target, *word; } t[] = {
		{ "/", NULL },
		{ "/v1/keys/a.B_c-9", NULL },
		{ "/v1/orders?certificate=a.b&after=12&limit=5", NULL },
		{ "/v1/orders?a=", NULL },
		{ "", "start with /" },
		{ "*", "start with /" },
		{ "http://x/v1", "start with /" },
		{ "/v1/%6beys", "0x25" },
		{ "/y%00z", "0x25" },
		{ "/v1//keys", "//" },
		{ "//v1", "//" },
		{ "/v1/../keys", ".." },
		{ "/v1/keys/..", ".." },
		{ "/v1/ke\x01ys", "0x01" },
		{ "/v1/\x7f", "0x7f" },
		{ "/v1/\xc3\xa9", "0xc3" },
		{ "/v1/a b", "0x20" },
		{ "/v1/a\\b", "0x5c" },
		{ "/v1/a;b", "0x3b" },
		{ "/v1/a#b", "0x23" },
		{ "/v1/orders?", "name=value" },
		{ "/v1/orders?a", "name=value" },
		{ "/v1/orders?=1", "name=value" },
		{ "/v1/orders?a=1&", "name=value" },
		{ "/v1/orders?a=1&&b=2", "name=value" },
		{ "/v1/orders?a=1&b=2&a=3", "a is given twice" },
		{ "/v1/orders?a=%31", "values are" },
		{ "/v1/orders?a=1?b=2", "values are" },
		{ "/v1/orders?a=b=c", "values are" },
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(t); i++) {
		enum err e = guard_target(t[i].target, &why);

		if ((e == OK) != (t[i].word == NULL))
			fail_msg("%s: %s", t[i].target, err_name(e));
		if (e != OK && strstr(why.text, t[i].word) == NULL)
			fail_msg("%s: %s", t[i].target, why.text);
	}
}

static void
test_long_target(void **state)
{
	char target[TARGET_MAX + 2] = "/";

	(void)state;
	memset(target + 1, 'a', TARGET_MAX - 1);
	assert_int_equal(guard_target(target, NULL), OK);
	target[TARGET_MAX] = 'a';
	assert_int_equal(guard_target(target, NULL), ERR_LIMIT);
}

struct line {
	const char *name, *value;
};

/* Passes a request of plainly written lines; less is what its size lacks. */
static enum err
pass(const char *method, const char *version, const struct line *lines,
    size_t n, int less, struct fault *why)
{
	size_t size = strlen(method) + strlen("/v1/keys") + strlen(version) +
	    6;
	struct guard g;

	guard_start(&g);
	for (size_t i = 0; i < n; i++) {
		guard_header(&g, lines[i].name, strlen(lines[i].name),
		    lines[i].value, strlen(lines[i].value));
		size += strlen(lines[i].name) + strlen(lines[i].value) + 4;
	}
	return guard_finish(&g, method, "/v1/keys", version,
	    (size_t)((long)size - less), 1000, why);
}

static const struct {
	const char *method;
	struct line lines[4];
	const char *word;
} header_rows[] = {
	{ "GET", { { "Host", "x" } }, NULL },
	{ "GET", { { "hOST", "x" }, { "Accept", "*/*" } }, NULL },
	{ "GET", { { "Host", "x" }, { "Content-Length", "0" } },
	    NULL },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1000" },
	    { "Content-Type", "Application/JSON" } }, NULL },
	{ "GET", { { "Accept", "x" } }, "no Host" },
	{ "GET", { { "Host", "x" }, { "host", "x" } },
	    "more than one Host" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1" },
	    { "content-length", "1" } }, "one Content-Length" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "+1" } },
	    "plain number" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1, 1" } },
	    "plain number" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "" } },
	    "plain number" },
	{ "POST", { { "Host", "x" },
	    { "Content-Length", "00000000001" } }, "plain number" },
	{ "POST", { { "Host", "x" },
	    { "Transfer-Encoding", "chunked" } },
	    "Transfer-Encoding" },
	{ "GET", { { "Host", "x" },
	    { "transfer-encoding", "identity" } },
	    "Transfer-Encoding" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1001" },
	    { "Content-Type", "application/json" } }, "more than" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1" } },
	    "Content-Type" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1" },
	    { "Content-Type", "application/json; charset=x" } },
	    "Content-Type" },
	{ "POST", { { "Host", "x" }, { "Content-Length", "1" },
	    { "Content-Type", "application/json" },
	    { "Content-Type", "text/plain" } }, "one Content-Type" },
	{ "GET", { { "Host", "x" }, { "Content-Length", "1" } },
	    "GET has none" },
	{ "DELETE", { { "Host", "x" }, { "Content-Length", "1" } },
	    "DELETE has none" },
	{ "GET", { { "Host", "x" }, { "A ", "b" } }, "name has" },
	{ "GET", { { "Host", "x" }, { "", "b" } }, "name has" },
	{ "GET", { { "Host", "x" }, { "A", "b\x01" } },
	    "control character" },
	{ "GET", { { "Host", "x" }, { "A", "b\rC: d" } },
	    "control character" },
	{ "HEAD", { { "Host", "x" } }, "no such method" },
	{ "get", { { "Host", "x" } }, "no such method" },
	{ "", { { "Host", "x" } }, "no such method" },
};

static void
test_headers(void **state)
{
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(header_rows); i++) {
		size_t n = 0;
		enum err e;

		while (n < nitems(header_rows[i].lines) && header_rows[i].lines[n].name != NULL)
			n++;
		e = pass(header_rows[i].method, "HTTP/1.1", header_rows[i].lines, n, 0, &why);
		if ((e == OK) != (header_rows[i].word == NULL))
			fail_msg("row %zu: %s", i, err_name(e));
		if (e != OK && strstr(why.text, header_rows[i].word) == NULL)
			fail_msg("row %zu: %s", i, why.text);
	}
}

static void
test_nul_in_value(void **state)
{
	struct guard g;
	struct fault why;

	(void)state;
	guard_start(&g);
	guard_header(&g, "Host", 4, "a\0b", 3);
	assert_int_equal(guard_finish(&g, "GET", "/", "HTTP/1.1", 100, 10,
	    &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "control"));
	guard_start(&g);
	guard_header(&g, "Host", 4, "x", 1);
	guard_header(&g, "A", 1, NULL, 0);
	assert_int_equal(guard_finish(&g, "GET", "/", "HTTP/1.1", 32, 10,
	    &why), OK);
}

/* One byte less for each header is "Name:value"; anything else is a trick. */
static void
test_size(void **state)
{
	static const struct line lines[] = { { "Host", "x" }, { "A", "b" } };
	struct fault why;

	(void)state;
	assert_int_equal(pass("GET", "HTTP/1.1", lines, 2, 0, &why), OK);
	assert_int_equal(pass("GET", "HTTP/1.1", lines, 2, 2, &why), OK);
	assert_int_equal(pass("GET", "HTTP/1.1", lines, 2, 3, &why),
	    ERR_SYNTAX);
	assert_int_equal(pass("GET", "HTTP/1.1", lines, 2, -1, &why),
	    ERR_SYNTAX);
	assert_non_null(strstr(why.text, "folding"));
}

static void
test_version(void **state)
{
	static const struct line host = { "Host", "x" };

	(void)state;
	assert_int_equal(pass("GET", "HTTP/1.0", &host, 1, 0, NULL),
	    ERR_SYNTAX);
	assert_int_equal(pass("GET", "HTTP/1.2", &host, 1, 0, NULL),
	    ERR_SYNTAX);
	assert_int_equal(pass("GET", "HTTP/1.1", &host, 1, 0, NULL), OK);
}

/* A peer of that uid, in a tenant of its own. */
static const struct peer *
of(uint32_t uid)
{
	static struct peer peer;

	peer = (struct peer){ .uid = uid, .tenant = uid };
	return &peer;
}

static void
test_seats(void **state)
{
	struct seats *s = seats_new(4, 2, 4, 6);
	struct fault why;

	(void)state;
	assert_int_equal(seats_take(s, of(1), &why), OK);
	assert_int_equal(seats_take(s, of(1), &why), OK);
	assert_int_equal(seats_take(s, of(1), &why), ERR_BUSY);
	assert_non_null(strstr(why.text, "this uid"));
	assert_int_equal(why.retry_after, 1);
	assert_int_equal(seats_take(s, of(2), &why), OK);
	assert_int_equal(seats_take(s, of(3), &why), OK);
	assert_int_equal(seats_take(s, of(4), &why), ERR_BUSY);
	assert_non_null(strstr(why.text, "all 4"));
	assert_int_equal(seats_taken(s), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(seats_wait(s, of(1)));
	assert_false(seats_wait(s, of(1)));
	assert_true(seats_wait(s, of(9)));
	assert_true(seats_wait(s, of(8)));
	assert_false(seats_wait(s, of(7)));
	seats_leave(s, of(9));
	assert_true(seats_wait(s, of(7)));
	seats_leave(s, of(7));
	seats_leave(s, of(8));
	for (unsigned i = 0; i < 4; i++)
		seats_leave(s, of(1));
	seats_give(s, of(1));
	assert_int_equal(seats_take(s, of(4), &why), OK);
	assert_int_equal(seats_take(s, of(1), NULL), ERR_BUSY);
	seats_give(s, of(1));
	seats_give(s, of(2));
	seats_give(s, of(3));
	seats_give(s, of(4));
	assert_int_equal(seats_taken(s), 0);
	seats_free(s);
	seats_free(NULL);
}

/* Many uids of one tenant, as in a container, have its seats together. */
static void
test_seats_of_a_tenant(void **state)
{
	struct seats *s = seats_new(20, 2, 3, 20);
	struct peer peer = { .tenant = 1 }, other = { .uid = 1, .tenant = 2 };
	struct fault why;

	(void)state;
	for (peer.uid = 0; peer.uid < 3; peer.uid++)
		assert_int_equal(seats_take(s, &peer, &why), OK);
	assert_int_equal(seats_take(s, &peer, &why), ERR_BUSY);
	assert_non_null(strstr(why.text, "3 connections of this tenant"));
	assert_int_equal(why.retry_after, 1);
	/* The uid counts for itself all the same. */
	assert_int_equal(seats_take(s, &other, &why), OK);
	assert_int_equal(seats_take(s, &other, &why), ERR_BUSY);
	assert_non_null(strstr(why.text, "this uid"));
	for (peer.uid = 10; peer.uid < 18; peer.uid++)
		assert_true(seats_wait(s, &peer));
	assert_false(seats_wait(s, &peer));
	assert_true(seats_wait(s, &other));
	seats_leave(s, &other);
	for (peer.uid = 10; peer.uid < 18; peer.uid++)
		seats_leave(s, &peer);
	peer.uid = 2;
	seats_give(s, &peer);
	peer.uid = 7;
	assert_int_equal(seats_take(s, &peer, &why), OK);
	assert_int_equal(seats_taken(s), 4);
	seats_free(s);
}

static void
test_peer(void **state)
{
	struct peer p = { .listener = "x" };
	struct fault why;
	int v[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	assert_int_equal(peer_read(v[0], &p, &why), OK);
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(p.gid, getegid());
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.ngroups, getgroups(0, NULL));
	assert_string_equal(p.listener, "x");
	close(v[0]);
	assert_int_equal(peer_read(v[0], &p, &why), ERR_IO);
	close(v[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_nul_in_value),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_seats),
		cmocka_unit_test(test_seats_of_a_tenant),
		cmocka_unit_test(test_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
