/*
 * The lanes.  They start one at a time, each when the one before has logged
 * in or failed: some modules lose logins that happen at once.  A lane whose
 * PIN was refused is not started again, nor is any other of its token, until
 * the latch is cleared: each try may be the one that locks the token.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/lane.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "latch.h"
#include "pin.h"
#include "supervisor.h"

#define LANE_FDS     3 /* channel, PIN, login; see base/process.h */
#define CRASHES_MOST 2 /* logins in a row; then the token is latched */
#define ARGV_MAX(keys) (11 + 2 * (keys))

void
lanes_open(struct supervisor *s)
{
	const struct config *c = s->config;
	struct lane *l;

	for (size_t i = 0; i < c->ntokens; i++)
		s->nlanes += c->tokens[i].lanes;
	s->lanes = l = xcalloc(s->nlanes, sizeof(*l));
	s->tokens = xcalloc(c->ntokens, sizeof(*s->tokens));
	s->ntokens = c->ntokens;
	for (size_t i = 0; i < c->ntokens; i++) {
		s->tokens[i] = (struct token){ .config = &c->tokens[i],
			.prompted = -1 };
		for (unsigned n = 0; n < c->tokens[i].lanes; n++, l++)
			*l = (struct lane){ .token = &s->tokens[i],
				.number = n, .fd = -1 };
	}
}

void
lane_tell_down(struct supervisor *s, const struct lane *l, const struct fault *why)
{
	const struct frame head = { .op = CONTROL_LANE_DOWN };
	struct buf b;

	buf_init(&b, FRAME_MAX);
	buf_put_str(&b, l->token->config->name);
	buf_put_u32(&b, l->number);
	frame_put_fault(&b, why);
	core_send(s, &head, &b);
	buf_free(&b);
}

/* The command line of a lane; owned are its strings from *owned on. */
static char **
arguments(const struct lane *l, bool careful)
{
	const struct config_token *t = l->token->config;
	char **argv = xcalloc(ARGV_MAX(t->nkeys), sizeof(*argv));
	unsigned n = 0;

	argv[n++] = xstrdup("keybroker-signer");
	argv[n++] = xstrdup("--module");
	argv[n++] = xstrdup(t->module);
	argv[n++] = xstrdup("--token");
	argv[n++] = xstrdup(t->uri);
	argv[n++] = xstrdup("--name");
	argv[n++] = xstrdup(t->name);
	argv[n++] = xstrdup("--lane");
	argv[n++] = xasprintf("%u", l->number);
	if (t->pin_count_low_allowed && !careful)
		argv[n++] = xstrdup("--allow-count-low");
	for (size_t i = 0; i < t->nkeys; i++) {
		argv[n++] = xstrdup("--key");
		argv[n++] = xasprintf("%s=%s=%s", t->keys[i].name,
		    purpose_name(t->keys[i].purpose), t->keys[i].uri);
	}
	return argv;
}

/* Of fds, the first becomes the lane's end of its channel. */
static enum err
spawn(struct supervisor *s, struct lane *l, int fds[static LANE_FDS],
    bool careful, struct fault *why)
{
	char **argv = arguments(l, careful), **envp = child_environment(true);
	int pair[2];
	struct spawn what = { .path = s->settings->programs[ROLE_SIGNER],
		.argv = argv, .envp = envp, .output = -1, .mask = 077,
		.who = &s->settings->users[ROLE_SIGNER],
		.fds = fds, .nfds = LANE_FDS };
	pid_t pid;
	enum err e;

	e = frame_pair(pair, why);
	if (e == OK) {
		fds[0] = pair[1];
		e = child_spawn(&what, &pid, why);
		close(pair[1]);
		l->fd = pair[0];
	}
	if (e == OK)
		child_started(&l->child, pid, CHILD_STARTING);
	child_environment_free(argv);
	child_environment_free(envp);
	return e;
}

static void
start_failed(struct supervisor *s, struct lane *l, enum err e,
    const struct fault *why)
{
	if (e == ERR_PIN) {
		token_hold(s, l->token, why);
		return;
	}
	log_error("lane %u of token %s: %s", l->number,
	    l->token->config->name, why->text);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->tried = true;
	lane_tell_down(s, l, why);
	child_ended(&l->child, true);
}

