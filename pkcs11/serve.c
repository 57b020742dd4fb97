#include "serve.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../broker/base/clock.h"
#include "../broker/base/log.h"
#include "../broker/base/process.h"

#define SPIN_US	 60   /* awake before sleeping, after a request */
#define QUIET_MS 2000 /* after which no key is used often any more */

struct server {
	struct lane *lane;
	struct pollfd channels[LANE_CHANNELS];
	nfds_t n;
	nfds_t next; /* whose turn it is */
	struct buf answer;
	unsigned char buffer[FRAME_MAX + 64];
};

/* True when a descriptor is a socket like the first channel. */
static bool
is_channel(int fd)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	    type == SOCK_SEQPACKET;
}

static bool
add_channel(struct server *s, struct frame *f)
{
	if (f->nfds != 1 || s->n == LANE_CHANNELS || !is_channel(f->fds[0]))
		return false;
	s->channels[s->n++] = (struct pollfd){ .fd = f->fds[0],
		.events = POLLIN };
	f->nfds = 0;
	return true;
}

/* One request of one channel. */
static enum err
serve_one(struct server *s, int fd, struct fault *why)
{
	struct frame f;
	enum err e;

	e = frame_recv(fd, &f, s->buffer, sizeof(s->buffer), -1, why);
	if (e != OK)
		return e;
	if (f.op != LANE_CHANNEL || !add_channel(s, &f))
		e = request_answer(s->lane, fd, &f, &s->answer, why);
	for (unsigned i = 0; i < f.nfds; i++)
		close(f.fds[i]);
	return e;
}

/*
 * The next request is often only microseconds away, and sleeping and being
 * woken costs as much as a signature: so a lane that has just worked looks
 * for a while before it sleeps.
 */
static int
wait_for_work(struct server *s)
{
	int64_t until = clock_monotonic_us() + SPIN_US;
	int ready;

	do {
		ready = poll(s->channels, s->n, 0);
		if (ready != 0)
			return ready;
		sched_yield();
	} while (clock_monotonic_us() < until);
	ready = poll(s->channels, s->n, QUIET_MS);
	if (ready != 0)
		return ready;
	key_drop_copies(&s->lane->ring);
	return poll(s->channels, s->n, -1);
}

/* Every channel that has something, in turn, beginning behind the last. */
static enum err
serve_round(struct server *s, struct fault *why)
{
	enum err e = OK;

	for (nfds_t i = 0; i < s->n && e == OK && s->lane->session.leave < 0;
	     i++) {
		struct pollfd *p = &s->channels[(s->next + i) % s->n];

		if (p->revents == 0)
			continue;
		p->revents = 0;
		e = serve_one(s, p->fd, why);
	}
	s->next = (s->next + 1) % s->n;
	return e;
}

int
serve_requests(struct lane *lane)
{
	static struct server s;
	struct fault why;
	enum err e = OK;

	s.lane = lane;
	s.channels[0] = (struct pollfd){ .fd = PARENT_FD, .events = POLLIN };
	s.n = 1;
	buf_init(&s.answer, FRAME_MAX);
	while (e == OK && lane->session.leave < 0)
		if (wait_for_work(&s) > 0)
			e = serve_round(&s, &why);
	buf_free(&s.answer);
	if (e == OK)
		return lane->session.leave;
	if (e == ERR_CLOSED)
		return EXIT_FINE;
	log_error("%s", why.text);
	return EXIT_BROKEN;
}
