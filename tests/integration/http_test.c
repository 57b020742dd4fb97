/*
 * The server as strangers meet it: over a real socket, with the client
 * library and with bytes that no client library would send.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../api/client.h"
#include "../../api/server/http.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/mem.h"

#define PATIENCE_MS 5000
#define PER_UID	    6

static char folder[] = "/tmp/keybroker-http-XXXXXX";
static char path[64];
static struct http_server *server;
static atomic_uint handled, refusals;

static enum err
on_ping(struct request *q, struct reply *reply, struct fault *why)
{
	struct json_writer w;

	(void)why;
	atomic_fetch_add(&handled, 1);
	json_write_start(&w, &reply->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "listener", q->peer->listener);
	json_put_int(&w, "issuer", (int64_t)q->peer->issuer);
	json_put_int(&w, "uid", q->peer->uid);
	json_put_string(&w, "query", q->query);
	json_close_object(&w);
	return OK;
}

static enum err
on_echo(struct request *q, struct reply *reply, struct fault *why)
{
	struct json_writer w;

	(void)why;
	atomic_fetch_add(&handled, 1);
	json_write_start(&w, &reply->body);
	json_put_value(&w, NULL, q->body);
	reply->status = 201;
	snprintf(reply->location, sizeof(reply->location), "/items/%s",
	    q->params[0]);
	return OK;
}

static enum err
on_fail(struct request *q, struct reply *reply, struct fault *why)
{
	(void)q;
	atomic_fetch_add(&handled, 1);
	buf_puts(&reply->body, "half a reply");
	fault_set(why, ERR_RATE, "too many of those");
	why->retry_after = 7;
	return ERR_RATE;
}

static enum err
on_text(struct request *q, struct reply *reply, struct fault *why)
{
	static char line[1000];

	(void)q;
	(void)why;
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 2000; i++)
		buf_put(&reply->body, line, sizeof(line));
	reply->type = "text/plain";
	return OK;
}

static enum err
on_slow(struct request *q, struct reply *reply, struct fault *why)
{
	int64_t ms = 0;

	(void)why;
	json_get_int(q->body, "wait", &ms);
	atomic_fetch_add(&handled, 1);
	usleep((unsigned)ms * 1000);
	buf_puts(&reply->body, "{}");
	return OK;
}

static const struct route api[] = {
	{ "ping", "GET", "/ping", false, on_ping },
	{ "list", "GET", "/list", true, on_ping },
	{ "put", "PUT", "/items/{name}", false, on_echo },
	{ "post", "POST", "/items/{name}", false, on_echo },
	{ "fail", "POST", "/fail", false, on_fail },
	{ "text", "GET", "/text", false, on_text },
	{ "slow", "POST", "/slow", false, on_slow },
};
static const struct route issuer[] = {
	{ "next", "POST", "/issuer/next", false, on_slow },
	{ "who", "GET", "/issuer/who", false, on_ping },
	{ "big", "POST", "/issuer/big/{name}", false, on_echo },
};

static void
on_refusal(const struct peer *peer, const char *method, const char *target,
    const struct fault *why)
{
	if (peer->uid != geteuid() || method == NULL || target == NULL ||
	    why->code == OK || why->text[0] == '\0')
		abort();
	atomic_fetch_add(&refusals, 1);
}

static int
start(void **state)
{
	const struct http_limits limits = { .connections = 8,
		.connections_per_uid = PER_UID, .idle = 1, .deadline = 1,
		.body_max = BODY_MAX };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct fault why;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 64) != 0)
		return -1;
	server = http_server_new(api, nitems(api), issuer, nitems(issuer),
	    &limits, &why);
	if (server == NULL)
		return -1;
	http_server_on_refusal(server, on_refusal);
	atomic_store(&handled, 0);
	atomic_store(&refusals, 0);
	return http_server_listen(server, "main", fd, &why) == OK ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	http_server_free(server);
	server = NULL;
	return 0;
}

static int
dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		fail_msg("cannot connect");
	return fd;
}

/* Reads until the other end closes, at most ms; true when it closed. */
static bool
drain(int fd, char *out, size_t size, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t k;

	out[0] = '\0';
	while (poll(&p, 1, ms) > 0) {
		k = recv(fd, out + n, size - 1 - n, 0);
		if (k <= 0)
			return true;
		n += (size_t)k;
		out[n] = '\0';
	}
	return false;
}