static void
start(struct supervisor *s, struct lane *l)
{
	const char *name = l->token->config->name;
	struct fault why = { 0 };
	int fds[LANE_FDS] = { -1, -1, -1 };
	bool died = false;
	enum err e;

	if (l->token->latched)
		why = l->token->reason;
	if (l->token->latched || latch_is_set(s->latches, name, &why)) {
		token_hold(s, l->token, &why);
		return;
	}
	l->why.code = OK;
	e = token_open_login(s, l->token, &fds[2], &why);
	if (e == OK)
		e = pins_open(l->token->config, l->token->prompted, &fds[1],
		    &why);
	if (e == OK)
		e = latch_trying(s->latches, name, &died, &why);
	if (died)
		log_warning("token %s: the last login ended in a crash", name);
	if (e == OK)
		e = spawn(s, l, fds, died, &why);
	for (unsigned i = 1; i < LANE_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (e == OK) {
		child_kill_by(&l->child, child_now() + LANE_START_MS);
		return;
	}
	start_failed(s, l, e, &why);
}

struct lane *
lanes_starting(struct supervisor *s)
{
	for (size_t i = 0; i < s->nlanes; i++)
		if (s->lanes[i].child.state == CHILD_STARTING)
			return &s->lanes[i];
	return NULL;
}

/* The one that has waited longest, so that a bad token delays no other for
 * more than one start. */
static struct lane *
next_due(struct supervisor *s, int64_t now)
{
	struct lane *next = NULL;

	for (size_t i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (l->child.state == CHILD_WAITING && l->child.due <= now &&
		    (next == NULL || l->child.due < next->child.due))
			next = l;
	}
	return next;
}

int64_t
lanes_tick(struct supervisor *s, int64_t now)
{
	int64_t next = INT64_MAX;
	struct lane *l;

	while (s->phase == PHASE_RUN && s->core.fd >= 0 &&
	    lanes_starting(s) == NULL && (l = next_due(s, now)) != NULL)
		start(s, l);
	for (size_t i = 0; i < s->nlanes; i++) {
		struct child *c = &s->lanes[i].child;
		int64_t t = child_tick(c, now);

		/* Who is due already waits for another lane, not for time. */
		if (c->state == CHILD_WAITING && c->due > now &&
		    s->phase == PHASE_RUN)
			t = c->due;
		next = t < next ? t : next;
	}
	return next;
}

static void
pass_on(struct supervisor *s, struct lane *l, const struct lane_token *info)
{
	const struct frame head = { .op = CONTROL_LANE_UP, .nfds = 1,
		.fds = { l->fd } };
	struct buf b;

	buf_init(&b, FRAME_MAX);
	buf_put_str(&b, l->token->config->name);
	buf_put_u32(&b, l->number);
	lane_put_token(&b, info);
	core_send(s, &head, &b);
	buf_free(&b);
}

/*
 * The one frame that we read from a lane: that it is ready, or why not.  A lane
 * that failed keeps its deadline and is not hurried: a SIGKILL while it still
 * shuts the module down would hide the exit code that says what happened.
 */
void
lane_readable(struct supervisor *s, struct lane *l)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct lane_token info;
	struct frame head;
	struct fault why;
	struct reader r;
	enum err e;

	e = frame_recv(l->fd, &head, buffer, sizeof(buffer), 0, &why);
	if (e == ERR_TIMEOUT)
		return;
	reader_init(&r, head.payload.p, e == OK ? head.payload.n : 0);
	if (e == OK && head.op == LANE_READY && head.status != OK) {
		frame_get_fault(&r, &l->why);
	} else if (e == OK && head.op == LANE_READY) {
		lane_get_token(&r, &info);
		if (reader_done(&r) && head.nfds == 0) {
			latch_tried(s->latches, l->token->config->name);
			l->token->crashes = 0;
			l->token->proven = true;
			pass_on(s, l, &info);
			l->child.state = CHILD_UP;
			l->child.kill_at = 0;
			l->tried = true;
			log_info("lane %u of token %s is up", l->number,
			    l->token->config->name);
		}
	}
	for (unsigned i = 0; e == OK && i < head.nfds; i++)
		close(head.fds[i]);
	close(l->fd);
	l->fd = -1;
}

/* A code of ours, rather than a crash: the login took its orderly end. */
static bool
orderly(int status)
{
	if (!WIFEXITED(status))
		return false;
	return WEXITSTATUS(status) == EXIT_FINE ||
	    WEXITSTATUS(status) == EXIT_TEMPORARY ||
	    WEXITSTATUS(status) == EXIT_SETTING;
}

/*
 * A module that crashes may have been told that the PIN is wrong and not have
 * lived to tell us: it has one more try, a careful one.  A lane that was
 * killed did not crash; a token that is out of reach must not be latched.
 */
static bool
crashed_too_often(struct lane *l, int status, struct fault *why)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL ||
	    ++l->token->crashes < CRASHES_MOST)
		return false;
	fault_set(why, ERR_PIN, "%d logins in a row ended in a crash, and "
	    "each may have cost a try of the PIN", CRASHES_MOST);
	return true;
}

/* What the core and the log are told about the end of a lane. */
static void
explain(const struct lane *l, int status, bool pin, struct fault *why)
{
	char text[128];

	if (l->why.code != OK)
		*why = l->why;
	else
		fault_set(why, ERR_TOKEN, "%s", child_end_text(status, text,
		    sizeof(text)));
	if (pin)
		why->code = ERR_PIN;
}

static void
ended(struct supervisor *s, struct lane *l, int status)
{
	bool pin = (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PIN) ||
	    l->why.code == ERR_PIN;
	bool was_starting = l->child.state == CHILD_STARTING;
	struct fault why;

	explain(l, status, pin, &why);
	if (!pin && was_starting)
		pin = crashed_too_often(l, status, &why);
	if (pin)
		token_latch(s, l->token, &why);
	else if (was_starting && orderly(status))
		latch_tried(s->latches, l->token->config->name);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->tried = true;
	child_ended(&l->child, s->phase == PHASE_RUN || !orderly(status));
	log_line(s->phase == PHASE_RUN ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    "lane %u of token %s: %s", l->number, l->token->config->name,
	    why.text);
	if (pin)
		token_hold(s, l->token, &why);
	else
		lane_tell_down(s, l, &why);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SETTING &&
	    !l->token->proven)
		supervisor_stop(s, EXIT_SETTING);
}

bool
lanes_ended(struct supervisor *s, pid_t pid, int status)
{
	for (size_t i = 0; i < s->nlanes; i++)
		if (s->lanes[i].child.pid == pid) {
			ended(s, &s->lanes[i], status);
			return true;
		}
	return false;
}

void
lane_kill(struct supervisor *s, const char *token, unsigned number)
{
	for (size_t i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (l->number != number || l->child.state != CHILD_UP ||
		    strcmp(l->token->config->name, token) != 0)
			continue;
		log_warning("lane %u of token %s hangs; killing it", number,
		    token);
		kill(l->child.pid, SIGKILL);
	}
}

void
lanes_drain(struct supervisor *s)
{
	for (size_t i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
		child_kill_by(&l->child, child_now() + CHILD_GRACE);
	}
}
