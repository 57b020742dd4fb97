/* Files that somebody prepared for us. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../broker/base/io.h"

static char folder[] = "/tmp/keybroker-io-XXXXXX";
static char path[64], fresh[64], other[64];

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(fresh, sizeof(fresh), "%s/file.new", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(fresh);
	unlink(other);
	return rmdir(folder);
}

/* A pipe where the new file goes would keep who opens it waiting. */
static void
test_pipe(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(mkfifo(fresh, 0600), 0);
	alarm(10);
	assert_int_equal(write_file(path, "x", 1, 0600, &why), ERR_IO);
	alarm(0);
	assert_int_equal(write_file(path, "x", 1, 0600, &why), OK);
}

static void
test_link(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(symlink(other, fresh), 0);
	assert_int_equal(write_file(path, "y", 1, 0600, &why), ERR_IO);
	assert_int_not_equal(access(other, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_link),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
