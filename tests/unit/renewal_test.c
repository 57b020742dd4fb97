/* When a certificate is ordered anew: short lives, failures, no loops. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../broker/core/core.h"
#include "../../broker/core/certificate/renewal.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400
#define NOW    1800000000

/* Belongs to the program; nothing here looks at it. */
struct core core;

static char chain[] = "chain";

static struct certificate_row
certificate(int64_t backdated, int64_t life)
{
	return (struct certificate_row){ .chain = chain, .configured = true,
		.not_before = NOW - backdated, .not_after = NOW + life,
		.issued = NOW };
}

static void
test_never_issued(void **state)
{
	struct certificate_row c = { .configured = true };

	(void)state;
	assert_true(renewal_time(&c, 0, 0) <= NOW);
	c.configured = false;
	assert_true(renewal_time(&c, 0, 0) == INT64_MAX);
}

static void
test_share_of_life(void **state)
{
	static const struct {
		int64_t backdated, life, due;
	} rows[] = {
		{ 0, 90 * DAY, 60 * DAY },
		{ HOUR, 90 * DAY, 60 * DAY },
		{ HOUR, 6 * DAY, 3 * DAY },
		{ MINUTE, 12 * HOUR, 6 * HOUR },
		{ HOUR, 10 * MINUTE, 5 * MINUTE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct certificate_row c = certificate(rows[i].backdated,
		    rows[i].life);

		assert_int_equal(renewal_time(&c, 0, 0) - NOW, rows[i].due);
	}
}

/* Looks each minute for a month, as the core does; how many orders there
 * are when each succeeds at once, or none does. */
static unsigned
orders_of_a_month(int64_t backdated, int64_t life, bool succeed)
{
	struct certificate_row c = certificate(backdated, life);
	unsigned orders = 0, failures = 0;
	int64_t last = 0, t;

	for (t = NOW; t < NOW + 30 * DAY; t += MINUTE) {
		if (renewal_time(&c, failures, last) > t)
			continue;
		orders++;
		if (succeed) {
			c.not_before = t - backdated;
			c.not_after = t + life;
			c.issued = t;
		} else {
			failures++;
			last = t;
		}
	}
	return orders;
}

static void
test_no_loop(void **state)
{
	(void)state;
	assert_int_equal(orders_of_a_month(MINUTE, 12 * HOUR, true), 119);
	assert_int_equal(orders_of_a_month(HOUR, 90 * DAY, true), 0);
	/* dated back by more than it lives: still by what is left of it */
	assert_int_equal(orders_of_a_month(HOUR, 20 * MINUTE, true),
	    30 * DAY / (10 * MINUTE) - 1);
}

/* A failing renewal is tried some twenty times in what is left of a life,
 * and never each minute. */
static void
test_failures(void **state)
{
	struct certificate_row c = certificate(0, 90 * DAY);

	(void)state;
	assert_int_equal(renewal_time(&c, 1, NOW + 60 * DAY), NOW + 60 * DAY +
	    MINUTE);
	assert_int_equal(renewal_time(&c, 2, NOW + 60 * DAY), NOW + 60 * DAY +
	    10 * MINUTE);
	assert_int_equal(renewal_time(&c, 99, NOW + 60 * DAY), NOW + 61 * DAY);
	assert_in_range(orders_of_a_month(MINUTE, 12 * HOUR, false), 100,
	    30 * DAY / (36 * MINUTE) + 3);
	/* other names are wanted: due at once, but not for ever at once */
	assert_in_range(orders_of_a_month(MINUTE, -MINUTE, false), 5, 35);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_issued),
		cmocka_unit_test(test_share_of_life),
		cmocka_unit_test(test_no_loop),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}
