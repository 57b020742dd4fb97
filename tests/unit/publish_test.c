/* Published certificates: whoever opens the link sees one whole version. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../api/json.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/certificate/publish.h"

#define BLOCK(x) "-----BEGIN CERTIFICATE-----\n" x \
	"\n-----END CERTIFICATE-----\n"

static char folder[64];
static struct fault why;

static int
setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/publish_test.XXXXXX");
	umask(077);
	return mkdtemp(folder) == NULL;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);
	int bad = system(command);

	(void)state;
	free(command);
	return bad;
}

/* The content of a file below the state folder; owned, NULL when absent. */
static char *
content(const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct buf b;
	char *text = NULL;

	buf_init(&b, 65536);
	if (read_file(path, &b, NULL) == OK)
		text = (char *)buf_take(&b, NULL);
	buf_free(&b);
	free(path);
	return text;
}

static void
expect(const char *name, const char *expected)
{
	char *text = content(name);

	if (expected == NULL)
		assert_null(text);
	else
		assert_string_equal(text, expected);
	free(text);
}

static enum err
put(const char *serial, const char *pem)
{
	struct chain_facts facts = { .issuer = "CN=Middle",
		.not_before = 1800000000, .not_after = 1800086400, .count = 2 };

	snprintf(facts.serial, sizeof(facts.serial), "%s", serial);
	return publish(folder, "www", pem, &facts, "pkcs11:id=%01", "a.b *.a.b",
	    &why);
}

static void
test_files(void **state)
{
	struct json *meta;
	struct stat st;
	char *text, *path = xasprintf("%s/certificates/www/cert.pem", folder);

	(void)state;
	assert_int_equal(put("0a", BLOCK("AA") BLOCK("BB")), OK);
	expect("certificates/www/fullchain.pem", BLOCK("AA") BLOCK("BB"));
	expect("certificates/www/cert.pem", BLOCK("AA"));
	expect("certificates/www/chain.pem", BLOCK("BB"));
	expect("certificates/www/key.uri", "pkcs11:id=%01");
	text = content("certificates/www/metadata.json");
	meta = json_parse(text, strlen(text), &why);
	assert_non_null(meta);
	assert_string_equal(json_get_string(meta, "name"), "www");
	assert_string_equal(json_get_string(meta, "serial"), "0a");
	assert_string_equal(json_get_string(meta, "notBefore"),
	    "2027-01-15T08:00:00.000Z");
	assert_int_equal(json_count(json_get(meta, "names")), 2);
	assert_string_equal(json_string(json_at(json_get(meta, "names"), 1)),
	    "*.a.b");
	json_free(meta);
	free(text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	free(path);
}

static void
test_leaf_only(void **state)
{
	(void)state;
	assert_int_equal(put("0a", BLOCK("AA")), OK);
	expect("certificates/www/cert.pem", BLOCK("AA"));
	expect("certificates/www/chain.pem", "");
}

/* The two versions before are kept, older ones go. */
static void
test_versions(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		char serial[8];

		snprintf(serial, sizeof(serial), "0%u", i);
		assert_int_equal(put(serial, BLOCK("AA")), OK);
		usleep(20000);
	}
	expect("versions/www/01/cert.pem", NULL);
	expect("versions/www/02/cert.pem", NULL);
	expect("versions/www/03/cert.pem", BLOCK("AA"));
	expect("versions/www/04/cert.pem", BLOCK("AA"));
	expect("versions/www/05/cert.pem", BLOCK("AA"));
}

/* A crash while a version was written leaves half of one: the old one stays
 * visible, and the next attempt begins anew. */
static void
test_half_a_version(void **state)
{
	char *half = xasprintf("mkdir -m 700 '%s/versions/www/.new' && echo x "
	    "> '%s/versions/www/.new/fullchain.pem' && echo y > "
	    "'%s/versions/www/.new/junk' && ln -s nowhere "
	    "'%s/certificates/.www.new'", folder, folder, folder, folder);

	(void)state;
	assert_int_equal(put("01", BLOCK("AA")), OK);
	assert_int_equal(system(half), 0);
	expect("certificates/www/cert.pem", BLOCK("AA"));
	assert_int_equal(put("02", BLOCK("BB")), OK);
	expect("certificates/www/cert.pem", BLOCK("BB"));
	expect("certificates/www/junk", NULL);
	expect("versions/www/.new/junk", NULL);
	free(half);
}

