/* The client library against servers that answer what they should not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../api/client.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"

struct answer {
	int fd;
	const char *text;
	size_t n;
	bool stays; /* does not close afterwards */
	char request[4096];
};

/* Reads one request's headers, answers, and hangs up. */
static void *
answer(void *arg)
{
	struct answer *a = arg;
	size_t n = 0;
	ssize_t k;

	while ((k = recv(a->fd, a->request + n, sizeof(a->request) - 1 - n,
	    0)) > 0) {
		n += (size_t)k;
		a->request[n] = '\0';
		if (strstr(a->request, "\r\n\r\n") != NULL)
			break;
	}
	if (write_full(a->fd, a->text, a->n) != 0)
		a->request[0] = '\0';
	if (!a->stays)
		shutdown(a->fd, SHUT_RDWR);
	return NULL;
}

static enum err
call(struct answer *a, struct client_reply *reply, struct fault *why)
{
	struct client *c;
	pthread_t thread;
	int v[2];
	enum err e;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	a->fd = v[1];
	c = client_adopt(v[0]);
	assert_int_equal(pthread_create(&thread, NULL, answer, a), 0);
	e = client_call(c, "POST", "/x", "{\"a\":1}", 7, 300, reply, why);
	pthread_join(thread, NULL);
	close(v[1]);
	client_close(c);
	return e;
}

#define REPLY(text) text, sizeof(text) - 1
#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static void
test_good(void **state)
{
	struct answer a = { .text = JSON_HEAD "content-length:9\r\n\r\n"
	    "{\"b\":[2]}" };
	struct client_reply reply;
	struct fault why;

	(void)state;
	a.n = strlen(a.text);
	assert_int_equal(call(&a, &reply, &why), OK);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.text, "{\"b\":[2]}");
	assert_int_equal(reply.length, 9);
	assert_int_equal(json_count(json_get(reply.json, "b")), 1);
	client_reply_free(&reply);
	assert_string_equal(a.request, "POST /x HTTP/1.1\r\n"
	    "Host: localhost\r\nUser-Agent: keybroker\r\n"
	    "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n"
	    "{\"a\":1}");
}

static void
test_other_good(void **state)
{
	struct answer empty = { .text = "HTTP/1.1 204 No Content\r\n\r\n" };
	struct answer text = { .text = "HTTP/1.1 200 OK\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\na\nb" };
	struct client_reply reply;
	struct fault why;

	(void)state;
	empty.n = strlen(empty.text);
	assert_int_equal(call(&empty, &reply, &why), OK);
	assert_int_equal(reply.status, 204);
	assert_null(reply.json);
	assert_int_equal(reply.length, 0);
	client_reply_free(&reply);
	text.n = strlen(text.text);
	assert_int_equal(call(&text, &reply, &why), OK);
	assert_null(reply.json);
	assert_string_equal(reply.text, "a\nb");
	client_reply_free(&reply);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		enum err want;
	} t[] = {
		{ REPLY(""), ERR_CLOSED },
		{ REPLY("HTTP/1.1 200 OK\r\n"), ERR_CLOSED },
		{ REPLY("hello\r\n\r\n"), ERR_SYNTAX },
		{ REPLY("\r\n\r\n"), ERR_SYNTAX },
		{ REPLY("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
		    ERR_SYNTAX },
		{ REPLY("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
		    ERR_SYNTAX },
		{ REPLY("HTTP/1.1 200\0OK\r\nContent-Length: 0\r\n\r\n"),
		    ERR_SYNTAX },
		{ REPLY("HTTP/1.1 200 OK\r\n\r\n"), ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: 2\r\n"
		    "Content-Length: 2\r\n\r\n{}"), ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: +2\r\n\r\n{}"),
		    ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: 2\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n{}"), ERR_SYNTAX },
		{ REPLY(JSON_HEAD "nonsense\r\nContent-Length: 2\r\n\r\n{}"),
		    ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: 3\r\n\r\n{}"),
		    ERR_CLOSED },
		{ REPLY(JSON_HEAD "Content-Length: 2\r\n\r\n{}x"),
		    ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: 2\r\n\r\n{x"),
		    ERR_SYNTAX },
		{ REPLY(JSON_HEAD "Content-Length: 4194305\r\n\r\n"),
		    ERR_LIMIT },
		{ REPLY("HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\nhi"),
		    ERR_INTERNAL },
		{ REPLY("HTTP/1.1 404 No\r\nContent-Length: 40\r\n\r\n"
		    "{\"type\":\"urn:keybroker:error:not-found\"}"),
		    ERR_NOT_FOUND },
	};
	struct client_reply reply;
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(t); i++) {
		struct answer a = { .text = t[i].text, .n = t[i].n };
		enum err e = call(&a, &reply, &why);

		if (e != t[i].want)
			fail_msg("row %zu: %s: %s", i, err_name(e),
			    why.text);
		assert_int_equal(why.code, e);
		client_reply_free(&reply);
	}
}

static void
test_long_head(void **state)
{
	struct answer a = { .n = 40000 };
	char *text = xmalloc(a.n);
	struct client_reply reply;
	struct fault why;

	(void)state;
	memset(text, 'a', a.n);
	a.text = text;
	assert_int_equal(call(&a, &reply, &why), ERR_LIMIT);
	free(text);
}

static void
test_timeout(void **state)
{
	struct answer a = { .text = JSON_HEAD, .n = sizeof(JSON_HEAD) - 1,
		.stays = true };
	struct client_reply reply;
	struct fault why;

	(void)state;
	assert_int_equal(call(&a, &reply, &why), ERR_TIMEOUT);
	assert_int_equal(reply.status, 0);
}

static void
test_nobody(void **state)
{
	char path[200];
	struct fault why;

	(void)state;
	assert_null(client_open("/nonexistent/socket", &why));
	assert_int_equal(why.code, ERR_CLOSED);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_null(client_open(path, &why));
	assert_int_equal(why.code, ERR_USAGE);
	client_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_other_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_head),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
