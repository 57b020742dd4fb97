/*
 * keybrokerd: gives birth to the core, the lanes and the issuer, waits for
 * them, and knows when to start them again.  One thread, one loop; it parses
 * the configuration and what the core says, and no stranger's byte.
 *
 *   settings	what it was told: arguments, configuration, users, programs
 *   listener, latch, pin, notify, identity, child	things it uses
 *   core, token, lane, issuer, hook	what it runs
 *   state	how it tells about them
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/control.h"
#include "../base/frame.h"
#include "child.h"
#include "listener.h"
#include "settings.h"

#define LANE_START_MS 60000 /* for one lane to log in */
#define STOP_MS	      10000 /* for the core to finish, when asked to stop */
#define LATCH_POLL_MS 2000  /* to see that an operator removed a latch */
#define HOOKS_MAX     16    /* programs of others that run at once */
#define HOOKS_WAITING 1024  /* and those that may wait for that */

/* RUN: all are kept alive.  DRAIN: the core died, and the rest of its
 * generation ends before a new one begins.  STOP: nothing is started. */
enum phase { PHASE_RUN, PHASE_DRAIN, PHASE_STOP };

struct core {
	struct child child;
	unsigned sandbox; /* enum sandbox_level; of no meaning before READY */
	int fd; /* -1: not running */
	bool ready;
	int64_t term_at;
};

struct token {
	const struct config_token *config;
	int prompted; /* what pins_prompt() gave, -1: nothing */
	bool latched;
	bool unwritten; /* latched, but the file could not be written */
	unsigned crashes; /* of logins, in a row */
	bool proven;	  /* a lane has been up: the settings are right */
	struct fault reason; /* of the latch */
};

struct lane {
	struct child child;
	struct token *token;
	unsigned number;
	int fd;		  /* the core's end until READY; -1: passed on */
	bool tried;	  /* has come up or failed at least once */
	struct fault why; /* what it said before it ended */
};

struct issuer {
	struct child child;
	unsigned sandbox; /* enum sandbox_level, as it said at its start */
	int sandbox_fd;	  /* where it says so; -1: has said it or will not */
};

struct hook;

struct supervisor {
	const struct settings *settings;
	const struct config *config;
	enum phase phase;
	int exit_code;
	bool told_ready; /* systemd knows */
	int signals;	 /* signalfd */
	int lock;	 /* of the state folder */
	int latches;	 /* folder, see latch.h */
	int64_t latch_poll;
	int64_t watchdog; /* next message */
	struct listener *listeners;
	int http; /* -1: no http-01 responder */

	struct core core;
	struct token *tokens;
	size_t ntokens;
	struct lane *lanes;
	size_t nlanes;
	struct issuer issuer;
	struct hook *hooks; /* in order of arrival */
	unsigned hooks_running, hooks_waiting;
};

/* Ends everything in order; the first code given is the exit code. */
void supervisor_stop(struct supervisor *s, int exit_code);

/*
 * The verbs of what it runs.  tick: do what is due, give the time of the next
 * thing (INT64_MAX: none).  ended: book the end of a process; false when it is
 * not one of these.
 */
int64_t core_tick(struct supervisor *s, int64_t now);
bool core_ended(struct supervisor *s, pid_t pid, int status);
void core_readable(struct supervisor *s);
void core_stop(struct supervisor *s);

/* Sends a frame to the core, if it runs.  A core that does not take it any
 * more is killed. */
void core_send(struct supervisor *s, const struct frame *head,
    const struct buf *payload);

void lanes_open(struct supervisor *s);
int64_t lanes_tick(struct supervisor *s, int64_t now);
bool lanes_ended(struct supervisor *s, pid_t pid, int status);
struct lane *lanes_starting(struct supervisor *s);
void lane_readable(struct supervisor *s, struct lane *l);
void lane_kill(struct supervisor *s, const char *token, unsigned number);
void lanes_drain(struct supervisor *s); /* the core is gone */

/* Tells the core why a lane is not there. */
void lane_tell_down(struct supervisor *s, const struct lane *l,
    const struct fault *why);

/*
 * The token's PIN must not be tried: latch says so on disk, or at least as
 * long as keybrokerd runs; hold keeps its lanes from being started.  unlatch
 * forgets both; tell lets a new core know.
 */
void token_latch(struct supervisor *s, struct token *t,
    const struct fault *said);
void token_hold(struct supervisor *s, struct token *t,
    const struct fault *why);

/* Opens what the lanes of a token share; ERR_PIN, and the token latched, when
 * it says that the PIN was refused. */
enum err token_open_login(struct supervisor *s, struct token *t, int *fd,
    struct fault *why);
int64_t tokens_tick(struct supervisor *s, int64_t now);
void tokens_unlatch(struct supervisor *s, const char *token);
void tokens_tell(struct supervisor *s);

int64_t issuer_tick(struct supervisor *s, int64_t now);
bool issuer_ended(struct supervisor *s, pid_t pid, int status);
unsigned issuer_sandbox(struct supervisor *s); /* enum sandbox_level */
void issuer_drain(struct supervisor *s);

void hook_asked(struct supervisor *s, const struct frame *head);
int64_t hooks_tick(struct supervisor *s, int64_t now);
bool hooks_ended(struct supervisor *s, pid_t pid, int status);
unsigned hooks_watch(struct supervisor *s, struct pollfd *out);
void hooks_readable(struct supervisor *s, int fd);
void hooks_drain(struct supervisor *s);

/* The processes as a JSON array of role, name, pid, state, restarts, and,
 * for those that confine themselves, sandbox. */
void state_json(struct supervisor *s, struct buf *out);

/* Tells systemd what there is to tell: READY once, STATUS when it changes. */
void state_notify(struct supervisor *s);

#endif
