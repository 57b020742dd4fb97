/* The server of protocols of lines, with a service that answers backwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../api/server/line.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct line_server *server;

static enum err
greet(const struct peer *peer, const char *subject, struct buf *out,
    struct fault *why)
{
	(void)why;
	assert_int_equal(peer->uid, getuid());
	buf_putf(out, "hello %s\r\n", subject);
	return OK;
}

static enum err
answer(const struct peer *peer, const char *subject, char *line, size_t n,
    struct buf *out, struct fault *why)
{
	(void)peer;
	(void)subject;
	assert_int_equal(line[n], '\0');
	if (strcmp(line, "no") == 0)
		return fault_set(why, ERR_DENIED, "no");
	while (n > 0)
		buf_putc(out, (unsigned char)line[--n]);
	buf_puts(out, "\r\n");
	return OK;
}

static const struct line_service backwards = { greet, answer };

static int
start(void **state)
{
	const struct line_limits limits = { .connections = 3,
		.connections_per_uid = 2, .idle = 1 };
	struct fault why;
	int fd;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path),
	    "/tmp/kb-line-%d", (int)getpid());
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	server = line_server_new(&limits);
	return line_server_listen(server, "lines", fd, &backwards, "world",
	    &why) == OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	line_server_free(server);
	return unlink(address.sun_path);
}

static int
connected(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	return fd;
}

/* Everything up to n bytes or the end. */
static void
expect(int fd, const char *text)
{
	char got[256] = "";

	assert_int_equal(read_full(fd, got, strlen(text)), strlen(text));
	assert_string_equal(got, text);
}

/* A seat is free some time after its connection is closed. */
static int
greeted(void)
{
	for (int tries = 0; tries < 500; tries++) {
		int fd = connected();
		char byte;

		if (read(fd, &byte, 1) == 1) {
			expect(fd, "ello world\r\n");
			return fd;
		}
		close(fd);
		usleep(10000);
	}
	fail_msg("no seat is free");
	return -1;
}

static void
expect_end(int fd)
{
	char byte;

	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
}

static void
put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    strlen(text));
}

static void
test_lines(void **state)
{
	int fd = greeted();

	(void)state;
	put(fd, "abc\r\n");
	expect(fd, "cba\r\n");
	put(fd, "1");
	usleep(10000);
	put(fd, "2\r\n34\r\n\r\n5");
	expect(fd, "21\r\n43\r\n\r\n");
	put(fd, "\r\n");
	expect(fd, "5\r\n");
	put(fd, "no\r\nyes\r\n");
	expect_end(fd);
}

static void
test_nonsense(void **state)
{
	static char big[LINE_SIZE + 1];
	int fd = greeted();

	(void)state;
	put(fd, "bare\n");
	expect_end(fd);
	fd = greeted();
	memset(big, 'x', LINE_SIZE);
	put(fd, big);
	expect_end(fd);
	fd = greeted();
	put(fd, "half");
	expect_end(fd); /* after a second of silence */
}

static void
test_seats(void **state)
{
	int one = greeted(), two = greeted();

	(void)state;
	expect_end(connected());
	close(one);
	close(greeted());
	close(two);
}

/* A stop ends those that say nothing, at once. */
static void
test_stop(void **state)
{
	int fd = greeted();

	assert_int_equal(end(state), 0);
	expect_end(fd);
	assert_int_equal(start(state), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_seats),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, start, end);
}
