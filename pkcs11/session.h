/*
 * The one session of this process, its login, and the climb up the ladder
 * when something fails.
 */
#ifndef PKCS11_SESSION_H
#define PKCS11_SESSION_H

#include <stdbool.h>

#include "ladder.h"
#include "token.h"

struct session {
	struct module module;
	P11KitUri *uri;
	int pin_fd;		/* -1: no PIN was given */
	int login_fd;		/* -1: this is the only lane */
	bool count_low_allowed;
	struct token token;
	CK_SESSION_HANDLE handle;
	unsigned generation;	/* grows when object handles become void */
	unsigned exhausted;	/* requests in a row that no rung helped */
	int folder;		/* of the token, to be flushed; or -1 */
	int leave;		/* enum exit_code to end with; -1: stay */
	bool refused;		/* the PIN: never try it again */
};

/*
 * Loads the module by name, initialises it, finds the token by its URI, opens
 * the session and logs in.  session_close() is due even after a failure.
 */
enum err session_open(struct session *s, const char *module, const char *uri,
    int pin_fd, int login_fd, bool count_low_allowed, struct fault *why);

/* C_Finalize; no C_Logout, because that would log other programs out too
 * where a module shares the login. */
void session_close(struct session *s);

/* C_Finalize, C_Initialize, find, open, log in. */
enum err session_restart(struct session *s, struct fault *why);

/* The login that a key with CKA_ALWAYS_AUTHENTICATE wants for each use. */
enum err session_login_for_key(struct session *s, struct fault *why);

/*
 * Runs fn, and on failure of the module climbs the ladder and runs it again;
 * fn that is not repeatable runs again only when the module did nothing.
 * When no rung is left, s->leave tells how the process has to end.
 */
typedef enum err session_fn(void *arg, struct fault *why);
enum err session_run(struct session *s, session_fn *fn, void *arg,
    bool repeatable, struct fault *why);

/* The exit code that belongs to an error of session_open(). */
int session_exit_code(enum err e);

#endif
