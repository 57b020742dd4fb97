/* The audit log: its chain recomputed, its tail torn, its disk full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/io.h"
#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/audit/audit.h"
#include "soft_lane.h"

static char folder[64];
static char path[80];
static struct audit *audit;
static struct fault why;
static EVP_PKEY *key;

static void
open_log(enum audit_mode mode)
{
	audit = audit_open(folder, mode, &why);
	if (audit == NULL)
		fail_msg("%s", why.text);
}

static void
close_log(void)
{
	audit_close(audit);
	audit = NULL;
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "/tmp/audit_test.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/audit.log", folder);
	key = EVP_EC_gen("P-256");
	open_log(AUDIT_DURABLE);
	return 0;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);
	int bad;

	(void)state;
	close_log();
	EVP_PKEY_free(key);
	bad = system(command);
	free(command);
	return bad;
}

static enum err
append(const char *members)
{
	return audit_append(audit, "test", members, strlen(members), &why);
}

/* ------------------------------------------------- a verifier of our own */

static void
check_signature(const struct json *line, uint64_t seq, const char *prev)
{
	const char *b64 = json_get_string(line, "signature");
	unsigned char *der = NULL, pin[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct buf raw, sig, text;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int n = i2d_PUBKEY(key, &der);

	buf_init(&raw, 256);
	buf_init(&sig, 256);
	buf_init(&text, 512);
	sha256(pin, der, (size_t)n);
	hex_encode(hex, pin, sizeof(pin));
	assert_string_equal(json_get_string(line, "key"), hex);
	assert_string_equal(json_get_string(line, "alg"), "ES256");
	assert_true(b64_get(&raw, b64, strlen(b64)));
	assert_true(ecdsa_raw_to_der(&sig, raw.data, raw.len));
	buf_putf(&text, "keybroker audit checkpoint 1\n%llu\n%s\n",
	    (unsigned long long)seq - 1, prev);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
	    key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, sig.data, sig.len, text.data,
	    text.len), 1);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	buf_free(&raw);
	buf_free(&sig);
	buf_free(&text);
}

struct found {
	uint64_t lines;
	unsigned checkpoints, recovered;
};

static void
check_line(const char *p, size_t n, const char *prev, struct found *f)
{
	struct json *line = json_parse(p, n, &why);
	const char *event = json_get_string(line, "event");
	char start[512];
	int64_t seq;

	assert_non_null(line);
	assert_true(json_get_int(line, "seq", &seq));
	assert_int_equal(seq, ++f->lines);
	assert_string_equal(json_get_string(line, "prev"), prev);
	snprintf(start, sizeof(start), "{\"seq\":%lld,\"time\":\"%s\","
	    "\"prev\":\"%s\",\"event\":\"%s\"", (long long)seq,
	    json_get_string(line, "time"), prev, event);
	assert_memory_equal(p, start, strlen(start));
	if (strcmp(event, "checkpoint") == 0) {
		check_signature(line, (uint64_t)seq, prev);
		f->checkpoints++;
	}
	f->recovered += strcmp(event, "recovered") == 0;
	json_free(line);
}

/* Reads the whole file and checks each line against the one before. */
static struct found
verify(void)
{
	unsigned char hash[SHA256_SIZE] = { 0 };
	char prev[2 * SHA256_SIZE + 1];
	struct found f = { 0 };
	const char *p, *end;
	struct buf b;

	buf_init(&b, 64 * 1024 * 1024);
	assert_int_equal(read_file(path, &b, &why), OK);
	p = buf_str(&b);
	while (*p != '\0') {
		end = strchr(p, '\n');
		assert_non_null(end);
		hex_encode(prev, hash, sizeof(hash));
		check_line(p, (size_t)(end - p), prev, &f);
		sha256(hash, p, (size_t)(end - p));
		p = end + 1;
	}
	assert_ptr_equal(p, b.data != NULL ? (char *)b.data + b.len : p);
	buf_free(&b);
	return f;
}

static void
test_chain(void **state)
{
	(void)state;
	assert_int_equal(audit_last(audit), 0);
	assert_int_equal(append(""), OK);
	assert_int_equal(append("\"a\":1,\"b\":\"\\n\""), OK);
	assert_int_equal(audit_last(audit), 2);
	close_log();
	open_log(AUDIT_DURABLE);
	assert_int_equal(audit_last(audit), 2);
	assert_int_equal(append("\"a\":2"), OK);
	assert_int_equal(verify().lines, 3);
}

