/*
 * Programs of others, run when the core asks.  Which program, with which
 * arguments, as whom and for how long stands in the configuration; the core
 * names a certificate and gives values for the environment, no more.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "supervisor.h"

#define VALUES_MAX 64	/* values that the core may give */
#define VALUE_NAME_MAX 64
#define VALUE_MAX 16384 /* bytes of one value */

#define PREFIX "KEYBROKER_"
#define STATUS_REFUSED 126 /* as a shell says that it cannot run something */

static char path_entry[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct hook {
	struct hook *next;
	uint64_t id;
	enum hook_kind kind;
	char certificate[NAME_MAX_LEN + 1];
	char **values; /* "NAME=value", nvalues of them, owned */
	unsigned nvalues;
	struct child child;
	struct identity who;
	int output; /* -1: nothing more comes */
	struct buf text;
	int64_t deadline;
	bool timed_out;
};

static void
answer(struct supervisor *s, const struct hook *h, uint32_t status,
    const char *text)
{
	const struct frame head = { .op = CONTROL_HOOK_DONE, .id = h->id };
	struct buf b;

	buf_init(&b, FRAME_MAX);
	buf_put_u32(&b, status);
	buf_put_u8(&b, h->timed_out);
	buf_put_str(&b, text);
	core_send(s, &head, &b);
	buf_free(&b);
}

static void
hook_free(struct supervisor *s, struct hook *h)
{
	struct hook **p = &s->hooks;

	while (*p != NULL && *p != h)
		p = &(*p)->next;
	if (*p == h)
		*p = h->next;
	for (unsigned i = 0; i < h->nvalues; i++)
		free(h->values[i]);
	free(h->values);
	if (h->output >= 0)
		close(h->output);
	identity_free(&h->who);
	buf_free(&h->text);
	free(h);
}

static void
refuse(struct supervisor *s, struct hook *h, const char *why)
{
	log_warning("hook of %s: %s", h->certificate, why);
	answer(s, h, STATUS_REFUSED, why);
	hook_free(s, h);
}

/* KEYBROKER_ and capital letters: nothing that a loader or shell heeds. */
static bool
name_allowed(const char *name)
{
	const char *p = name + strlen(PREFIX);

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || *p == '\0')
		return false;
	while ((*p >= 'A' && *p <= 'Z') || *p == '_')
		p++;
	return *p == '\0';
}

static bool
read_values(struct hook *h, struct reader *r, uint32_t count)
{
	char name[VALUE_NAME_MAX + 1], *value = xmalloc(VALUE_MAX + 1);
	bool fine = true;

	h->values = xcalloc(count, sizeof(*h->values));
	while (h->nvalues < count && fine) {
		reader_str(r, name, sizeof(name));
		reader_str(r, value, VALUE_MAX + 1);
		fine = !r->failed && name_allowed(name);
		if (fine)
			h->values[h->nvalues++] =
			    xasprintf("%s=%s", name, value);
	}
	free(value);
	return fine;
}

static const struct config_program *
find_program(const struct supervisor *s, const struct hook *h)
{
	const struct config_certificate *c =
	    config_certificate(s->config, h->certificate);
	const struct config_program *program;

	if (c == NULL)
		return NULL;
	program = h->kind == HOOK_DNS ? &c->dns : &c->deploy;
	return program->path != NULL ? program : NULL;
}

static void
append(struct supervisor *s, struct hook *h)
{
	struct hook **p = &s->hooks;

	while (*p != NULL)
		p = &(*p)->next;
	*p = h;
	s->hooks_waiting++;
}

void
hook_asked(struct supervisor *s, const struct frame *head)
{
	struct hook *h = xcalloc(1, sizeof(*h));
	struct reader r;
	uint32_t kind, count;
	bool fine;

	h->id = head->id;
	h->output = -1;
	buf_init(&h->text, HOOK_OUTPUT_MAX);
	reader_init(&r, head->payload.p, head->payload.n);
	kind = reader_u8(&r);
	h->kind = kind < HOOK__MAX ? (enum hook_kind)kind : HOOK_DEPLOY;
	reader_str(&r, h->certificate, sizeof(h->certificate));
	count = reader_u32(&r);
	fine = !r.failed && kind < HOOK__MAX && count <= VALUES_MAX &&
	    read_values(h, &r, count) && reader_done(&r);
	if (!fine)
		refuse(s, h, "what the core asks for is not allowed");
	else if (find_program(s, h) == NULL)
		refuse(s, h, "the configuration names no program for it");
	else if (s->hooks_waiting >= HOOKS_WAITING)
		refuse(s, h, "too many programs are waiting to be run");
	else
		append(s, h);
}

/* The program's arguments and environment: arrays are owned, strings not. */
static char **
arguments(const struct config_program *p)
{
	char **argv = xcalloc(p->arguments.n + 2, sizeof(*argv));

	argv[0] = p->path;
	for (size_t i = 0; i < p->arguments.n; i++)
		argv[i + 1] = p->arguments.v[i];
	return argv;
}

