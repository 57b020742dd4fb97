/*
 * keybroker-core: handed the configuration and the listeners, told of the
 * lanes and the issuer, and obeyed in the few things it may ask for.  When it
 * ends, so does everything that was started for it.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/io.h"
#include "../base/log.h"
#include "../base/process.h"
#include "supervisor.h"

void
core_send(struct supervisor *s, const struct frame *head,
    const struct buf *payload)
{
	struct fault why;
	enum err e;

	if (s->core.fd < 0)
		return;
	if (payload->failed)
		fatal("a frame of kind %u for the core is too large", head->op);
	e = frame_send(s->core.fd, head, payload->data, payload->len, &why);
	if (e == OK || e == ERR_CLOSED)
		return;
	log_error("core: %s; killing it", why.text);
	kill(s->core.child.pid, SIGKILL);
}

/* The text may be larger than a frame, so it travels as a file that nobody
 * can change. */
static int
text_file(const struct buf *text)
{
	int fd = memfd_create("keybroker.conf", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING);

	if (fd < 0 || write_full(fd, text->data, text->len) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
		F_SEAL_SEAL) != 0)
		fatal("cannot hand the configuration to the core");
	return fd;
}

static void
send_start(struct supervisor *s)
{
	struct frame head = { .op = CONTROL_START, .nfds = 1 };
	struct buf b;

	head.fds[0] = text_file(&s->settings->text);
	buf_init(&b, FRAME_MAX);
	buf_put_u32(&b, (uint32_t)s->config->nlisteners);
	for (size_t i = 0; i < s->config->nlisteners; i++) {
		buf_put_str(&b, s->config->listeners[i].name);
		head.fds[head.nfds++] = s->listeners[i].fd;
	}
	core_send(s, &head, &b);
	close(head.fds[0]);
	buf_free(&b);
}

/* Our end never blocks: a core that hangs must not make us hang. */
static enum err
start(struct supervisor *s, pid_t *pid, struct fault *why)
{
	char *argv[] = { (char *)"keybroker-core", NULL };
	char **envp = child_environment(false);
	int pair[2];
	struct spawn what = { .path = s->settings->programs[ROLE_CORE],
		.argv = argv, .envp = envp, .output = -1, .mask = 077,
		.who = &s->settings->users[ROLE_CORE],
		.fds = &pair[1], .nfds = 1 };
	enum err e;

	e = frame_pair(pair, why);
	if (e == OK) {
		s->core.fd = pair[0];
		if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
			e = fault_errno(why, ERR_IO, "cannot set a socket up");
		else
			e = child_spawn(&what, pid, why);
		close(pair[1]);
	}
	child_environment_free(envp);
	return e;
}

static void
close_channel(struct supervisor *s)
{
	if (s->core.fd >= 0)
		close(s->core.fd);
	s->core.fd = -1;
	s->core.ready = false;
}

static void
try_start(struct supervisor *s)
{
	struct child *c = &s->core.child;
	struct fault why;
	pid_t pid;

	if (start(s, &pid, &why) != OK) {
		log_error("core: %s", why.text);
		close_channel(s);
		child_ended(c, true);
		return;
	}
	child_started(c, pid, CHILD_STARTING);
	s->core.term_at = 0;
	log_info("core started, process %d", (int)pid);
	send_start(s);
	tokens_tell(s);
}

int64_t
core_tick(struct supervisor *s, int64_t now)
{
	struct core *c = &s->core;

	if (s->phase == PHASE_RUN && c->child.pid == 0 && c->child.due <= now)
		try_start(s);
	if (c->child.pid > 0 && c->term_at != 0 && c->term_at <= now) {
		log_warning("core has not stopped in time; terminating it");
		kill(c->child.pid, SIGTERM);
		c->term_at = 0;
		child_kill_by(&c->child, now + CHILD_GRACE);
	}
	if (c->child.pid > 0 && c->term_at != 0)
		return c->term_at;
	if (c->child.pid == 0 && s->phase == PHASE_RUN)
		return c->child.due;
	return child_tick(&c->child, now);
}

