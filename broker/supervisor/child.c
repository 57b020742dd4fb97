#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"

extern char **environ;

int64_t
child_now(void)
{
	return clock_monotonic_us() / 1000;
}

/* Moves the descriptors into place through numbers above all targets, so
 * that no source is overwritten before it was moved; closes the rest. */
static int
arrange_fds(const struct spawn *what)
{
	int first = PARENT_FD + (int)what->nfds;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int *high = xcalloc(what->nfds, sizeof(*high));

	if (null < 0)
		return -1;
	null = fcntl(null, F_DUPFD_CLOEXEC, first);
	for (unsigned i = 0; i < what->nfds; i++) {
		int fd = what->fds[i] >= 0 ? what->fds[i] : null;

		high[i] = fcntl(fd, F_DUPFD_CLOEXEC, first);
		if (high[i] < 0)
			return -1;
	}
	if (dup2(null, STDIN_FILENO) < 0)
		return -1;
	if (what->output >= 0 && (dup2(what->output, STDOUT_FILENO) < 0 ||
	    dup2(what->output, STDERR_FILENO) < 0))
		return -1;
	if (what->output < 0 && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	for (unsigned i = 0; i < what->nfds; i++)
		if (dup2(high[i], PARENT_FD + (int)i) < 0)
			return -1;
	free(high);
	return close_range((unsigned)first, ~0U, 0);
}

/*
 * The child's side.  The parent-death signal comes after the change of user,
 * which would clear it; asking for the parent afterwards closes the gap in
 * which the parent may already have died.
 */
__attribute__((noreturn)) static void
become(const struct spawn *what, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	umask(what->mask);
	if (setsid() < 0 || chdir("/") != 0 || arrange_fds(what) != 0 ||
	    identity_take(what->who) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
		log_error("cannot prepare %s: %s", what->path, strerror(errno));
		_exit(EXIT_TEMPORARY);
	}
	if (getppid() != parent)
		_exit(EXIT_FINE);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(what->path, what->argv, what->envp);
	log_error("cannot run %s: %s", what->path, strerror(errno));
	_exit(EXIT_TEMPORARY);
}

enum err
child_spawn(const struct spawn *what, pid_t *pid, struct fault *why)
{
	pid_t parent = getpid();

	*pid = fork();
	if (*pid < 0)
		return fault_errno(why, ERR_IO, "cannot start %s", what->path);
	if (*pid == 0)
		become(what, parent);
	return OK;
}

void
child_started(struct child *c, pid_t pid, enum child_state state)
{
	c->state = state;
	c->pid = pid;
	c->since = child_now();
	c->kill_at = 0;
}

void
child_ended(struct child *c, bool blamed)
{
	int64_t now = child_now();
	bool healthy = c->state == CHILD_UP && now - c->since >= CHILD_HEALTHY;

	c->state = CHILD_WAITING;
	c->pid = 0;
	c->kill_at = 0;
	c->due = now;
	c->restarts++;
	if (!blamed)
		return;
	if (c->delay == 0 || healthy)
		c->delay = CHILD_DELAY_FIRST;
	c->due = now + c->delay;
	c->delay *= 2;
	if (c->delay > CHILD_DELAY_LAST)
		c->delay = CHILD_DELAY_LAST;
}

void
child_kill_by(struct child *c, int64_t when)
{
	if (c->pid > 0 && (c->kill_at == 0 || c->kill_at > when))
		c->kill_at = when;
}

int64_t
child_tick(struct child *c, int64_t now)
{
	if (c->pid > 0 && c->kill_at != 0 && c->kill_at <= now) {
		log_warning("process %d has not done in time what it should; "
		    "killing it", (int)c->pid);
		kill(c->pid, SIGKILL);
		c->kill_at = now + CHILD_GRACE;
	}
	return c->pid > 0 && c->kill_at != 0 ? c->kill_at : INT64_MAX;
}

static const char *
code_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} codes[] = {
		{ EXIT_FINE, "its work is over" },
		{ EXIT_BROKEN, "a mistake of its own" },
		{ EXIT_TEMPORARY, "temporary failure" },
		{ EXIT_PIN, "the PIN was refused, is locked or on its last "
		    "try" },
		{ EXIT_SETTING, "wrong configuration" },
	};

	for (size_t i = 0; i < nitems(codes); i++)
		if (codes[i].code == code)
			return codes[i].text;
	return "unknown reason";
}

const char *
child_end_text(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(out, size, "ended by its sandbox: it made a system "
		    "call that is forbidden");
	else if (WIFSIGNALED(status))
		snprintf(out, size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(out, size, "exited with code %d (%s)",
		    WEXITSTATUS(status), code_text(WEXITSTATUS(status)));
	return out;
}

/* True when the entry "NAME=value" has that name. */
static bool
named(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

static bool
for_everybody(const char *entry)
{
	static const char *const names[] = { "PATH", "TZ", "LANG",
		"JOURNAL_STREAM", "KEYBROKER_POINT_FILE",
#ifdef TEST_POINTS
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
		"TSAN_OPTIONS",
#endif
	};

	for (size_t i = 0; i < nitems(names); i++)
		if (named(entry, names[i]))
			return true;
	return false;
}

/* Our own dealings with systemd are not a vendor module's. */
static bool
for_signer(const char *entry)
{
	static const char *const prefixes[] = { "LD_", "OPENSSL_", "LISTEN_",
		"NOTIFY_SOCKET=", "WATCHDOG_", "CREDENTIALS_DIRECTORY=" };

	for (size_t i = 0; i < nitems(prefixes); i++)
		if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
			return false;
	return true;
}

char **
child_environment(bool signer)
{
	size_t n = 0;
	char **envp;

	while (environ[n] != NULL)
		n++;
	envp = xcalloc(n + 2, sizeof(*envp));
	n = 0;
	for (char **e = environ; *e != NULL; e++)
		if (signer ? for_signer(*e) : for_everybody(*e))
			envp[n++] = xstrdup(*e);
	if (signer)
		envp[n++] = xstrdup("OPENSSL_CONF=/dev/null");
	return envp;
}

void
child_environment_free(char **envp)
{
	for (char **e = envp; e != NULL && *e != NULL; e++)
		free(*e);
	free(envp);
}
