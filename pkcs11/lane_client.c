#include "lane_client.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../broker/base/mem.h"
#include "../broker/base/process.h"

#define BUFFER_SIZE (FRAME_MAX + 64)
#define HIGH	    16 /* above the descriptors that the child is to have */

extern char **environ;

static void
close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int
spawn(pid_t *pid, const char *program, char *const argv[], int channel,
    int pin)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, channel, PARENT_FD);
	if (pin >= 0)
		posix_spawn_file_actions_adddup2(&actions, pin, PIN_FD);
	posix_spawn_file_actions_addclose(&actions, LOGIN_FD);
	rc = posix_spawn(pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

enum err
lane_client_start(struct lane_client *c, const char *program,
    char *const argv[], int pin_fd, struct fault *why)
{
	int pair[2] = { -1, -1 }, channel, pin = -1;
	enum err e;

	*c = (struct lane_client){ .pid = -1, .fd = -1 };
	e = frame_pair(pair, why);
	if (e != OK)
		return e;
	channel = fcntl(pair[1], F_DUPFD_CLOEXEC, HIGH);
	if (pin_fd >= 0)
		pin = fcntl(pin_fd, F_DUPFD_CLOEXEC, HIGH);
	c->fd = fcntl(pair[0], F_DUPFD_CLOEXEC, HIGH);
	errno = EBADF;
	if (channel >= 0 && c->fd >= 0)
		errno = spawn(&c->pid, program, argv, channel, pin);
	if (errno != 0) {
		e = fault_errno(why, ERR_IO, "cannot start %s", program);
		c->pid = -1;
		close_one(c->fd);
		c->fd = -1;
	}
	close_one(pair[0]);
	close_one(pair[1]);
	close_one(channel);
	close_one(pin);
	c->buffer = xmalloc(BUFFER_SIZE);
	return e;
}

enum err
lane_client_receive(struct lane_client *c, enum lane_op op, struct reader *r,
    int timeout_ms, struct fault *why)
{
	struct frame f;
	enum err e;

	e = frame_recv(c->fd, &f, c->buffer, BUFFER_SIZE, timeout_ms, why);
	if (e != OK)
		return e;
	if (f.op != op || f.id != c->id)
		return fault_set(why, ERR_INTERNAL, "the lane answers %u "
		    "instead of %u", f.op, op);
	reader_init(r, f.payload.p, f.payload.n);
	if (f.status == OK)
		return OK;
	frame_get_fault(r, why);
	return (enum err)f.status;
}

enum err
lane_client_ready(struct lane_client *c, struct lane_token *token,
    int timeout_ms, struct fault *why)
{
	struct reader r;
	enum err e;

	e = lane_client_receive(c, LANE_READY, &r, timeout_ms, why);
	if (e != OK)
		return e;
	lane_get_token(&r, token);
	return reader_done(&r) ? OK :
	    fault_set(why, ERR_INTERNAL, "LANE_READY does not parse");
}

enum err
lane_client_send(struct lane_client *c, enum lane_op op,
    const struct buf *request, struct fault *why)
{
	struct frame f = { .op = (uint16_t)op, .id = ++c->id };

	return frame_send(c->fd, &f, request->data, request->len, why);
}

void
lane_client_put_sign(struct buf *request, const struct lane_key *key,
    enum sig_alg alg, const void *p, size_t n)
{
	unsigned char hash[SHA256_SIZE];

	sha256(hash, key->spki, key->spkilen);
	buf_reset(request);
	buf_put_bytes(request, key->id, key->idlen);
	buf_put_bytes(request, hash, sizeof(hash));
	buf_put_u8(request, (uint8_t)alg);
	buf_put_bytes(request, p, n);
}

enum err
lane_client_get_signature(struct reader *r,
    unsigned char sig[static SIGNATURE_MAX], size_t *n, struct fault *why)
{
	struct view v = reader_bytes(r, SIGNATURE_MAX);

	(void)reader_u32(r);
	if (!reader_done(r))
		return fault_set(why, ERR_INTERNAL,
		    "the answer to LANE_SIGN does not parse");
	memcpy(sig, v.p, v.n);
	*n = v.n;
	return OK;
}

int
lane_client_stop(struct lane_client *c)
{
	int status = 0;

	close_one(c->fd);
	free(c->buffer);
	if (c->pid > 0)
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			continue;
	*c = (struct lane_client){ .pid = -1, .fd = -1 };
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}
