#include "responder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../api/client.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "worker.h"

#define REPLY_MAX    1024 /* bytes */
#define CORE_TIMEOUT 30000 /* ms */
#define PREFIX	     "/.well-known/acme-challenge/"

enum stage {
	STAGE_READING, /* until the head is there */
	STAGE_WRITING,
	STAGE_ENDING,  /* all is written; wait for the other side's end, so
			* that nothing unread turns our end into a reset */
};

struct visit {
	int fd;
	enum stage stage;
	int64_t deadline; /* clock_monotonic_us() */
	char head[RESPONDER_HEAD_MAX];
	size_t n;
	struct buf reply;
	size_t written;
};

struct responder {
	int listener;
	struct client *core;
	struct visit *visits[RESPONDER_CONNECTIONS]; /* the oldest first */
	unsigned count;
};

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 431, "Request Header Fields Too Large" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *
reason(unsigned status)
{
	for (size_t i = 0; i < nitems(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

/* Copies the text up to the stop character and gives what is behind it; NULL
 * when there is no stop before end or the text does not fit. */
static const char *
word(const char *p, const char *end, char stop, char *out, size_t size)
{
	const char *at = memchr(p, stop, (size_t)(end - p));

	if (at == NULL || (size_t)(at - p) >= size)
		return NULL;
	memcpy(out, p, (size_t)(at - p));
	out[at - p] = '\0';
	return at + 1;
}

void
responder_parse(const char *head, size_t n, struct responder_request *request)
{
	const char *end = head + n, *p;
	char method[16], target[RESPONDER_HEAD_MAX], version[16];
	size_t prefix = strlen(PREFIX);

	*request = (struct responder_request){ .status = 400 };
	if (memchr(head, '\0', n) != NULL ||
	    (p = word(head, end, ' ', method, sizeof(method))) == NULL ||
	    (p = word(p, end, ' ', target, sizeof(target))) == NULL ||
	    word(p, end, '\r', version, sizeof(version)) == NULL ||
	    strncmp(version, "HTTP/", 5) != 0)
		return;
	request->head = strcmp(method, "HEAD") == 0;
	if (strncmp(version, "HTTP/1.", 7) != 0)
		request->status = 505;
	else if (!request->head && strcmp(method, "GET") != 0)
		request->status = 405;
	else if (strncmp(target, PREFIX, prefix) != 0 ||
	    !token_ok(target + prefix))
		request->status = 404;
	else {
		request->status = 200;
		strcpy(request->token, target + prefix);
	}
}

/* The key authorization, owned; NULL when the core knows none. */
static char *
ask_core(struct responder *r, const char *token)
{
	struct client_reply reply = { .status = 0 };
	struct json_writer w;
	struct fault why;
	struct buf body;
	char *found = NULL;
	enum err e;

	buf_init(&body, 512);
	json_write_start(&w, &body);
	json_open_object(&w, NULL);
	json_put_string(&w, "token", token);
	json_close_object(&w);
	e = client_call(r->core, "POST", "/issuer/challenge",
	    (const char *)body.data, body.len, CORE_TIMEOUT, &reply, &why);
	if (e != OK && reply.status == 0)
		worker_core_gone(&why);
	if (e == OK && json_get_string(reply.json, "keyAuthorization") != NULL)
		found = xstrdup(json_get_string(reply.json,
		    "keyAuthorization"));
	else if (e != ERR_NOT_FOUND)
		log_warning("no key authorization: %s", e == OK ?
		    "the core's answer does not parse" : why.text);
	client_reply_free(&reply);
	buf_free(&body);
	return found;
}

static void
compose(struct visit *v, unsigned status, bool head, const char *text)
{
	const char *type = status == 200 ? "application/octet-stream" :
	    "text/plain";

	buf_putf(&v->reply, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n%s"
	    "Connection: close\r\n\r\n", status, reason(status), type,
	    strlen(text), status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!head)
		buf_puts(&v->reply, text);
	if (v->reply.failed)
		fatal("a key authorization is too long");
	v->stage = STAGE_WRITING;
}

static void
answer(struct responder *r, struct visit *v)
{
	struct responder_request request;
	char *text = NULL;

	responder_parse(v->head, v->n, &request);
	if (request.status == 200) {
		text = ask_core(r, request.token);
		if (text == NULL)
			request.status = 404;
		log_debug("http-01: %s: %u", request.token, request.status);
	}
	compose(v, request.status, request.head, text != NULL ? text :
	    reason(request.status));
	free(text);
}

/* Each of these does what the socket allows now; false ends the visit. */
static bool
read_head(struct responder *r, struct visit *v)
{
	ssize_t n = read(v->fd, v->head + v->n, sizeof(v->head) - v->n);
	const char *end;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	v->n += (size_t)n;
	end = memmem(v->head, v->n, "\r\n\r\n", 4);
	if (end != NULL) {
		v->n = (size_t)(end - v->head) + 4;
		answer(r, v);
	} else if (v->n == sizeof(v->head)) {
		compose(v, 431, false, reason(431));
	}
	return true;
}

static bool
write_reply(struct responder *r, struct visit *v)
{
	ssize_t n = write(v->fd, v->reply.data + v->written,
	    v->reply.len - v->written);

	(void)r;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	v->written += (size_t)n;
	if (v->written == v->reply.len) {
		shutdown(v->fd, SHUT_WR);
		v->stage = STAGE_ENDING;
	}
	return true;
}

static bool
read_end(struct responder *r, struct visit *v)
{
	ssize_t n = read(v->fd, v->head, sizeof(v->head));

	(void)r;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static const struct {
	short events;
	bool (*act)(struct responder *, struct visit *);
} stages[] = {
	[STAGE_READING] = { POLLIN, read_head },
	[STAGE_WRITING] = { POLLOUT, write_reply },
	[STAGE_ENDING] = { POLLIN, read_end },
};

static void
drop(struct responder *r, unsigned i)
{
	struct visit *v = r->visits[i];

	close(v->fd);
	buf_free(&v->reply);
	free(v);
	r->count--;
	memmove(&r->visits[i], &r->visits[i + 1],
	    (r->count - i) * sizeof(r->visits[0]));
}

/* When all places are taken by those who say nothing, the one who was given
 * most time makes room. */
static void
welcome(struct responder *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK |
	    SOCK_CLOEXEC);
	struct visit *v;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS)
			sleep(1);
		return;
	}
	if (r->count == RESPONDER_CONNECTIONS)
		drop(r, 0);
	v = xcalloc(1, sizeof(*v));
	v->fd = fd;
	v->deadline = clock_monotonic_us() + RESPONDER_SECONDS * 1000000LL;
	buf_init(&v->reply, REPLY_MAX);
	r->visits[r->count++] = v;
}

/* Milliseconds until the oldest visit is over; visits age in order. */
static int
time_left(const struct responder *r, int64_t now)
{
	if (r->count == 0)
		return -1;
	if (r->visits[0]->deadline <= now)
		return 0;
	return (int)((r->visits[0]->deadline - now) / 1000) + 1;
}

static void
once(struct responder *r)
{
	struct pollfd p[RESPONDER_CONNECTIONS + 1];
	unsigned count = r->count;
	int64_t now;

	for (unsigned i = 0; i < count; i++)
		p[i] = (struct pollfd){ .fd = r->visits[i]->fd,
			.events = stages[r->visits[i]->stage].events };
	p[count] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
	if (poll(p, count + 1, time_left(r, clock_monotonic_us())) < 0) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	now = clock_monotonic_us();
	for (unsigned i = count; i-- > 0;) {
		struct visit *v = r->visits[i];

		if (v->deadline <= now || (p[i].revents != 0 &&
		    !stages[v->stage].act(r, v)))
			drop(r, i);
	}
	if (p[count].revents != 0)
		welcome(r);
}

static void *
run(void *arg)
{
	for (;;)
		once(arg);
	return NULL;
}

void
responder_start(int listener, int core)
{
	struct responder *r = xcalloc(1, sizeof(*r));
	pthread_t thread;

	r->listener = listener;
	r->core = client_adopt(core);
	if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0)
		fatal("the http-01 listener is no socket: %s",
		    strerror(errno));
	if (pthread_create(&thread, NULL, run, r) != 0)
		fatal("cannot start the http-01 responder");
	pthread_detach(thread);
}
