#include "call.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"

#define NAP_US 100000 /* longest sleep at once */

bool
call_sleep(struct call *c)
{
	int64_t left = c->deadline - clock_monotonic_us();
	struct timespec ts = { .tv_nsec = NAP_US * 1000 };

	if (left > 0 && left < NAP_US)
		ts.tv_nsec = left * 1000;
	if (left > 0)
		syscall(SYS_futex, &c->state, FUTEX_WAIT_PRIVATE,
		    CALL_WAITING, &ts, NULL, 0);
	return atomic_load_explicit(&c->state, memory_order_acquire) !=
	    CALL_WAITING;
}

/*
 * Once the state is CALL_DONE the call may be gone: then only its address is
 * used, and nobody sleeps there or whoever does looks again.
 */
void
call_set(struct call *c, enum call_state state)
{
	atomic_store_explicit(&c->state, state, memory_order_release);
	if (state != CALL_WAITING)
		syscall(SYS_futex, &c->state, FUTEX_WAKE_PRIVATE, 1, NULL,
		    NULL, 0);
}

void
call_done(struct call *c, enum err result)
{
	c->flight = NULL;
	c->result = result;
	c->ended = clock_monotonic_us();
	call_set(c, CALL_DONE);
}

void
queue_put(struct queue *q, struct call *c, bool front)
{
	c->next = front ? q->first : NULL;
	if (front)
		q->first = c;
	else if (q->last != NULL)
		q->last->next = c;
	else
		q->first = c;
	if (!front || q->last == NULL)
		q->last = c;
	q->n++;
}

void
queue_remove(struct queue *q, struct call *c)
{
	struct call *before = NULL;

	for (struct call *i = q->first; i != c; i = i->next)
		before = i;
	if (before != NULL)
		before->next = c->next;
	else
		q->first = c->next;
	if (q->last == c)
		q->last = before;
	q->n--;
}
