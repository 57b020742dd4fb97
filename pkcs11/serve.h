/* A lane at work: requests from its channels, one at a time, in turn. */
#ifndef PKCS11_SERVE_H
#define PKCS11_SERVE_H

#include "request.h"

/*
 * Answers until the core is gone or the lane has to end; the exit code.  The
 * first channel is PARENT_FD; LANE_CHANNEL adds others.
 */
int serve_requests(struct lane *lane);

#endif
