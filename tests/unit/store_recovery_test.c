/* Schemas of other versions, full disks, and a process that is killed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/store/sql.h"

static char folder[64];
static char path[128];
static struct fault why;

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/kb-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/keybroker.db", folder);
	return 0;
}

static int
tear_down(void **state)
{
	char other[160];

	(void)state;
	unlink(path);
	snprintf(other, sizeof(other), "%s-wal", path);
	unlink(other);
	return rmdir(folder);
}

static void
put_setting(struct store *s, const char *name, const char *value)
{
	assert_int_equal(store_setting_put(s, name, value, &why), OK);
}

static void
expect_setting(struct store *s, const char *name, const char *value)
{
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(store_setting_get(s, name, &out, &why), OK);
	assert_string_equal(buf_str(&out), value);
	buf_free(&out);
}

/*
 * An older program's database is brought forward with its content; the older
 * program then refuses it.
 */
static void
test_migration(void **state)
{
	const char *steps[] = { store_migrations[0],
		"CREATE TABLE extra (x INTEGER) STRICT;"
		"UPDATE settings SET value = value || '+'",
		"ALTER TABLE extra ADD COLUMN y TEXT" };
	struct store *s;

	(void)state;
	s = store_open_at(folder, steps, 1, &why);
	assert_non_null(s);
	put_setting(s, "a", "b");
	store_close(s);
	s = store_open_at(folder, steps, 3, &why);
	assert_non_null(s);
	expect_setting(s, "a", "b+");
	store_close(s);
	s = store_open_at(folder, steps, 3, &why);
	assert_non_null(s);
	expect_setting(s, "a", "b+");
	store_close(s);
	assert_null(store_open_at(folder, steps, 2, &why));
	assert_int_equal(why.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(why.text, "schema 3"));
}

/* A step that fails leaves the version before it, whole. */
static void
test_broken_migration(void **state)
{
	const char *steps[] = { store_migrations[0],
		"UPDATE settings SET value = 'lost'; CREATE NONSENSE" };
	struct store *s;

	(void)state;
	s = store_open_at(folder, steps, 1, &why);
	assert_non_null(s);
	put_setting(s, "a", "b");
	store_close(s);
	assert_null(store_open_at(folder, steps, 2, &why));
	s = store_open_at(folder, steps, 1, &why);
	assert_non_null(s);
	expect_setting(s, "a", "b");
	store_close(s);
}

static void
test_newer_refused(void **state)
{
	const char **steps = xcalloc(store_nmigrations + 1, sizeof(*steps));
	struct store *s;

	(void)state;
	memcpy(steps, store_migrations, store_nmigrations * sizeof(*steps));
	steps[store_nmigrations] = "CREATE TABLE later (x)";
	s = store_open_at(folder, steps, store_nmigrations + 1, &why);
	assert_non_null(s);
	store_close(s);
	assert_null(store_open(folder, &why));
	assert_int_equal(why.code, ERR_UNSUPPORTED);
	free(steps);
}

static void
test_foreign_files(void **state)
{
	char other[160];

	(void)state;
	assert_int_equal(write_file(path, "no database, but long enough",
	    28, 0600, &why), OK);
	assert_null(store_open(folder, &why));
	assert_int_equal(why.code, ERR_IO);
	unlink(path);
	snprintf(other, sizeof(other), "%s/elsewhere", folder);
	assert_int_equal(symlink(other, path), 0);
	assert_null(store_open(folder, &why));
	unlink(path);
	assert_null(store_open("/tmp/kb-no-such-folder", &why));
	assert_int_equal(why.code, ERR_IO);
}

/* The limit on pages holds for this connection only, as a full disk does. */
static void
test_full(void **state)
{
	const char *steps[] = { store_migrations[0],
		"PRAGMA max_page_count = 60" };
	char *big = xcalloc(1, 300001);
	struct store *s;

	(void)state;
	memset(big, 'x', 300000);
	s = store_open_at(folder, steps, 2, &why);
	assert_non_null(s);
	put_setting(s, "a", "b");
	assert_int_equal(store_begin(s, &why), OK);
	assert_int_equal(store_setting_put(s, "a", "c", &why), OK);
	assert_int_equal(store_setting_put(s, "big", big, &why), ERR_FULL);
	assert_int_equal(why.code, ERR_FULL);
	store_rollback(s);
	expect_setting(s, "a", "b");
	put_setting(s, "a", "d");
	expect_setting(s, "a", "d");
	store_close(s);
	free(big);
}

/* When SQLite gives a transaction up by itself nothing more happens in it. */
static void
test_given_up(void **state)
{
	struct store *s = store_open(folder, &why);
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_non_null(s);
	assert_int_equal(store_begin(s, &why), OK);
	put_setting(s, "a", "b");
	assert_int_equal(store_run(s, SQL_ROLLBACK, NULL, 0, &why), OK);
	assert_int_equal(store_setting_put(s, "c", "d", &why), ERR_CONFLICT);
	assert_int_equal(store_commit(s, &why), ERR_CONFLICT);
	assert_int_equal(store_setting_get(s, "a", &out, &why), ERR_NOT_FOUND);
	put_setting(s, "a", "again");
	store_close(s);
	buf_free(&out);
}

/* Writes pairs in transactions for ever, telling the pipe of each commit. */
static void
write_pairs(int fd)
{
	struct store *s = store_open(folder, &why);
	char value[24];

	for (unsigned i = 1; s != NULL; i++) {
		snprintf(value, sizeof(value), "%u", i);
		if (store_begin(s, &why) != OK ||
		    store_setting_put(s, "a", value, &why) != OK ||
		    write_full(fd, "m", 1) != 0 || /* in the middle */
		    store_setting_put(s, "b", value, &why) != OK ||
		    store_commit(s, &why) != OK ||
		    write_full(fd, "c", 1) != 0)
			break;
	}
	_exit(1);
}

/* Kills a writer after some bytes of the pipe; gives the commits it told. */
static unsigned
kill_writer(unsigned bytes)
{
	unsigned commits = 0;
	int fds[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		write_pairs(fds[1]);
	}
	close(fds[1]);
	for (; bytes > 0 && read_full(fds[0], &c, 1) == 1; bytes--)
		commits += c == 'c';
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read_full(fds[0], &c, 1) == 1)
		commits += c == 'c';
	close(fds[0]);
	return commits;
}

static void
test_killed(void **state)
{
	struct buf a, b;
	struct store *s;
	unsigned commits, value;

	(void)state;
	buf_init(&a, 100);
	buf_init(&b, 100);
	for (unsigned i = 0; i < 12; i++) {
		commits = kill_writer(11 + i * 5);
		s = store_open(folder, &why);
		assert_non_null(s);
		assert_int_equal(store_setting_get(s, "a", &a, &why), OK);
		assert_int_equal(store_setting_get(s, "b", &b, &why), OK);
		assert_string_equal(buf_str(&a), buf_str(&b));
		value = (unsigned)strtoul(buf_str(&a), NULL, 10);
		assert_true(value == commits || value == commits + 1);
		store_close(s);
		buf_reset(&a);
		buf_reset(&b);
	}
	buf_free(&a);
	buf_free(&b);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_migration),
		TEST(test_broken_migration),
		TEST(test_newer_refused),
		TEST(test_foreign_files),
		TEST(test_full),
		TEST(test_given_up),
		TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
