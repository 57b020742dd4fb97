#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"
#include "peer.h"
#include "seats.h"

#define STACK_SIZE 262144
#define ACCEPT_NAP 50000 /* microseconds, when there are no descriptors */

struct listener {
	struct line_server *server;
	const struct line_service *service;
	char *name, *subject;
	int fd;
	pthread_t thread;
	struct listener *next;
};

struct conn {
	struct listener *listener;
	int fd;
	struct peer peer;
	struct conn *next;
	size_t have;
	char in[LINE_SIZE + 1];
};

struct line_server {
	struct seats *seats;
	unsigned idle;
	size_t (*tenant)(const struct peer *);
	struct listener *listeners;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t ended;
	struct conn *conns;
};

struct line_server *
line_server_new(const struct line_limits *limits)
{
	struct line_server *s = xcalloc(1, sizeof(*s));

	s->seats = seats_new(limits->connections, limits->connections_per_uid,
	    limits->connections_per_tenant != 0 ?
	    limits->connections_per_tenant : limits->connections, 0);
	s->tenant = limits->tenant;
	s->idle = limits->idle;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->ended, NULL);
	return s;
}

/* ----------------------------------------------------------- a connection */

/*
 * Takes the next line out of what has come, or waits for more of it.  False
 * when there is none any more: the peer is gone or too slow, or the line is
 * too long or does not end in CRLF.
 */
static bool
next_line(struct conn *c, size_t *taken, char **line, size_t *n)
{
	char *end;
	ssize_t got;

	memmove(c->in, c->in + *taken, c->have - *taken);
	c->have -= *taken;
	*taken = 0;
	while ((end = memchr(c->in, '\n', c->have)) == NULL) {
		if (c->have == LINE_SIZE)
			return false;
		got = recv(c->fd, c->in + c->have, LINE_SIZE - c->have, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		c->have += (size_t)got;
	}
	*taken = (size_t)(end + 1 - c->in);
	if (end == c->in || end[-1] != '\r')
		return false;
	end[-1] = '\0';
	*line = c->in;
	*n = (size_t)(end - 1 - c->in);
	return true;
}

static bool
say(const struct conn *c, struct buf *out)
{
	bool said = !out->failed && write_full(c->fd, out->data, out->len) ==
	    0;

	buf_reset(out);
	return said;
}

static void
converse(struct conn *c)
{
	const struct listener *l = c->listener;
	size_t n, taken = 0;
	struct fault why;
	struct buf out;
	char *line;
	enum err e;

	buf_init(&out, LINE_SIZE);
	e = l->service->greet(&c->peer, l->subject, &out, &why);
	while (e == OK && say(c, &out) && next_line(c, &taken, &line, &n))
		e = l->service->answer(&c->peer, l->subject, line, n, &out,
		    &why);
	if (e != OK)
		log_info("%s: uid %u refused: %s", l->name,
		    (unsigned)c->peer.uid, why.text);
	buf_free(&out);
}

/* The descriptor is closed under the lock, so that nobody shuts down another
 * one of its number. */
static void
leave(struct conn *c)
{
	struct line_server *s = c->listener->server;
	struct conn **p = &s->conns;

	seats_give(s->seats, &c->peer);
	pthread_mutex_lock(&s->lock);
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	close(c->fd);
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	wipe(c->in, sizeof(c->in));
	free(c);
}

static void *
conn_thread(void *arg)
{
	converse(arg);
	leave(arg);
	return NULL;
}

static void
enter(struct conn *c)
{
	struct line_server *s = c->listener->server;

	pthread_mutex_lock(&s->lock);
	c->next = s->conns;
	s->conns = c;
	pthread_mutex_unlock(&s->lock);
}

static bool
spawn(void *(*fn)(void *), void *arg, pthread_t *thread)
{
	pthread_attr_t attr;
	pthread_t own;
	int failed;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (thread == NULL)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(thread != NULL ? thread : &own, &attr, fn,
	    arg);
	pthread_attr_destroy(&attr);
	return failed == 0;
}

/* ------------------------------------------------------------- accepting */

/* Whoever finds no seat is told nothing: the protocol has no word for it. */
static void
admit(struct listener *l, int fd)
{
	const struct timeval idle = { .tv_sec = l->server->idle };
	struct conn *c = xcalloc(1, sizeof(*c));
	struct fault why;
	enum err e;

	c->listener = l;
	c->fd = fd;
	c->peer.listener = l->name;
	e = peer_read(fd, &c->peer, &why);
	if (e == OK && l->server->tenant != NULL)
		c->peer.tenant = l->server->tenant(&c->peer);
	if (e == OK)
		e = seats_take(l->server->seats, &c->peer, &why);
	if (e != OK) {
		log_info("%s: %s", l->name, why.text);
		close(fd);
		free(c);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof(idle));
	enter(c);
	if (!spawn(conn_thread, c, NULL))
		leave(c);
}

static void *
accept_thread(void *arg)
{
	struct listener *l = arg;
	int fd;

	for (;;) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			admit(l, fd);
		else if (errno == EINVAL) /* shut down */
			return NULL;
		else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM)
			usleep(ACCEPT_NAP);
	}
}

static void
listener_free(struct listener *l)
{
	free(l->name);
	free(l->subject);
	free(l);
}

enum err
line_server_listen(struct line_server *s, const char *name, int fd,
    const struct line_service *service, const char *subject,
    struct fault *why)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	*l = (struct listener){ .server = s, .service = service,
		.name = xstrdup(name), .subject = xstrdup(subject), .fd = fd };
	if (fcntl(fd, F_SETFL, 0) != 0 ||
	    !spawn(accept_thread, l, &l->thread)) {
		close(fd);
		listener_free(l);
		return fault_set(why, ERR_IO, "no thread to serve %s", name);
	}
	l->next = s->listeners;
	s->listeners = l;
	return OK;
}

/* Nobody comes in any more, and who is in leaves. */
static void
drain(struct line_server *s)
{
	for (struct listener *l = s->listeners; l != NULL; l = l->next) {
		shutdown(l->fd, SHUT_RDWR);
		pthread_join(l->thread, NULL);
		close(l->fd);
	}
	pthread_mutex_lock(&s->lock);
	for (struct conn *c = s->conns; c != NULL; c = c->next)
		shutdown(c->fd, SHUT_RD);
	while (s->conns != NULL)
		pthread_cond_wait(&s->ended, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void
line_server_free(struct line_server *s)
{
	struct listener *l;

	if (s == NULL)
		return;
	drain(s);
	while ((l = s->listeners) != NULL) {
		s->listeners = l->next;
		listener_free(l);
	}
	seats_free(s->seats);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
