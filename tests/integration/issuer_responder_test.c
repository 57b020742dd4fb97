/* The http-01 responder, asked by curl and by visitors without manners. */
#include "issuer_core.h"

#include <poll.h>

static int
setup_v6(void **state)
{
	(void)state;
	start_issuer(AF_INET6);
	return 0;
}

static int
curl(const char *host, const char *options, const char *path)
{
	return run("curl -gsS -m 5 --noproxy '*' -D %s/head -o %s/body %s "
	    "'http://%s:%u%s' 2>%s/curl.err", world.folder, world.folder,
	    options, host, core.port, path, world.folder);
}

static void
expect_file(const char *name, const char *text)
{
	char path[128];
	struct buf content;
	struct fault why;

	buf_init(&content, 65536);
	snprintf(path, sizeof(path), "%s/%s", world.folder, name);
	assert_int_equal(read_file(path, &content, &why), OK);
	if (strstr(buf_str(&content), text) == NULL)
		fail_msg("%s: %s", name, buf_str(&content));
	buf_free(&content);
}

#define CHALLENGES "/.well-known/acme-challenge/"

static void
curl_gets_the_key_authorization(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(curl("127.0.0.1", "", CHALLENGES TOKEN), 0);
		expect_file("head", "HTTP/1.1 200 OK\r\n");
		expect_file("head", "Content-Type: application/octet-stream");
		expect_file("head", "Connection: close");
		assert_int_equal(run("printf %%s '%s' | cmp - %s/body",
		    ANSWER, world.folder), 0);
	}
	assert_int_equal(curl("127.0.0.1", "--http1.0", CHALLENGES TOKEN), 0);
	assert_int_equal(curl("127.0.0.1", "-I", CHALLENGES TOKEN), 0);
	expect_file("head", "Content-Length: 24");
	assert_int_equal(curl("127.0.0.1", "", CHALLENGES "unknown"), 0);
	expect_file("head", "HTTP/1.1 404 ");
	assert_int_equal(curl("127.0.0.1", "--path-as-is",
	    CHALLENGES "../" TOKEN), 0);
	expect_file("head", "HTTP/1.1 404 ");
	assert_int_equal(curl("127.0.0.1", "-d x", CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 405 ");
	assert_int_equal(curl("127.0.0.1", "-H \"X: $(printf %05000d 1)\"",
	    CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 431 ");
}

static void
curl_gets_it_by_ipv6(void **state)
{
	(void)state;
	assert_int_equal(curl("[::1]", "", CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 200 OK\r\n");
	expect_file("body", ANSWER);
}

/* A hundred silent visitors do not keep the CA out. */
static void
silence_makes_room(void **state)
{
	int silent[100];

	(void)state;
	for (unsigned i = 0; i < nitems(silent); i++) {
		silent[i] = dial(core.port);
		assert_true(silent[i] >= 0);
	}
	assert_int_equal(curl("127.0.0.1", "", CHALLENGES TOKEN), 0);
	expect_file("body", ANSWER);
	for (unsigned i = 0; i < nitems(silent); i++)
		close(silent[i]);
}

/* Ten seconds are enough for anybody. */
static void
slowness_ends(void **state)
{
	int64_t began = clock_monotonic_us();
	int fd = dial(core.port);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	(void)state;
	while (clock_monotonic_us() - began < 15000000) {
		if (write(fd, "G", 1) != 1 || poll(&p, 1, 1000) != 0)
			break;
	}
	assert_true(read(fd, &c, 1) <= 0);
	assert_in_range(clock_monotonic_us() - began, 9000000, 12000000);
	close(fd);
}

static int
begin(void **state)
{
	(void)state;
	world_begin();
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
		WITH_ISSUER(curl_gets_the_key_authorization),
		cmocka_unit_test_setup_teardown(curl_gets_it_by_ipv6,
		    setup_v6, teardown),
		WITH_ISSUER(silence_makes_room),
		WITH_ISSUER(slowness_ends),
	};

	if (!have_programs("curl openssl")) {
		puts("skipped: curl or openssl is not installed");
		return 77;
	}
	return cmocka_run_group_tests(tests, begin, end);
}
