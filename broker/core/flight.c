#include "flight.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"

#define COST_BYTES 32768	/* of payload that cost one more */
#define SEND_BUFFER (4 * FRAME_MAX)
#define SPINS 60		/* looks at the socket before sleeping */

/*
 * The socket does not block: sending happens under a lock, and what flies at
 * once fits into its buffer, so a send that would block is a broken lane.
 */
struct flight *
flight_new(int fd, unsigned lane)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	int size = SEND_BUFFER;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	f->fd = fd;
	f->lane = lane;
	f->refs = 1;
	return f;
}

void
flight_ref(struct flight *f)
{
	f->refs++;
}

void
flight_unref(struct flight *f)
{
	if (--f->refs > 0)
		return;
	close(f->fd);
	wipe(f->buffer, sizeof(f->buffer));
	free(f);
}

unsigned
flight_cost(const struct call *c)
{
	size_t cost = 1 + c->n / COST_BYTES;

	if (c->op == LANE_GENERATE || cost > FLIGHT_LOAD)
		return FLIGHT_LOAD;
	return (unsigned)cost;
}

enum err
flight_send(struct flight *f, struct call *c, struct fault *why)
{
	struct frame head = { .op = (uint16_t)c->op, .id = ++f->last_id };
	struct flight_slot *slot = &f->slots[f->n];
	enum err e;

	e = frame_send(f->fd, &head, c->payload, c->n, why);
	if (e != OK)
		return e;
	if (f->n == 0)
		f->began = clock_monotonic_us();
	slot->id = head.id;
	slot->op = c->op;
	slot->cost = flight_cost(c);
	slot->call = c;
	f->n++;
	f->load += slot->cost;
	c->flight = f;
	return OK;
}

struct flight_slot
flight_pop(struct flight *f, int64_t now)
{
	struct flight_slot slot = f->slots[0];

	f->n--;
	f->load -= slot.cost;
	f->began = now;
	memmove(f->slots, f->slots + 1, f->n * sizeof(f->slots[0]));
	return slot;
}

void
flight_abandon(struct flight *f, struct call *c)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->slots[i].call == c)
			f->slots[i].call = NULL;
	c->flight = NULL;
}

struct call *
flight_oldest(const struct flight *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->slots[i].call != NULL)
			return f->slots[i].call;
	return NULL;
}

static bool
readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) > 0;
}

/*
 * A P-256 signature takes about as long as going to sleep and being woken, so
 * a thread that waits for one answer only looks a few times before.
 */
enum err
flight_receive(struct flight *f, int64_t deadline, bool spin,
    struct frame *head, struct fault *why)
{
	int64_t left;
	bool there = false;

	for (unsigned i = 0; spin && !there && i < SPINS; i++)
		there = readable(f->fd, 0);
	left = (deadline - clock_monotonic_us() + 999) / 1000;
	if (left < 0)
		left = 0;
	return frame_recv(f->fd, head, f->buffer, sizeof(f->buffer),
	    there ? -1 : left < INT_MAX ? (int)left : INT_MAX, why);
}
