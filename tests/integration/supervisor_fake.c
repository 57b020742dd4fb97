/*
 * Stands in for keybroker-core, -signer and -issuer below a real keybrokerd,
 * and for systemd above it.  Which of them it is its name says.  What happens
 * to it is a line in the file "log" of the folder in which it lies; how it
 * behaves stands in the folder's "do", in a file of its name:
 *
 *   do/core	       "mute", "exit N" or "stubborn" (ignores the request to
 *		       stop); nothing: says that it is ready
 *   do/say	       read at any time, carried out and removed: "hook ID KIND
 *		       CERTIFICATE NAME=VALUE...", "kill TOKEN LANE", "unlatch
 *		       TOKEN", "state", "nonsense", "exit N"
 *   do/lane-TOKEN-N   "exit N", "pin", "crash", "crash once", "mute", "slow
 *		       MS"; nothing:
 *		       logs in, and stays until its socket ends
 *   do/issuer	       "exit N" or "stubborn"
 *
 * As systemd: "notified SOCKET FILE" writes down what arrives, and
 * "activate NAME SOCKET PROGRAM..." listens and passes the socket on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/control.h"
#include "../../broker/base/frame.h"
#include "../../broker/base/lane.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../broker/base/sandbox.h"
#include "../../broker/issuer/protocol.h"

static char folder[4096];

__attribute__((format(printf, 1, 2))) static void
note(const char *fmt, ...)
{
	char *path = xasprintf("%s/log", folder), line[8192];
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	int n = snprintf(line, sizeof(line), "%lld ",
	    (long long)(clock_monotonic_us() / 1000));
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
	free(path);
}

/* Reads do/NAME as a line; "" when there is none. */
static char *
instruction(const char *name)
{
	static char text[4096];
	char *path = xasprintf("%s/do/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
	if (strcmp(name, "say") == 0 && text[0] != '\0')
		unlink(path);
	free(path);
	return text;
}

static void
forget_instruction(const char *name)
{
	char *path = xasprintf("%s/do/%s", folder, name);

	unlink(path);
	free(path);
}

/* The numbers of all open descriptors, such as "0,1,2,3". */
static const char *
descriptors(void)
{
	static char text[512];
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	bool open_fds[64] = { false };
	size_t n = 0;

	if (d == NULL)
		abort();
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d) &&
		    atoi(e->d_name) < 64)
			open_fds[atoi(e->d_name)] = true;
	closedir(d);
	for (int i = 0; i < 64; i++)
		if (open_fds[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%d", n != 0 ? "," : "", i);
	return text;
}

/* Names of the environment that keybrokerd should or should not pass. */
static const char *
environment(void)
{
	static const char *const names[] = { "OPENSSL_CONF", "LD_LIBRARY_PATH",
		"VENDOR_SETTING", "NOTIFY_SOCKET", "PATH" };
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < nitems(names); i++)
		if (getenv(names[i]) != NULL)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n != 0 ? "," : "", names[i]);
	return text;
}

static void
wait_for_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static void
lane_ready(const struct fault *why)
{
	const struct lane_token info = { .label = "fake", .serial = "1",
		.manufacturer = "m", .model = "m" };
	struct frame head = { .op = LANE_READY,
		.status = why != NULL ? (uint16_t)why->code : OK };
	struct fault sent;
	struct buf b;

	buf_init(&b, FRAME_MAX);
	if (why != NULL)
		frame_put_fault(&b, why);
	else
		lane_put_token(&b, &info);
	if (frame_send(PARENT_FD, &head, b.data, b.len, &sent) != OK)
		note("lane cannot send: %s", sent.text);
	buf_free(&b);
}

static int
signer(int argc, char **argv)
{
	const char *token = "?", *number = "?", *how;
	bool bold = false;
	char name[160], pin[64] = "";
	struct fault why;

	for (int i = 1; i < argc; i++) {
		bold = bold || strcmp(argv[i], "--allow-count-low") == 0;
		if (strcmp(argv[i], "--name") == 0)
			token = argv[i + 1];
		if (strcmp(argv[i], "--lane") == 0)
			number = argv[i + 1];
	}
	snprintf(name, sizeof(name), "lane-%s-%s", token, number);
	if (read(PIN_FD, pin, sizeof(pin) - 1) < 0)
		strcpy(pin, "none");
	pin[strcspn(pin, "\n")] = '\0';
	note("%s start pid=%d uid=%d %s pin=%s fds=%s env=%s", name,
	    (int)getpid(), (int)getuid(), bold ? "bold" : "careful", pin,
	    descriptors(), environment());
	how = instruction(name);
	if (strncmp(how, "exit ", 5) == 0)
		return atoi(how + 5);
	if (strcmp(how, "crash once") == 0)
		forget_instruction(name);
	if (strncmp(how, "crash", 5) == 0)
		abort();
	if (strcmp(how, "mute") == 0)
		pause();
	if (strcmp(how, "pin") == 0) {
		fault_set(&why, ERR_PIN, "CKR_PIN_INCORRECT from the fake");
		lane_ready(&why);
		return EXIT_PIN;
	}
	if (strncmp(how, "slow ", 5) == 0)
		usleep((useconds_t)atoi(how + 5) * 1000);
	note("%s ready", name);
	lane_ready(NULL);
	wait_for_end(PARENT_FD);
	note("%s end", name);
	return EXIT_FINE;
}