static void
test_second_writer(void **state)
{
	(void)state;
	assert_null(audit_open(folder, AUDIT_DURABLE, &why));
	assert_int_equal(why.code, ERR_CONFLICT);
}

static void
test_line_too_long(void **state)
{
	char *text = xmalloc(200001);

	(void)state;
	memset(text, '1', 200000);
	text[200000] = '\0';
	assert_int_equal(append(text), ERR_LIMIT);
	text[130000] = '\0';
	memcpy(text, "\"a\":", 4);
	assert_int_equal(append(text), OK);
	free(text);
	close_log();
	open_log(AUDIT_DURABLE);
	assert_int_equal(append(""), OK);
	assert_int_equal(audit_last(audit), 2);
}

static void
tear(const char *text, off_t cut)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (cut != 0)
		assert_int_equal(ftruncate(fd, st.st_size - cut), 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close(fd);
}

/* Every way in which the last line may be cut short. */
static void
test_torn_tail(void **state)
{
	struct found f = { 0 };

	(void)state;
	for (off_t cut = 1; cut < 150; cut += 7) {
		assert_int_equal(append("\"n\":1"), OK);
		assert_int_equal(append("\"n\":2"), OK);
		close_log();
		tear("", cut);
		open_log(AUDIT_DURABLE);
		f = verify();
		assert_int_equal(audit_last(audit), f.lines);
	}
	assert_int_equal(f.recovered, 22);
}

static void
test_torn_first_line(void **state)
{
	struct found f;

	(void)state;
	close_log();
	tear("{\"seq\":1,\"ti", 0);
	open_log(AUDIT_DURABLE);
	f = verify();
	assert_int_equal(f.lines, 1);
	assert_int_equal(f.recovered, 1);
}

/* What is whole and wrong is not ours to repair. */
static void
test_damaged_tail(void **state)
{
	(void)state;
	assert_int_equal(append("\"n\":1"), OK);
	assert_int_equal(append("\"n\":2"), OK);
	close_log();
	tear("junk\n", 0);
	assert_null(audit_open(folder, AUDIT_DURABLE, &why));
	assert_int_equal(why.code, ERR_SYNTAX);
	tear("", 5);
	tear("{\"seq\":3,\"time\":\"\",\"prev\":\"00\",\"event\":\"x\"}\n", 0);
	assert_null(audit_open(folder, AUDIT_DURABLE, &why));
	assert_int_equal(why.code, ERR_SYNTAX);
}

struct worker {
	pthread_t thread;
	unsigned lines, full, other;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	unsigned n = w->lines;
	struct fault own;
	char text[160];

	w->lines = 0;
	memset(text, 'x', sizeof(text));
	memcpy(text, "\"operation\":\"", 13);
	memcpy(text + sizeof(text) - 2, "\"", 2);
	while (n-- > 0) {
		enum err e = audit_append(audit, "decision", text,
		    sizeof(text) - 1, &own);

		w->lines += e == OK;
		w->full += e == ERR_FULL || (e == ERR_IO &&
		    strstr(own.text, "File too large") != NULL);
		w->other += e != OK && e != ERR_FULL && e != ERR_IO;
	}
	return NULL;
}

static struct worker
work_all(unsigned threads, unsigned lines)
{
	struct worker all[16], sum = { .lines = 0 };

	for (unsigned i = 0; i < threads; i++) {
		all[i] = (struct worker){ .lines = lines };
		pthread_create(&all[i].thread, NULL, work, &all[i]);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(all[i].thread, NULL);
		sum.lines += all[i].lines;
		sum.full += all[i].full;
		sum.other += all[i].other;
	}
	return sum;
}

static void
test_many_threads(void **state)
{
	int64_t start = clock_monotonic_us();

	(void)state;
	assert_int_equal(work_all(8, 1000).lines, 8000);
	print_message("durable, 8 threads: %.0f lines a second\n",
	    8000e6 / (double)(clock_monotonic_us() - start));
	assert_int_equal(verify().lines, 8000);
	assert_int_equal(audit_last(audit), 8000);
	close_log();
	open_log(AUDIT_RELAXED);
	start = clock_monotonic_us();
	assert_int_equal(work_all(8, 1000).lines, 8000);
	print_message("relaxed, 8 threads: %.0f lines a second\n",
	    8000e6 / (double)(clock_monotonic_us() - start));
	assert_int_equal(verify().lines, 16000);
}

