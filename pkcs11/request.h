/* Requests of the core to this lane, and their answers. */
#ifndef PKCS11_REQUEST_H
#define PKCS11_REQUEST_H

#include "../broker/base/frame.h"
#include "listing.h"

struct lane {
	struct session session;
	struct keyring ring;
	struct listing listing;
	int64_t restarted; /* clock_monotonic_us() of the last, for a key */
};

/*
 * Does what a frame asks, climbing the ladder when the token fails, and sends
 * the answer to fd.  answer is scratch.  An error means that it could not be
 * sent.
 */
enum err request_answer(struct lane *lane, int fd, const struct frame *request,
    struct buf *answer, struct fault *why);

/* Sends LANE_READY: the token, or why there is none (then e is not OK). */
enum err request_ready(struct lane *lane, int fd, enum err e,
    struct fault *why);

#endif
