/*
 * Framed messages between our own processes: one SOCK_SEQPACKET message a
 * frame, a fixed header and a payload, and at most FRAME_FDS descriptors.
 * Both ends are ours, so a frame that does not parse is fatal to whoever
 * receives it from a more trusted process, and ends the connection to a less
 * trusted one.
 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

#include <stdint.h>

#include "buf.h"
#include "err.h"

#define FRAME_MAX 131072 /* bytes of a payload */
#define FRAME_FDS 32	 /* descriptors in one frame */

struct frame {
	uint16_t op;	 /* what is asked, or what is answered */
	uint16_t status; /* enum err of an answer, 0 in a request */
	uint64_t id;	 /* chosen by who asks, repeated in the answer */
	struct view payload; /* into the receiver's buffer */
	int fds[FRAME_FDS];
	unsigned nfds;
};

/* Creates a connected pair; both ends close-on-exec. */
enum err frame_pair(int fds[static 2], struct fault *why);

/* Sends one frame with payload p of n bytes; ERR_CLOSED when the other end
 * is gone.  Descriptors stay owned by the caller. */
enum err frame_send(int fd, const struct frame *head, const void *p, size_t n,
    struct fault *why);

/*
 * Receives one frame into buffer (FRAME_MAX + 64 bytes at least), waiting at
 * most timeout_ms (-1: for ever, or for the socket's own SO_RCVTIMEO).
 * ERR_TIMEOUT when nothing came, ERR_CLOSED at the end, ERR_SYNTAX when it is
 * not a frame.  Received descriptors are owned by the caller and
 * close-on-exec.
 */
enum err frame_recv(int fd, struct frame *head, unsigned char *buffer,
    size_t size, int timeout_ms, struct fault *why);

/* Puts a fault into a payload, and reads it back. */
void frame_put_fault(struct buf *b, const struct fault *why);
void frame_get_fault(struct reader *r, struct fault *why);

#endif
