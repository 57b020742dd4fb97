/*
 * A small HTTP/1.1 client for one Unix socket: keep-alive, one request at a
 * time, replies with Content-Length or without a body.  It needs no more,
 * because the only server that it meets is ours; what it does not
 * understand it refuses.
 *
 * A connection that the server closed while it was idle is opened anew
 * before anything is sent.  Once a byte of a request may have left, nothing
 * is ever sent twice.
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../broker/base/clock.h"
#include "../broker/base/mem.h"
#include "problem.h"

#define HEAD_MAX      16384   /* bytes of a reply's status line and headers */
#define REQUEST_MAX   4194304 /* bytes of a request that are built */
#define CHUNK	      16384
#define LENGTH_DIGITS 10

struct client {
	int fd;	     /* -1: not connected */
	char *path;  /* NULL: an adopted descriptor */
	struct buf out;
	struct buf in;
};

/* What the head of a reply says. */
struct head {
	size_t size; /* of the head itself */
	unsigned status;
	size_t length;
	bool has_length;
	bool closes;
	bool json;
};

static struct client *
client_new(int fd, const char *path)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->path = path != NULL ? xstrdup(path) : NULL;
	buf_init(&c->out, REQUEST_MAX);
	buf_init(&c->in, HEAD_MAX + CLIENT_REPLY_MAX);
	return c;
}