static void
send_text(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, text, n, MSG_NOSIGNAL);

		if (k <= 0)
			return; /* refused early; the reply tells why */
		text += k;
		n -= (size_t)k;
	}
}

static void
wait_connections(unsigned want)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		if (http_server_connections(server) == want)
			return;
		usleep(1000);
	}
	fail_msg("%u connections, not %u", http_server_connections(server),
	    want);
}

static struct client *
client(void)
{
	struct fault why;
	struct client *c = client_open(path, &why);

	if (c == NULL)
		fail_msg("%s", why.text);
	return c;
}

/* A call that must end in want; gives the reply's text or the fault's. */
static const char *
call(struct client *c, const char *method, const char *target,
    const char *body, enum err want)
{
	static char text[200000];
	struct client_reply reply;
	struct fault why;
	enum err e = client_call(c, method, target, body,
	    body != NULL ? strlen(body) : 0, PATIENCE_MS, &reply, &why);

	if (e != want)
		fail_msg("%s %s: %s: %s", method, target, err_name(e),
		    e != OK ? why.text : "");
	snprintf(text, sizeof(text), "%s", e != OK ? why.text : reply.text);
	client_reply_free(&reply);
	return text;
}

#define T(text) text, sizeof(text) - 1
#define HOST	"Host: localhost\r\n"
#define JSON	"Content-Type: application/json\r\n"

