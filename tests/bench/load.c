/*
 * A load generator small enough to run on the cores that it measures: one
 * thread, epoll, one request in flight on each keep-alive connection.
 *
 * load PROTOCOL SOCKET CONNECTIONS SECONDS REQUESTFILE
 *
 * PROTOCOL is http, agent (ssh-agent) or line (lacme-accountd); the file has
 * the bytes of one request.  Prints: requests/s, median and 99th percentile
 * of the latency in microseconds, and errors (refusals, lost connections).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX	65536
#define REPLY_MAX	1048576
#define CONNECTIONS_MAX 4096
#define LATENCY_MAX	2000000 /* microseconds; longer ones count as this */

struct conn {
	int fd;
	int64_t sent_us;
	size_t got;
	size_t want; /* bytes of the whole reply; 0: not known yet */
	char *in;
};

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char request[REQUEST_MAX];
static size_t request_length;
static uint32_t histogram[LATENCY_MAX + 1];
static uint64_t done, errors;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
read_request(const char *file)
{
	FILE *f = fopen(file, "r");

	if (f == NULL)
		die(file);
	request_length = fread(request, 1, sizeof(request), f);
	fclose(f);
}

/* Each gives the bytes of the whole reply, or 0 while that is not known. */

static size_t
http_size(struct conn *c)
{
	static const char field[] = "Content-Length: ";
	const char *end, *length;

	c->in[c->got] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strstr(c->in, field);
	return (size_t)(end + 4 - c->in) + (length != NULL && length < end ?
	    strtoul(length + strlen(field), NULL, 10) : 0);
}

static bool
http_good(const struct conn *c)
{
	return strncmp(c->in, "HTTP/1.1 2", 10) == 0;
}

static size_t
agent_size(struct conn *c)
{
	const unsigned char *p = (const unsigned char *)c->in;

	return c->got < 5 ? 0 : 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 |
	    (size_t)p[2] << 8 | p[3]);
}

static bool
agent_good(const struct conn *c)
{
	return c->in[4] == 14; /* SSH_AGENT_SIGN_RESPONSE */
}

static size_t
line_size(struct conn *c)
{
	const char *end = memchr(c->in, '\n', c->got);

	return end == NULL ? 0 : (size_t)(end + 1 - c->in);
}

static bool
line_good(const struct conn *c)
{
	return c->got > 40;
}

static const struct protocol {
	const char *name;
	size_t (*size)(struct conn *);
	bool (*good)(const struct conn *);
	int greeting; /* lines that the server sends first */
} protocols[] = {
	{ "http", http_size, http_good, 0 },
	{ "agent", agent_size, agent_good, 0 },
	{ "line", line_size, line_good, 2 },
};
static const struct protocol *protocol;

static void
skip_greeting(const struct conn *c)
{
	char byte;

	for (int lines = 0; lines < protocol->greeting;)
		if (recv(c->fd, &byte, 1, 0) != 1)
			die("greeting");
		else
			lines += byte == '\n';
}

static void
send_request(struct conn *c)
{
	c->got = c->want = 0;
	c->sent_us = now_us();
	if (send(c->fd, request, request_length, MSG_NOSIGNAL) !=
	    (ssize_t)request_length)
		errors++;
}

static void
open_conn(struct conn *c)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address,
	    sizeof(address)) != 0)
		die("connect");
	skip_greeting(c);
	send_request(c);
}

static void
record(struct conn *c)
{
	int64_t us = now_us() - c->sent_us;

	histogram[us < LATENCY_MAX ? us : LATENCY_MAX]++;
	done++;
	if (!protocol->good(c))
		errors++;
}

/* Reads what is there; false when the connection is gone. */
static bool
on_readable(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, REPLY_MAX - 1 - c->got, 0);

	if (n <= 0)
		return false;
	c->got += (size_t)n;
	if (c->want == 0)
		c->want = protocol->size(c);
	if (c->want != 0 && c->got >= c->want) {
		record(c);
		send_request(c);
	}
	return true;
}

static uint32_t
percentile(double part)
{
	uint64_t sum = 0;
	uint32_t us = 0;

	while (us < LATENCY_MAX && (sum += histogram[us]) <
	    (uint64_t)(part * (double)done))
		us++;
	return us;
}

static void
watch(int ep, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		die("epoll_ctl");
}

static double
run(struct conn *conns, int n, double seconds)
{
	struct epoll_event events[64];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6);

	for (int i = 0; i < n; i++) {
		conns[i].in = malloc(REPLY_MAX);
		open_conn(&conns[i]);
		watch(ep, &conns[i]);
	}
	while (now_us() < end) {
		int k = epoll_wait(ep, events, 64, 100);

		for (int i = 0; i < k; i++) {
			struct conn *c = events[i].data.ptr;

			if (on_readable(c))
				continue;
			errors++;
			close(c->fd);
			open_conn(c);
			watch(ep, c);
		}
	}
	return (double)(now_us() - start) / 1e6;
}

int
main(int argc, char **argv)
{
	static struct conn conns[CONNECTIONS_MAX];
	int n = argc == 6 ? atoi(argv[3]) : 0;
	double took;

	for (size_t i = 0; i < 3 && n > 0; i++)
		if (strcmp(protocols[i].name, argv[1]) == 0)
			protocol = &protocols[i];
	if (n < 1 || n > CONNECTIONS_MAX || protocol == NULL ||
	    strlen(argv[2]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: load http|agent|line SOCKET "
		    "CONNECTIONS SECONDS REQUESTFILE\n");
		return 2;
	}
	strcpy(address.sun_path, argv[2]);
	read_request(argv[5]);
	took = run(conns, n, atof(argv[4]));
	printf("%.0f requests/s, median %u us, p99 %u us, %llu errors\n",
	    (double)done / took, percentile(0.5), percentile(0.99),
	    (unsigned long long)errors);
	return errors == 0 ? 0 : 1;
}
