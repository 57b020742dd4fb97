/* Who gets the engine's tasks: the issuer that is there, and none before. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "small_core.h"

/* What the engine tells an issuer that asks; the task's number, 0 for none. */
static int64_t
next(uint64_t issuer, int wait_ms)
{
	struct json *answer;
	struct fault why;
	struct buf out;
	int64_t task = 0;

	buf_init(&out, 65536);
	assert_int_equal(engine_next(core.engine, issuer, wait_ms, &out, &why),
	    OK);
	answer = json_parse(buf_str(&out), out.len, &why);
	assert_non_null(answer);
	json_get_int(answer, "task", &task);
	json_free(answer);
	buf_free(&out);
	return task;
}

/* A question that was on its way when its issuer died is read afterwards,
 * and must not take the task away from the one that came instead. */
static void
test_question_of_the_dead(void **state)
{
	uint64_t before = engine_issuer(core.engine), now;
	int64_t first, second;

	(void)state;
	assert_true(before > 0);
	first = next(before, 2000);
	assert_true(first > 0);
	engine_issuer_gone(core.engine);
	now = engine_issuer(core.engine);
	assert_true(now > before);
	assert_int_equal(next(before, 3000), 0);
	second = next(now, 5000);
	assert_true(second > first);
	assert_int_equal(next(0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_of_the_dead),
	};

	return cmocka_run_group_tests_name("engine", tests, small_open,
	    small_close);
}
