#include "warden.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"

#define ROUND_SECONDS 1

struct warden {
	pthread_mutex_t lock;
	pthread_cond_t leaving;
	pthread_t thread;
	bool over;
	struct watched *first;
};

static void
look(struct warden *w)
{
	int64_t now = clock_monotonic_us();

	for (struct watched *c = w->first; c != NULL; c = c->next)
		if (c->due != 0 && c->due <= now) {
			log_debug("a client took too long");
			shutdown(c->fd, SHUT_RDWR);
			c->due = 0;
		}
}

static void *
go_round(void *arg)
{
	struct warden *w = arg;
	struct timespec next;

	pthread_mutex_lock(&w->lock);
	while (!w->over) {
		look(w);
		clock_gettime(CLOCK_REALTIME, &next);
		next.tv_sec += ROUND_SECONDS;
		pthread_cond_timedwait(&w->leaving, &w->lock, &next);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct warden *
warden_new(void)
{
	struct warden *w = xcalloc(1, sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->leaving, NULL);
	if (pthread_create(&w->thread, NULL, go_round, w) != 0)
		fatal("cannot start a thread");
	return w;
}

void
warden_free(struct warden *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->over = true;
	pthread_cond_signal(&w->leaving);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->leaving);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
warden_watch(struct warden *w, struct watched *c, int fd)
{
	pthread_mutex_lock(&w->lock);
	*c = (struct watched){ .fd = fd, .next = w->first };
	if (w->first != NULL)
		w->first->prev = c;
	w->first = c;
	pthread_mutex_unlock(&w->lock);
}

void
warden_forget(struct warden *w, struct watched *c)
{
	pthread_mutex_lock(&w->lock);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		w->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&w->lock);
}

void
warden_allow(struct warden *w, struct watched *c, unsigned seconds)
{
	pthread_mutex_lock(&w->lock);
	c->due = seconds != 0 ?
	    clock_monotonic_us() + (int64_t)seconds * 1000000 : 0;
	pthread_mutex_unlock(&w->lock);
}