static char **
environment(const struct hook *h, char *home)
{
	char **envp = xcalloc(h->nvalues + 3, sizeof(*envp));
	unsigned n = 0;

	envp[n++] = path_entry;
	envp[n++] = home;
	for (unsigned i = 0; i < h->nvalues; i++)
		envp[n++] = h->values[i];
	return envp;
}

static enum err
spawn(struct hook *h, const struct config_program *p, struct fault *why)
{
	int ends[2];
	struct spawn what = { .path = p->path, .who = &h->who, .mask = 022 };
	char *home, **argv, **envp;
	pid_t pid;
	enum err e;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fault_errno(why, ERR_IO, "cannot make a pipe");
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		return fault_errno(why, ERR_IO, "cannot set a pipe up");
	home = xasprintf("HOME=%s", h->who.home);
	what.argv = argv = arguments(p);
	what.envp = envp = environment(h, home);
	what.output = ends[1];
	e = child_spawn(&what, &pid, why);
	close(ends[1]);
	h->output = ends[0];
	if (e == OK)
		child_started(&h->child, pid, CHILD_UP);
	free(envp);
	free(argv);
	free(home);
	return e;
}

static void
start(struct supervisor *s, struct hook *h)
{
	const struct config_program *p = find_program(s, h);
	struct fault why;
	enum err e;

	s->hooks_waiting--;
	e = identity_find(p->user, &h->who, &why);
	if (e == OK)
		e = spawn(h, p, &why);
	if (e != OK) {
		refuse(s, h, why.text);
		return;
	}
	h->deadline = child_now() + (int64_t)p->timeout * 1000;
	s->hooks_running++;
	log_info("hook of %s started: %s, process %d", h->certificate, p->path,
	    (int)h->child.pid);
}

/* Each hook leads a process group of its own; all of it ends. */
static void
kill_group(struct hook *h, int signal)
{
	if (h->child.pid > 0)
		kill(-h->child.pid, signal);
}

static void
check_deadline(struct hook *h, int64_t now)
{
	if (h->deadline > now)
		return;
	log_warning("hook of %s takes too long; killing it", h->certificate);
	h->timed_out = true;
	kill_group(h, SIGKILL);
	h->deadline = now + CHILD_GRACE;
}

int64_t
hooks_tick(struct supervisor *s, int64_t now)
{
	int64_t next = INT64_MAX;
	struct hook *h, *following;

	for (h = s->hooks; h != NULL; h = following) {
		following = h->next;
		if (h->child.pid == 0 && s->hooks_running < HOOKS_MAX)
			start(s, h);
	}
	for (h = s->hooks; h != NULL; h = h->next) {
		if (h->child.pid == 0)
			continue;
		check_deadline(h, now);
		next = h->deadline < next ? h->deadline : next;
	}
	return next;
}

/* Reads what there is; the first HOOK_OUTPUT_MAX bytes are kept. */
static void
drain_output(struct hook *h)
{
	char chunk[1024];
	ssize_t n;

	while (h->output >= 0) {
		n = read(h->output, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(h->output);
			h->output = -1;
			return;
		}
		for (ssize_t i = 0; i < n && h->text.len < HOOK_OUTPUT_MAX; i++)
			buf_putc(&h->text, chunk[i] != '\0' ?
			    (unsigned char)chunk[i] : '?');
	}
}

unsigned
hooks_watch(struct supervisor *s, struct pollfd *out)
{
	unsigned n = 0;

	for (struct hook *h = s->hooks; h != NULL; h = h->next)
		if (h->child.pid > 0 && h->output >= 0)
			out[n++] = (struct pollfd){ .fd = h->output,
				.events = POLLIN };
	return n;
}

void
hooks_readable(struct supervisor *s, int fd)
{
	for (struct hook *h = s->hooks; h != NULL; h = h->next)
		if (h->output == fd)
			drain_output(h);
}

bool
hooks_ended(struct supervisor *s, pid_t pid, int status)
{
	struct hook *h = s->hooks;
	uint32_t code;

	while (h != NULL && h->child.pid != pid)
		h = h->next;
	if (h == NULL)
		return false;
	if (WIFSIGNALED(status))
		code = 128 + (uint32_t)WTERMSIG(status);
	else
		code = (uint32_t)WEXITSTATUS(status);
	drain_output(h);
	log_info("hook of %s ended with status %u", h->certificate, code);
	answer(s, h, code, buf_str(&h->text));
	s->hooks_running--;
	hook_free(s, h);
	return true;
}

/* Nobody waits for these any more, and the next core asks anew. */
void
hooks_drain(struct supervisor *s)
{
	int64_t soon = child_now() + CHILD_GRACE;
	struct hook *h, *following;

	for (h = s->hooks; h != NULL; h = following) {
		following = h->next;
		if (h->child.pid == 0) {
			s->hooks_waiting--;
			hook_free(s, h);
			continue;
		}
		kill_group(h, SIGTERM);
		if (h->deadline > soon)
			h->deadline = soon;
	}
}
