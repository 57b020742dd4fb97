/*
 * One process below keybrokerd: how it is born, with nothing but what it is
 * handed, and when it is born again.  Times are milliseconds of the
 * monotonic clock; 0 stands for never.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/err.h"
#include "identity.h"

#define CHILD_DELAY_FIRST 100	/* ms before the first restart */
#define CHILD_DELAY_LAST  4000  /* ms at most, after doubling: a token that
				 * is back is used within five seconds */
#define CHILD_HEALTHY	  60000 /* ms up until the delay starts anew */
#define CHILD_GRACE	  5000	/* ms to end when its peer is gone */

enum child_state {
	CHILD_WAITING,	/* not running; to be started when due */
	CHILD_STARTING, /* running, has not said that it is ready */
	CHILD_UP,
	CHILD_LATCHED, /* not running; an operator must act */
	CHILD_STATE__MAX
};

struct child {
	enum child_state state;
	pid_t pid;	  /* 0: not running */
	int64_t due;	  /* not to be started before */
	int64_t since;	  /* when it was started */
	int64_t kill_at;  /* to be killed then */
	unsigned delay;	  /* back-off after the next failure */
	unsigned restarts;
};

/* What a process is given.  Descriptor i of fds becomes PARENT_FD + i, and
 * -1 stands for /dev/null; standard input always is /dev/null. */
struct spawn {
	const char *path;
	char *const *argv;
	char *const *envp;
	const struct identity *who;
	const int *fds;
	unsigned nfds;
	int output;  /* becomes standard output and error; -1: ours */
	mode_t mask; /* umask */
};

int64_t child_now(void);

/*
 * Starts a process in a session of its own that dies with keybrokerd.  ERR_IO
 * when there can be no more processes; what fails later is an exit code.
 */
enum err child_spawn(const struct spawn *what, pid_t *pid, struct fault *why);

/*
 * Books a start; an end (or a failed start) that calls for another try, with
 * back-off when the process is to be blamed for it; and a SIGKILL at a time if
 * no earlier one was booked.
 */
void child_started(struct child *c, pid_t pid, enum child_state state);
void child_ended(struct child *c, bool blamed);
void child_kill_by(struct child *c, int64_t when);

/* Sends SIGKILL when its time has come; gives the time at which it will come
 * (INT64_MAX: not booked). */
int64_t child_tick(struct child *c, int64_t now);

/* "exited with code 75 (temporary failure)" or "killed by signal 9", or
 * that a forbidden system call ended it, for tests and operators to find. */
const char *child_end_text(int status, char *out, size_t size);

/*
 * The environment of a child as an owned array for execve().  The signer gets
 * ours, for the sake of vendors' modules, less what could change how it is
 * loaded or what OpenSSL does; the others get a few harmless words.
 */
char **child_environment(bool signer);
void child_environment_free(char **envp);

#endif
