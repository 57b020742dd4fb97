/*
 * keybrokerd: reads and checks the configuration, opens what only it may
 * open, and then keeps the processes of the broker alive.  See supervisor.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/io.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "latch.h"
#include "notify.h"
#include "pin.h"
#include "supervisor.h"

void
supervisor_stop(struct supervisor *s, int exit_code)
{
	if (s->phase == PHASE_STOP)
		return;
	log_info("stopping");
	notify("STOPPING=1");
	s->phase = PHASE_STOP;
	s->exit_code = exit_code;
	core_stop(s);
}

/* One keybrokerd a state folder; the lock goes with the process. */
static enum err
take_lock(struct supervisor *s, struct fault *why)
{
	char *path = xasprintf("%s/lock", s->config->state);
	enum err e = OK;

	s->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		e = fault_errno(why, ERR_IO, "cannot open %s", path);
	else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		e = fault_set(why, ERR_BUSY, "another keybrokerd uses %s",
		    s->config->state);
	free(path);
	return e;
}

/* The state folder is the core's.  Others may pass through it, to the
 * certificates that are published below, and see nothing else. */
static enum err
open_state(struct supervisor *s, struct fault *why)
{
	const struct identity *core = &s->settings->users[ROLE_CORE];
	const char *path = s->config->state;
	const mode_t mode = 0711;
	struct stat st;
	enum err e;
	int fd;

	e = make_folder(path, mode, why);
	if (e != OK)
		return e;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fault_errno(why, ERR_IO, "cannot open %s", path);
	if (fstat(fd, &st) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != core->uid))
		e = fault_set(why, ERR_CONFIG, "state folder %s belongs to "
		    "somebody else", path);
	else if (((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0) ||
	    (st.st_uid != core->uid &&
	    fchown(fd, core->uid, core->gid) != 0))
		e = fault_errno(why, ERR_IO, "cannot give %s its owner and "
		    "mode", path);
	close(fd);
	return e;
}

static enum err
prompt_pins(struct supervisor *s, struct fault *why)
{
	enum err e = OK;

	for (size_t i = 0; i < s->ntokens && e == OK; i++)
		if (s->tokens[i].config->pin_source == PIN_PROMPT)
			e = pins_prompt(s->tokens[i].config,
			    &s->tokens[i].prompted, why);
	return e;
}

/* All that can fail before anything is started, in the order in which it
 * does the least harm. */
static enum err
supervisor_open(struct supervisor *s, struct fault *why)
{
	enum err e;

	e = open_state(s, why);
	if (e == OK)
		e = take_lock(s, why);
	if (e == OK)
		e = latch_open(s->config->state, &s->latches, why);
	if (e == OK)
		e = listeners_open(s->config, &s->listeners, why);
	if (e == OK && s->config->http_listen != NULL)
		e = listener_open_http(s->config->http_listen, &s->http, why);
	listeners_forget_passed();
	lanes_open(s);
	if (e == OK)
		e = prompt_pins(s, why);
	return e;
}

static void
supervisor_close(struct supervisor *s)
{
	if (s->listeners != NULL)
		listeners_close(s->listeners, s->config->nlisteners);
	free(s->lanes);
	free(s->tokens);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!core_ended(s, pid, status) &&
		    !lanes_ended(s, pid, status) &&
		    !issuer_ended(s, pid, status))
			hooks_ended(s, pid, status);
}

static void
signals_readable(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			log_warning("a changed configuration needs a restart; "
			    "signal ignored");
		else if (info.ssi_signo != SIGCHLD)
			supervisor_stop(s, EXIT_FINE);
	}
	reap(s);
}

static int
signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		fatal("cannot block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fatal("cannot receive signals");
	return fd;
}

static bool
anything_runs(const struct supervisor *s)
{
	for (size_t i = 0; i < s->nlanes; i++)
		if (s->lanes[i].child.pid > 0)
			return true;
	return s->core.child.pid > 0 || s->issuer.child.pid > 0 ||
	    s->hooks_running > 0;
}

