#include "pace.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/mem.h"

#define EVERY_US 50000	 /* after which one more is free */
#define NAP_US	 1000000 /* that a refusal beyond that takes */
#define ROWS	 256	 /* uids that fall into one row share it */

struct pace {
	pthread_mutex_t lock;
	int64_t room; /* microseconds that may be forgotten later */
	int64_t forgotten[ROWS]; /* when the last refusal is */
};

struct pace *
pace_new(unsigned burst)
{
	struct pace *p = xcalloc(1, sizeof(*p));

	p->room = (int64_t)burst * EVERY_US;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* True when there is no room for one more refusal. */
static bool
charge(int64_t *forgotten, int64_t now, int64_t room)
{
	if (*forgotten < now)
		*forgotten = now;
	if (*forgotten - now >= room)
		return true;
	*forgotten += EVERY_US;
	return false;
}

void
pace_refused(struct pace *p, uint32_t uid, bool issuer)
{
	uint32_t h = (uid ^ (issuer ? 0x9e3779b9U : 0)) * 2654435761U;
	bool late;

	if (p->room == 0)
		return;
	pthread_mutex_lock(&p->lock);
	late = charge(&p->forgotten[h >> 24], clock_monotonic_us(), p->room);
	pthread_mutex_unlock(&p->lock);
	if (late)
		usleep(NAP_US);
}
