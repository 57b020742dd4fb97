#include "hook.h"

#include <pthread.h>
#include <stdio.h>

#include "../control.h"
#include "../core.h"
#include "engine.h"

struct waiter {
	struct waiter *next;
	uint64_t id;
	bool done;
	struct hook_end *end;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct waiter *list;
	uint64_t last;
	bool stopped;
} hooks = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER,
};

static void
leave(struct waiter *me)
{
	struct waiter **p = &hooks.list;

	while (*p != me)
		p = &(*p)->next;
	*p = me->next;
}

/* keybrokerd bounds every program in time, and when its channel is gone the
 * waiting is called off, so this ends. */
enum err
hook_run(enum hook_kind kind, const char *certificate,
    const char *const *values, size_t n, struct hook_end *end,
    struct fault *why)
{
	struct waiter me = { .end = end };
	enum err e;

	pthread_mutex_lock(&hooks.lock);
	me.id = ++hooks.last;
	me.next = hooks.list;
	hooks.list = &me;
	pthread_mutex_unlock(&hooks.lock);
	e = control_hook(core.control, me.id, kind, certificate, values, n,
	    why);
	pthread_mutex_lock(&hooks.lock);
	while (e == OK && !me.done && !hooks.stopped)
		pthread_cond_wait(&hooks.ended, &hooks.lock);
	if (e == OK && !me.done)
		e = fault_set(why, ERR_CLOSED, "the broker stops");
	leave(&me);
	pthread_mutex_unlock(&hooks.lock);
	return e;
}

void
hooks_stop(void)
{
	pthread_mutex_lock(&hooks.lock);
	hooks.stopped = true;
	pthread_cond_broadcast(&hooks.ended);
	pthread_mutex_unlock(&hooks.lock);
}

void
engine_hook_done(struct engine *e, uint64_t id, uint32_t status,
    bool timed_out, const char *output)
{
	(void)e;
	pthread_mutex_lock(&hooks.lock);
	for (struct waiter *w = hooks.list; w != NULL; w = w->next)
		if (w->id == id) {
			w->end->status = status;
			w->end->timed_out = timed_out;
			snprintf(w->end->output, sizeof(w->end->output), "%s",
			    output);
			w->done = true;
		}
	pthread_cond_broadcast(&hooks.ended);
	pthread_mutex_unlock(&hooks.lock);
}
