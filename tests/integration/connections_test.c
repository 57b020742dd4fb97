/*
 * Connections that do nothing, next to nothing, or too much: others see no
 * error, the core sleeps when nobody asks, and its memory is flat.
 * CONNECTIONS (10000) is how many come and go; `make check-long` takes 50000.
 * (tests/run: alone, for processor time is measured.)
 */
#include "hostile_world.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define CHURN	    "10000"
#define IDLE	    1100
#define OF_ONE_UID  32	/* by default */
#define FILES	    1024 /* descriptors that a service has by default */
#define QUIET_MS    1000
#define QUIET_CPU   60	 /* milliseconds of processor time in that while */
#define EACH_KIB    48	 /* of memory that an idle connection may take */
#define GROWTH_MAX  4096 /* KiB that stay when all is over */
#define ROUNDS	    6
#define WARM	    4	 /* after which the allocator has all that it keeps */
#define UID_GREEDY  2006
#define UID_OTHER   2007

static const char raised[] =
    "limits { connections 1500 connections-per-uid 1400\n"
    "connections-per-tenant 1400 }\n"
    "allow \"*\" { operations status.read }\n";
static const char defaults[] =
    "allow \"*\" { operations status.read }\n";

static const char get[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
static const char post[] = "POST /v1/policy/explain HTTP/1.1\r\nHost: x\r\n"
    "Content-Type: application/json\r\nContent-Length: 27\r\n\r\n"
    "{\"operation\":\"status.read\"}";

static pid_t core;

static unsigned
entries(const char *what)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)core, what);
	d = opendir(path);
	if (d == NULL)
		return 0; /* only root may look */
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Waits until the core has no more descriptors and threads than before. */
static void
settle(unsigned fds, unsigned threads)
{
	for (unsigned i = 0; i < 100; i++) {
		if (entries("fd") <= fds && entries("task") <= threads)
			return;
		usleep(100000);
	}
	fail_msg("%u descriptors and %u threads, not %u and %u", entries("fd"),
	    entries("task"), fds, threads);
}

/* Nobody asks for anything, so the core does nothing. */
static void
assert_quiet(const char *when)
{
	long cpu;

	usleep(300000);
	cpu = world_cpu_ms(core);
	usleep(QUIET_MS * 1000);
	cpu = world_cpu_ms(core) - cpu;
	print_message("%s: %ld ms of processor time in %d ms\n", when, cpu,
	    QUIET_MS);
	assert_true(cpu < QUIET_CPU);
}

/* ----------------------------------------------------------------- others */

/* Somebody who asks all the time and must never see an error. */
static struct {
	pthread_t thread;
	atomic_bool going;
	atomic_uint asked, errors;
	uid_t uid;
} other;

static void *
ask_on(void *arg)
{
	if (other.uid != 0)
		syscall(SYS_setresuid, -1, other.uid, -1);
	while (atomic_load(&other.going)) {
		struct answer a = world_api("GET", "/v1/status", "");

		atomic_fetch_add(&other.asked, 1);
		if (a.status != 200)
			atomic_fetch_add(&other.errors, 1);
		answer_free(&a);
		usleep(5000);
	}
	return arg;
}

static void
others_begin(uid_t uid)
{
	other.uid = uid;
	atomic_store(&other.asked, 0);
	atomic_store(&other.errors, 0);
	atomic_store(&other.going, true);
	pthread_create(&other.thread, NULL, ask_on, NULL);
}

static void
others_end(void)
{
	atomic_store(&other.going, false);
	pthread_join(other.thread, NULL);
	print_message("others: %u requests, %u errors\n", other.asked,
	    other.errors);
	assert_true(other.asked > 10);
	assert_int_equal(other.errors, 0);
}

/* ------------------------------------------------------------------ tests */

static void
restart(const char *more)
{
	if (world.pid > 0)
		world_stop();
	world_configure(more);
	world_start();
	while ((core = world_pid("core")) == 0)
		usleep(50000);
	sleep(1); /* for the keys of the start */
}

/* Half of them have asked once, the others never. */
static long
hold_idle(int fds[static IDLE])
{
	long kib = world_memory(core);

	for (unsigned i = 0; i < IDLE; i++) {
		fds[i] = world_connect();
		assert_true(fds[i] >= 0);
		if (i % 2 == 0) {
			struct answer a = world_ask(fds[i], "GET",
			    "/v1/status", "");

			assert_int_equal(a.status, 200);
			answer_free(&a);
		}
	}
	return world_memory(core) - kib;
}

static void
test_idle(void **state)
{
	unsigned files = entries("fd"), threads = entries("task");
	int fds[IDLE];
	long kib[ROUNDS];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		long more = hold_idle(fds);

		print_message("%d idle connections: %ld KiB\n", IDLE, more);
		assert_true(KEEPS_FREED || more < (long)IDLE * EACH_KIB);
		if (round == 0) {
			assert_quiet("idle");
			others_begin(0);
			sleep(1);
			others_end();
		}
		for (unsigned i = 0; i < IDLE; i++)
			close(fds[i]);
		settle(files, threads);
		kib[round] = world_memory(core);
	}
	print_message("%ld KiB more after %d such rounds\n",
	    kib[ROUNDS - 1] - kib[WARM], ROUNDS - 1 - WARM);
	assert_true(KEEPS_FREED || kib[ROUNDS - 1] - kib[WARM] < GROWTH_MAX);
}

