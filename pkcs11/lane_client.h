/* A lane as a child of ours, asked by frames: for the acceptance test. */
#ifndef PKCS11_LANE_CLIENT_H
#define PKCS11_LANE_CLIENT_H

#include <sys/types.h>

#include "../broker/base/frame.h"
#include "../broker/base/lane.h"

struct lane_client {
	pid_t pid;
	int fd;
	uint64_t id;	       /* of the last request */
	unsigned char *buffer; /* of the last answer */
};

/*
 * Starts program with arguments argv (NULL at the end) as a lane; pin_fd is a
 * descriptor of the PIN, or -1.
 */
enum err lane_client_start(struct lane_client *c, const char *program,
    char *const argv[], int pin_fd, struct fault *why);

/* Waits for LANE_READY; gives the lane's own error when it did not start. */
enum err lane_client_ready(struct lane_client *c, struct lane_token *token,
    int timeout_ms, struct fault *why);

/* Sends a request; receives the answer, into which r then points. */
enum err lane_client_send(struct lane_client *c, enum lane_op op,
    const struct buf *request, struct fault *why);
enum err lane_client_receive(struct lane_client *c, enum lane_op op,
    struct reader *r, int timeout_ms, struct fault *why);

/* The request LANE_SIGN, and its answer. */
void lane_client_put_sign(struct buf *request, const struct lane_key *key,
    enum sig_alg alg, const void *p, size_t n);
enum err lane_client_get_signature(struct reader *r,
    unsigned char sig[static SIGNATURE_MAX], size_t *n, struct fault *why);

/* Closes the channel and waits; the exit status, 128 + signal when killed. */
int lane_client_stop(struct lane_client *c);

#endif
