/*
 * What must be remembered about a token's PIN, as files in STATE/latch:
 *
 *   TOKEN		the PIN was refused, is locked or on its last try; no
 *			lane of this token is started while the file is there.
 *			It holds one line that says why.
 *   TOKEN.trying	a login is under way.  Found before a start, it tells
 *			that the process died during the last one, which may
 *			have cost a try.
 *   TOKEN.login	what the token's lanes know together, see base/login.h:
 *			a refusal that nobody was left to latch is found there.
 *
 * The folder is held open from the start, so that no later change of its path
 * leads us elsewhere; it must be ours.  Every change is on disk when a
 * function returns.
 */
#ifndef SUPERVISOR_LATCH_H
#define SUPERVISOR_LATCH_H

#include <stdbool.h>

#include "../base/err.h"

/* Makes and opens the folder below the state folder. */
enum err latch_open(const char *state, int *folder, struct fault *why);

/* False for a token name that would collide with a file of another. */
bool latch_name_valid(const char *token);

/* True when latched, or when that cannot be found out; reason then tells. */
bool latch_is_set(int folder, const char *token, struct fault *reason);

/* Opens TOKEN.login, making it when it is not there. */
enum err latch_open_login(int folder, const char *token, int *fd,
    struct fault *why);

/* Before a login: writes the marker, and tells whether it was there. */
enum err latch_trying(int folder, const char *token, bool *died,
    struct fault *why);

/* After a login that did not end in a crash: removes the marker. */
void latch_tried(int folder, const char *token);

/*
 * Latches: the marker is renamed first, which needs no room on the disk, and
 * the reason written after.  An error means that neither worked.
 */
enum err latch_set(int folder, const char *token, const char *reason,
    struct fault *why);

/* Removes latch and marker, and lets the lanes log in again. */
enum err latch_clear(int folder, const char *token, struct fault *why);

#endif
