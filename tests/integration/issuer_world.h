/*
 * What surrounds an issuer in its tests: a folder, certificates, Pebble and
 * fakeca, all on loopback and on ports of their own.
 */
#ifndef TEST_ISSUER_WORLD_H
#define TEST_ISSUER_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"

/* The world around the issuer, made once. */
static struct {
	char folder[64];
	char trust[128], other[128]; /* the CA's roots, and another's */
	char issuer[512];
	char fakeca[512];
	char openssl[128]; /* configuration without any algorithm */
	unsigned pebble_port;
	pid_t pebble;
	unsigned fakeca_port;
	pid_t fakeca_pid;
} world;

/* Starts a program with descriptors from PARENT_FD upwards, which must be
 * high ones so that none stands in another's place; env is names and values. */
static inline pid_t
start(char *const argv[], const char *const env[], const int *fds,
    unsigned nfds, const char *output)
{
	char path[128];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	snprintf(path, sizeof(path), "%s/%s", world.folder, output);
	dup2(open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
	dup2(1, 2);
	for (unsigned i = 0; i < nfds; i++)
		if (dup2(fds[i], PARENT_FD + (int)i) < 0)
			_exit(126);
	for (unsigned i = 0; env != NULL && env[i] != NULL; i += 2)
		setenv(env[i], env[i + 1], 1);
	close_range((unsigned)PARENT_FD + nfds, ~0U, 0);
	execvp(argv[0], argv);
	_exit(127);
}

static inline int
run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static inline void
finish(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* A bound socket on loopback and its port. */
static inline int
bind_loopback(int family, unsigned *port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 :
	    (struct sockaddr *)&v6;
	socklen_t n = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, a, n) != 0 || getsockname(fd, a, &n) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

static inline unsigned
free_port(void)
{
	unsigned port = 0;
	int fd = bind_loopback(AF_INET, &port);

	assert_true(fd >= 0);
	close(fd);
	return port;
}

static inline int
dial(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline void
wait_for_port(unsigned port)
{
	for (int i = 0; i < 600; i++) {
		int fd = dial(port);

		if (fd >= 0) {
			close(fd);
			return;
		}
		usleep(50000);
	}
	fail_msg("nobody listens on port %u", port);
}

static inline void
make_certificates(void)
{
	const char *d = world.folder;

	assert_int_equal(run("cd %s && exec 2>openssl.log && "
	    "for n in ca other; do openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout $n.key -out $n.pem "
	    "-days 2 -subj /CN=$n; done && openssl req -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout server.key -out "
	    "server.csr -subj /CN=localhost && printf "
	    "'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext && openssl "
	    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key "
	    "-set_serial 7 -days 2 -extfile ext -out server.pem", d), 0);
	snprintf(world.trust, sizeof(world.trust), "%s/ca.pem", d);
	snprintf(world.other, sizeof(world.other), "%s/other.pem", d);
}

/* No program of the broker may read it; curl does, and fails. */
static inline void
make_openssl_configuration(void)
{
	static const char text[] = "openssl_conf = a\n[a]\nproviders = b\n"
	    "[b]\nnull = c\n[c]\nactivate = 1\n";
	struct fault why;

	snprintf(world.openssl, sizeof(world.openssl), "%s/openssl.cnf",
	    world.folder);
	assert_int_equal(write_file(world.openssl, text, strlen(text), 0600,
	    &why), OK);
	assert_int_equal(run("curl -s --cacert %s https://localhost:%u/dir "
	    ">/dev/null", world.trust, world.pebble_port), 0);
	assert_int_not_equal(run("OPENSSL_CONF=%s curl -s --cacert %s "
	    "https://localhost:%u/dir >/dev/null", world.openssl,
	    world.trust, world.pebble_port), 0);
}

static inline void
start_pebble(void)
{
	static const char *const env[] = { "PEBBLE_VA_NOSLEEP", "1",
		"PEBBLE_VA_ALWAYS_VALID", "1", "PEBBLE_WFE_NONCEREJECT", "50",
		"PEBBLE_ALTERNATE_ROOTS", "1", "PEBBLE_AUTHZREUSE", "0",
		NULL };
	char path[128], text[1024];
	char *argv[] = { (char *)"pebble", (char *)"-config", path, NULL };
	struct fault why;

	world.pebble_port = free_port();
	snprintf(text, sizeof(text), "{\"pebble\":{\"listenAddress\":"
	    "\"127.0.0.1:%u\",\"managementListenAddress\":\"127.0.0.1:%u\","
	    "\"certificate\":\"%s/server.pem\",\"privateKey\":"
	    "\"%s/server.key\",\"httpPort\":%u,\"tlsPort\":%u}}",
	    world.pebble_port, free_port(), world.folder, world.folder,
	    free_port(), free_port());
	snprintf(path, sizeof(path), "%s/pebble.json", world.folder);
	assert_int_equal(write_file(path, text, strlen(text), 0600, &why),
	    OK);
	world.pebble = start(argv, env, NULL, 0, "pebble.log");
	wait_for_port(world.pebble_port);
}

/* Its CAs are to be trusted instead of Pebble. */
static inline void
start_fakeca(void)
{
	char port[8];
	char *argv[] = { world.fakeca, (char *)"--folder", world.folder,
		(char *)"--port", port, NULL };

	world.fakeca_port = free_port();
	snprintf(port, sizeof(port), "%u", world.fakeca_port);
	world.fakeca_pid = start(argv, NULL, NULL, 0, "fakeca.log");
	wait_for_port(world.fakeca_port);
	snprintf(world.trust, sizeof(world.trust), "%s/root.pem",
	    world.folder);
}

/* The programs are beside us in the build's folder. */
static inline void
find_programs(void)
{
	const char *build = getenv("BUILD");
	char own[256] = "";

	if (build == NULL) {
		ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

		for (int i = 0; i < 3 && n > 0; i++)
			*strrchr(own, '/') = '\0';
		build = own;
	}
	snprintf(world.issuer, sizeof(world.issuer), "%s/keybroker-issuer",
	    build);
	snprintf(world.fakeca, sizeof(world.fakeca),
	    "%s/tests/fakeca/fakeca", build);
}

/* The folder and the certificates, which each test needs. */
static inline void
world_begin(void)
{
	find_programs();
	strcpy(world.folder, "/tmp/issuer-test.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	make_certificates();
	signal(SIGPIPE, SIG_IGN);
}

/* KEEP in the environment leaves the logs. */
static inline int
world_end(void)
{
	finish(world.pebble);
	finish(world.fakeca_pid);
	if (getenv("KEEP") == NULL)
		return run("rm -rf %s", world.folder);
	print_message("see %s\n", world.folder);
	return 0;
}

/* True when each of the programs named in list is installed. */
static inline bool
have_programs(const char *list)
{
	return run("for p in %s; do command -v $p || exit 1; done "
	    ">/dev/null", list) == 0;
}

#endif
