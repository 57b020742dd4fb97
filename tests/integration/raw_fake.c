/*
 * raw_fake PORT CERTIFICATE KEY FOLDER: a TLS server on 127.0.0.1 that sends
 * files as they are, head and all: FOLDER/get-x for GET /x, head-x and post-x
 * likewise.  Where there is no file it closes the connection without a word.
 * It writes each request's first line on standard output.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/log.h"

#define REQUEST_SIZE 65536

static SSL_CTX *context;
static const char *folder;

/* Reads a request, head and body; false at the end. */
static int
read_request(SSL *ssl, char *text)
{
	size_t n = 0, body = 0;
	const char *end, *length;

	for (;;) {
		int got = SSL_read(ssl, text + n, (int)(REQUEST_SIZE - 1 - n));

		if (got <= 0)
			return 0;
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strcasestr(text, "Content-Length:");
		if (length != NULL)
			body = strtoul(length + 15, NULL, 10);
		if (n >= (size_t)(end - text) + 4 + body)
			return 1;
	}
}

/* Sends the file for a request, or gives false. */
static int
answer(SSL *ssl, const char *text)
{
	char method[8], name[64], path[512];
	struct buf file;
	struct fault why;
	int done;

	if (sscanf(text, "%7s /%63[a-z0-9-]", method, name) != 2)
		return 0;
	for (char *p = method; *p != '\0'; p++)
		*p |= 0x20;
	snprintf(path, sizeof(path), "%s/%s-%s", folder, method, name);
	buf_init(&file, 8 << 20);
	done = read_file(path, &file, &why) == OK &&
	    SSL_write(ssl, file.data, (int)file.len) == (int)file.len;
	buf_free(&file);
	return done;
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	SSL *ssl = SSL_new(context);
	char *text = malloc(REQUEST_SIZE);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		while (read_request(ssl, text)) {
			printf("%.*s\n", (int)strcspn(text, "\r"), text);
			fflush(stdout);
			if (!answer(ssl, text))
				break;
		}
	free(text);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	pthread_t thread;

	if (argc != 5)
		fatal("usage: raw_fake PORT CERTIFICATE KEY FOLDER");
	signal(SIGPIPE, SIG_IGN);
	folder = argv[4];
	context = SSL_CTX_new(TLS_server_method());
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) !=
	    1 || bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(listener, 16) != 0)
		fatal("cannot serve");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 && pthread_create(&thread, NULL, serve,
		    (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
}