bool
core_ended(struct supervisor *s, pid_t pid, int status)
{
	char text[128];

	if (pid != s->core.child.pid)
		return false;
	log_line(s->phase == PHASE_STOP ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
	    "core %s", child_end_text(status, text, sizeof(text)));
	close_channel(s);
	child_ended(&s->core.child, true);
	if (s->phase == PHASE_RUN)
		s->phase = PHASE_DRAIN;
	lanes_drain(s);
	issuer_drain(s);
	hooks_drain(s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SETTING)
		supervisor_stop(s, EXIT_SETTING);
	return true;
}

void
core_stop(struct supervisor *s)
{
	const struct frame head = { .op = CONTROL_STOP };
	struct buf none;

	if (s->core.child.pid == 0) {
		lanes_drain(s);
		issuer_drain(s);
		hooks_drain(s);
		return;
	}
	buf_init(&none, 0);
	core_send(s, &head, &none);
	s->core.term_at = child_now() + STOP_MS;
}

static bool
on_ready(struct supervisor *s, const struct frame *head)
{
	struct reader r;
	unsigned level;

	reader_init(&r, head->payload.p, head->payload.n);
	level = reader_u8(&r);
	if (!reader_done(&r) || level > SANDBOX_FULL || s->core.ready)
		return false;
	s->core.ready = true;
	s->core.sandbox = level;
	s->core.child.state = CHILD_UP;
	log_info("core is ready");
	return true;
}

static bool
on_lane_kill(struct supervisor *s, const struct frame *head)
{
	char token[NAME_MAX_LEN + 1];
	struct reader r;
	uint32_t number;

	reader_init(&r, head->payload.p, head->payload.n);
	reader_str(&r, token, sizeof(token));
	number = reader_u32(&r);
	if (!reader_done(&r))
		return false;
	lane_kill(s, token, number);
	return true;
}

static bool
on_unlatch(struct supervisor *s, const struct frame *head)
{
	char token[NAME_MAX_LEN + 1];
	struct reader r;

	reader_init(&r, head->payload.p, head->payload.n);
	reader_str(&r, token, sizeof(token));
	if (!reader_done(&r))
		return false;
	tokens_unlatch(s, token);
	return true;
}

static bool
on_hook(struct supervisor *s, const struct frame *head)
{
	hook_asked(s, head);
	return true;
}

static bool
on_state(struct supervisor *s, const struct frame *head)
{
	const struct frame answer = { .op = CONTROL_STATE, .id = head->id };
	struct buf json, b;

	if (head->payload.n != 0)
		return false;
	buf_init(&json, FRAME_MAX - 64);
	buf_init(&b, FRAME_MAX);
	state_json(s, &json);
	buf_put_str(&b, json.failed ? "[]" : buf_str(&json));
	core_send(s, &answer, &b);
	buf_free(&b);
	buf_free(&json);
	return true;
}

/* What the core may say; false from any of these is nonsense. */
static bool (*const verbs[CONTROL_OP__MAX])(struct supervisor *,
    const struct frame *) = {
	[CONTROL_READY] = on_ready,
	[CONTROL_LANE_KILL] = on_lane_kill,
	[CONTROL_HOOK] = on_hook,
	[CONTROL_UNLATCH] = on_unlatch,
	[CONTROL_STATE] = on_state,
};

/* The core is less trusted than we are: nonsense costs it its life. */
void
core_readable(struct supervisor *s)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct frame head;
	struct fault why;
	enum err e;

	e = frame_recv(s->core.fd, &head, buffer, sizeof(buffer), 0, &why);
	if (e == ERR_TIMEOUT)
		return;
	if (e == ERR_CLOSED) {
		close_channel(s);
		child_kill_by(&s->core.child, child_now() + CHILD_GRACE);
		return;
	}
	if (e == OK && head.nfds == 0 && head.op < CONTROL_OP__MAX &&
	    verbs[head.op] != NULL && verbs[head.op](s, &head))
		return;
	for (unsigned i = 0; e == OK && i < head.nfds; i++)
		close(head.fds[i]);
	log_error("core has sent nonsense (%s); killing it",
	    e == OK ? "not what it may say" : why.text);
	kill(s->core.child.pid, SIGKILL);
	close_channel(s);
}
