/* The path to the lanes, against lanes that are threads and misbehave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/log.h"
#include "../../broker/core/key/lanes.h"
#include "soft_lane.h"

#define LANES 2

static struct config_token token = { .name = (char *)"main", .lanes = LANES,
	.deadline = 1, .generate_deadline = 1 };
static struct config_tenant tenants[] = { { .share = 1 }, { .share = 1 } };
static const struct config config = { .tokens = &token, .ntokens = 1,
	.tenants = tenants, .ntenants = nitems(tenants) };

static struct lanes *lanes;
static struct soft_box box;
static struct soft_lane soft[LANES];
static bool started[LANES];
static atomic_uint kills;
static atomic_uint last_killed;

static void
killed(const char *name, unsigned lane)
{
	assert_string_equal(name, "main");
	last_killed = lane;
	kills++;
}

static void
up(unsigned i, enum soft_mode mode)
{
	struct lane_token info;

	soft_token_info(&info);
	lanes_up(lanes, "main", i, soft_lane_start(&soft[i], &box, mode),
	    &info);
	started[i] = true;
}

/* Of everything, under valgrind; see tests/run. */
static unsigned slowness;

static int
setup(void **state)
{
	(void)state;
	token.lanes = LANES;
	slowness = getenv("UNDER") != NULL ? 10 : 1;
	token.deadline = token.generate_deadline = slowness;
	kills = 0;
	soft_box_open(&box);
	log_set_level(LOG_LEVEL_ERROR);
	lanes = lanes_new(&config, 16);
	lanes_on_hang(lanes, killed);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lanes_free(lanes);
	for (unsigned i = 0; i < LANES; i++)
		if (started[i])
			pthread_join(soft[i].thread, NULL);
	memset(started, 0, sizeof(started));
	soft_box_close(&box);
	return 0;
}

static enum err
call(enum lane_op op, const char *text, struct fault *why)
{
	struct buf answer;
	enum err e;

	buf_init(&answer, FRAME_MAX);
	e = lanes_call(lanes, "main", op, text, strlen(text), &answer, NULL,
	    why);
	if (e == OK && strcmp(buf_str(&answer), text) != 0)
		e = ERR_INTERNAL;
	buf_free(&answer);
	return e;
}

static struct lanes_status
status(void)
{
	struct lanes_status s;

	assert_int_equal(lanes_list(lanes, &s, 1), 1);
	return s;
}

static void
test_echo(void **state)
{
	struct lane_times times;
	struct fault why;
	struct buf answer;

	(void)state;
	up(0, SOFT_ECHO);
	soft[0].delay_us = 2000;
	buf_init(&answer, 64);
	assert_int_equal(lanes_call(lanes, "main", LANE_FIND, "abc", 3,
	    &answer, &times, &why), OK);
	assert_string_equal(buf_str(&answer), "abc");
	assert_in_range(times.total, 2000, 500000);
	assert_in_range(times.queue, 0, times.total - 1000);
	buf_free(&answer);
	assert_int_equal(lanes_generation(lanes, "main"), 1);
	assert_string_equal(status().info.label, "soft token");
	assert_int_equal(status().up, 1);
	assert_int_equal(status().configured, LANES);
}

static void
test_answer_too_large_for_buffer(void **state)
{
	struct fault why;
	struct buf answer;

	(void)state;
	up(0, SOFT_ECHO);
	buf_init(&answer, 2);
	assert_int_equal(lanes_call(lanes, "main", LANE_FIND, "abc", 3,
	    &answer, NULL, &why), ERR_LIMIT);
	buf_free(&answer);
	assert_int_equal(call(LANE_FIND, "ab", &why), OK);
}

static void
test_no_lane(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(call(LANE_FIND, "x", &why), ERR_TOKEN);
	assert_non_null(strstr(why.text, "no lane"));
	fault_set(&why, ERR_PIN, "PIN refused");
	lanes_down(lanes, "main", 0, &why);
	assert_int_equal(call(LANE_FIND, "x", &why), ERR_PIN);
	assert_non_null(strstr(why.text, "PIN refused"));
	assert_int_equal(status().down.code, ERR_PIN);
	assert_int_equal(lanes_call(lanes, "other", LANE_FIND, "", 0,
	    &(struct buf){ .max = 1 }, NULL, &why), ERR_NOT_FOUND);
}

