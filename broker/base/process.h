/*
 * What every program of the broker does first, and the exit codes by which
 * a child tells keybrokerd what should happen next.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>

#include "log.h"

enum exit_code {
	EXIT_FINE = 0,	    /* asked to stop, or its peer is gone */
	EXIT_BROKEN = 70,   /* a mistake of ours: restart with back-off */
	EXIT_TEMPORARY = 75,/* token, disk or peer failed: restart, back-off */
	EXIT_PIN = 77,	    /* PIN refused, locked or on its last try: never
			     * restarted until the operator clears the latch */
	EXIT_SETTING = 78,  /* configuration is wrong: do not restart */
};

/* Descriptors that keybrokerd hands to its children, see each main(). */
#define PARENT_FD 3 /* core: control channel; lane and issuer: to the core */
#define PIN_FD	  4 /* lane: the PIN, to be read from offset 0 */
#define LOGIN_FD  5 /* lane: what the lanes know of the PIN, see login.h */

/*
 * Names the process, refuses core files and tracing by others, ignores
 * SIGPIPE and sets umask 077.  To be called before anything else.
 */
void process_start(const char *name, enum log_level level);

/*
 * To be called when the start is over: unmaps the pages of the program and its
 * libraries that are as they are in their files, for most of them were looked
 * at only to link and to initialise.  What is used again comes back from the
 * page cache by itself.  Modules that were loaded later are left alone: a
 * vendor's may have changed itself.
 */
void process_settle(void);

/* Raises the number of descriptors that the process may have to n, or as far
 * as it is let; gives what it is then. */
uint64_t process_allow_files(uint64_t n);

/* Sets the close-on-exec flag on every descriptor from first upwards. */
void process_seal_fds(int first);

#endif
