/* The step from a full file of the audit log to a new one. */
#include "../../base/clock.h"
#include "../../base/log.h"
#include "log.h"

#define RETRY_US 10000000 /* between tries that fail */

bool
audit_rotation_due(const struct audit *a, int64_t now)
{
	return a->rotate_bytes != 0 &&
	    (uint64_t)a->disk.size >= a->rotate_bytes &&
	    now >= a->rotate_after;
}

void
audit_rotate_at(struct audit *a, uint64_t bytes)
{
	pthread_mutex_lock(&a->lock);
	a->rotate_bytes = bytes;
	pthread_mutex_unlock(&a->lock);
}

/* The first line of the new file must be the only one that is pending; the
 * lock is held. */
static void
write_all(struct audit *a)
{
	while (a->busy || a->pending.len > 0) {
		if (a->busy)
			pthread_cond_wait(&a->change, &a->lock);
		else
			audit_write(a);
	}
}

static enum err
turn(struct audit *a, char *name, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	write_all(a);
	if (a->disk.first == 0)
		return fault_set(why, ERR_CONFLICT,
		    "the audit log has no line yet");
	segment_name(a->disk.first, name);
	buf_init(&members, 256);
	json_write_start(&w, &members);
	json_put_string(&w, "after", name);
	e = audit_chain(a, "continued", (const char *)members.data,
	    members.len, why);
	buf_free(&members);
	if (e != OK)
		return e;
	a->turning = true;
	return audit_await(a, why);
}

enum err
audit_rotate(struct audit *a, char *name, struct fault *why)
{
	struct fault none;
	enum err e;

	pthread_mutex_lock(&a->checkpoint);
	if (a->sign != NULL && audit_checkpoint_locked(a, &none) != OK)
		log_warning("audit checkpoint: %s", none.text);
	pthread_mutex_lock(&a->lock);
	e = turn(a, name, why);
	if (e != OK)
		a->rotate_after = clock_monotonic_us() + RETRY_US;
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(&a->checkpoint);
	return e;
}
