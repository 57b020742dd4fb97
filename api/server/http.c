/*
 * The server: one daemon of libmicrohttpd for each listening socket, so that
 * a connection knows its listener, and one without a socket for the issuer's
 * channels.  One thread a connection; nothing is suspended, nothing is
 * post-processed.
 *
 * A refusal that leaves the connection in doubt closes it; others (no such
 * path, bad JSON, a handler's error) keep it open.
 *
 * A client that sends or reads slowly, a byte a second, holds only its own
 * seat, and that not for ever.
 */
#include "http.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"
#include "exchange.h"
#include "pace.h"
#include "peer.h"
#include "seats.h"
#include "warden.h"

#define MEMORY_MAX	16384	/* of the library, a connection: its headers */
#define STACK_SIZE	262144	/* of a connection's thread */
#define ISSUER_BODY_MAX 1048576 /* reports of chains are longer than BODY_MAX */
#define REFUSED_TIMEOUT 5	/* seconds that a client without a seat has */
#define REFUSED_MAX	32	/* such clients at one time */
#define STOP_WAIT_US	10000000 /* for running requests when stopping */
#define STOP_STEP_US	2000

struct listener {
	struct http_server *server;
	struct MHD_Daemon *daemon;
	char *name;
	bool issuer;
	struct listener *next;
};

struct http_server {
	const struct route *api, *issuer;
	size_t napi, nissuer;
	struct http_limits limits;
	struct seats *seats;
	struct pace *pace;
	struct warden *warden;
	http_refusal_fn *on_refusal;
	http_outcome_fn *on_outcome;
	struct listener *listeners;
	atomic_uint running; /* requests between handler and last byte out */
	atomic_bool stopping;
};

/* How far the request of a connection is. */
enum stage {
	STAGE_NONE,    /* none has begun */
	STAGE_TARGET,  /* its first line is there */
	STAGE_BODY,    /* its headers passed */
	STAGE_REFUSED, /* it did not pass; told so */
	STAGE_REPLY,   /* answered by serve() */
};

struct conn {
	struct http_server *server;
	struct exchange x;
	struct watched watched;
	enum { SEAT_NONE, SEAT_TAKEN, SEAT_WAITING } seat;
	struct fault no_seat; /* code OK: there is one */
	enum stage stage;
	struct fault bad_target; /* code OK: it is good */
	struct guard guard;
};

/* The issuer takes as long as it likes. */
static void
allow(struct conn *c, unsigned seconds)
{
	if (c->x.table != c->server->issuer)
		warden_allow(c->server->warden, &c->watched, seconds);
}

/* To ask again, or to read a reply: time to be idle and to be slow. */
static void
allow_pause(struct conn *c)
{
	allow(c, c->server->limits.idle + c->server->limits.deadline);
}

static void
add_header(struct MHD_Response *r, const char *name, const char *value)
{
	if (MHD_add_response_header(r, name, value) != MHD_YES)
		log_error("cannot add the header %s: %s", name, value);
}

/* The headers that some replies have only. */
static void
add_rare_headers(struct MHD_Response *r, const struct exchange *x)
{
	const struct reply *reply = &x->reply;
	char allow[ALLOW_SIZE], seconds[16];

	if (reply->location[0] != '\0')
		add_header(r, MHD_HTTP_HEADER_LOCATION, reply->location);
	if (reply->retry_after != 0) {
		snprintf(seconds, sizeof(seconds), "%u", reply->retry_after);
		add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		exchange_allow(x, allow);
		if (allow[0] != '\0')
			add_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	}
}

/* Hands the reply to the library, which reads it where it is. */
static enum MHD_Result
send_reply(struct conn *c, struct MHD_Connection *mhd, bool close_after)
{
	const struct reply *reply = &c->x.reply;
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    reply->body.len, reply->body.data, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (r == NULL)
		return MHD_NO;
	if (reply->body.len != 0)
		add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	add_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	add_rare_headers(r, &c->x);
	if (close_after || atomic_load(&c->server->stopping))
		add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(mhd, reply->status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t nname,
    const char *value, size_t nvalue)
{
	(void)kind;
	guard_header(cls, name, nname, value, nvalue);
	return MHD_YES;
}

/* All checks that can be made before the body arrives. */
static enum err
check_headers(struct conn *c, struct MHD_Connection *mhd, const char *version,
    struct fault *why)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const struct fault *before = c->no_seat.code != OK ? &c->no_seat :
	    &c->bad_target;

	if (before->code != OK) {
		*why = *before;
		return why->code;
	}
	if (info == NULL)
		return fault_set(why, ERR_INTERNAL, "no header size");
	guard_start(&c->guard);
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header,
	    &c->guard);
	return guard_finish(&c->guard, c->x.method, c->x.target, version,
	    info->header_size, c->x.body.max, why);
}

