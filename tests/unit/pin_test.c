/* Reading the PIN: what is stripped, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../broker/base/mem.h"
#include "../../pkcs11/pin.h"

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("pin", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	return fd;
}

static void
strips_one_newline(void **state)
{
	static const struct {
		const char *file, *pin;
	} cases[] = {
		{ "1234", "1234" },
		{ "1234\n", "1234" },
		{ "1234\r\n", "1234" },
		{ "1234\n\n", "1234\n" },
		{ "1234\r\n\r\n", "1234\r\n" },
		{ "1234\r", "1234\r" },
		{ " 12 34 \n", " 12 34 " },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		int fd = file_of(cases[i].file, strlen(cases[i].file));
		struct fault why;
		struct pin pin;

		assert_int_equal(pin_read(&pin, fd, &why), OK);
		assert_int_equal(pin.n, strlen(cases[i].pin));
		assert_memory_equal(pin.bytes, cases[i].pin, pin.n);
		pin_wipe(&pin);
		assert_null(pin.bytes);
		/* Twice, and wherever the offset stands. */
		assert_int_equal(pin_read(&pin, fd, &why), OK);
		assert_int_equal(pin.n, strlen(cases[i].pin));
		pin_wipe(&pin);
		close(fd);
	}
}

static enum err
read_length(size_t n, const char *end)
{
	char text[600];
	struct fault why;
	struct pin pin;
	enum err e;
	int fd;

	memset(text, '7', n);
	memcpy(text + n, end, strlen(end));
	fd = file_of(text, n + strlen(end));
	e = pin_read(&pin, fd, &why);
	if (e == OK)
		assert_int_equal(pin.n, n);
	pin_wipe(&pin);
	close(fd);
	return e;
}

static void
refuses_lengths(void **state)
{
	(void)state;
	assert_int_equal(read_length(255, ""), OK);
	assert_int_equal(read_length(255, "\n"), OK);
	assert_int_equal(read_length(255, "\r\n"), OK);
	assert_int_equal(read_length(256, ""), ERR_CONFIG);
	assert_int_equal(read_length(256, "\n"), ERR_CONFIG);
	assert_int_equal(read_length(256, "\r\n"), ERR_CONFIG);
	assert_int_equal(read_length(500, "\n"), ERR_CONFIG);
	assert_int_equal(read_length(0, ""), ERR_CONFIG);
	assert_int_equal(read_length(0, "\n"), ERR_CONFIG);
	assert_int_equal(read_length(0, "\r\n"), ERR_CONFIG);
}

static void
refuses_bad_descriptor(void **state)
{
	struct fault why;
	struct pin pin;

	(void)state;
	assert_int_equal(pin_read(&pin, -1, &why), ERR_CONFIG);
	assert_null(pin.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strips_one_newline),
		cmocka_unit_test(refuses_lengths),
		cmocka_unit_test(refuses_bad_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
