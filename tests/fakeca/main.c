/*
 * fakeca: an ACME CA that misbehaves by a script; see README.md.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../broker/base/crypto.h"
#include "../../broker/base/log.h"
#include "authority.h"
#include "resource.h"

static SSL_CTX *context;

static void
usage(void)
{
	fputs("usage: fakeca --folder FOLDER [--port PORT] [--http-port PORT]\n"
	    "\n"
	    "  --folder FOLDER   scripts are read from NAME.script in it, and\n"
	    "                    the root is written to root.pem\n"
	    "  --port PORT       on 127.0.0.1; printed when it is not given\n"
	    "  --http-port PORT  looks for http-01 answers there; without it\n"
	    "                    every challenge is met\n"
	    "\n"
	    "The directory of CA NAME is "
	    "https://localhost:PORT/NAME/directory,\n"
	    "its counts are at /NAME/counts.\n", stderr);
	exit(2);
}

static unsigned
read_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || port == 0 || port > 65535)
		usage();
	return (unsigned)port;
}

static void
read_arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			usage();
		if (strcmp(argv[i], "--folder") == 0)
			settings.folder = argv[i + 1];
		else if (strcmp(argv[i], "--port") == 0)
			settings.port = read_port(argv[i + 1]);
		else if (strcmp(argv[i], "--http-port") == 0)
			settings.http_port = read_port(argv[i + 1]);
		else
			usage();
	}
	if (settings.folder == NULL)
		usage();
}

static int
listen_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)settings.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	socklen_t n = sizeof(a);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		fatal("cannot listen on port %u", settings.port);
	settings.port = ntohs(a.sin_port);
	return fd;
}

static bool
one_request(SSL *ssl, struct request *rq)
{
	struct answer a;
	bool more;

	if (!request_read(ssl, rq))
		return false;
	answer_init(&a);
	serve(rq, &a);
	more = answer_write(ssl, &a, strcmp(rq->method, "HEAD") == 0);
	answer_free(&a);
	return more;
}

static void *
connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	SSL *ssl = SSL_new(context);
	struct request rq;

	request_init(&rq);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		while (one_request(ssl, &rq))
			continue;
	request_free(&rq);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t thread;
	int listener;

	log_open("fakeca", LOG_LEVEL_INFO);
	crypto_start();
	read_arguments(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_loopback();
	context = SSL_CTX_new(TLS_server_method());
	authority_start(settings.folder, context);
	printf("https://localhost:%u\n", settings.port);
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		void *arg = (void *)(intptr_t)fd;

		if (fd < 0)
			continue;
		if (pthread_create(&thread, NULL, connection, arg) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}
