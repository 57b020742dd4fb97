#include "seats.h"

#include <pthread.h>
#include <stdlib.h>

#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"

#define RETRY_AFTER 1 /* seconds that a refused client is told to wait */
#define WAIT_MOST   4 /* of one uid that wait to be told so */

struct owner {
	uint32_t uid;
	unsigned seats;
	unsigned waiting; /* both 0: the row is free */
};

struct seats {
	pthread_mutex_t lock;
	unsigned total;
	unsigned per_uid;
	unsigned taken;
	unsigned room; /* for those without a seat */
	unsigned waiting;
	struct owner *owners; /* a row for each seat and each that waits */
};

struct seats *
seats_new(unsigned total, unsigned per_uid, unsigned room)
{
	struct seats *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->total = total;
	s->per_uid = per_uid;
	s->room = room;
	s->owners = xcalloc(total + room, sizeof(*s->owners));
	return s;
}

void
seats_free(struct seats *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->owners);
	free(s);
}

/* The row of uid, or a free one when it has none; NULL when all are used. */
static struct owner *
find(struct seats *s, uint32_t uid)
{
	struct owner *vacant = NULL;

	for (unsigned i = 0; i < s->total + s->room; i++) {
		struct owner *o = &s->owners[i];
		bool vacated = o->seats == 0 && o->waiting == 0;

		if (!vacated && o->uid == uid)
			return o;
		if (vacated && vacant == NULL)
			vacant = o;
	}
	return vacant;
}

enum err
seats_take(struct seats *s, uint32_t uid, struct fault *why)
{
	struct owner *o;
	enum err e = OK;

	pthread_mutex_lock(&s->lock);
	o = find(s, uid);
	if (s->taken >= s->total || o == NULL)
		e = fault_set(why, ERR_BUSY, "all %u connections are in use",
		    s->total);
	else if (o->seats >= s->per_uid)
		e = fault_set(why, ERR_BUSY, "all %u connections of uid %u "
		    "are in use", s->per_uid, uid);
	if (e == OK) {
		o->uid = uid;
		o->seats++;
		s->taken++;
	} else if (why != NULL) {
		why->retry_after = RETRY_AFTER;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

void
seats_give(struct seats *s, uint32_t uid)
{
	struct owner *o;

	pthread_mutex_lock(&s->lock);
	o = find(s, uid);
	if (o == NULL || o->seats == 0)
		fatal("a seat of uid %u came back that nobody took", uid);
	o->seats--;
	s->taken--;
	pthread_mutex_unlock(&s->lock);
}

bool
seats_wait(struct seats *s, uint32_t uid)
{
	struct owner *o;
	bool may;

	pthread_mutex_lock(&s->lock);
	o = find(s, uid);
	may = o != NULL && o->waiting < WAIT_MOST && s->waiting < s->room;
	if (may) {
		o->uid = uid;
		o->waiting++;
		s->waiting++;
	}
	pthread_mutex_unlock(&s->lock);
	return may;
}

void
seats_leave(struct seats *s, uint32_t uid)
{
	struct owner *o;

	pthread_mutex_lock(&s->lock);
	o = find(s, uid);
	if (o == NULL || o->waiting == 0)
		fatal("uid %u leaves where it did not wait", uid);
	o->waiting--;
	s->waiting--;
	pthread_mutex_unlock(&s->lock);
}

unsigned
seats_taken(struct seats *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->taken;
	pthread_mutex_unlock(&s->lock);
	return n;
}
