/*
 * keybroker-issuer: started when the core is ready, with one end of each
 * channel, while the core is given the other ends.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "../issuer/protocol.h"
#include "supervisor.h"

/* The channels: number 0 is the responder's, the others are the workers'. */
struct channels {
	unsigned n;
	int *ours;   /* to the core */
	int *theirs; /* to the issuer, by its descriptor numbers */
};

#define PLACE(i) ((i) == 0 ? 0 : ISSUER_WORKER_FD - PARENT_FD + (i) - 1)

static void
channels_close(struct channels *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		close(c->ours[i]);
		close(c->theirs[PLACE(i)]);
	}
	free(c->ours);
	free(c->theirs);
}

static enum err
channels_open(struct channels *c, unsigned wanted, int http,
    struct fault *why)
{
	int pair[2];

	*c = (struct channels){ .ours = xcalloc(wanted, sizeof(int)),
		.theirs = xcalloc(PLACE(wanted), sizeof(int)) };
	c->theirs[ISSUER_HTTP_FD - PARENT_FD] = http;
	c->theirs[ISSUER_SANDBOX_FD - PARENT_FD] = -1;
	for (; c->n < wanted; c->n++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return fault_errno(why, ERR_IO, "cannot make a socket "
			    "pair");
		c->ours[c->n] = pair[0];
		c->theirs[PLACE(c->n)] = pair[1];
	}
	return OK;
}

static const char *const demands[] = {
#define X(id, word, least) [id] = word,
	SANDBOX_DEMANDS(X)
#undef X
};

/* The array is owned, what it points to is not. */
static char **
arguments(const struct supervisor *s, char *workers)
{
	const struct config *c = s->config;
	char **argv = xcalloc(7 + 2 * c->ncas, sizeof(*argv));
	unsigned n = 0;

	argv[n++] = (char *)"keybroker-issuer";
	argv[n++] = (char *)"--workers";
	argv[n++] = workers;
	argv[n++] = (char *)"--sandbox";
	argv[n++] = (char *)demands[c->sandbox];
	if (s->http >= 0)
		argv[n++] = (char *)"--http";
	for (size_t i = 0; i < c->ncas; i++) {
		if (c->cas[i].trust == NULL)
			continue;
		argv[n++] = (char *)"--trust";
		argv[n++] = c->cas[i].trust;
	}
	return argv;
}

static enum err
spawn(struct supervisor *s, const struct channels *c, pid_t *pid,
    struct fault *why)
{
	char *workers = xasprintf("%u", s->config->issuer_workers);
	char **argv = arguments(s, workers);
	char **envp = child_environment(false);
	struct spawn what = { .path = s->settings->programs[ROLE_ISSUER],
		.argv = argv, .envp = envp, .output = -1, .mask = 077,
		.who = &s->settings->users[ROLE_ISSUER],
		.fds = c->theirs, .nfds = (unsigned)PLACE(c->n) };
	enum err e;

	e = child_spawn(&what, pid, why);
	child_environment_free(envp);
	free(argv);
	free(workers);
	return e;
}

static void
forget_sandbox(struct issuer *i)
{
	if (i->sandbox_fd >= 0)
		close(i->sandbox_fd);
	i->sandbox_fd = -1;
	i->sandbox = SANDBOX_NONE;
}

/* Nobody waits for what it says: the pipe is looked at when somebody asks. */
static enum err
open_sandbox(struct issuer *i, int *theirs, struct fault *why)
{
	int ends[2];

	forget_sandbox(i);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return fault_errno(why, ERR_IO, "cannot make a pipe");
	i->sandbox_fd = ends[0];
	*theirs = ends[1];
	return OK;
}

unsigned
issuer_sandbox(struct supervisor *s)
{
	struct issuer *i = &s->issuer;
	unsigned char level;

	if (i->sandbox_fd >= 0 && read(i->sandbox_fd, &level, 1) == 1) {
		forget_sandbox(i);
		i->sandbox = level <= SANDBOX_FULL ? level : SANDBOX_NONE;
	}
	return i->sandbox;
}

/* As many frames as the descriptors need. */
static void
pass_on(struct supervisor *s, const struct channels *c)
{
	struct buf none;

	buf_init(&none, 0);
	for (unsigned i = 0; i < c->n; i += FRAME_FDS) {
		struct frame head = { .op = CONTROL_ISSUER_UP };

		while (head.nfds < FRAME_FDS && i + head.nfds < c->n) {
			head.fds[head.nfds] = c->ours[i + head.nfds];
			head.nfds++;
		}
		core_send(s, &head, &none);
	}
}

static void
start(struct supervisor *s)
{
	struct child *child = &s->issuer.child;
	struct channels c;
	struct fault why;
	int *said;
	pid_t pid;
	enum err e;

	e = channels_open(&c, 1 + s->config->issuer_workers, s->http, &why);
	said = &c.theirs[ISSUER_SANDBOX_FD - PARENT_FD];
	if (e == OK)
		e = open_sandbox(&s->issuer, said, &why);
	if (e == OK)
		e = spawn(s, &c, &pid, &why);
	if (e == OK) {
		child_started(child, pid, CHILD_UP);
		pass_on(s, &c);
		log_info("issuer started, process %d", (int)pid);
	} else {
		log_error("issuer: %s", why.text);
		child_ended(child, true);
	}
	if (*said >= 0)
		close(*said);
	channels_close(&c);
}

int64_t
issuer_tick(struct supervisor *s, int64_t now)
{
	struct child *c = &s->issuer.child;

	if (s->phase == PHASE_RUN && s->core.ready && c->pid == 0 &&
	    c->due <= now)
		start(s);
	if (s->phase == PHASE_RUN && s->core.ready && c->pid == 0)
		return c->due;
	return child_tick(c, now);
}

bool
issuer_ended(struct supervisor *s, pid_t pid, int status)
{
	const struct frame head = { .op = CONTROL_ISSUER_DOWN };
	struct buf none;
	char text[128];

	if (pid != s->issuer.child.pid)
		return false;
	log_line(s->phase == PHASE_RUN ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    "issuer %s", child_end_text(status, text, sizeof(text)));
	child_ended(&s->issuer.child, s->phase == PHASE_RUN ||
	    WIFSIGNALED(status));
	buf_init(&none, 0);
	core_send(s, &head, &none);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SETTING)
		supervisor_stop(s, EXIT_SETTING);
	return true;
}

void
issuer_drain(struct supervisor *s)
{
	child_kill_by(&s->issuer.child, child_now() + CHILD_GRACE);
}
