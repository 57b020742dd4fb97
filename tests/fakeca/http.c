#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../broker/base/mem.h"

#define REQUEST_MAX 262144  /* bytes, head and body */
#define ANSWER_MAX  8388608 /* bytes, head and body */
#define CHUNK	    16384   /* bytes of an endless body at a time */

void
request_init(struct request *rq)
{
	memset(rq, 0, sizeof(*rq));
	buf_init(&rq->body, REQUEST_MAX);
}

void
request_free(struct request *rq)
{
	buf_free(&rq->body);
}

/* Copies a field's value when this is the line of that field. */
static bool
field(const char *line, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	line += strspn(line, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(line, "\r\n"), line);
	return true;
}

/* Reads the fields of a head; gives the length of the body. */
static size_t
read_fields(struct request *rq, const char *head)
{
	const char *line = strstr(head, "\r\n");
	char text[32];
	size_t length = 0;

	rq->content_type[0] = '\0';
	rq->user_agent = rq->nonce_header = false;
	for (; line != NULL && line[2] != '\r'; line = strstr(line, "\r\n")) {
		line += 2;
		if (field(line, "Content-Length", text, sizeof(text)))
			length = strtoul(text, NULL, 10);
		else if (field(line, "User-Agent", text, sizeof(text)))
			rq->user_agent = text[0] != '\0';
		else if (field(line, "Replay-Nonce", text, sizeof(text)))
			rq->nonce_header = true;
		else
			field(line, "Content-Type", rq->content_type,
			    sizeof(rq->content_type));
	}
	return length;
}

bool
request_read(SSL *ssl, struct request *rq)
{
	char *text = xmalloc(REQUEST_MAX), *end = NULL;
	size_t n = 0, head = 0, body = 0;
	int got = 1;

	while (got > 0 && (end == NULL || n < head + body) &&
	    n < REQUEST_MAX - 1) {
		got = SSL_read(ssl, text + n, (int)(REQUEST_MAX - 1 - n));
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
		if (end != NULL || (end = strstr(text, "\r\n\r\n")) == NULL)
			continue;
		head = (size_t)(end - text) + 4;
		body = read_fields(rq, text);
	}
	buf_reset(&rq->body);
	if (got > 0 && end != NULL && n == head + body)
		buf_put(&rq->body, text + head, body);
	else
		end = NULL;
	if (end != NULL && sscanf(text, "%7s %2047s HTTP/1.1", rq->method,
	    rq->target) != 2)
		end = NULL;
	free(text);
	return end != NULL;
}

/* ---------------------------------------------------------------- answers */

void
answer_init(struct answer *a)
{
	memset(a, 0, sizeof(*a));
	buf_init(&a->body, ANSWER_MAX);
}

void
answer_free(struct answer *a)
{
	for (unsigned i = 0; i < a->nheaders; i++) {
		free(a->headers[i].name);
		free(a->headers[i].value);
	}
	buf_free(&a->body);
	free(a->raw);
}

void
answer_header(struct answer *a, const char *name, const char *value)
{
	unsigned i = 0;

	while (i < a->nheaders && strcasecmp(a->headers[i].name, name) != 0)
		i++;
	if (i < a->nheaders) {
		free(a->headers[i].name);
		free(a->headers[i].value);
		a->headers[i] = a->headers[--a->nheaders];
	}
	if (value == NULL || a->nheaders == HEADERS_MAX)
		return;
	a->headers[a->nheaders].name = xstrdup(name);
	a->headers[a->nheaders++].value = xstrdup(value);
}

static void
put_head(struct buf *out, const struct answer *a)
{
	buf_putf(out, "HTTP/1.1 %u %s\r\n", a->status,
	    a->status < 300 ? "OK" : "No");
	for (unsigned i = 0; i < a->nheaders; i++)
		buf_putf(out, "%s: %s\r\n", a->headers[i].name,
		    a->headers[i].value);
	for (unsigned i = 0; i < a->flood; i++)
		buf_putf(out, "X-Flood-%u: %0100u\r\n", i, i);
	if (a->endless)
		buf_puts(out, "Transfer-Encoding: chunked\r\n\r\n");
	else
		buf_putf(out, "Content-Length: %zu\r\n\r\n", a->body.len);
}

static bool
put_all(SSL *ssl, const void *p, size_t n)
{
	return n == 0 || SSL_write(ssl, p, (int)n) == (int)n;
}

static bool
drip(SSL *ssl, const struct answer *a, const unsigned char *p, size_t n)
{
	size_t step = a->drip_bytes > 0 ? a->drip_bytes : 1;

	for (size_t i = 0; i < n; i += step) {
		usleep(a->drip_ms * 1000);
		if (!put_all(ssl, p + i, n - i < step ? n - i : step))
			return false;
	}
	return true;
}

/* Until the other side has had enough. */
static void
put_endless(SSL *ssl)
{
	char chunk[CHUNK + 16];
	int n = sprintf(chunk, "%x\r\n", CHUNK);

	memset(chunk + n, ' ', CHUNK);
	memcpy(chunk + n + CHUNK, "\r\n", 2);
	while (put_all(ssl, chunk, (size_t)n + CHUNK + 2))
		continue;
}

/* So that close() sends a reset. */
static void
set_reset(SSL *ssl)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
}

bool
answer_write(SSL *ssl, struct answer *a, bool head_only)
{
	struct buf out;
	size_t n;
	bool good;

	if (a->reset)
		set_reset(ssl);
	usleep(a->delay_ms * 1000);
	if (a->loss == LOSS_UNREAD || a->loss == LOSS_BEFORE)
		return false;
	buf_init(&out, ANSWER_MAX + REQUEST_MAX);
	if (a->raw != NULL)
		buf_put(&out, a->raw, a->rawlen);
	else
		put_head(&out, a);
	if (a->raw == NULL && !head_only && !a->endless)
		buf_put(&out, a->body.data, a->body.len);
	n = a->loss == LOSS_DURING ? out.len / 2 : out.len;
	good = a->drip_ms != 0 ? drip(ssl, a, out.data, n) :
	    put_all(ssl, out.data, n);
	if (good && a->endless)
		put_endless(ssl);
	buf_free(&out);
	return good && a->loss == LOSS_NONE && a->raw == NULL && !a->endless;
}
