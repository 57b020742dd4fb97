#include "channel.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/mem.h"

#define SPIN_US 60 /* awake before sleeping */

struct channel *
channel_new(int fd)
{
	struct channel *c = xmalloc(sizeof(*c));

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
static bool
spin_for(int fd)
{
	int64_t until = clock_monotonic_us() + SPIN_US;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	do {
		if (poll(&p, 1, 0) != 0)
			return true;
		sched_yield();
	} while (clock_monotonic_us() < until);
	return false;
}

static int
milliseconds_to(int64_t deadline)
{
	int64_t left = (deadline - clock_monotonic_us() + 999) / 1000;

	return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

enum err
channel_receive(struct channel *c, enum lane_op op, int64_t deadline,
    bool spin, struct frame *head, struct fault *why)
{
	enum err e;

	for (;;) {
		int wait = spin && spin_for(c->fd) ? -1 :
		    milliseconds_to(deadline);

		e = frame_recv(c->fd, head, c->buffer, sizeof(c->buffer),
		    wait, why);
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
