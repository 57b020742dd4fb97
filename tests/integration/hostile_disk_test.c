/*
 * Disks without room, under the state of a real broker and under its audit
 * log: no signature leaves without its line, the error is clear, nothing dies
 * for good, and all goes on by itself once there is room.  The disks are small
 * tmpfs that only this test sees.
 */
#include "hostile_ca.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#define DISK "size=6m,mode=700"

static const char config[] =
    "ca \"ca\" { directory \"" CA "/dir\" timeout 1s }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  terms agreed }\n";

static char ballasts[2][128]; /* what takes the room on each */
#define STATE_DISK ballasts[0]
#define AUDIT_DISK ballasts[1]

static size_t released; /* signatures that clients were given */

/* Takes all room of a disk but so many pages. */
static void
fill_one(const char *ballast, unsigned pages)
{
	static const char page[4096];
	int fd = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(fd >= 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fstat(fd, &st), 0);
	if (st.st_size >= (off_t)pages * 4096)
		assert_int_equal(ftruncate(fd, st.st_size -
		    (off_t)pages * 4096), 0);
	close(fd);
}

static void
fill(unsigned pages)
{
	for (size_t i = 0; i < nitems(ballasts); i++)
		fill_one(ballasts[i], pages);
}

static void
make_room(void)
{
	for (size_t i = 0; i < nitems(ballasts); i++)
		assert_true(unlink(ballasts[i]) == 0 || errno == ENOENT);
}

/* Asks for a signature as a client; its status. */
static int
client_sign(void)
{
	struct answer a = world_api("POST", "/v1/accounts/main/jws",
	    "{\"url\":\"" CA "/account/1\",\"nonce\":\"" NONCE "\"}");
	int status = a.status;
	bool given = a.body != NULL && strstr(a.body, "\"signature\"") != NULL;

	assert_true(given == (status == 200));
	released += given;
	answer_free(&a);
	return status;
}

static size_t
lines_of_clients(void)
{
	return world_audit_count("\"nonceLength\"");
}

static void
wait_signing(int seconds)
{
	int64_t end = clock_now() + seconds;

	while (client_sign() != 200)
		if (clock_now() > end)
			fail_msg("no signature %d s after there was room",
			    seconds);
		else
			usleep(200000);
}

static void
verify(void)
{
	const char *build = getenv("BUILD");
	char *command = xasprintf("%s/keybroker audit verify "
	    "%s/state/audit/audit.log >/dev/null", build != NULL ? build :
	    "build/test", world.token.folder);

	assert_int_equal(system(command), 0);
	free(command);
}

static void
test_before(void **state)
{
	(void)state;
	while (work(world.channel[1], 3000, ""))
		;
	assert_int_equal(client_sign(), 200);
	finish(order("before", "main"), "DNS:before.example.org", 20);
	assert_string_equal(ended, "issued");
}

/* Not a byte left: every signature is refused, and the log is as it was. */
static void
test_full(void **state)
{
	size_t before;

	(void)state;
	fill(0);
	while (client_sign() == 200) /* the last page of the log */
		;
	before = world_audit_count("");
	for (unsigned i = 0; i < 50; i++)
		assert_in_range(client_sign(), 500, 599);
	assert_int_equal(world_audit_count(""), before);
	make_room();
	wait_signing(5);
	verify();
	assert_true(lines_of_clients() >= released);
}

/* The answer is a problem document of that type, in words that name what has
 * no room. */
static void
tells(struct answer a, const char *what)
{
	const char *type = json_get_string(a.json, "type");
	const char *detail = json_get_string(a.json, "detail");

	if (a.status != 507 || type == NULL || detail == NULL ||
	    strstr(type, "full") == NULL || strstr(detail, what) == NULL)
		fail_msg("%d: %s", a.status, a.body);
	answer_free(&a);
}

/* Declares until that is refused, for files have pages that they began. */
static struct answer
declare_all(void)
{
	struct answer a = { .status = 0 };

	for (unsigned i = 0; i < 300; i++) {
		char *path = xasprintf("/v1/certificates/full-%u", i);

		answer_free(&a);
		a = world_api("PUT", path, "{\"account\":\"main\","
		    "\"names\":[\"a.example.org\"]}");
		free(path);
		if (a.status / 100 != 2)
			break;
	}
	return a;
}

static const char wish[] = "{\"url\":\"" CA "/order/1\",\"nonce\":\"" NONCE
    "\"}";

/* Without room for the log nothing is done. */
static void
test_audit_full(void **state)
{
	size_t before;

	(void)state;
	fill_one(AUDIT_DISK, 0);
	tells(declare_all(), "audit");
	while (client_sign() == 200)
		;
	before = world_audit_count("");
	tells(world_api("POST", "/v1/accounts/main/jws", wish), "audit");
	assert_int_equal(world_audit_count(""), before);
	make_room();
	wait_signing(5);
	verify();
	finish(order("audit-full", "main"), "DNS:audit-full.example.org", 20);
	assert_string_equal(ended, "issued");
}

