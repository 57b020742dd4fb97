#include "peer.h"

#include <errno.h>
#include <sys/socket.h>

_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are read in place");

enum err
peer_read(int fd, struct peer *peer, struct fault *why)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return fault_errno(why, ERR_IO, "cannot tell who connected");
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	peer->pid = cred.pid;
	peer->ngroups = 0;
	n = sizeof(peer->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &n) == 0) {
		peer->ngroups = n / sizeof(peer->groups[0]);
		return OK;
	}
	if (errno == ERANGE)
		return fault_set(why, ERR_LIMIT, "a client may be in at most "
		    "%zu groups", sizeof(peer->groups) /
		    sizeof(peer->groups[0]));
	return fault_errno(why, ERR_IO, "cannot read the client's groups");
}
