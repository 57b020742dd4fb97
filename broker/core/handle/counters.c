/* Rates of long durations outlive a restart: what was charged is stored by a
 * job, so that no request waits for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../engine/job.h"
#include "authorize.h"

#define PREFIX	   "rate/"
#define SAVE_EVERY 3600000 /* milliseconds, when nothing asks for it */

struct saving {
	struct counter_row *v;
	size_t n;
};

static void
note(const char *name, const struct bucket *b, uint32_t seconds, void *arg)
{
	struct saving *s = arg;
	struct counter_row *row;

	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	row = &s->v[s->n++];
	*row = (struct counter_row){ .used = (int64_t)b->used, .at = b->at,
		.full_at = b->at + seconds };
	snprintf(row->name, sizeof(row->name), PREFIX "%s", name);
}

static enum err
store_all(const struct saving *s, struct fault *why)
{
	enum err e;

	if (s->n == 0)
		return OK;
	e = store_begin(core.store, why);
	for (size_t i = 0; i < s->n && e == OK; i++)
		e = store_counter_put(core.store, &s->v[i], why);
	if (e == OK)
		return store_commit(core.store, why);
	store_rollback(core.store);
	return e;
}

void
counters_save(void)
{
	struct saving s = { .n = 0 };
	struct fault why;

	gatekeeper_save(core.gate, note, &s);
	if (store_all(&s, &why) != OK)
		log_error("what was used of rates is not stored: %s",
		    why.text);
	free(s.v);
}

static bool
restore(const struct counter_row *row, void *arg)
{
	const struct bucket b = { (uint64_t)row->used, row->at };

	(void)arg;
	if (strncmp(row->name, PREFIX, strlen(PREFIX)) != 0)
		return false;
	gatekeeper_restore(core.gate, row->name + strlen(PREFIX), &b);
	return true;
}

void
counters_load(void)
{
	struct fault why;

	if (store_counters(core.store, PREFIX, SIZE_MAX, restore, NULL,
		&why) != OK)
		fatal("cannot read what was used of rates: %s", why.text);
}

static void
run(struct job *j)
{
	struct fault why;

	counters_save();
	if (store_counters_clear(core.store, clock_now(), &why) != OK)
		log_warning("old counters: %s", why.text);
	job_again(j, SAVE_EVERY);
}

const struct job_class counters_class = { .run = run };
