/*
 * A broker whose issuer is the test itself: keybrokerd, core and lanes are
 * real, on a SoftHSM token of their own, and the program that stands beside
 * them as keybroker-issuer hands its channels to the test and waits.  For
 * main(): when world_is_issuer() it must return world_be_issuer().
 */
#ifndef TESTS_HOSTILE_WORLD_H
#define TESTS_HOSTILE_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../api/json.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../broker/issuer/protocol.h"
#include "faulty.h"
#include "soft_token.c"

#define WORLD_WORKERS 4
#define WORLD_ANSWER  8000000 /* bytes of one answer */
#define WORLD_PATIENCE 40     /* seconds for anything */

static struct {
	struct soft_token token;
	char daemon[128]; /* keybrokerd's copy */
	char config[128];
	char api[128];
	char module[128];
	bool faulty;		 /* the module is a copy of the faulty one */
	const char *token_lines; /* more of the token's configuration */
	int door;	  /* where issuers come in */
	int issuer;	  /* the one that is there */
	int channel[WORLD_WORKERS + 1];
	pid_t pid;
} world = { .door = -1, .issuer = -1 };

/* ------------------------------------------------------ within the issuer */

static inline bool
world_is_issuer(const char *argv0)
{
	char *copy = xstrdup(argv0);
	bool is = strcmp(basename(copy), "keybroker-issuer") == 0;

	free(copy);
	return is;
}

static inline void
world_address(struct sockaddr_un *at, const char *program)
{
	char *copy = xstrdup(program);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/door",
	    dirname(copy));
	free(copy);
}

/* Ends with the code that the test sends, or when the test is gone. */
static inline int
world_be_issuer(void)
{
	char self[4096] = "", code = EXIT_FINE;
	int fds[WORLD_WORKERS + 1] = { PARENT_FD };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = &code, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct sockaddr_un at;
	int door = socket(AF_UNIX, SOCK_STREAM, 0);

	for (int i = 0; i < WORLD_WORKERS; i++)
		fds[i + 1] = ISSUER_WORKER_FD + i;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return EXIT_BROKEN;
	world_address(&at, self);
	if (connect(door, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    sendmsg(door, &msg, 0) != 1)
		return EXIT_TEMPORARY;
	return read(door, &code, 1) == 1 ? code : EXIT_FINE;
}

/* ------------------------------------------------------------ in the test */

/* Takes the next issuer's channels; the test fails when none comes. */
static inline void
world_let_in(void)
{
	struct pollfd p = { .fd = world.door, .events = POLLIN };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(world.channel))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	const struct timeval patience = { .tv_sec = WORLD_PATIENCE };

	assert_int_equal(poll(&p, 1, WORLD_PATIENCE * 1000), 1);
	world.issuer = accept4(world.door, NULL, NULL, SOCK_CLOEXEC);
	assert_true(world.issuer >= 0);
	assert_int_equal(recvmsg(world.issuer, &msg, MSG_CMSG_CLOEXEC), 1);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(world.channel, CMSG_DATA(CMSG_FIRSTHDR(&msg)),
	    sizeof(world.channel));
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		setsockopt(world.channel[i], SOL_SOCKET, SO_RCVTIMEO,
		    &patience, sizeof(patience));
}

/* The issuer ends with a code, and another one comes. */
static inline void
world_replace_issuer(char code)
{
	assert_int_equal(write(world.issuer, &code, 1), 1);
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		close(world.channel[i]);
	close(world.issuer);
	world_let_in();
}

struct answer {
	int status; /* 0: the other end closed */
	char *body; /* owned */
	struct json *json;
};

static inline void
answer_free(struct answer *a)
{
	free(a->body);
	json_free(a->json);
	*a = (struct answer){ .status = 0 };
}

/* Reads one answer: its head byte by byte, its body by Content-Length. */
static inline struct answer
world_hear(int fd)
{
	struct answer a = { .status = 0 };
	char head[8192];
	size_t n = 0, length = 0;
	const char *p;

	while (n < sizeof(head) - 1 && read(fd, head + n, 1) == 1) {
		head[++n] = '\0';
		if (n >= 4 && strcmp(head + n - 4, "\r\n\r\n") == 0)
			break;
	}
	head[n] = '\0';
	if (sscanf(head, "HTTP/1.1 %d", &a.status) != 1)
		return a;
	p = strcasestr(head, "\r\nContent-Length: ");
	if (p != NULL)
		length = strtoul(p + strlen("\r\nContent-Length: "), NULL, 10);
	assert_true(length <= WORLD_ANSWER);
	a.body = xcalloc(length + 1, 1);
	if (read_full(fd, a.body, length) != (ssize_t)length)
		a.status = 0;
	else if (length > 0 && a.body[0] == '{')
		a.json = json_parse(a.body, length, NULL);
	return a;
}

