/* The pool of nonces, with a clock of our own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <stdio.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/mem.h"
#include "../../broker/issuer/nonce.h"

#define CA    "https://ca.example/directory"
#define OTHER "https://other.example/directory"

static int64_t now_us = 1;

int64_t
clock_monotonic_us(void)
{
	return now_us;
}

int64_t
clock_now(void)
{
	return 0;
}

int64_t
clock_now_ms(void)
{
	return 0;
}

char *
clock_rfc3339(int64_t ms, char out[static RFC3339_SIZE])
{
	(void)ms;
	out[0] = '\0';
	return out;
}

static void
expect(const char *directory, const char *nonce)
{
	char out[NONCE_SIZE];

	assert_true(nonce_take(directory, out));
	assert_string_equal(out, nonce);
}

static void
expect_none(const char *directory)
{
	char out[NONCE_SIZE];

	assert_false(nonce_take(directory, out));
}

static int
teardown(void **state)
{
	(void)state;
	nonce_clear();
	return 0;
}

static void
the_youngest_goes_first(void **state)
{
	(void)state;
	expect_none(CA);
	nonce_put(CA, "one");
	nonce_put(CA, "two");
	expect(CA, "two");
	nonce_put(CA, "three");
	expect(CA, "three");
	expect(CA, "one");
	expect_none(CA);
}

static void
directories_never_mix(void **state)
{
	(void)state;
	nonce_put(CA, "one");
	expect_none(OTHER);
	nonce_put(OTHER, "two");
	expect(CA, "one");
	expect_none(CA);
	expect(OTHER, "two");
}

static void
the_oldest_gives_way(void **state)
{
	char nonce[32];

	(void)state;
	for (int i = 0; i < NONCE_POOL + 3; i++) {
		snprintf(nonce, sizeof(nonce), "nonce-%d", i);
		nonce_put(CA, nonce);
	}
	for (int i = NONCE_POOL + 2; i >= 3; i--) {
		snprintf(nonce, sizeof(nonce), "nonce-%d", i);
		expect(CA, nonce);
	}
	expect_none(CA);
}

static void
old_ones_are_forgotten(void **state)
{
	(void)state;
	nonce_put(CA, "old");
	now_us += 1000000;
	nonce_put(CA, "young");
	now_us += NONCE_AGE_US;
	expect(CA, "young");
	expect_none(CA);
	nonce_put(CA, "again");
	now_us += NONCE_AGE_US + 1;
	expect_none(CA);
}

static void
junk_is_refused(void **state)
{
	static const char *const junk[] = { "", "a b", "a=", "a+b", "a/b",
		"a\"b", "a\n", "\xc3\xa4", "a.b" };
	char longest[NONCE_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < nitems(junk); i++) {
		assert_false(nonce_ok(junk[i], strlen(junk[i])));
		nonce_put(CA, junk[i]);
	}
	assert_false(nonce_ok("a\0b", 3));
	memset(longest, 'x', sizeof(longest));
	longest[NONCE_SIZE] = '\0';
	assert_false(nonce_ok(longest, NONCE_SIZE));
	nonce_put(CA, longest);
	expect_none(CA);
	longest[NONCE_SIZE - 1] = '\0';
	nonce_put(CA, longest);
	expect(CA, longest);
	assert_true(nonce_ok("azAZ09-_", 8));
}

static void
the_source_is_kept_by_directory(void **state)
{
	char url[64];

	(void)state;
	assert_false(nonce_source(CA, url, sizeof(url)));
	nonce_set_source(CA, "https://ca.example/nonce");
	assert_false(nonce_source(OTHER, url, sizeof(url)));
	assert_true(nonce_source(CA, url, sizeof(url)));
	assert_string_equal(url, "https://ca.example/nonce");
	assert_false(nonce_source(CA, url, 5));
	nonce_set_source(CA, NULL);
	assert_false(nonce_source(CA, url, sizeof(url)));
}

#define EACH 4

static void *
put_and_take(void *arg)
{
	char nonce[NONCE_SIZE];
	size_t *taken = arg;

	for (int i = 0; i < 20000; i++) {
		nonce_put(CA, "abc");
		if (nonce_take(CA, nonce))
			(*taken)++;
	}
	return NULL;
}

static void
threads_lose_and_double_nothing(void **state)
{
	pthread_t threads[EACH];
	size_t taken[EACH] = { 0 }, sum = 0;

	(void)state;
	for (int i = 0; i < EACH; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    put_and_take, &taken[i]), 0);
	for (int i = 0; i < EACH; i++) {
		pthread_join(threads[i], NULL);
		sum += taken[i];
	}
	assert_int_equal(sum, EACH * 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_youngest_goes_first, teardown),
		cmocka_unit_test_teardown(directories_never_mix, teardown),
		cmocka_unit_test_teardown(the_oldest_gives_way, teardown),
		cmocka_unit_test_teardown(old_ones_are_forgotten, teardown),
		cmocka_unit_test_teardown(junk_is_refused, teardown),
		cmocka_unit_test_teardown(the_source_is_kept_by_directory,
		    teardown),
		cmocka_unit_test_teardown(threads_lose_and_double_nothing,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
