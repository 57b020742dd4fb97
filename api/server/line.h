/*
 * Protocols of lines on Unix sockets: the server greets, then answers each
 * line with one of its own, and ends the connection at the first that it
 * refuses.  One thread a connection, hard limits.
 */
#ifndef API_SERVER_LINE_H
#define API_SERVER_LINE_H

#include "../../broker/base/buf.h"
#include "../route.h"

#define LINE_SIZE 65536 /* bytes of a line, its end included */

struct line_limits {
	unsigned connections; /* in all */
	unsigned connections_per_uid;
	unsigned idle; /* seconds */
	unsigned connections_per_tenant;       /* as in http_limits */
	size_t (*tenant)(const struct peer *);
};

/* What is spoken.  Both append whole lines to out; what fails ends the
 * connection without a word, and has been logged and audited there. */
struct line_service {
	enum err (*greet)(const struct peer *peer, const char *subject,
	    struct buf *out, struct fault *why);
	/* line has n bytes without its CRLF, and a NUL behind them. */
	enum err (*answer)(const struct peer *peer, const char *subject,
	    char *line, size_t n, struct buf *out, struct fault *why);
};

struct line_server;

struct line_server *line_server_new(const struct line_limits *limits);

/* Serves a listening socket under this name, about this subject; fd is then
 * owned. */
enum err line_server_listen(struct line_server *s, const char *name, int fd,
    const struct line_service *service, const char *subject,
    struct fault *why);

/* Stops accepting, ends what waits for lines, waits for what is being
 * answered, frees. */
void line_server_free(struct line_server *s);

#endif