static int64_t
watchdog_tick(struct supervisor *s, int64_t now)
{
	int64_t every = notify_watchdog();

	if (every <= 0)
		return INT64_MAX;
	if (s->watchdog <= now) {
		notify("WATCHDOG=1");
		s->watchdog = now + every;
	}
	return s->watchdog;
}

/* Does what is due; gives the milliseconds until there is more, -1 for
 * nothing.  The core comes first, so that the others find its channel. */
static int
tick(struct supervisor *s)
{
	int64_t (*const ticks[])(struct supervisor *, int64_t) = {
		core_tick, tokens_tick, lanes_tick, issuer_tick, hooks_tick,
		watchdog_tick };
	int64_t now = child_now(), next = INT64_MAX, t;

	for (size_t i = 0; i < nitems(ticks); i++) {
		t = ticks[i](s, now);
		next = t < next ? t : next;
	}
	if (next == INT64_MAX)
		return -1;
	now = child_now();
	if (next <= now)
		return 0;
	return next - now < 3600000 ? (int)(next - now) : 3600000;
}

/* Waits for the first of everything that may happen, and handles it. */
static void
turn(struct supervisor *s)
{
	struct pollfd fds[3 + HOOKS_MAX];
	int timeout = tick(s);
	struct lane *lane = lanes_starting(s);
	unsigned n = 3;

	fds[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = s->core.fd, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = lane != NULL ? lane->fd : -1,
		.events = POLLIN };
	n += hooks_watch(s, fds + n);
	state_notify(s);
	if (poll(fds, n, timeout) < 0) {
		if (errno != EINTR)
			fatal("poll: %s", strerror(errno));
		return;
	}
	if (fds[1].revents != 0)
		core_readable(s);
	if (fds[2].revents != 0 && lane->fd >= 0)
		lane_readable(s, lane);
	for (unsigned i = 3; i < n; i++)
		if (fds[i].revents != 0)
			hooks_readable(s, fds[i].fd);
	if (fds[0].revents != 0)
		signals_readable(s);
}

static void
run(struct supervisor *s)
{
	for (;;) {
		if (s->phase != PHASE_RUN && !anything_runs(s)) {
			if (s->phase == PHASE_STOP)
				return;
			s->phase = PHASE_RUN;
		}
		turn(s);
	}
}

/* 75 for what may pass (a lock, an address in use), 78 for what will not. */
static int
start_failed(const struct fault *why)
{
	log_error("%s", why->text);
	return why->code == ERR_CONFIG ? EXIT_SETTING : EXIT_TEMPORARY;
}

static int
supervise(const struct settings *settings)
{
	struct supervisor s = { .settings = settings, .latches = -1,
		.config = settings->config, .http = -1, .lock = -1,
		.core = { .fd = -1 },
		.issuer = { .sandbox_fd = -1 } };
	int code = EXIT_FINE;
	struct fault why;

	log_set_level(s.config->log);
	if (chdir("/") != 0)
		fatal("cannot change to /");
	if (supervisor_open(&s, &why) == OK) {
		s.signals = signals_open();
		run(&s);
		code = s.exit_code;
	} else {
		code = start_failed(&why);
	}
	supervisor_close(&s);
	return code;
}

static int
print(const struct config *config)
{
	struct buf b;
	int bad;

	buf_init(&b, 4 * CONFIG_MAX);
	config_print(config, &b);
	bad = b.failed || write_full(STDOUT_FILENO, b.data, b.len) != 0;
	buf_free(&b);
	return bad ? EXIT_BROKEN : EXIT_FINE;
}

int
main(int argc, char **argv)
{
	struct settings settings;
	struct options options;
	struct fault why;
	int code = EXIT_FINE;

	process_start("keybrokerd", LOG_LEVEL_INFO);
	process_seal_fds(PARENT_FD);
	options_read(argc, argv, &options);
	if (settings_load(&settings, options.path) != OK)
		code = EXIT_SETTING;
	else if (options.mode == MODE_PRINT)
		code = print(settings.config);
	else if (options.mode == MODE_RUN &&
	    settings_resolve(&settings, &why) != OK)
		code = start_failed(&why);
	else if (options.mode == MODE_RUN)
		code = supervise(&settings);
	settings_free(&settings);
	return code;
}
