/* What is remembered about a token's PIN, whatever happens in between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/login.h"
#include "../../broker/base/mem.h"
#include "../../broker/supervisor/latch.h"

struct place {
	char state[64];
	int folder;
};

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	struct fault why;

	strcpy(p->state, "/tmp/latch_test.XXXXXX");
	assert_non_null(mkdtemp(p->state));
	assert_int_equal(latch_open(p->state, &p->folder, &why), OK);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	char *command = xasprintf("rm -rf %s", p->state);
	int status;

	close(p->folder);
	status = system(command);
	free(command);
	free(p);
	return status;
}

static bool
there(const struct place *p, const char *name)
{
	struct stat st;

	return fstatat(p->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
test_marker_tells_of_a_crash(void **state)
{
	struct place *p = *state;
	struct fault why;
	bool died = true;

	assert_int_equal(latch_trying(p->folder, "a", &died, &why), OK);
	assert_false(died);
	assert_true(there(p, "a.trying"));
	assert_int_equal(latch_trying(p->folder, "a", &died, &why), OK);
	assert_true(died);
	latch_tried(p->folder, "a");
	assert_false(there(p, "a.trying"));
	assert_int_equal(latch_trying(p->folder, "a", &died, &why), OK);
	assert_false(died);
	assert_false(latch_is_set(p->folder, "a", &why));
}

static void
test_latch_takes_the_marker_with_it(void **state)
{
	struct place *p = *state;
	struct fault why;
	bool died;

	assert_int_equal(latch_trying(p->folder, "a", &died, &why), OK);
	assert_int_equal(latch_set(p->folder, "a", "no luck", &why), OK);
	assert_false(there(p, "a.trying"));
	assert_true(latch_is_set(p->folder, "a", &why));
	assert_int_equal(why.code, ERR_PIN);
	assert_non_null(strstr(why.text, "no luck"));
	assert_null(strchr(why.text, '\n'));
	assert_false(latch_is_set(p->folder, "b", &why));
	assert_int_equal(latch_clear(p->folder, "a", &why), OK);
	assert_false(latch_is_set(p->folder, "a", &why));
	assert_int_equal(latch_clear(p->folder, "a", &why), OK);
}

/* The reason cannot be written, as on a full disk, but the latch holds. */
static void
test_latch_holds_without_its_reason(void **state)
{
	struct place *p = *state;
	struct fault why;

	assert_int_equal(symlinkat("/nowhere/at/all", p->folder, "a.trying"),
	    0);
	assert_int_equal(latch_set(p->folder, "a", "no luck", &why), OK);
	assert_true(latch_is_set(p->folder, "a", &why));
	assert_int_equal(why.code, ERR_PIN);
}

static void
test_no_link_is_followed(void **state)
{
	struct place *p = *state;
	struct fault why;
	bool died;

	assert_int_equal(symlinkat("/tmp/latch_test.bait", p->folder,
	    "a.trying"), 0);
	assert_int_equal(latch_trying(p->folder, "a", &died, &why), ERR_IO);
	assert_true(died);
	assert_int_equal(access("/tmp/latch_test.bait", F_OK), -1);
}

static void
test_folder_must_be_ours_alone(void **state)
{
	struct place *p = *state;
	struct fault why;
	int folder;

	assert_int_equal(fchmod(p->folder, 0770), 0);
	assert_int_equal(latch_open(p->state, &folder, &why), ERR_CONFIG);
	close(folder);
	assert_int_equal(fchmod(p->folder, 0700), 0);
	assert_int_equal(latch_open("/nowhere/at/all", &folder, &why), ERR_IO);
}

static void
test_names_do_not_collide(void **state)
{
	(void)state;
	assert_true(latch_name_valid("main"));
	assert_true(latch_name_valid("a"));
	assert_true(latch_name_valid("trying"));
	assert_false(latch_name_valid("main.trying"));
	assert_false(latch_name_valid("main.login"));
}

/* What the lanes share follows the latch, and survives us. */
static void
test_lanes_are_told(void **state)
{
	struct place *p = *state;
	enum login_state seen;
	struct fault why;
	int a, b;

	assert_int_equal(latch_open_login(p->folder, "t", &a, &why), OK);
	assert_int_equal(latch_open_login(p->folder, "t", &b, &why), OK);
	assert_int_equal(login_peek(a), LOGIN_FREE);
	assert_int_equal(login_enter(a, &seen, &why), OK);
	assert_int_equal(seen, LOGIN_FREE);
	assert_int_equal(login_peek(b), LOGIN_TRYING);
	login_leave(a, LOGIN_REFUSED);
	assert_int_equal(login_enter(b, &seen, &why), OK);
	assert_int_equal(seen, LOGIN_REFUSED);
	assert_int_equal(latch_set(p->folder, "t", "why", &why), OK);
	login_leave(b, LOGIN_FREE); /* not over keybrokerd's word */
	assert_int_equal(login_peek(a), LOGIN_LATCHED);
	assert_int_equal(latch_clear(p->folder, "t", &why), OK);
	assert_int_equal(login_peek(a), LOGIN_FREE);
	close(a);
	close(b);
}

/* Two lanes: the second waits until the first is done, or dead. */
static void
test_one_login_at_a_time(void **state)
{
	struct place *p = *state;
	enum login_state seen;
	struct fault why;
	pid_t other;
	int fd;

	other = fork();
	assert_true(other >= 0);
	if (other == 0) {
		if (latch_open_login(p->folder, "t", &fd, &why) == OK &&
		    login_enter(fd, &seen, &why) == OK)
			usleep(300000);
		_exit(0); /* in the middle of it */
	}
	assert_int_equal(latch_open_login(p->folder, "t", &fd, &why), OK);
	while (login_peek(fd) != LOGIN_TRYING)
		usleep(1000);
	assert_int_equal(login_enter(fd, &seen, &why), OK);
	assert_int_equal(seen, LOGIN_TRYING);
	assert_int_equal(waitpid(other, NULL, 0), other);
	login_leave(fd, LOGIN_FREE);
	close(fd);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_marker_tells_of_a_crash),
		CASE(test_latch_takes_the_marker_with_it),
		CASE(test_latch_holds_without_its_reason),
		CASE(test_no_link_is_followed),
		CASE(test_folder_must_be_ours_alone),
		CASE(test_lanes_are_told),
		CASE(test_one_login_at_a_time),
		cmocka_unit_test(test_names_do_not_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
