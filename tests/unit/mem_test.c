/* Memory for secrets: what the kernel says about it, and what is left of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../broker/base/mem.h"

#define ROOM 256

/* The line VmFlags of the mapping in which p lies, owned. */
static char *
flags_of(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], *flags = NULL;
	unsigned long from, to;
	bool there = false;

	assert_non_null(f);
	while (flags == NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			there = from <= (uintptr_t)p && (uintptr_t)p < to;
		else if (there && strncmp(line, "VmFlags:", 8) == 0)
			flags = xstrdup(line);
	}
	fclose(f);
	assert_non_null(flags);
	return flags;
}

static void
test_locked(void **state)
{
	struct rlimit limit;
	char *secret, *flags;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (limit.rlim_cur < ROOM && geteuid() != 0)
		skip();
	secret = secret_alloc(ROOM);
	memset(secret, 'x', ROOM);
	flags = flags_of(secret);
	/* dd: not for core files; lo: locked, which sanitizers refuse to do */
	assert_non_null(strstr(flags, " dd"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_non_null(strstr(flags, " lo"));
#endif
	free(flags);
	secret_free(secret, ROOM);
}

/* The pages do not come back with what was in them. */
static void
test_wiped(void **state)
{
	static const char word[] = "a secret that nobody reads again";
	char *secret = secret_alloc(ROOM), *copy = xmalloc(sizeof(word));

	(void)state;
	memcpy(secret, word, sizeof(word));
	memcpy(copy, word, sizeof(word));
	wipe(copy, sizeof(word));
	for (size_t i = 0; i < sizeof(word); i++)
		assert_int_equal(copy[i], 0);
	free(copy);
	secret_free(secret, ROOM);
	secret = secret_alloc(ROOM);
	for (size_t i = 0; i < ROOM; i++)
		assert_int_equal(secret[i], 0);
	secret_free(secret, ROOM);
	secret_free(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