/* They ask for more than a socket holds and read, or write, a byte a second:
 * each holds its own connection, and nothing else. */
static void
test_slow(void **state)
{
	unsigned files = entries("fd"), threads = entries("task");
	long kib = world_memory(core);
	int readers[20], writers[20];
	char byte;

	(void)state;
	for (unsigned i = 0; i < nitems(readers); i++) {
		readers[i] = world_connect();
		writers[i] = world_connect();
		for (unsigned n = 0; n < 2000; n++)
			if (send(readers[i], get, strlen(get), MSG_DONTWAIT |
				MSG_NOSIGNAL) < 0)
				break;
	}
	others_begin(0);
	for (unsigned second = 0; second < 3; second++) {
		for (unsigned i = 0; i < nitems(readers); i++) {
			assert_int_equal(read(readers[i], &byte, 1), 1);
			assert_int_equal(send(writers[i], post + second, 1,
			    MSG_NOSIGNAL), 1);
		}
		sleep(1);
	}
	others_end();
	assert_quiet("slow");
	for (unsigned i = 0; i < nitems(readers); i++) {
		close(readers[i]);
		close(writers[i]);
	}
	settle(files, threads);
	assert_true(KEEPS_FREED || world_memory(core) - kib < GROWTH_MAX);
}

/* Half a request, a whole one without its reply, half a reply. */
static void
die_once(unsigned i)
{
	const char *text = i % 2 ? get : post;
	size_t n = i % 3 ? strlen(text) : i % strlen(text);
	int fd = world_connect();
	char part[64];

	if (fd < 0)
		fail_msg("connection %u is refused", i);
	(void)!send(fd, text, n, MSG_NOSIGNAL);
	if (i % 3 == 1)
		(void)!read(fd, part, i % sizeof(part));
	close(fd);
}

static void
test_deaths(void **state)
{
	unsigned files = entries("fd"), threads = entries("task");
	long kib = 0;

	(void)state;
	others_begin(0);
	for (unsigned i = 0; i < 3000; i++) {
		die_once(i);
		if (i == 1000)
			kib = world_memory(core);
	}
	others_end();
	settle(files, threads);
	assert_quiet("deaths");
	assert_true(KEEPS_FREED || world_memory(core) - kib < GROWTH_MAX);
	assert_int_equal(world_pid("core"), core);
}

static void
churn(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		int fd = world_connect();

		if (fd < 0)
			fail_msg("connection %lu is refused", i);
		if (i % 16 == 0) {
			struct answer a = world_ask(fd, "GET", "/v1/status",
			    "");

			if (a.status != 200)
				fail_msg("status %d", a.status);
			answer_free(&a);
		}
		close(fd);
	}
}

static void
test_churn(void **state)
{
	const char *many = getenv("CONNECTIONS");
	unsigned long n = strtoul(many != NULL ? many : CHURN, NULL, 10);
	unsigned files = entries("fd"), threads = entries("task");
	long kib;

	(void)state;
	churn(n / 10);
	kib = world_memory(core);
	others_begin(0);
	churn(n);
	others_end();
	settle(files, threads);
	print_message("%lu connections came and went: %ld KiB more\n", n,
	    world_memory(core) - kib);
	assert_quiet("churn");
	assert_true(KEEPS_FREED || world_memory(core) - kib < GROWTH_MAX);
	assert_int_equal(world_pid("core"), core);
}

/* At the limits as they are: one client has its share and no more, whatever
 * it opens; the others do not notice. */
static void
test_default_limits(void **state)
{
	unsigned files, threads, kept = 0;
	int fds[IDLE];
	long kib;

	(void)state;
	if (geteuid() != 0)
		skip();
	restart(defaults);
	files = entries("fd");
	threads = entries("task");
	kib = world_memory(core);
	others_begin(UID_OTHER);
	assert_int_equal(syscall(SYS_setresuid, -1, UID_GREEDY, -1), 0);
	for (unsigned i = 0; i < IDLE; i++)
		fds[i] = world_connect();
	assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	sleep(6); /* for those that were told that there is no seat */
	for (unsigned i = 0; i < IDLE; i++) {
		char byte;

		kept += fds[i] >= 0 &&
		    recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
	}
	others_end();
	assert_int_equal(kept, OF_ONE_UID);
	assert_quiet("refused");
	for (unsigned i = 0; i < IDLE; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	settle(files, threads);
	assert_true(KEEPS_FREED || world_memory(core) - kib < GROWTH_MAX);
	assert_int_equal(world_pid("core"), core);
}

/* As a service has it: few descriptors at first, and the right to more. */
static void
limit_files(void)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = FILES;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

/* For our own ends of them. */
static void
many_files(void)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static int
start(void **state)
{
	(void)state;
	limit_files();
	restart(raised);
	many_files();
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_default_limits),
	};
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	code = world_open(raised);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	chmod(world.token.folder, 0711);
	code = cmocka_run_group_tests(tests, start, NULL);
	world_close(code != 0);
	return code;
}
