#include "flight.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/mem.h"

#define COST_BYTES 32768	/* of payload that cost one more */
#define SEND_BUFFER (4 * FRAME_MAX)
#define SPIN_US 100		/* at most awake before sleeping */

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
	f->took = now - f->began;
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

/* Worth it for one who waits for one answer from a lane that is fast. */
bool
flight_worth_spinning(const struct flight *f)
{
	return f->n == 1 && f->took < SPIN_US;
}

/*
 * A P-256 signature takes about as long as going to sleep and being woken, so
 * a thread may look for a while before it sleeps, giving its processor to
 * whoever wants it in between.
 */
enum err
flight_receive(struct flight *f, int64_t deadline, bool spin,
    struct frame *head, struct fault *why)
{
	int64_t now = clock_monotonic_us();
	int64_t left, until = now + SPIN_US;
	bool there = false;

	while (spin && !there && now < until) {
		there = readable(f->fd, 0);
		if (!there)
			sched_yield();
		now = clock_monotonic_us();
	}
	left = (deadline - now + 999) / 1000;
	if (left < 0)
		left = 0;
	return frame_recv(f->fd, head, f->buffer, sizeof(f->buffer),
	    there ? -1 : left < INT_MAX ? (int)left : INT_MAX, why);
}
