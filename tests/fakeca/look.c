#include "look.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/crypto.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"

#define LOOK_SECONDS 5
#define ANSWER_MAX   4096

static int
dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)settings.http_port) };
	struct timeval limit = { .tv_sec = LOOK_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The whole answer for a token, "" when there was none. */
static void
fetch(const struct authorization *a, char answer[static ANSWER_MAX])
{
	char *text = xasprintf("GET /.well-known/acme-challenge/%s HTTP/1.1\r\n"
	    "Host: %s\r\nUser-Agent: fakeca\r\nConnection: close\r\n\r\n",
	    a->token, a->name);
	int fd = dial();
	ssize_t n = 0;

	if (fd >= 0 && write_full(fd, text, strlen(text)) == 0)
		n = read_full(fd, answer, ANSWER_MAX - 1);
	answer[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	free(text);
}

/* RFC 8555 section 8.1. */
static char *
key_authorization(const struct authorization *a)
{
	unsigned char digest[SHA256_SIZE];
	const char *jwk = a->order->account->jwk;
	char *text, *thumbprint;

	sha256(digest, jwk, strlen(jwk));
	thumbprint = b64_encode(digest, sizeof(digest));
	text = xasprintf("%s.%s", a->token, thumbprint);
	free(thumbprint);
	return text;
}

bool
look(struct authorization *a)
{
	char answer[ANSWER_MAX];
	const char *body;
	char *wanted;
	bool good;

	if (settings.http_port == 0)
		return true;
	wanted = key_authorization(a);
	fetch(a, answer);
	body = strstr(answer, "\r\n\r\n");
	good = strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && body != NULL &&
	    strcmp(body + 4, wanted) == 0;
	if (!good)
		snprintf(a->error, sizeof(a->error), "found no answer but "
		    "\"%.40s\"", answer);
	free(wanted);
	return good;
}
