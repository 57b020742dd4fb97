/* Problem documents: what is written is what is read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../api/json.h"
#include "../../api/problem.h"
#include "../../broker/base/mem.h"

static void
test_table(void **state)
{
	(void)state;
	assert_int_equal(problem_status(OK), 200);
	assert_int_equal(problem_exit_code(OK), 0);
	for (int i = OK + 1; i < ERR__MAX; i++) {
		assert_in_range(problem_status((enum err)i), 400, 599);
		assert_in_range(problem_exit_code((enum err)i), 1, 9);
	}
	assert_int_equal(problem_status(ERR_DENIED), 403);
	assert_int_equal(problem_status(ERR_RATE), 429);
	assert_int_equal(problem_status(ERR_BUSY), 503);
	assert_int_equal(problem_status((enum err)999), 500);
	assert_int_equal(problem_exit_code((enum err)999), 1);
}

static void
test_document(void **state)
{
	struct fault why;
	struct buf b;

	(void)state;
	fault_set(&why, ERR_NOT_FOUND, "no key \"%s\"", "a");
	buf_init(&b, 1000);
	problem_write(&b, &why);
	assert_string_equal(buf_str(&b),
	    "{\"type\":\"urn:keybroker:error:not-found\","
	    "\"title\":\"Not found\",\"status\":404,"
	    "\"detail\":\"no key \\\"a\\\"\"}");
	buf_free(&b);
}

static void
test_round_trip(void **state)
{
	struct fault why, back;
	struct buf b;

	(void)state;
	buf_init(&b, 2000);
	for (int i = OK + 1; i < ERR__MAX; i++) {
		fault_set(&why, (enum err)i, "text %d", i);
		why.line = (unsigned)i;
		why.column = 3;
		why.retry_after = i % 2 != 0 ? 60 : 0;
		why.ckr = 0x80000001UL;
		buf_reset(&b);
		problem_write(&b, &why);
		problem_read(buf_str(&b), b.len, problem_status(why.code),
		    &back);
		assert_memory_equal(&why, &back, sizeof(why));
	}
	buf_free(&b);
}

static void
test_unreadable(void **state)
{
	static const char *const bad[] = { "", "<html>", "[]", "{}",
		"{\"type\":\"about:blank\"}",
		"{\"type\":\"urn:keybroker:error:nonsense\"}",
		"{\"type\":\"urn:keybroker:error:ok\"}",
		"{\"type\":7}" };
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		problem_read(bad[i], strlen(bad[i]), 502, &why);
		assert_int_equal(why.code, ERR_INTERNAL);
		assert_non_null(strstr(why.text, "502"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