static void
test_refusal_is_passed_on(void **state)
{
	struct fault why;

	(void)state;
	up(0, SOFT_REFUSE);
	assert_int_equal(call(LANE_SIGN, "x", &why), ERR_SHAPE);
	assert_string_equal(why.text, "not a shape");
	assert_int_equal(status().up, 1);
	assert_int_equal(kills, 0);
}

/* A lane whose answers cannot be believed is ended, told, and the request
 * served by the other one. */
static void
misbehaving(enum soft_mode mode, unsigned expected_kills)
{
	struct fault why;

	up(0, mode);
	up(1, SOFT_ECHO);
	assert_int_equal(call(LANE_FIND, "abc", &why), OK);
	assert_int_equal(status().up, 1);
	assert_int_equal(kills, expected_kills);
	assert_int_equal(soft[0].served, 1);
	assert_int_equal(soft[1].served, 1);
	assert_int_equal(call(LANE_FIND, "abc", &why), OK);
	assert_int_equal(kills, expected_kills);
}

static void
test_garbage(void **state)
{
	(void)state;
	misbehaving(SOFT_GARBAGE, 1);
}

static void
test_wrong_id(void **state)
{
	(void)state;
	misbehaving(SOFT_WRONG_ID, 1);
}

static void
test_wrong_op(void **state)
{
	(void)state;
	misbehaving(SOFT_WRONG_OP, 1);
}

static void
test_bad_fault(void **state)
{
	(void)state;
	misbehaving(SOFT_BAD_FAULT, 1);
}

static void
test_death(void **state)
{
	(void)state;
	misbehaving(SOFT_DIE, 0);
}

static void
test_death_twice_is_enough(void **state)
{
	struct fault why;

	(void)state;
	up(0, SOFT_DIE);
	up(1, SOFT_DIE);
	assert_int_equal(call(LANE_FIND, "abc", &why), ERR_TOKEN);
	assert_int_equal(soft[0].served + soft[1].served, 2);
	assert_int_equal(status().up, 0);
}

static void
test_generate_is_not_repeated(void **state)
{
	struct fault why;

	(void)state;
	up(0, SOFT_DIE);
	up(1, SOFT_ECHO);
	assert_int_equal(call(LANE_GENERATE, "abc", &why), ERR_TOKEN);
	assert_int_equal(soft[1].served, 0);
}

static void
test_hang(void **state)
{
	int64_t start = clock_monotonic_us();
	struct fault why;

	(void)state;
	up(0, SOFT_HANG);
	assert_int_equal(call(LANE_FIND, "abc", &why), ERR_TIMEOUT);
	assert_in_range(clock_monotonic_us() - start, 990000 * slowness,
	    1500000 * slowness);
	assert_int_equal(kills, 1);
	assert_int_equal(last_killed, 0);
	assert_int_equal(status().up, 0);
}

struct caller {
	pthread_t thread;
	enum lane_op op;
	size_t tenant;
	unsigned calls, good, timeouts, token_errors, busy, other;
};

static void *
caller_run(void *arg)
{
	struct caller *c = arg;
	char text[32];

	lanes_work_for(c->tenant);
	for (unsigned i = 0; i < c->calls; i++) {
		struct fault why;

		snprintf(text, sizeof(text), "%p %u", arg, i);
		switch (call(c->op, text, &why)) {
		case OK:
			c->good++;
			break;
		case ERR_TIMEOUT:
			c->timeouts++;
			break;
		case ERR_TOKEN:
			c->token_errors++;
			break;
		case ERR_BUSY:
			c->busy++;
			break;
		default:
			c->other++;
		}
	}
	return NULL;
}

