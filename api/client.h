/*
 * The client library: one connection to the broker, one request at a time.
 * Installed as libkeybroker; used by the command line and by keybroker-issuer.
 */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include "../broker/base/err.h"
#include "json.h"

#define CLIENT_REPLY_MAX 4194304 /* bytes of a reply that are accepted */

struct client;

/* Connects to the socket at path; NULL and why when nobody listens. */
struct client *client_open(const char *path, struct fault *why);

/* Uses a connected descriptor, which it then owns. */
struct client *client_adopt(int fd);
void client_close(struct client *c);

/*
 * One request.  body is JSON text of n bytes, or NULL.  On a 2xx status gives
 * OK, the parsed reply (owned; NULL when empty) and its raw text; otherwise
 * the error that the problem document names.  After ERR_CLOSED, ERR_IO or
 * ERR_TIMEOUT a client made by client_open() connects anew on the next call.
 * timeout_ms bounds the whole exchange; -1: no bound.  reply->status is 0
 * when no answer was read, which tells those errors from a broker's own.
 */
struct client_reply {
	unsigned status;
	struct json *json;  /* NULL when not JSON */
	char *text;	    /* owned, NUL-terminated */
	size_t length;
};
enum err client_call(struct client *c, const char *method, const char *path,
    const char *body, size_t n, int timeout_ms, struct client_reply *reply,
    struct fault *why);
void client_reply_free(struct client_reply *reply);

#endif