static inline struct answer
world_ask(int fd, const char *method, const char *path, const char *body)
{
	char *head = xasprintf("%s %s HTTP/1.1\r\nHost: core\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    method, path, strlen(body));
	struct answer a = { .status = 0 };

	if (send(fd, head, strlen(head), MSG_NOSIGNAL) ==
		(ssize_t)strlen(head) &&
	    (body[0] == '\0' || send(fd, body, strlen(body), MSG_NOSIGNAL) ==
		(ssize_t)strlen(body)))
		a = world_hear(fd);
	free(head);
	return a;
}

static inline int
world_connect(void)
{
	const struct timeval patience = { .tv_sec = WORLD_PATIENCE };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, world.api);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* One request of a client. */
static inline struct answer
world_api(const char *method, const char *path, const char *body)
{
	struct answer a = { .status = 0 };
	int fd = world_connect();

	if (fd < 0)
		return a;
	a = world_ask(fd, method, path, body);
	close(fd);
	return a;
}

/* The process of a role, 0 when there is none. */
static inline pid_t
world_pid(const char *role)
{
	struct answer a = world_api("GET", "/v1/status", "");
	const struct json *v = json_first(json_get(a.json, "processes"));
	int64_t pid = 0;

	for (; v != NULL; v = json_next(v))
		if (strcmp(json_get_string(v, "role"), role) == 0)
			json_get_int(v, "pid", &pid);
	answer_free(&a);
	return (pid_t)pid;
}

/* KiB of memory that a process has, as the kernel counts. */
static inline long
world_memory(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Milliseconds of processor time that a process has used. */
static inline long
world_cpu_ms(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], text[1024] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d "
	    "%*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
	return (long)((user + kernel) * 1000 /
	    (unsigned long)sysconf(_SC_CLK_TCK));
}

/* How many lines of the audit log have a text. */
static inline size_t
world_audit_count(const char *text)
{
	char *path = xasprintf("%s/state/audit/audit.log",
	    world.token.folder), *line = NULL;
	FILE *f = fopen(path, "r");
	size_t n = 0, size = 0;

	free(path);
	assert_non_null(f);
	while (getline(&line, &size, f) > 0)
		n += strstr(line, text) != NULL;
	free(line);
	fclose(f);
	return n;
}

static inline void
world_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static inline unsigned
world_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, n) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		abort();
	close(fd);
	return ntohs(at.sin_port);
}

static inline void
world_configure(const char *more)
{
	char *text = xasprintf("state \"%s/state\"\n"
	    "listener \"api\" { path \"%s\" mode 0666 }\n"
	    "audit durable { token \"main\" }\n"
	    "http-listen \"127.0.0.1:%u\"\n"
	    "issuer { workers %d }\n"
	    "token \"main\" {\n"
	    "  module \"%s\"\n  uri \"%s\"\n  pin-source \"file:%s/pin\"\n"
	    "  lanes 2\n%s}\n"
	    "tenant \"operator\" { uid %u }\n"
	    "allow \"operator\" { operations * names \"*\" }\n%s",
	    world.token.folder, world.api, world_port(), WORLD_WORKERS,
	    world.module, SOFT_URI, world.token.folder,
	    world.token_lines != NULL ? world.token_lines : "",
	    (unsigned)getuid(), more);
	char *pin = xasprintf("%s/pin", world.token.folder);

	world_file(world.config, text);
	world_file(pin, SOFT_PIN "\n");
	free(text);
	free(pin);
}

static inline int
world_copy_programs(void)
{
	const char *build = getenv("BUILD");
	char self[4096] = "";
	char *command;
	int status;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	command = xasprintf("mkdir %s/bin && for p in keybrokerd "
	    "keybroker-core keybroker-signer; do ln -f \"%s/$p\" %s/bin/ "
	    "2>/dev/null || cp \"%s/$p\" %s/bin/; done; "
	    "cp \"%s\" %s/bin/keybroker-issuer", world.token.folder,
	    build != NULL ? build : "build/test", world.token.folder,
	    build != NULL ? build : "build/test", world.token.folder, self,
	    world.token.folder);
	status = system(command);
	free(command);
	return status;
}

static inline void
world_start(void)
{
	char *log = xasprintf("%s/log", world.token.folder);

	world.pid = fork();
	assert_true(world.pid >= 0);
	if (world.pid == 0) {
		dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
		dup2(2, 1);
		execl(world.daemon, "keybrokerd", "--config", world.config,
		    NULL);
		_exit(127);
	}
	free(log);
	world_let_in();
}

/* The issuer ends when it is hung up on, and is not begun anew. */
static inline void
world_stop(void)
{
	kill(world.pid, SIGTERM);
	usleep(100000);
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		close(world.channel[i]);
	close(world.issuer);
	waitpid(world.pid, NULL, 0);
}

/* 77 for skipped: there is no SoftHSM. */
static inline int
world_open(const char *more)
{
	const char *build = getenv("BUILD");
	struct sockaddr_un at;

	signal(SIGPIPE, SIG_IGN);
	if (soft_token_make(&world.token) != 0)
		return 77;
	snprintf(world.daemon, sizeof(world.daemon), "%s/bin/keybrokerd",
	    world.token.folder);
	snprintf(world.config, sizeof(world.config), "%s/conf",
	    world.token.folder);
	snprintf(world.api, sizeof(world.api), "%s/api.sock",
	    world.token.folder);
	strcpy(world.module, SOFT_MODULE);
	if (world.faulty &&
	    faulty_copy(build != NULL ? build : "build/test",
		world.token.folder, world.module) != 0)
		return 1;
	world_configure(more);
	if (world_copy_programs() != 0)
		return 1;
	world_address(&at, world.daemon);
	world.door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(world.door, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(world.door, 8) != 0)
		return 1;
	return 0;
}

/* Shows the end of the log when a test failed, and in any case what a
 * sanitizer says in it. */
static inline void
world_close(bool show)
{
	char *command = xasprintf("tail -n 60 %s/log >&2; grep -A 20 "
	    "'Sanitizer\\|runtime error:' %s/log >&2", world.token.folder,
	    world.token.folder);

	world_stop();
	if (!show)
		memmove(command, strchr(command, ';') + 1,
		    strlen(strchr(command, ';')));
	(void)!system(command);
	free(command);
	close(world.door);
	command = xasprintf("umount %s/state/audit %s/state 2>/dev/null",
	    world.token.folder, world.token.folder);
	(void)!system(command);
	free(command);
	if (getenv("KEEP") == NULL)
		soft_token_remove(&world.token);
}

#endif