static struct caller
callers(unsigned n, unsigned calls)
{
	struct caller all[32], sum = { .calls = n * calls };

	for (unsigned i = 0; i < n; i++) {
		all[i] = (struct caller){ .op = LANE_FIND, .calls = calls };
		pthread_create(&all[i].thread, NULL, caller_run, &all[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(all[i].thread, NULL);
		sum.good += all[i].good;
		sum.timeouts += all[i].timeouts;
		sum.token_errors += all[i].token_errors;
		sum.busy += all[i].busy;
		sum.other += all[i].other;
	}
	return sum;
}

/* One of two lanes hangs: what it was working on may be lost, what stood
 * behind it moves; it is told once. */
static void
test_hang_moves_the_others(void **state)
{
	struct caller sum;
	struct fault why;

	(void)state;
	up(0, SOFT_HANG);
	up(1, SOFT_ECHO);
	soft[1].delay_us = 100000 * slowness;
	sum = callers(6, 1);
	assert_int_equal(sum.good + sum.timeouts, 6);
	assert_in_range(sum.timeouts, 1, 3);
	assert_in_range(sum.good, 3, 5);
	assert_int_equal(kills, 1);
	soft[1].delay_us = 0;
	assert_int_equal(call(LANE_FIND, "abc", &why), OK);
}

/* A token that is only slow loses requests, not lanes. */
static void
test_slow_is_not_hung(void **state)
{
	struct caller sum;

	(void)state;
	token.lanes = 1;
	up(0, SOFT_ECHO);
	soft[0].delay_us = 300000 * slowness;
	sum = callers(6, 1);
	assert_in_range(sum.good, 1, 4);
	assert_int_equal(sum.good + sum.timeouts, 6);
	assert_int_equal(kills, 0);
	assert_int_equal(status().up, 1);
	soft[0].delay_us = 0;
	assert_int_equal(callers(4, 10).good, 40);
	assert_int_equal(kills, 0);
}

/* All that a lane has before it were given up; nobody reads its answers until
 * somebody asks again. */
static void
test_all_given_up(void **state)
{
	struct caller sum;

	(void)state;
	token.lanes = 1;
	up(0, SOFT_ECHO);
	soft[0].delay_us = 600000 * slowness;
	sum = callers(6, 1);
	assert_in_range(sum.good, 0, 1);
	assert_int_equal(sum.good + sum.timeouts, 6);
	assert_int_equal(kills, 0);
	soft[0].delay_us = 100000 * slowness;
	assert_int_equal(callers(1, 1).good, 1);
	assert_int_equal(kills, 0);
}

/* The same, and then the lane hangs: found by who asks next. */
static void
test_all_given_up_then_hang(void **state)
{
	struct caller sum;

	(void)state;
	token.lanes = 1;
	up(0, SOFT_ECHO);
	soft[0].delay_us = 700000 * slowness;
	sum = callers(3, 1);
	assert_in_range(sum.timeouts, 2, 3);
	soft[0].mode = SOFT_HANG;
	soft[0].delay_us = 0;
	usleep(1000000 * slowness);
	assert_int_equal(kills, 0);
	sum = callers(1, 1);
	assert_int_equal(sum.good, 0);
	assert_int_equal(kills, 1);
}

static void
test_queue_is_bounded(void **state)
{
	struct caller sum;

	(void)state;
	token.lanes = 1;
	up(0, SOFT_HANG);
	sum = callers(32, 1);
	/* 1 at the lane, 16 queued */
	assert_int_equal(sum.busy, 15);
	assert_int_equal(sum.timeouts + sum.token_errors, 17);
	assert_int_equal(kills, 1);
	assert_int_equal(status().waiting, 0);
}

/* The line of one tenant is full, and another's is not. */
static void
test_queues_are_their_own(void **state)
{
	struct caller flood[20], quiet = { .op = LANE_FIND, .calls = 1,
		.tenant = 2 };
	unsigned busy = 0;

	(void)state;
	token.lanes = 1;
	up(0, SOFT_ECHO);
	soft[0].delay_us = 20000;
	for (unsigned i = 0; i < nitems(flood); i++) {
		flood[i] = (struct caller){ .op = LANE_FIND, .calls = 1,
			.tenant = 1 };
		pthread_create(&flood[i].thread, NULL, caller_run, &flood[i]);
	}
	while (status().waiting < 16)
		usleep(100);
	caller_run(&quiet);
	lanes_work_for(LANES_OWN);
	for (unsigned i = 0; i < nitems(flood); i++) {
		pthread_join(flood[i].thread, NULL);
		busy += flood[i].busy;
	}
	assert_int_equal(quiet.good, 1);
	assert_in_range(busy, 1, 3);
	assert_int_equal(status().waiting, 0);
}

/* Who makes a key wants a lane for itself, and gets it although there is
 * always something to read. */
static void
test_writer_is_not_starved(void **state)
{
	struct caller readers[6], writer = { .op = LANE_GENERATE, .calls = 3,
		.tenant = 2 };
	unsigned good = 0;

	(void)state;
	token.lanes = 1;
	lanes_channels(lanes, 1);
	up(0, SOFT_ECHO);
	soft[0].delay_us = 1000;
	for (unsigned i = 0; i < nitems(readers); i++) {
		readers[i] = (struct caller){ .op = LANE_FIND, .calls = 300,
			.tenant = 1 };
		pthread_create(&readers[i].thread, NULL, caller_run,
		    &readers[i]);
	}
	while (status().waiting < 3)
		usleep(100);
	caller_run(&writer);
	lanes_work_for(LANES_OWN);
	assert_int_equal(writer.good, 3);
	/* it did not have to wait for them to end */
	assert_true(status().waiting > 0);
	for (unsigned i = 0; i < nitems(readers); i++) {
		pthread_join(readers[i].thread, NULL);
		good += readers[i].good;
	}
	assert_int_equal(good, 6 * 300);
}

/* Lanes come and go while everybody works; everything is served or refused
 * as told, nothing is mixed up and nobody waits for ever. */
static void *
churn(void *arg)
{
	atomic_bool *stop = arg;

	for (unsigned i = 0; !*stop; i = (i + 1) % LANES) {
		struct fault why;

		usleep(3000);
		fault_set(&why, ERR_CLOSED, "churn");
		lanes_down(lanes, "main", i, &why);
		pthread_join(soft[i].thread, NULL);
		up(i, SOFT_ECHO);
	}
	return NULL;
}

static void
test_churn(void **state)
{
	atomic_bool stop = false;
	struct caller sum;
	pthread_t thread;

	(void)state;
	up(0, SOFT_ECHO);
	up(1, SOFT_ECHO);
	pthread_create(&thread, NULL, churn, &stop);
	sum = callers(8, 3000);
	stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(sum.timeouts + sum.busy + sum.other, 0);
	assert_in_range(sum.good, 23000, 24000);
	assert_int_equal(kills, 0);
	assert_int_equal(status().waiting, 0);
}

static void
test_large_requests(void **state)
{
	static char text[FRAME_MAX];
	struct fault why;

	(void)state;
	up(0, SOFT_ECHO);
	memset(text, 'a', sizeof(text) - 1);
	assert_int_equal(call(LANE_FIND, text, &why), OK);
	text[65536] = '\0';
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(call(LANE_FIND, text, &why), OK);
	assert_int_equal(kills, 0);
}

/* What a call costs beside the work of the token; printed, not judged. */
static void
test_cost(void **state)
{
	int64_t start;
	struct caller sum;

	(void)state;
	up(0, SOFT_ECHO);
	up(1, SOFT_ECHO);
	start = clock_monotonic_us();
	sum = callers(1, 20000);
	assert_int_equal(sum.good, 20000);
	print_message("1 thread: %.1f us a call\n",
	    (double)(clock_monotonic_us() - start) / 20000);
	start = clock_monotonic_us();
	sum = callers(8, 5000);
	assert_int_equal(sum.good, 40000);
	print_message("8 threads: %.1f us a call\n",
	    (double)(clock_monotonic_us() - start) / 40000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_echo), TEST(test_answer_too_large_for_buffer),
		TEST(test_no_lane), TEST(test_refusal_is_passed_on),
		TEST(test_garbage), TEST(test_wrong_id), TEST(test_wrong_op),
		TEST(test_bad_fault), TEST(test_death),
		TEST(test_death_twice_is_enough),
		TEST(test_generate_is_not_repeated), TEST(test_hang),
		TEST(test_hang_moves_the_others), TEST(test_slow_is_not_hung),
		TEST(test_all_given_up), TEST(test_all_given_up_then_hang),
		TEST(test_queue_is_bounded), TEST(test_queues_are_their_own),
		TEST(test_writer_is_not_starved), TEST(test_churn),
		TEST(test_large_requests), TEST(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
