#include "channel.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"

#define SPIN_US 60     /* awake before sleeping */
#define LOOK_US 100000 /* between two looks at the clock, asleep */

struct channel *
channel_new(int fd)
{
	const struct timeval look = { .tv_usec = LOOK_US };
	struct channel *c = xmalloc(sizeof(*c));

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look)) != 0)
		fatal("a channel without a time limit");
	c->fd = fd;
	c->busy = false;
	c->stale = 0;
	c->last_id = 0;
	return c;
}

void
channel_free(struct channel *c)
{
	close(c->fd);
	free(c);
}

void
channel_shut(struct channel *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

enum err
channel_send(struct channel *c, enum lane_op op, const void *p, size_t n,
    struct fault *why)
{
	struct frame head = { .op = (uint16_t)op, .id = ++c->last_id };

	return frame_send(c->fd, &head, p, n, why);
}

/*
 * A P-256 signature takes about as long as going to sleep and being woken, so
 * a thread looks for a while before it sleeps, giving its processor to
 * whoever wants it in between.
 */
static void
spin_for(int fd)
{
	int64_t until = clock_monotonic_us() + SPIN_US;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 0) == 0 && clock_monotonic_us() < until)
		sched_yield();
}

/* Sleeps in recvmsg() itself, which costs less than poll() and recvmsg(). */
static enum err
receive(struct channel *c, int64_t deadline, struct frame *head,
    struct fault *why)
{
	enum err e;

	do
		e = frame_recv(c->fd, head, c->buffer, sizeof(c->buffer), -1,
		    why);
	while (e == ERR_TIMEOUT && clock_monotonic_us() < deadline);
	return e;
}

enum err
channel_receive(struct channel *c, enum lane_op op, int64_t deadline,
    bool spin, struct frame *head, struct fault *why)
{
	enum err e;

	if (spin)
		spin_for(c->fd);
	for (;;) {
		e = receive(c, deadline, head, why);
		if (e == ERR_TIMEOUT)
			c->stale++;
		if (e != OK)
			return e;
		for (unsigned i = 0; i < head->nfds; i++)
			close(head->fds[i]);
		if (c->stale == 0 || head->id + c->stale != c->last_id)
			break;
		c->stale--; /* somebody gave this one up */
	}
	if (head->nfds == 0 && head->id == c->last_id && head->op == op)
		return OK;
	return fault_set(why, ERR_SYNTAX, "answered what was not asked");
}
