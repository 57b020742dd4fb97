/*
 * What the lanes of one token know together about its PIN: one byte in a file
 * that keybrokerd opens for them.  One lane logs in at a time, and none after
 * one was refused, even when every process has ended since.
 */
#ifndef BASE_LOGIN_H
#define BASE_LOGIN_H

#include "err.h"

enum login_state {
	LOGIN_FREE = 0,	     /* nothing is known against it */
	LOGIN_TRYING = 't',  /* one is under way, or ended in a crash */
	LOGIN_REFUSED = 'r', /* the PIN was; keybrokerd does not know yet */
	LOGIN_LATCHED = 'l', /* keybrokerd knows: see supervisor/latch.h */
};

/* Takes the lock on a login, waiting for another lane's to end. */
enum err login_enter(int fd, enum login_state *state, struct fault *why);

/* Lets it go, with a new state unless keybrokerd has latched meanwhile.  A
 * refusal is on disk when this returns. */
void login_leave(int fd, enum login_state state);

/* Reads and writes without the lock, for keybrokerd, which never waits. */
enum login_state login_peek(int fd);
enum err login_put(int fd, enum login_state state, struct fault *why);

#endif
