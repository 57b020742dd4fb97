/*
 * Whose turn it is, on a made-up token: channels that take as long as they
 * are told, and a clock that we set.  No thread, no luck.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/core/key/share.h"

#define TENANTS	 4
#define CHANNELS 4
#define REQUESTS 96

static const bool any[WAIT_KIND__MAX] = { [WAIT_ANY] = true };
static const bool all[WAIT_KIND__MAX] = { true, true };

/* A request, from its arrival to its end. */
struct request {
	struct waiter waiter;
	enum { FREE, WAITS, RUNS } state;
	int64_t came, ends, cost;
};

/* What a tenant does: keeps so many requests at the token, each so dear, and
 * rests for a while between the end of one and the next. */
struct habit {
	unsigned at_once;
	int64_t cost, rest;
	/* what came of it */
	unsigned served;
	int64_t longest; /* from arrival to end */
	int64_t used;
};

static struct shares shares;
static struct request requests[REQUESTS];
static struct habit habits[TENANTS];
static unsigned nchannels, busy;
static int64_t now;

static void
begin(unsigned channels, const unsigned share[static TENANTS])
{
	memset(requests, 0, sizeof(requests));
	memset(habits, 0, sizeof(habits));
	shares_init(&shares, share, TENANTS);
	nchannels = channels;
	busy = 0;
	now = 0;
}

static void
run(struct request *r)
{
	r->state = RUNS;
	r->ends = now + r->cost;
	busy++;
	shares_begin(&shares, r->waiter.tenant);
}

/* As in queue.c: who finds a channel and nobody in line takes it. */
static void
arrive(size_t tenant)
{
	struct request *r = requests;

	while (r->state != FREE)
		r++;
	*r = (struct request){ .waiter = { .tenant = tenant }, .came = now,
		.cost = habits[tenant].cost };
	if (shares.waiting == 0 && busy < nchannels) {
		run(r);
		return;
	}
	r->state = WAITS;
	shares_enter(&shares, &r->waiter);
}

static void
end(struct request *r)
{
	struct habit *h = &habits[r->waiter.tenant];
	struct waiter *w;

	shares_end(&shares, r->waiter.tenant, r->cost);
	h->served++;
	h->used += r->cost;
	if (now - r->came > h->longest)
		h->longest = now - r->came;
	r->state = FREE;
	busy--;
	w = shares_next(&shares, any);
	if (w == NULL)
		return;
	shares_leave(&shares, w);
	run((struct request *)w);
}

static unsigned
count(size_t tenant)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REQUESTS; i++)
		n += requests[i].state != FREE &&
		    requests[i].waiter.tenant == tenant;
	return n;
}

/* Lets time pass, a microsecond at a time. */
static void
pass(int64_t us)
{
	int64_t rests[TENANTS] = { 0 };

	for (int64_t until = now + us; now < until; now++) {
		for (unsigned i = 0; i < REQUESTS; i++)
			if (requests[i].state == RUNS &&
			    requests[i].ends == now) {
				rests[requests[i].waiter.tenant] = now +
				    habits[requests[i].waiter.tenant].rest;
				end(&requests[i]);
			}
		for (size_t t = 0; t < TENANTS; t++)
			while (now >= rests[t] &&
			    count(t) < habits[t].at_once)
				arrive(t);
	}
}

static void
forget_what_was(void)
{
	for (size_t t = 0; t < TENANTS; t++) {
		habits[t].served = 0;
		habits[t].longest = habits[t].used = 0;
	}
}

static void
finish(void)
{
	shares_free(&shares);
}

static const unsigned equal[TENANTS] = { 1, 1, 1, 1 };

/* 64 requests of one tenant are always there; another one's now and then.
 * It waits for one of the channels to end what it does, and for no more. */
static void
test_flood(void **state)
{
	(void)state;
	for (unsigned channels = 1; channels <= CHANNELS; channels++) {
		begin(channels, equal);
		habits[1] = (struct habit){ .at_once = 64, .cost = 100 };
		pass(20000); /* alone for a while: that costs it nothing */
		habits[2] = (struct habit){ .at_once = 1, .cost = 100,
			.rest = 431 };
		pass(200000);
		assert_true(habits[2].served > 300);
		assert_in_range(habits[2].longest, 100, 200);
		/* and nothing is left idle for it */
		assert_in_range(habits[1].used + habits[2].used,
		    (int64_t)channels * 220000 - 1000,
		    (int64_t)channels * 220000);
		finish();
	}
}

/* Without the shares it would wait for all 64. */
static void
test_flood_of_short_ones(void **state)
{
	(void)state;
	begin(1, equal);
	habits[1] = (struct habit){ .at_once = 64, .cost = 10 };
	habits[2] = (struct habit){ .at_once = 1, .cost = 100, .rest = 900 };
	pass(200000);
	assert_in_range(habits[2].longest, 100, 110);
	finish();
}