static enum MHD_Result
on_headers(struct conn *c, struct MHD_Connection *mhd, const char *method,
    const char *version)
{
	struct fault why;

	snprintf(c->x.method, sizeof(c->x.method), "%s", method);
	if (check_headers(c, mhd, version, &why) == OK) {
		c->stage = STAGE_BODY;
		return MHD_YES;
	}
	c->stage = STAGE_REFUSED;
	exchange_refuse(&c->x, &why);
	return send_reply(c, mhd, true);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **state)
{
	struct conn *c = *state;

	(void)cls;
	(void)url;
	if (c->stage == STAGE_TARGET)
		return on_headers(c, mhd, method, version);
	if (*n != 0) {
		buf_put(&c->x.body, data, *n);
		*n = 0;
		return c->x.body.failed ? MHD_NO : MHD_YES;
	}
	c->stage = STAGE_REPLY;
	atomic_fetch_add(&c->server->running, 1);
	allow(c, 0);
	exchange_serve(&c->x);
	allow_pause(c);
	return send_reply(c, mhd, false);
}

static struct conn *
conn_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The first line of a request is there, and nothing of it is decoded yet. */
static void *
on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct conn *c = conn_of(mhd);

	(void)cls;
	c->stage = STAGE_TARGET;
	c->bad_target.code = OK;
	guard_target(target, &c->bad_target);
	exchange_start(&c->x, target);
	allow(c, c->server->limits.deadline);
	return c;
}

/* The reply is out, or the request is lost. */
static void
on_completed(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_RequestTerminationCode how)
{
	struct conn *c = *state;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_HTTP_STATUS);
	struct fault why;

	(void)cls;
	(void)how;
	if (c == NULL)
		return;
	if (c->stage == STAGE_REPLY)
		atomic_fetch_sub(&c->server->running, 1);
	if (c->stage == STAGE_TARGET && info != NULL &&
	    info->http_status >= MHD_HTTP_BAD_REQUEST) {
		fault_set(&why, ERR_SYNTAX, "headers: not HTTP/1.1 (%u)",
		    info->http_status);
		exchange_report(&c->x, &why);
	}
	c->stage = STAGE_NONE;
	exchange_end(&c->x);
	allow_pause(c);
}

/* The library keeps a peer's address with its connection.  The end of a
 * socket pair has none, so that there is room for the number of the issuer. */
struct address {
	struct sockaddr sa;
	uint64_t issuer;
};

static uint64_t
issuer_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct address a;

	memcpy(&a, info->client_addr, sizeof(a));
	return a.issuer;
}

static struct conn *
conn_new(const struct listener *l, struct MHD_Connection *mhd)
{
	int fd = MHD_get_connection_info(mhd,
	    MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct http_server *s = l->server;
	struct conn *c = xcalloc(1, sizeof(*c));
	struct peer *peer = &c->x.peer;
	enum err e;

	c->server = s;
	peer->listener = l->name;
	peer->issuer = l->issuer ? issuer_of(mhd) : 0;
	exchange_init(&c->x, l->issuer ? s->issuer : s->api,
	    l->issuer ? s->nissuer : s->napi,
	    l->issuer ? ISSUER_BODY_MAX : s->limits.body_max, s->on_refusal);
	c->x.pace = s->pace;
	warden_watch(s->warden, &c->watched, fd);
	allow_pause(c);
	c->x.on_outcome = s->on_outcome;
	e = peer_read(fd, peer, &c->no_seat);
	if (e == OK && s->limits.tenant != NULL)
		peer->tenant = s->limits.tenant(peer);
	if (e == OK && !l->issuer) {
		e = seats_take(s->seats, peer, &c->no_seat);
		c->seat = e == OK ? SEAT_TAKEN : SEAT_NONE;
	}
	if (e != OK && seats_wait(s->seats, peer)) {
		c->seat = SEAT_WAITING;
		MHD_set_connection_option(mhd, MHD_CONNECTION_OPTION_TIMEOUT,
		    (unsigned)REFUSED_TIMEOUT);
	} else if (e != OK) {
		shutdown(fd, SHUT_RDWR);
	}
	return c;
}

static void
conn_free(struct conn *c)
{
	if (c->seat == SEAT_TAKEN)
		seats_give(c->server->seats, &c->x.peer);
	if (c->seat == SEAT_WAITING)
		seats_leave(c->server->seats, &c->x.peer);
	warden_forget(c->server->warden, &c->watched);
	exchange_free(&c->x);
	free(c);
}

static void
on_connection(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = conn_new(cls, mhd);
	} else if (*state != NULL) {
		conn_free(*state);
		*state = NULL;
	}
}