static void
hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static enum err
dial(struct client *c, struct fault *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	enum err e;

	if (c->path == NULL)
		return fault_set(why, ERR_CLOSED, "the broker closed the "
		    "channel");
	if (strlen(c->path) >= sizeof(a.sun_path))
		return fault_set(why, ERR_USAGE, "the path of the socket is "
		    "longer than %zu bytes", sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fault_errno(why, ERR_IO, "cannot make a socket");
	if (connect(c->fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return OK;
	e = fault_errno(why, ERR_CLOSED, "cannot reach the broker at %s",
	    c->path);
	hang_up(c);
	return e;
}

struct client *
client_open(const char *path, struct fault *why)
{
	struct client *c = client_new(-1, path);

	if (dial(c, why) == OK)
		return c;
	client_close(c);
	return NULL;
}

struct client *
client_adopt(int fd)
{
	return client_new(fd, NULL);
}

void
client_close(struct client *c)
{
	if (c == NULL)
		return;
	hang_up(c);
	buf_free(&c->out);
	buf_free(&c->in);
	free(c->path);
	free(c);
}

/* Waits until the socket is ready for events or the deadline passes. */
static enum err
wait_for(struct client *c, short events, int64_t deadline_us,
    struct fault *why)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int left = -1, n;

	do {
		if (deadline_us >= 0) {
			int64_t us = deadline_us - clock_monotonic_us();

			left = us > 0 ? (int)((us + 999) / 1000) : 0;
		}
		n = poll(&p, 1, left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault_errno(why, ERR_IO, "cannot wait for the broker");
	if (n == 0)
		return fault_set(why, ERR_TIMEOUT, "the broker did not answer "
		    "in time");
	return OK;
}

/* Connects when there is no connection, or only one that ended. */
static enum err
connect_again(struct client *c, struct fault *why)
{
	char byte;
	ssize_t n;

	if (c->fd >= 0) {
		do
			n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return OK;
		hang_up(c);
	}
	return dial(c, why);
}

static enum err
send_all(struct client *c, int64_t deadline_us, struct fault *why)
{
	size_t at = 0;
	enum err e;

	while (at < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + at, c->out.len - at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			at += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* A server that refuses early closes before it reads all; its
		 * answer may be waiting. */
		if (errno == EPIPE || errno == ECONNRESET)
			return OK;
		if (errno != EAGAIN)
			return fault_errno(why, ERR_IO, "cannot send to the "
			    "broker");
		e = wait_for(c, POLLOUT, deadline_us, why);
		if (e != OK)
			return e;
	}
	return OK;
}

/* Reads what is there into c->in, at least one byte. */
static enum err
receive(struct client *c, int64_t deadline_us, struct fault *why)
{
	char chunk[CHUNK];
	ssize_t n;
	enum err e;

	for (;;) {
		n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n > 0)
			break;
		if (n == 0 || errno == ECONNRESET)
			return fault_set(why, ERR_CLOSED, "the broker closed "
			    "the connection");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return fault_errno(why, ERR_IO, "cannot read from the "
			    "broker");
		e = wait_for(c, POLLIN, deadline_us, why);
		if (e != OK)
			return e;
	}
	buf_put(&c->in, chunk, (size_t)n);
	if (c->in.failed)
		return fault_set(why, ERR_LIMIT, "the reply is larger than %d "
		    "bytes", CLIENT_REPLY_MAX);
	return OK;
}

static bool
read_length(struct head *h, const char *value)
{
	size_t n = strspn(value, "0123456789");

	if (h->has_length || n == 0 || n > LENGTH_DIGITS || value[n] != '\0')
		return false;
	h->has_length = true;
	h->length = strtoul(value, NULL, 10);
	return true;
}

static bool
read_type(struct head *h, const char *value)
{
	h->json = strcmp(value, "application/json") == 0;
	return true;
}

static bool
read_connection(struct head *h, const char *value)
{
	h->closes |= strcasecmp(value, "close") == 0;
	return true;
}

static bool
read_coding(struct head *h, const char *value)
{
	(void)h;
	(void)value;
	return false;
}

static const struct {
	const char *name;
	bool (*read)(struct head *, const char *);
} readers[] = {
	{ "Content-Length", read_length },
	{ "Content-Type", read_type },
	{ "Connection", read_connection },
	{ "Transfer-Encoding", read_coding },
};

/* One header line, NUL-terminated; false when it is not acceptable. */
static bool
read_header(struct head *h, char *line)
{
	char *colon = strchr(line, ':');

	if (colon == NULL)
		return false;
	*colon++ = '\0';
	colon += strspn(colon, " \t");
	for (size_t i = 0; i < nitems(readers); i++)
		if (strcasecmp(readers[i].name, line) == 0)
			return readers[i].read(h, colon);
	return true;
}

/* "HTTP/1.1 200 Anything"; the status, or 0. */
static unsigned
read_status(const char *line)
{
	static const char version[] = "HTTP/1.1 ";
	const char *p = line + strlen(version);

	if (strncmp(line, version, strlen(version)) != 0 || p[0] < '1' ||
	    p[0] > '5' || strspn(p, "0123456789") != 3)
		return 0;
	return (unsigned)strtoul(p, NULL, 10);
}

/* Reads a complete head, text, which it cuts into lines. */
static bool
read_head(struct head *h, char *text)
{
	char *line = text, *end = strstr(text, "\r\n");

	h->status = read_status(text);
	if (h->status == 0)
		return false;
	while (end != NULL) {
		line = end + 2;
		end = strstr(line, "\r\n");
		if (end != NULL)
			*end = '\0';
		if (end != NULL && !read_header(h, line))
			return false;
	}
	return h->has_length || h->status == 204;
}

/* Receives until the head is complete, and reads it. */
static enum err
receive_head(struct client *c, int64_t deadline_us, struct head *h,
    struct fault *why)
{
	const char *end;
	char *text;
	bool good;
	enum err e;

	while ((end = memmem(buf_str(&c->in), c->in.len, "\r\n\r\n", 4)) ==
	    NULL) {
		if (c->in.len > HEAD_MAX)
			return fault_set(why, ERR_LIMIT, "the headers of the "
			    "reply are larger than %d bytes", HEAD_MAX);
		e = receive(c, deadline_us, why);
		if (e != OK)
			return e;
	}
	*h = (struct head){ .size = (size_t)(end - buf_str(&c->in)) + 4 };
	text = xstrndup(buf_str(&c->in), h->size - 2);
	good = read_head(h, text);
	free(text);
	if (!good)
		return fault_set(why, ERR_SYNTAX, "the broker's reply is not "
		    "HTTP/1.1 with a Content-Length");
	if (h->length > CLIENT_REPLY_MAX)
		return fault_set(why, ERR_LIMIT, "the reply is larger than %d "
		    "bytes", CLIENT_REPLY_MAX);
	return OK;
}

static enum err
exchange(struct client *c, int64_t deadline_us, struct head *h,
    struct fault *why)
{
	enum err e = send_all(c, deadline_us, why);

	if (e == OK)
		e = receive_head(c, deadline_us, h, why);
	while (e == OK && c->in.len < h->size + h->length)
		e = receive(c, deadline_us, why);
	if (e == OK && c->in.len > h->size + h->length)
		e = fault_set(why, ERR_SYNTAX, "the broker sent more than its "
		    "reply");
	return e;
}

static void
build(struct buf *out, const char *method, const char *path, const char *body,
    size_t n)
{
	buf_reset(out);
	buf_putf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n"
	    "User-Agent: keybroker\r\n", method, path);
	if (body != NULL)
		buf_putf(out, "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n", n);
	buf_puts(out, "\r\n");
	if (body != NULL)
		buf_put(out, body, n);
}

/* What a complete reply means to the caller. */
static enum err
interpret(const struct client *c, const struct head *h,
    struct client_reply *reply, struct fault *why)
{
	const char *text = (const char *)c->in.data + h->size;
	struct fault problem;

	reply->status = h->status;
	if (h->status < 200 || h->status > 299) {
		problem_read(text, h->length, h->status, &problem);
		if (why != NULL)
			*why = problem;
		return problem.code;
	}
	if (h->json && h->length != 0) {
		reply->json = json_parse(text, h->length, &problem);
		if (reply->json == NULL)
			return fault_set(why, ERR_SYNTAX, "the broker's reply: "
			    "%s", problem.text);
	}
	reply->text = xmalloc(h->length + 1);
	memcpy(reply->text, text, h->length);
	reply->text[h->length] = '\0';
	reply->length = h->length;
	return OK;
}

enum err
client_call(struct client *c, const char *method, const char *path,
    const char *body, size_t n, int timeout_ms, struct client_reply *reply,
    struct fault *why)
{
	int64_t deadline_us = timeout_ms < 0 ? -1 : clock_monotonic_us() +
	    (int64_t)timeout_ms * 1000;
	struct head h;
	enum err e;

	*reply = (struct client_reply){ 0 };
	build(&c->out, method, path, body, n);
	if (c->out.failed)
		return fault_set(why, ERR_LIMIT, "the request is larger than "
		    "%d bytes", REQUEST_MAX);
	buf_reset(&c->in);
	e = connect_again(c, why);
	if (e != OK)
		return e;
	e = exchange(c, deadline_us, &h, why);
	if (e != OK || h.closes)
		hang_up(c);
	if (e == OK)
		e = interpret(c, &h, reply, why);
	buf_reset(&c->out);
	return e;
}

void
client_reply_free(struct client_reply *reply)
{
	json_free(reply->json);
	free(reply->text);
	*reply = (struct client_reply){ 0 };
}