static char long_header[70000];
static const struct {
	const char *name, *text;
	size_t n;
	const char *status;
} hostile[] = {
	{ "length and coding", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\n\r\n"), "400" },
	{ "two lengths", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
	    "400" },
	{ "two hosts", T("GET /ping HTTP/1.1\r\n" HOST HOST "\r\n"),
	    "400" },
	{ "encoded nul", T("GET /ping%00z HTTP/1.1\r\n" HOST "\r\n"),
	    "400" },
	{ "gzip, chunked", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Transfer-Encoding: gzip, chunked\r\n\r\n"), "400" },
	{ "space before colon", T("GET /ping HTTP/1.1\r\n" HOST
	    "X : y\r\n\r\n"), "400" },
	{ "nul in value", T("GET /ping HTTP/1.1\r\n" HOST
	    "X: y\0z\r\n\r\n"), "400" },
	{ "folded header", T("GET /ping HTTP/1.1\r\n" HOST
	    "X: y\r\n z\r\n\r\n"), "400" },
	{ "bare LF", T("GET /ping HTTP/1.1\nHost: localhost\n\n"),
	    "400" },
	{ "negative length", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: -1\r\n\r\n"), "400" },
	{ "plus length", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: +2\r\n\r\n{}"), "400" },
	{ "no host", T("GET /ping HTTP/1.1\r\n\r\n"), "400" },
	{ "huge chunk", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "FFFFFFFFFFFFFFFFF\r\n{}"), "400" },
	{ "70 kB header", long_header, sizeof(long_header), "431" },
	{ "HTTP/2", T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505" },
	{ "HTTP/1.0", T("GET /ping HTTP/1.0\r\n" HOST "\r\n"),
	    "400" },
	{ "nul in target", T("GET /ping\0x HTTP/1.1\r\n" HOST
	    "\r\n"), "400" },
	{ "nul in method", T("GET\0T /ping HTTP/1.1\r\n" HOST
	    "\r\n"), "400" },
	{ "bare CR", T("GET /ping HTTP/1.1\r\n" HOST
	    "X: y\rHost: z\r\n\r\n"), "400" },
	{ "HEAD", T("HEAD /ping HTTP/1.1\r\n" HOST "\r\n"), "405" },
	{ "body of a GET", T("GET /ping HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 2\r\n\r\n{}"), "400" },
	{ "form", T("POST /items/a HTTP/1.1\r\n" HOST "Content-Type: "
	    "application/x-www-form-urlencoded\r\n"
	    "Content-Length: 3\r\n\r\na=b"), "400" },
	{ "long body", T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 65537\r\n\r\n{}"), "413" },
};

/* Each ends in an error status and a closed connection, and no handler. */
static void
test_hostile(void **state)
{
	char reply[4096], want[32];

	(void)state;
	memset(long_header, 'a', sizeof(long_header));
	memcpy(long_header, T("GET /ping HTTP/1.1\r\n" HOST "X: "));
	for (size_t i = 0; i < nitems(hostile); i++) {
		int fd = dial();

		send_text(fd, hostile[i].text, hostile[i].n);
		if (!drain(fd, reply, sizeof(reply), PATIENCE_MS))
			fail_msg("%s: not closed: %s", hostile[i].name, reply);
		snprintf(want, sizeof(want), "HTTP/1.1 %s ", hostile[i].status);
		if (strncmp(reply, want, strlen(want)) != 0)
			fail_msg("%s: %s", hostile[i].name, reply);
		close(fd);
	}
	assert_int_equal(atomic_load(&handled), 0);
	/* "HTTP/2" has no first line that anybody could report. */
	assert_int_equal(atomic_load(&refusals), nitems(hostile) - 1);
	wait_connections(0);
}

static void
test_problem(void **state)
{
	char reply[4096];
	int fd = dial();

	(void)state;
	send_text(fd, T("DELETE /items/a HTTP/1.1\r\n" HOST
	    "Connection: close\r\n\r\n"));
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	close(fd);
	assert_non_null(strstr(reply, "HTTP/1.1 405 "));
	assert_non_null(strstr(reply, "\r\nAllow: POST, PUT\r\n"));
	assert_non_null(strstr(reply,
	    "\r\nContent-Type: application/problem+json\r\n"));
	assert_non_null(strstr(reply, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(reply,
	    "urn:keybroker:error:method-not-allowed"));
	fd = dial();
	send_text(fd, T("POST /fail HTTP/1.1\r\n" HOST
	    "Connection: close\r\n\r\n"));
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	close(fd);
	assert_non_null(strstr(reply, "HTTP/1.1 429 "));
	assert_non_null(strstr(reply, "\r\nRetry-After: 7\r\n"));
	assert_non_null(strstr(reply, "\"retryAfter\":7}"));
	assert_null(strstr(reply, "half a reply"));
	assert_int_equal(atomic_load(&refusals), 1);
}

static void
test_keep_alive(void **state)
{
	struct client *c = client();

	(void)state;
	for (int i = 0; i < 300; i++) {
		assert_non_null(strstr(call(c, "GET", "/ping", NULL, OK),
		    "\"listener\":\"main\",\"issuer\":0,"));
		assert_string_equal(call(c, "POST", "/items/a",
		    "{ \"a\" : 1 }", OK), "{\"a\":1}");
		call(c, "GET", "/none", NULL, ERR_NOT_FOUND);
		call(c, "POST", "/fail", NULL, ERR_RATE);
		call(c, "PUT", "/items/a", "{\"a\":1,\"a\":2}", ERR_SYNTAX);
		assert_int_equal(http_server_connections(server), 1);
	}
	assert_int_equal(atomic_load(&handled), 900);
	assert_int_equal(atomic_load(&refusals), 600);
	client_close(c);
	wait_connections(0);
}

static void
test_bodies(void **state)
{
	struct client *c = client();
	char *body = xmalloc(BODY_MAX + 2);

	(void)state;
	memset(body, 'a', BODY_MAX);
	body[0] = body[BODY_MAX - 1] = '"';
	body[BODY_MAX] = '\0';
	assert_string_equal(call(c, "POST", "/items/a", body, OK), body);
	strcat(body, " ");
	assert_non_null(strstr(call(c, "POST", "/items/a", body, ERR_LIMIT),
	    "body"));
	assert_string_equal(call(c, "POST", "/items/a", NULL, OK), "{}");
	call(c, "PUT", "/items/a", NULL, ERR_SYNTAX);
	assert_int_equal(strlen(call(c, "GET", "/text", NULL, OK)), 199999);
	assert_non_null(strstr(call(c, "GET", "/list?after=1&limit=2", NULL,
	    OK), "\"query\":\"after=1&limit=2\""));
	assert_non_null(strstr(call(c, "GET", "/ping?after=1", NULL,
	    ERR_SYNTAX), "query"));
	client_close(c);
	free(body);
}

static void
test_pipelined(void **state)
{
	static const char two[] = "GET /ping HTTP/1.1\r\n" HOST "\r\n"
	    "POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 7\r\n\r\n{\"a\":1}"
	    "GET /none HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
	char reply[4096];
	int fd = dial();

	(void)state;
	send_text(fd, T(two));
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	close(fd);
	assert_non_null(strstr(reply, "\"listener\":\"main\""));
	assert_non_null(strstr(reply, "{\"a\":1}HTTP/1.1 404 "));
}

/* A client that sends byte by byte is served, and others beside it. */
static void
test_slow_client(void **state)
{
	static const char text[] = "POST /items/slow HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 7\r\nConnection: close\r\n\r\n{\"a\":1}";
	struct client *c = client();
	char reply[4096];
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		send_text(fd, text + i, 1);
		usleep(1000);
		call(c, "GET", "/ping", NULL, OK);
	}
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	assert_non_null(strstr(reply, "HTTP/1.1 201 "));
	assert_non_null(strstr(reply, "\r\nLocation: /items/slow\r\n"));
	close(fd);
	client_close(c);
}

/* The seventh connection of a uid gets a problem, then a seat when one is
 * free again. */
static void
test_per_uid(void **state)
{
	struct client *seated[PER_UID], *c;

	(void)state;
	for (int i = 0; i < PER_UID; i++) {
		seated[i] = client();
		call(seated[i], "GET", "/ping", NULL, OK);
	}
	c = client();
	assert_non_null(strstr(call(c, "GET", "/ping", NULL, ERR_BUSY),
	    "of this uid"));
	assert_int_equal(http_server_connections(server), PER_UID);
	client_close(seated[0]);
	wait_connections(PER_UID - 1);
	call(c, "GET", "/ping", NULL, OK);
	client_close(c);
	for (int i = 1; i < PER_UID; i++)
		client_close(seated[i]);
	wait_connections(0);
	assert_int_equal(atomic_load(&refusals), 1);
}

/* Far more connections than seats and refusals together.  That the last of
 * them are gone is noticed by their own threads, so the first who comes behind
 * them may still be refused; soon after nobody is. */
static void
test_flood(void **state)
{
	struct client_reply reply;
	int fds[200];
	struct client *c;
	struct fault why;
	enum err e = ERR_CLOSED;

	(void)state;
	for (size_t i = 0; i < nitems(fds); i++)
		fds[i] = dial();
	for (size_t i = 0; i < nitems(fds); i++)
		close(fds[i]);
	for (unsigned i = 0; i < 100 && e != OK; i++) {
		wait_connections(0);
		c = client();
		e = client_call(c, "GET", "/ping", NULL, 0, PATIENCE_MS,
		    &reply, &why);
		client_reply_free(&reply);
		client_close(c);
		usleep(e != OK ? 20000 : 0);
	}
	assert_int_equal(e, OK);
	wait_connections(0);
	c = client();
	call(c, "GET", "/ping", NULL, OK);
	client_close(c);
}

static int64_t
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL +
	    u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* Clients that go away at any byte cost nothing afterwards. */
static void
test_dying_clients(void **state)
{
	static const char text[] = "POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 7\r\n\r\n{\"a\":1}";
	int64_t before;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		int fd = dial();

		send_text(fd, text, n);
		close(fd);
	}
	wait_connections(0);
	before = cpu_us();
	usleep(300000);
	assert_true(cpu_us() - before < 100000);
}

/* A client that will send no more still gets its reply; one that never
 * finishes its request is let go, and neither makes the server spin. */
static void
test_half_closed(void **state)
{
	char reply[4096];
	int64_t before = cpu_us();
	int fd = dial();

	(void)state;
	send_text(fd, T("GET /ping HTTP/1.1\r\n" HOST "\r\n"));
	shutdown(fd, SHUT_WR);
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	assert_non_null(strstr(reply, "HTTP/1.1 200 "));
	close(fd);
	fd = dial();
	send_text(fd, T("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 7\r\n\r\n{"));
	shutdown(fd, SHUT_WR);
	assert_true(drain(fd, reply, sizeof(reply), PATIENCE_MS));
	close(fd);
	wait_connections(0);
	assert_true(cpu_us() - before < 300000);
}

/* The server closes idle connections after a second; the client library
 * does not let its caller see that. */
static void
test_idle(void **state)
{
	struct client *c = client();

	(void)state;
	call(c, "GET", "/ping", NULL, OK);
	wait_connections(0);
	call(c, "GET", "/ping", NULL, OK);
	client_close(c);
}

/* Sends a text again and again, so that the connection is never idle; false
 * when the server is patient for ever. */
static bool
is_hung_up_on(const char *first, const char *then, unsigned pause_us)
{
	int64_t end = clock_monotonic_us() + PATIENCE_MS * 1000;
	bool over = false;
	int fd = dial();

	send_text(fd, first, strlen(first));
	while (!over && clock_monotonic_us() < end) {
		over = send(fd, then, strlen(then), MSG_NOSIGNAL |
		    MSG_DONTWAIT) < 0 && errno != EAGAIN;
		usleep(pause_us);
	}
	close(fd);
	return over;
}

/* Bytes that come, or are read, one by one hold no connection for ever; what
 * a handler takes is its own matter. */
static void
test_dawdling(void **state)
{
	static const char get[] = "GET /text HTTP/1.1\r\n" HOST "\r\n";
	struct client *c = client();

	(void)state;
	assert_true(is_hung_up_on("", "G", 100000));
	assert_true(is_hung_up_on("GET /ping HTTP/1.1\r\n" HOST "X: ", "x",
	    100000));
	assert_true(is_hung_up_on("POST /items/a HTTP/1.1\r\n" HOST JSON
	    "Content-Length: 1000\r\n\r\n", " ", 100000));
	assert_true(is_hung_up_on(get, get, 10)); /* and reads nothing */
	call(c, "POST", "/slow", "{\"wait\":3500}", OK);
	client_close(c);
	wait_connections(0);
}

static struct client *
issuer_channel(uint64_t number)
{
	struct fault why;
	int v[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    v), 0);
	if (http_server_adopt_issuer(server, v[0], number, &why) != OK)
		fail_msg("%s", why.text);
	return client_adopt(v[1]);
}

/* Its channels have no idle limit, longer bodies and routes of their own. */
static void
test_issuer(void **state)
{
	struct client *a = issuer_channel(1), *b = issuer_channel(77);
	struct client *other = client();
	char *body = xmalloc(100001);

	(void)state;
	assert_non_null(strstr(call(a, "GET", "/issuer/who", NULL, OK),
	    "\"listener\":\"issuer\",\"issuer\":1,"));
	call(a, "GET", "/ping", NULL, ERR_NOT_FOUND);
	call(other, "GET", "/issuer/who", NULL, ERR_NOT_FOUND);
	call(a, "POST", "/issuer/next", "{\"wait\":2500}", OK);
	assert_non_null(strstr(call(b, "GET", "/issuer/who", NULL, OK),
	    "\"listener\":\"issuer\",\"issuer\":77,"));
	memset(body, 'a', 100000);
	body[0] = body[99999] = '"';
	body[100000] = '\0';
	assert_string_equal(call(b, "POST", "/issuer/big/x", body, OK), body);
	client_close(other);
	wait_connections(0);
	client_close(a);
	client_close(b);
	free(body);
}

static void *
call_slow(void *arg)
{
	struct client *c = arg;

	call(c, "POST", "/slow", "{\"wait\":500}", OK);
	return arg;
}

/* A running request is answered before the server goes. */
static void
test_stop(void **state)
{
	struct client *c = client();
	pthread_t thread;
	int64_t start_us = clock_monotonic_us();

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, call_slow, c), 0);
	while (atomic_load(&handled) == 0)
		usleep(1000);
	http_server_free(server);
	server = NULL;
	assert_true(clock_monotonic_us() - start_us >= 500000);
	pthread_join(thread, NULL);
	call(c, "GET", "/ping", NULL, ERR_CLOSED);
	client_close(c);
}

static int
make(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
clean(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hostile),
		TEST(test_problem),
		TEST(test_keep_alive),
		TEST(test_bodies),
		TEST(test_pipelined),
		TEST(test_slow_client),
		TEST(test_per_uid),
		TEST(test_flood),
		TEST(test_dying_clients),
		TEST(test_half_closed),
		TEST(test_idle),
		TEST(test_dawdling),
		TEST(test_issuer),
		TEST(test_stop),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