/* Who asks for dear things gets as much time as who asks for cheap ones. */
static void
test_time_counts(void **state)
{
	(void)state;
	begin(2, equal);
	habits[0] = (struct habit){ .at_once = 20, .cost = 1000 };
	habits[1] = (struct habit){ .at_once = 20, .cost = 50 };
	habits[2] = (struct habit){ .at_once = 20, .cost = 250 };
	pass(600000);
	for (size_t t = 0; t < 3; t++)
		assert_in_range(habits[t].used, 390000, 410000);
	finish();
}

static void
test_shares(void **state)
{
	static const unsigned uneven[TENANTS] = { 1, 2, 5, 1000 };

	(void)state;
	begin(2, uneven);
	for (size_t t = 0; t < 3; t++)
		habits[t] = (struct habit){ .at_once = 20, .cost = 100 };
	pass(400000);
	assert_in_range(habits[0].used, 95000, 105000);
	assert_in_range(habits[1].used, 195000, 205000);
	assert_in_range(habits[2].used, 490000, 510000);
	/* The largest share leaves the others something all the same. */
	habits[3] = (struct habit){ .at_once = 20, .cost = 100 };
	forget_what_was();
	pass(400000);
	assert_true(habits[3].used > 780000);
	for (size_t t = 0; t < 3; t++)
		assert_true(habits[t].served > 0);
	finish();
}

/* What is not used by one is for the others. */
static void
test_what_is_left(void **state)
{
	(void)state;
	begin(1, equal);
	habits[0] = (struct habit){ .at_once = 1, .cost = 100, .rest = 900 };
	habits[1] = (struct habit){ .at_once = 30, .cost = 100 };
	habits[2] = (struct habit){ .at_once = 30, .cost = 100 };
	pass(300000);
	assert_in_range(habits[0].used, 24000, 30000);
	assert_in_range(habits[1].used, 134000, 139000);
	assert_in_range(habits[2].used, 134000, 139000);
	finish();
}

/* Neither rest nor work while nobody else was there count afterwards. */
static void
test_no_credit_and_no_debt(void **state)
{
	(void)state;
	begin(1, equal);
	habits[0] = (struct habit){ .at_once = 10, .cost = 100 };
	pass(1000000);
	habits[1] = (struct habit){ .at_once = 10, .cost = 100 };
	forget_what_was();
	pass(20000);
	assert_in_range(habits[0].used, 9500, 10500);
	assert_in_range(habits[1].used, 9500, 10500);
	habits[0].at_once = 0;
	pass(1000000);
	habits[0].at_once = 10;
	forget_what_was();
	pass(20000);
	assert_in_range(habits[0].used, 9500, 10500);
	assert_in_range(habits[1].used, 9500, 10500);
	finish();
}

/* Within a tenant, first come, first served; kinds that no lane will do are
 * passed over and keep their place. */
static void
test_order(void **state)
{
	static const bool writers[WAIT_KIND__MAX] = { [WAIT_WRITER] = true };
	static const bool none[WAIT_KIND__MAX] = { false };
	struct waiter w[6] = { { .tenant = 1 }, { .tenant = 1,
		.kind = WAIT_WRITER }, { .tenant = 1 }, { .tenant = 2,
		.kind = WAIT_WRITER }, { .tenant = 2 }, { .tenant = 1 } };

	(void)state;
	begin(1, equal);
	assert_null(shares_next(&shares, all));
	for (size_t i = 0; i < nitems(w); i++)
		shares_enter(&shares, &w[i]);
	assert_int_equal(shares.waiting, 6);
	assert_ptr_equal(shares_next(&shares, all), &w[0]);
	assert_ptr_equal(shares_next(&shares, writers), &w[1]);
	assert_null(shares_next(&shares, none));
	shares_leave(&shares, &w[0]);
	assert_ptr_equal(shares_next(&shares, all), &w[1]);
	assert_ptr_equal(shares_next(&shares, any), &w[2]);
	/* the last of a line, and then one behind it */
	shares_leave(&shares, &w[5]);
	shares_enter(&shares, &w[5]);
	shares_leave(&shares, &w[2]);
	assert_ptr_equal(shares_next(&shares, any), &w[4]);
	shares_begin(&shares, 1);
	shares_end(&shares, 1, 10);
	assert_ptr_equal(shares_next(&shares, all), &w[3]);
	shares_leave(&shares, &w[3]);
	shares_leave(&shares, &w[4]);
	assert_ptr_equal(shares_next(&shares, all), &w[1]);
	shares_leave(&shares, &w[1]);
	assert_ptr_equal(shares_next(&shares, all), &w[5]);
	shares_leave(&shares, &w[5]);
	assert_int_equal(shares.waiting, 0);
	finish();
}

/* Of two that used as much, who has nothing running is first. */
static void
test_who_runs_waits(void **state)
{
	struct waiter first = { .tenant = 1 }, second = { .tenant = 2 };

	(void)state;
	begin(1, equal);
	shares_begin(&shares, 1);
	shares_enter(&shares, &first);
	shares_enter(&shares, &second);
	assert_ptr_equal(shares_next(&shares, all), &second);
	shares_end(&shares, 1, 0);
	assert_ptr_equal(shares_next(&shares, all), &first);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_of_short_ones),
		cmocka_unit_test(test_time_counts),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_no_credit_and_no_debt),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_who_runs_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
