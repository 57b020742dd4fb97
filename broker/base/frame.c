#include "frame.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

#define MAGIC	    0x6b623166U /* "kb1f" */
#define HEADER_SIZE 20

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS)];
};

enum err
frame_pair(int fds[static 2], struct fault *why)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return fault_errno(why, ERR_IO, "cannot make a socket pair");
	return OK;
}

static void
header_write(unsigned char out[static HEADER_SIZE], const struct frame *f,
    size_t n)
{
	const uint32_t words[HEADER_SIZE / 4] = {
		htobe32(MAGIC),
		htobe32((uint32_t)f->op << 16 | f->status),
		htobe32((uint32_t)(f->id >> 32)),
		htobe32((uint32_t)f->id),
		htobe32((uint32_t)n),
	};

	memcpy(out, words, HEADER_SIZE);
}

static void
attach_fds(struct msghdr *msg, union control *control, const struct frame *f)
{
	struct cmsghdr *c;

	if (f->nfds == 0)
		return;
	memset(control, 0, sizeof(*control));
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * f->nfds);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * f->nfds);
	memcpy(CMSG_DATA(c), f->fds, sizeof(int) * f->nfds);
}

enum err
frame_send(int fd, const struct frame *head, const void *p, size_t n,
    struct fault *why)
{
	unsigned char header[HEADER_SIZE];
	struct iovec iov[2] = {
		{ .iov_base = header, .iov_len = HEADER_SIZE },
		{ .iov_base = (void *)(uintptr_t)p, .iov_len = n },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n != 0 ? 2 : 1 };
	union control control;
	ssize_t sent;

	if (n > FRAME_MAX || head->nfds > FRAME_FDS)
		return fault_set(why, ERR_LIMIT, "frame of %zu bytes", n);
	header_write(header, head, n);
	attach_fds(&msg, &control, head);
	do
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return OK;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return fault_set(why, ERR_CLOSED, "the other end is gone");
	return fault_errno(why, ERR_IO, "cannot send a frame");
}

static void
collect_fds(struct msghdr *msg, struct frame *f)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(f->fds, CMSG_DATA(c), n * sizeof(int));
		f->nfds = (unsigned)n;
	}
}

static enum err
wait_readable(int fd, int timeout_ms, struct fault *why)
{
	int64_t end = clock_monotonic_us() / 1000 + timeout_ms;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int left = timeout_ms;

	for (;;) {
		int n = poll(&pfd, 1, left);

		if (n > 0)
			return OK;
		if (n == 0)
			return fault_set(why, ERR_TIMEOUT,
			    "no answer within %d ms", timeout_ms);
		if (errno != EINTR)
			return fault_errno(why, ERR_IO, "poll");
		if (timeout_ms >= 0) {
			left = (int)(end - clock_monotonic_us() / 1000);
			left = left > 0 ? left : 0;
		}
	}
}

static enum err
header_read(struct frame *f, const unsigned char *p, size_t n,
    struct fault *why)
{
	struct reader r;
	uint32_t magic, word;

	reader_init(&r, p, n);
	magic = reader_u32(&r);
	word = reader_u32(&r);
	f->op = (uint16_t)(word >> 16);
	f->status = (uint16_t)(word & 0xffff);
	f->id = reader_u64(&r);
	f->payload = reader_bytes(&r, FRAME_MAX);
	if (magic == MAGIC && f->status < ERR__MAX && reader_done(&r))
		return OK;
	return fault_set(why, ERR_SYNTAX, "%zu bytes are not a frame", n);
}

enum err
frame_recv(int fd, struct frame *head, unsigned char *buffer, size_t size,
    int timeout_ms, struct fault *why)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	enum err e = OK;
	ssize_t n;

	*head = (struct frame){ .op = 0 };
	if (timeout_ms >= 0)
		e = wait_readable(fd, timeout_ms, why);
	if (e != OK)
		return e;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return fault_set(why, ERR_CLOSED, "the other end is gone");
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return fault_set(why, ERR_TIMEOUT, "no frame in time");
	if (n < 0)
		return fault_errno(why, ERR_IO, "cannot receive a frame");
	collect_fds(&msg, head);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		e = fault_set(why, ERR_SYNTAX, "frame was cut");
	else
		e = header_read(head, buffer, (size_t)n, why);
	if (e != OK)
		for (; head->nfds > 0; head->nfds--)
			close(head->fds[head->nfds - 1]);
	return e;
}

void
frame_put_fault(struct buf *b, const struct fault *why)
{
	buf_put_u32(b, why->code);
	buf_put_u64(b, why->ckr);
	buf_put_u32(b, why->retry_after);
	buf_put_str(b, why->text);
}

/* Through fault_set(), because the text may be a vendor module's. */
void
frame_get_fault(struct reader *r, struct fault *why)
{
	uint32_t code = reader_u32(r);
	uint64_t ckr = reader_u64(r);
	uint32_t retry_after = reader_u32(r);
	char text[FAULT_MAX];

	reader_str(r, text, sizeof(text));
	fault_set(why, code < ERR__MAX ? (enum err)code : ERR_INTERNAL, "%s",
	    text);
	why->ckr = ckr;
	why->retry_after = retry_after;
}