/* A crash after the version was placed, or after the link was moved. */
static void
test_again(void **state)
{
	(void)state;
	assert_int_equal(put("01", BLOCK("AA")), OK);
	assert_int_equal(put("01", BLOCK("AA")), OK);
	expect("certificates/www/cert.pem", BLOCK("AA"));
	/* two CAs may use one number */
	assert_int_equal(put("01", BLOCK("CC")), OK);
	expect("certificates/www/cert.pem", BLOCK("CC"));
	expect("versions/www/.new/cert.pem", NULL);
}

struct watcher {
	atomic_bool stop;
	unsigned seen, mixed, missing;
};

/* A reader that sleeps while three versions come finds its own removed. */
static bool
moved_on(const char *link, const char *target)
{
	char now[256];
	ssize_t n = readlink(link, now, sizeof(now) - 1);

	now[n > 0 ? n : 0] = '\0';
	return strcmp(now, target) != 0;
}

/* Opens the folder as a server would and compares two files of it. */
static void *
watch(void *arg)
{
	struct watcher *w = arg;
	char *path_of_link = xasprintf("%s/certificates/www", folder);

	while (!w->stop) {
		char target[256];
		ssize_t n = readlink(path_of_link, target, sizeof(target) - 1);
		char *full, *leaf, *path;

		if (n <= 0) {
			w->missing++;
			continue;
		}
		target[n] = '\0';
		path = xasprintf("certificates/%s/fullchain.pem", target);
		full = content(path);
		free(path);
		path = xasprintf("certificates/%s/cert.pem", target);
		leaf = content(path);
		free(path);
		w->seen++;
		if (full == NULL || leaf == NULL)
			w->mixed += !moved_on(path_of_link, target);
		else
			w->mixed += strcmp(full, leaf) != 0;
		free(full);
		free(leaf);
	}
	free(path_of_link);
	return NULL;
}

static void
test_never_half(void **state)
{
	struct watcher w = { .stop = false };
	pthread_t thread;

	(void)state;
	assert_int_equal(put("01", BLOCK("AA")), OK);
	pthread_create(&thread, NULL, watch, &w);
	for (unsigned i = 0; i < 60; i++) {
		char serial[8], pem[128];

		snprintf(serial, sizeof(serial), "1%u", i);
		snprintf(pem, sizeof(pem), BLOCK("%s"), serial);
		assert_int_equal(put(serial, pem), OK);
	}
	w.stop = true;
	pthread_join(thread, NULL);
	assert_true(w.seen > 10);
	assert_int_equal(w.mixed, 0);
	assert_int_equal(w.missing, 0);
}

static void
test_unpublish(void **state)
{
	(void)state;
	assert_int_equal(unpublish(folder, "www", &why), OK);
	assert_int_equal(put("01", BLOCK("AA")), OK);
	assert_int_equal(put("02", BLOCK("AA")), OK);
	assert_int_equal(unpublish(folder, "www", &why), OK);
	expect("certificates/www/cert.pem", NULL);
	expect("versions/www/01/cert.pem", NULL);
	expect("versions/www/02/cert.pem", NULL);
	assert_int_equal(unpublish(folder, "www", &why), OK);
}

static void
test_no_folder(void **state)
{
	struct chain_facts facts = { .serial = "01" };

	(void)state;
	assert_int_equal(publish("/nonexistent", "www", BLOCK("AA"), &facts,
	    "", "", &why), ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files), TEST(test_leaf_only), TEST(test_versions),
		TEST(test_half_a_version), TEST(test_again),
		TEST(test_never_half), TEST(test_unpublish),
		TEST(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