/* Without room for the state there are no new certificates, but signatures
 * for those who have theirs. */
static void
test_state_full(void **state)
{
	(void)state;
	fill_one(STATE_DISK, 0);
	tells(declare_all(), "database");
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(client_sign(), 200);
	make_room();
	finish(order("state-full", "main"), "DNS:state-full.example.org", 20);
	assert_string_equal(ended, "issued");
	verify();
	assert_true(lines_of_clients() >= released);
}

/* Pages come and go while clients ask, so that lines end in the middle. */
static void
test_brim(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		fill(i % 4);
		for (unsigned k = 0; k < 25; k++)
			refused += client_sign() != 200;
		verify();
		if (i % 5 == 4)
			make_room();
	}
	make_room();
	assert_true(refused > 100);
	wait_signing(5);
	verify();
	assert_true(lines_of_clients() >= released);
}

/* The issuer gets no signature either, and its order goes on afterwards. */
static void
test_order_at_the_brim(void **state)
{
	int64_t id = order("brim", "main");
	struct task t = next_task(world.channel[1], 10000);
	size_t given = 0;

	(void)state;
	assert_string_equal(t.step, "new-order");
	fill(0);
	while (client_sign() == 200)
		;
	for (unsigned i = 0; i < 5; i++)
		given += sign_status(world.channel[1], t.id, t.url, NONCE) ==
		    200;
	assert_int_equal(given, 0);
	make_room();
	wait_signing(5);
	assert_int_equal(sign_status(world.channel[1], t.id, t.url, NONCE),
	    200);
	fill(0);
	while (client_sign() == 200)
		;
	say_status(world.channel[1], "/issuer/result", "{}");
	{ /* what the CA answered cannot be stored: it is asked after again */
		char *members = honest(&t, ""), *body = xasprintf("{\"task\":"
		    "%lld,%s}", (long long)t.id, members);

		say_status(world.channel[1], "/issuer/result", body);
		free(members);
		free(body);
	}
	sleep(3);
	make_room();
	finish(id, "DNS:brim.example.org", 30);
	assert_string_equal(ended, "issued");
	verify();
}

/* An order that is given up while that cannot be stored is not forgotten. */
static void
test_cancel_without_room(void **state)
{
	int64_t id = order("cancel", "main"), end = clock_now() + 20;
	char *path = xasprintf("/v1/orders/%lld", (long long)id);
	struct answer a;

	(void)state;
	sleep(1); /* its key is made */
	fill(0);
	for (unsigned i = 0; i < 5; i++) {
		a = world_api("DELETE", path, "");
		answer_free(&a);
	}
	make_room();
	wait_signing(5);
	while (!has_ended(id) && clock_now() < end) {
		a = world_api("DELETE", path, "");
		answer_free(&a);
		usleep(500000);
	}
	assert_string_equal(ended, "canceled");
	finish(order("cancel", "main"), "DNS:cancel.example.org", 20);
	assert_string_equal(ended, "issued");
	free(path);
}

/* A core that dies on a full disk comes back when there is room. */
static void
test_death_without_room(void **state)
{
	int64_t id = order("death", "main"), end;
	pid_t core = world_pid("core");

	(void)state;
	fill(0);
	while (client_sign() == 200)
		;
	assert_int_equal(kill(core, SIGKILL), 0);
	sleep(3);
	assert_int_equal(kill(world.pid, 0), 0);
	make_room();
	end = clock_now() + 30;
	while (world_pid("core") == 0 && clock_now() < end)
		usleep(200000);
	for (unsigned i = 0; i <= WORLD_WORKERS; i++)
		close(world.channel[i]);
	close(world.issuer);
	world_let_in();
	wait_signing(20);
	finish(id, "DNS:death.example.org", 40);
	assert_string_equal(ended, "issued");
	verify();
	assert_true(lines_of_clients() >= released);
}

static int
mount_disk(const char *folder, char ballast[static 128])
{
	char *path = xasprintf("%s/%s", world.token.folder, folder);
	int status = mkdir(path, 0700);

	if (status == 0)
		status = mount("none", path, "tmpfs", 0, DISK);
	snprintf(ballast, 128, "%s/ballast", path);
	free(path);
	return status;
}

static int
mount_disks(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount_disk("state", STATE_DISK) != 0)
		return -1;
	return mount_disk("state/audit", AUDIT_DISK);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_audit_full),
		cmocka_unit_test(test_state_full),
		cmocka_unit_test(test_brim),
		cmocka_unit_test(test_order_at_the_brim),
		cmocka_unit_test(test_cancel_without_room),
		cmocka_unit_test(test_death_without_room),
	};
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	code = world_open(config);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	if (mount_disks() != 0) {
		puts("skipped: needs the right to mount");
		soft_token_remove(&world.token);
		return 77;
	}
	make_root();
	world_start();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	make_room();
	world_close(code != 0);
	return code;
}