static void
on_library_log(void *cls, const char *fmt, va_list ap)
{
	char line[256];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("libmicrohttpd: %s", line);
}

/* Starts a daemon on fd, or on no socket when fd is -1. */
static enum err
start(struct http_server *s, const char *name, int fd, bool issuer,
    struct fault *why)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC |
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	    MHD_USE_ERROR_LOG | (fd < 0 ? MHD_USE_NO_LISTEN_SOCKET : 0);

	l->server = s;
	l->name = xstrdup(name);
	l->issuer = issuer;
	l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, l,
	    MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
	    MHD_OPTION_CONNECTION_LIMIT, s->limits.connections + REFUSED_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, issuer ? 0 : s->limits.idle,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
	    MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    fd < 0 ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_END);
	if (l->daemon == NULL) {
		free(l->name);
		free(l);
		return fault_errno(why, ERR_IO, "cannot serve %s", name);
	}
	l->next = s->listeners;
	s->listeners = l;
	return OK;
}

struct http_server *
http_server_new(const struct route *api, size_t napi,
    const struct route *issuer, size_t nissuer,
    const struct http_limits *limits, struct fault *why)
{
	struct http_server *s;

	if (limits->connections == 0 || limits->connections_per_uid == 0 ||
	    limits->body_max == 0 || limits->deadline == 0) {
		fault_set(why, ERR_CONFIG, "limits of the server must not be "
		    "zero");
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->api = api;
	s->napi = napi;
	s->issuer = issuer;
	s->nissuer = nissuer;
	s->limits = *limits;
	s->seats = seats_new(limits->connections, limits->connections_per_uid,
	    limits->connections_per_tenant != 0 ?
	    limits->connections_per_tenant : limits->connections,
	    REFUSED_MAX);
	s->pace = pace_new(limits->refusals);
	s->warden = warden_new();
	return s;
}

enum err
http_server_listen(struct http_server *s, const char *name, int fd,
    struct fault *why)
{
	enum err e = start(s, name, fd, false, why);

	if (e != OK)
		close(fd);
	return e;
}

enum err
http_server_adopt_issuer(struct http_server *s, int fd, uint64_t issuer,
    struct fault *why)
{
	const struct address a = { .sa.sa_family = AF_UNIX, .issuer = issuer };
	struct listener *l = s->listeners;

	while (l != NULL && !l->issuer)
		l = l->next;
	if (l == NULL) {
		if (start(s, "issuer", -1, true, why) != OK) {
			close(fd);
			return ERR_IO;
		}
		l = s->listeners;
	}
	if (MHD_add_connection(l->daemon, fd, &a.sa, sizeof(a)) != MHD_YES)
		return fault_errno(why, ERR_IO, "cannot serve the issuer");
	return OK;
}

void
http_server_on_refusal(struct http_server *s, http_refusal_fn *fn)
{
	s->on_refusal = fn;
}

void
http_server_on_outcome(struct http_server *s, http_outcome_fn *fn)
{
	s->on_outcome = fn;
}

unsigned
http_server_connections(const struct http_server *s)
{
	return seats_taken(s->seats);
}

/* Closes the listening sockets and lets running requests end. */
static void
drain(struct http_server *s)
{
	unsigned waited = 0;

	atomic_store(&s->stopping, true);
	for (struct listener *l = s->listeners; l != NULL; l = l->next) {
		int fd = l->issuer ? -1 : MHD_quiesce_daemon(l->daemon);

		if (fd >= 0)
			close(fd);
	}
	while (atomic_load(&s->running) != 0 && waited < STOP_WAIT_US) {
		usleep(STOP_STEP_US);
		waited += STOP_STEP_US;
	}
}

void
http_server_free(struct http_server *s)
{
	struct listener *l;

	if (s == NULL)
		return;
	drain(s);
	while ((l = s->listeners) != NULL) {
		s->listeners = l->next;
		MHD_stop_daemon(l->daemon);
		free(l->name);
		free(l);
	}
	seats_free(s->seats);
	pace_free(s->pace);
	warden_free(s->warden);
	free(s);
}
