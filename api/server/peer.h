/* Who is at the other end of a Unix socket: the kernel's word only. */
#ifndef API_SERVER_PEER_H
#define API_SERVER_PEER_H

#include "../route.h"

/*
 * Fills uid, gid, pid and groups of the process that connected fd; listener
 * and issuer are the caller's.  A peer with more groups than fit is refused
 * (ERR_LIMIT): a cut list could hide the one that a rule denies.
 */
enum err peer_read(int fd, struct peer *peer, struct fault *why);

#endif
