#include "seats.h"

#include <pthread.h>
#include <stdlib.h>

#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"

#define RETRY_AFTER 1 /* seconds that a refused client is told to wait */

/* A uid or a tenant. */
struct owner {
	uint64_t id;
	unsigned seats;
	unsigned waiting; /* both 0: the row is free */
};

enum owner_kind { OWNER_UID, OWNER_TENANT, OWNER_KIND__MAX };

static const struct {
	const char *name;
	unsigned wait_most; /* that wait to be told that there is no seat */
} kinds[] = {
	[OWNER_UID] = { "uid", 4 },
	[OWNER_TENANT] = { "tenant", 8 },
};
_Static_assert(nitems(kinds) == OWNER_KIND__MAX, "each kind has a row");

struct seats {
	pthread_mutex_t lock;
	unsigned total, taken;
	unsigned room, waiting; /* for those without a seat */
	unsigned most[OWNER_KIND__MAX];
	/* a row for each seat and each that waits */
	struct owner *owners[OWNER_KIND__MAX];
};

struct seats *
seats_new(unsigned total, unsigned per_uid, unsigned per_tenant,
    unsigned room)
{
	struct seats *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->total = total;
	s->room = room;
	s->most[OWNER_UID] = per_uid;
	s->most[OWNER_TENANT] = per_tenant;
	for (unsigned k = 0; k < OWNER_KIND__MAX; k++)
		s->owners[k] = xcalloc(total + room, sizeof(*s->owners[k]));
	return s;
}

void
seats_free(struct seats *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	for (unsigned k = 0; k < OWNER_KIND__MAX; k++)
		free(s->owners[k]);
	free(s);
}

/* The row of an owner, or a free one when it has none; NULL when all are
 * used. */
static struct owner *
find(const struct seats *s, enum owner_kind kind, uint64_t id)
{
	struct owner *vacant = NULL;

	for (unsigned i = 0; i < s->total + s->room; i++) {
		struct owner *o = &s->owners[kind][i];
		bool vacated = o->seats == 0 && o->waiting == 0;

		if (!vacated && o->id == id)
			return o;
		if (vacated && vacant == NULL)
			vacant = o;
	}
	return vacant;
}

/* The rows of a peer; false when one of the tables is full. */
static bool
find_both(const struct seats *s, const struct peer *peer,
    struct owner *rows[static OWNER_KIND__MAX])
{
	const uint64_t ids[] = { [OWNER_UID] = peer->uid,
		[OWNER_TENANT] = peer->tenant };
	bool found = true;

	for (unsigned k = 0; k < OWNER_KIND__MAX; k++) {
		rows[k] = find(s, k, ids[k]);
		found = found && rows[k] != NULL;
		if (rows[k] != NULL)
			rows[k]->id = ids[k];
	}
	return found;
}

static enum err
may_sit(const struct seats *s, struct owner *rows[static OWNER_KIND__MAX],
    struct fault *why)
{
	for (unsigned k = 0; k < OWNER_KIND__MAX; k++)
		if (rows[k]->seats >= s->most[k])
			return fault_set(why, ERR_BUSY, "all %u connections "
			    "of this %s are in use", s->most[k],
			    kinds[k].name);
	return OK;
}

enum err
seats_take(struct seats *s, const struct peer *peer, struct fault *why)
{
	struct owner *rows[OWNER_KIND__MAX];
	enum err e;

	pthread_mutex_lock(&s->lock);
	if (s->taken >= s->total || !find_both(s, peer, rows))
		e = fault_set(why, ERR_BUSY, "all %u connections are in use",
		    s->total);
	else
		e = may_sit(s, rows, why);
	for (unsigned k = 0; e == OK && k < OWNER_KIND__MAX; k++)
		rows[k]->seats++;
	if (e == OK)
		s->taken++;
	else if (why != NULL)
		why->retry_after = RETRY_AFTER;
	pthread_mutex_unlock(&s->lock);
	return e;
}

void
seats_give(struct seats *s, const struct peer *peer)
{
	struct owner *rows[OWNER_KIND__MAX];

	pthread_mutex_lock(&s->lock);
	if (!find_both(s, peer, rows))
		fatal("a seat of uid %u came back that nobody took",
		    peer->uid);
	for (unsigned k = 0; k < OWNER_KIND__MAX; k++)
		if (rows[k]->seats-- == 0)
			fatal("a seat of uid %u came back that nobody took",
			    peer->uid);
	s->taken--;
	pthread_mutex_unlock(&s->lock);
}

bool
seats_wait(struct seats *s, const struct peer *peer)
{
	struct owner *rows[OWNER_KIND__MAX];
	bool may;

	pthread_mutex_lock(&s->lock);
	may = s->waiting < s->room && find_both(s, peer, rows);
	for (unsigned k = 0; may && k < OWNER_KIND__MAX; k++)
		may = rows[k]->waiting < kinds[k].wait_most;
	for (unsigned k = 0; may && k < OWNER_KIND__MAX; k++)
		rows[k]->waiting++;
	if (may)
		s->waiting++;
	pthread_mutex_unlock(&s->lock);
	return may;
}

void
seats_leave(struct seats *s, const struct peer *peer)
{
	struct owner *rows[OWNER_KIND__MAX];

	pthread_mutex_lock(&s->lock);
	if (!find_both(s, peer, rows))
		fatal("uid %u leaves where it did not wait", peer->uid);
	for (unsigned k = 0; k < OWNER_KIND__MAX; k++)
		if (rows[k]->waiting-- == 0)
			fatal("uid %u leaves where it did not wait",
			    peer->uid);
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