/* Each channel brings the number that the core gave it. */
static int
issuer(int argc, char **argv)
{
	int workers = 0, listening = 0;
	socklen_t n = sizeof(listening);
	bool http = false;
	char got[128] = "";

	for (int i = 1; i < argc; i++) {
		http = http || strcmp(argv[i], "--http") == 0;
		if (strcmp(argv[i], "--workers") == 0)
			workers = atoi(argv[i + 1]);
	}
	if (getsockopt(4, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0)
		listening = -1;
	note("issuer start pid=%d uid=%d workers=%d %s listening=%d fds=%s "
	    "env=%s", (int)getpid(), (int)getuid(), workers,
	    http ? "http" : "no-http", listening, descriptors(),
	    environment());
	if (write(ISSUER_SANDBOX_FD, "\1", 1) != 1)
		note("issuer cannot say how far it is confined");
	if (strncmp(instruction("issuer"), "exit ", 5) == 0)
		return atoi(instruction("issuer") + 5);
	for (int i = 0; i <= workers; i++)
		if (read(i == 0 ? PARENT_FD : ISSUER_WORKER_FD + i - 1,
			got + i, 1) != 1)
			got[i] = '!';
	note("issuer channels=%s", got);
	wait_for_end(PARENT_FD);
	note("issuer end");
	if (strcmp(instruction("issuer"), "stubborn") == 0)
		pause();
	return EXIT_FINE;
}

static void
core_send(uint16_t op, uint64_t id, struct buf *b)
{
	const struct frame head = { .op = op, .id = id };
	struct fault why;

	if (frame_send(PARENT_FD, &head, b->data, b->len, &why) != OK)
		note("core cannot send: %s", why.text);
	buf_free(b);
}

/* hook ID KIND CERTIFICATE NAME=VALUE... */
static void
say_hook(char *rest)
{
	char *id = strtok(rest, " "), *kind = strtok(NULL, " ");
	char *certificate = strtok(NULL, " "), *value;
	struct buf b, values;
	uint32_t count = 0;

	buf_init(&b, FRAME_MAX);
	buf_init(&values, FRAME_MAX);
	for (; (value = strtok(NULL, " ")) != NULL; count++) {
		char *equals = strchr(value, '=');

		*equals = '\0';
		buf_put_str(&values, value);
		buf_put_str(&values, equals + 1);
	}
	buf_put_u8(&b, (uint8_t)atoi(kind));
	buf_put_str(&b, certificate);
	buf_put_u32(&b, count);
	buf_put(&b, values.data, values.len);
	core_send(CONTROL_HOOK, (uint64_t)atoll(id), &b);
	buf_free(&values);
}

static void
core_says(char *line)
{
	char *verb = strsep(&line, " "), *token;
	struct buf b;

	if (strcmp(verb, "hook") == 0) {
		say_hook(line);
		return;
	}
	buf_init(&b, FRAME_MAX);
	if (strcmp(verb, "kill") == 0) {
		token = strsep(&line, " ");
		buf_put_str(&b, token);
		buf_put_u32(&b, (uint32_t)atoi(line));
		core_send(CONTROL_LANE_KILL, 0, &b);
	} else if (strcmp(verb, "unlatch") == 0) {
		buf_put_str(&b, line);
		core_send(CONTROL_UNLATCH, 0, &b);
	} else if (strcmp(verb, "state") == 0) {
		core_send(CONTROL_STATE, 4711, &b);
	} else if (strcmp(verb, "nonsense") == 0) {
		buf_puts(&b, "nonsense");
		core_send(CONTROL_LANE_UP, 0, &b);
	} else if (strcmp(verb, "exit") == 0) {
		exit(atoi(line));
	}
}

/* Numbers the channels of one issuer, for it to read. */
static void
greet(const struct frame *f)
{
	static char next;

	if (next == 0)
		next = '0';
	for (unsigned i = 0; i < f->nfds; i++) {
		if (write(f->fds[i], &next, 1) != 1)
			note("core cannot greet");
		next++;
	}
	if (f->nfds == 0)
		next = '0';
}

static void
core_hears_start(struct reader *r, const struct frame *f)
{
	uint32_t n = reader_u32(r);
	char name[64] = "", names[256] = "";
	off_t text = lseek(f->fds[0], 0, SEEK_END);

	close(f->fds[0]);
	for (uint32_t i = 0; i < n && i < 8; i++) {
		reader_str(r, name, sizeof(name));
		strcat(strcat(names, i != 0 ? "," : ""), name);
	}
	note("core start pid=%d uid=%d text=%lld listeners=%s passed=%u fds=%s "
	    "env=%s", (int)getpid(), (int)getuid(), (long long)text, names, f->nfds - 1,
	    descriptors(), environment());
}

static void
core_hears_lane(struct reader *r, const struct frame *f)
{
	char token[64], text[1024];
	struct lane_token info;
	struct fault why;
	uint32_t number;

	reader_str(r, token, sizeof(token));
	number = reader_u32(r);
	if (f->op == CONTROL_LANE_UP) {
		lane_get_token(r, &info);
		note("core lane-up %s/%u label=%s passed=%u", token, number,
		    info.label, f->nfds);
		return;
	}
	frame_get_fault(r, &why);
	snprintf(text, sizeof(text), "%s %s", err_name(why.code), why.text);
	note("core lane-down %s/%u %s", token, number, text);
}

static void
core_hears(const struct frame *f)
{
	char text[FRAME_MAX / 16] = "";
	uint32_t status;
	uint8_t timed_out;
	struct reader r;

	reader_init(&r, f->payload.p, f->payload.n);
	if (f->op == CONTROL_START) {
		core_hears_start(&r, f);
	} else if (f->op == CONTROL_LANE_UP || f->op == CONTROL_LANE_DOWN) {
		core_hears_lane(&r, f);
	} else if (f->op == CONTROL_ISSUER_UP) {
		note("core issuer-up passed=%u", f->nfds);
		greet(f);
	} else if (f->op == CONTROL_ISSUER_DOWN) {
		note("core issuer-down");
		greet(f);
	} else if (f->op == CONTROL_HOOK_DONE) {
		status = reader_u32(&r);
		timed_out = reader_u8(&r);
		reader_str(&r, text, sizeof(text));
		for (char *p = text; *p != '\0'; p++)
			*p = *p == '\n' ? '|' : *p;
		note("core hook-done %llu status=%u timed-out=%u size=%zu %s",
		    (unsigned long long)f->id, status, timed_out, strlen(text),
		    text);
	} else if (f->op == CONTROL_STATE) {
		reader_str(&r, text, sizeof(text));
		note("core state %llu %s", (unsigned long long)f->id, text);
	} else if (f->op == CONTROL_STOP) {
		note("core stop");
		if (strcmp(instruction("core"), "stubborn") != 0)
			exit(EXIT_FINE);
	}
	if (!reader_done(&r))
		note("core cannot read frame %u", f->op);
}

static int
core(void)
{
	static unsigned char buffer[FRAME_MAX + 64];
	bool mute = strcmp(instruction("core"), "mute") == 0;
	struct frame f;
	struct fault why;
	struct buf level;
	char *line;
	enum err e;

	if (strncmp(instruction("core"), "exit ", 5) == 0) {
		note("core start and exit");
		return atoi(instruction("core") + 5);
	}
	for (;;) {
		e = frame_recv(PARENT_FD, &f, buffer, sizeof(buffer), 20, &why);
		if (e == ERR_CLOSED)
			return EXIT_FINE;
		if (e == OK)
			core_hears(&f);
		if (e == OK && f.op == CONTROL_START && !mute) {
			buf_init(&level, 1);
			buf_put_u8(&level, SANDBOX_FULL);
			core_send(CONTROL_READY, 0, &level);
		}
		line = instruction("say");
		if (line[0] != '\0')
			core_says(line);
	}
}

static int
notified(char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int in = socket(AF_UNIX, SOCK_DGRAM, 0);
	int out = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
	char text[2048];
	ssize_t n;

	strncpy(at.sun_path, argv[1], sizeof(at.sun_path) - 1);
	if (bind(in, (struct sockaddr *)&at, sizeof(at)) != 0)
		return 1;
	while ((n = recv(in, text, sizeof(text) - 1, 0)) > 0) {
		text[n++] = '\n';
		if (write(out, text, (size_t)n) != n)
			return 1;
	}
	return 0;
}

static int
activate(char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char pid[16];

	strncpy(at.sun_path, argv[2], sizeof(at.sun_path) - 1);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 5) != 0 || dup2(fd, 3) != 3)
		return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", argv[1], 1);
	execv(argv[3], argv + 3);
	return 1;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	name = name != NULL ? name + 1 : argv[0];
	folder[n > 0 ? n : 0] = '\0';
	dirname(folder);
	if (strcmp(name, "keybroker-signer") == 0)
		return signer(argc, argv);
	if (strcmp(name, "keybroker-issuer") == 0)
		return issuer(argc, argv);
	if (strcmp(name, "keybroker-core") == 0)
		return core();
	if (strcmp(name, "notified") == 0 && argc == 3)
		return notified(argv);
	if (strcmp(name, "activate") == 0 && argc > 3)
		return activate(argv);
	return 2;
}