static void
limit_file(rlim_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk is full: whoever is told so finds no line of his in the log, and
 * the log is whole, and goes on when there is room. */
static void
test_no_room(void **state)
{
	struct worker sum;
	struct found f;

	(void)state;
	assert_int_equal(work_all(1, 10).lines, 10);
	limit_file(40000);
	sum = work_all(8, 50);
	limit_file(RLIM_INFINITY);
	assert_true(sum.full > 100);
	assert_int_equal(sum.other, 0);
	assert_int_equal(sum.lines + sum.full, 400);
	f = verify();
	assert_int_equal(f.lines, 10 + sum.lines);
	assert_int_equal(audit_last(audit), f.lines);
	assert_int_equal(append("\"after\":true"), OK);
	assert_int_equal(verify().lines, f.lines + 1);
	close_log();
	open_log(AUDIT_DURABLE);
	assert_int_equal(append("\"after\":true"), OK);
	assert_int_equal(verify().lines, f.lines + 2);
	assert_int_equal(verify().recovered, 0);
}

#define SKIPPED 77

static int
write_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	int bad = fd < 0 || write_full(fd, text, strlen(text)) != 0;

	if (fd >= 0)
		close(fd);
	return bad;
}

/* Mounts that nobody else sees; as an ordinary user where that is allowed. */
static bool
own_mounts(void)
{
	char *users = xasprintf("0 %u 1", (unsigned)geteuid());
	char *groups = xasprintf("0 %u 1", (unsigned)getegid());

	if (unshare(CLONE_NEWNS) != 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
	    write_text("/proc/self/uid_map", users) != 0 ||
	    write_text("/proc/self/setgroups", "deny") != 0 ||
	    write_text("/proc/self/gid_map", groups) != 0))
		return false;
	free(users);
	free(groups);
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* In a process and a file system of its own: 0 when all went as it should. */
static int
fill_disk(void)
{
	char *ballast = xasprintf("%s/ballast", folder);
	struct worker sum;
	int fd;

	if (!own_mounts() ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=128k") != 0)
		return SKIPPED;
	fd = open(ballast, O_CREAT | O_WRONLY, 0600);
	if (ftruncate(fd, 0) != 0 || posix_fallocate(fd, 0, 65536) != 0)
		return 1;
	audit = audit_open(folder, AUDIT_DURABLE, &why);
	sum = work_all(8, 100);
	if (sum.full == 0 || sum.other != 0 || sum.lines + sum.full != 800)
		return 2;
	while (append("\"n\":1") == OK) /* small ones may fit yet */
		sum.lines++;
	if (why.code != ERR_FULL || audit_last(audit) != sum.lines)
		return 3;
	unlink(ballast);
	free(ballast);
	close(fd);
	if (append("\"after\":true") != OK ||
	    audit_last(audit) != sum.lines + 1 ||
	    verify().lines != sum.lines + 1)
		return 4;
	return 0;
}

static void
test_disk_full(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	close_log();
	pid = fork();
	if (pid == 0)
		_exit(fill_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	open_log(AUDIT_DURABLE);
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

/* ---------------------------------------------------------- checkpoints */

static atomic_uint signed_count;
static atomic_uint sign_delay_us;
static atomic_bool sign_fails;

static enum err
sign(const void *p, size_t n, struct buf *signature, enum sig_alg *alg,
    unsigned char spki_sha256[static SHA256_SIZE], struct fault *w)
{
	unsigned char sig[SIGNATURE_MAX], *der = NULL;
	int len;

	signed_count++;
	if (sign_delay_us != 0)
		usleep(sign_delay_us);
	if (sign_fails)
		return fault_set(w, ERR_TOKEN, "no lane is up");
	assert_memory_equal(p, AUDIT_PREIMAGE, sizeof(AUDIT_PREIMAGE) - 1);
	*alg = ALG_ES256;
	buf_put(signature, sig, soft_sign(key, ALG_ES256, p, n, sig));
	len = i2d_PUBKEY(key, &der);
	sha256(spki_sha256, der, (size_t)len);
	OPENSSL_free(der);
	return OK;
}

static int
setup_sign(void **state)
{
	signed_count = 0;
	sign_delay_us = 0;
	sign_fails = false;
	return setup(state);
}

static void
test_checkpoint(void **state)
{
	struct found f;

	(void)state;
	assert_int_equal(audit_checkpoint(audit, &why), ERR_CONFLICT);
	audit_checkpoints(audit, sign, 1000000, 1000000);
	assert_int_equal(audit_checkpoint(audit, &why), OK); /* nothing yet */
	assert_int_equal(verify().lines, 0);
	assert_int_equal(append(""), OK);
	assert_int_equal(audit_checkpoint(audit, &why), OK);
	assert_int_equal(audit_checkpoint(audit, &why), OK);
	f = verify();
	assert_int_equal(f.lines, 2);
	assert_int_equal(f.checkpoints, 1);
	sign_fails = true;
	assert_int_equal(append(""), OK);
	assert_int_equal(audit_checkpoint(audit, &why), ERR_TOKEN);
	assert_int_equal(append(""), OK);
	assert_int_equal(verify().lines, 4);
}

static void
test_checkpoints_by_count(void **state)
{
	struct found f;

	(void)state;
	audit_checkpoints(audit, sign, 100, 1000000);
	assert_int_equal(work_all(4, 500).lines, 2000);
	f = verify();
	assert_in_range(f.checkpoints, 3, 20);
	assert_int_equal(f.lines, 2000 + f.checkpoints);
}

static void
test_checkpoints_by_time(void **state)
{
	(void)state;
	assert_int_equal(append(""), OK);
	audit_checkpoints(audit, sign, 1000000, 1);
	usleep(2500000);
	assert_int_equal(verify().checkpoints, 1);
	assert_int_equal(signed_count, 1); /* nothing new since */
}

/* A token that hangs does not stop the log. */
static void
test_checkpoint_hangs(void **state)
{
	int64_t start;
	struct found f;

	(void)state;
	assert_int_equal(append(""), OK);
	sign_delay_us = 900000;
	audit_checkpoints(audit, sign, 1, 1000000);
	usleep(50000);
	start = clock_monotonic_us();
	assert_int_equal(append(""), OK);
	assert_in_range(clock_monotonic_us() - start, 300000, 800000);
	sign_delay_us = 0;
	usleep(1500000);
	f = verify();
	assert_int_equal(f.checkpoints, 1);
	assert_int_equal(f.lines, 3);
}

/* --------------------------------------------------------------- reading */

static size_t
count_items(uint64_t after, size_t max, size_t room, int64_t *first)
{
	struct json *root;
	struct buf out;
	size_t n;

	buf_init(&out, room);
	assert_int_equal(audit_read(audit, after, max, &out, &why), OK);
	root = json_parse(buf_str(&out), out.len, &why);
	assert_non_null(root);
	n = json_count(root);
	for (size_t i = 0; i < n; i++) {
		int64_t seq;

		assert_true(json_get_int(json_at(root, i), "seq", &seq));
		assert_int_equal(seq, after + 1 + i);
		if (i == 0)
			*first = seq;
	}
	json_free(root);
	buf_free(&out);
	return n;
}

static void
test_read(void **state)
{
	int64_t first = 0;

	(void)state;
	assert_int_equal(count_items(0, 100, 1000000, &first), 0);
	assert_int_equal(work_all(4, 600).lines, 2400);
	for (uint64_t after = 0; after < 2400; after += 37) {
		assert_int_equal(count_items(after, 10, 1000000, &first),
		    after + 10 <= 2400 ? 10 : 2400 - after);
		assert_int_equal(first, after + 1);
	}
	assert_int_equal(count_items(2399, 10, 1000000, &first), 1);
	assert_int_equal(count_items(2400, 10, 1000000, &first), 0);
	assert_int_equal(count_items(UINT64_MAX - 1, 10, 1000000, &first), 0);
	assert_int_equal(count_items(0, 0, 1000000, &first), 0);
	assert_int_equal(count_items(5, 5000, 4000000, &first), 2395);
	/* no more than fits */
	assert_in_range(count_items(0, 5000, 5000, &first), 10, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_sign, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_chain), TEST(test_second_writer),
		TEST(test_line_too_long), TEST(test_torn_tail),
		TEST(test_torn_first_line), TEST(test_damaged_tail),
		TEST(test_many_threads), TEST(test_no_room),
		TEST(test_disk_full), TEST(test_checkpoint),
		TEST(test_checkpoints_by_count),
		TEST(test_checkpoints_by_time), TEST(test_checkpoint_hangs),
		TEST(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
