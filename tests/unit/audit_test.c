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
#include "../../broker/core/audit/filter.h"
#include "../../broker/core/audit/segment.h"
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
	unsigned checkpoints, recovered, continued;
	size_t files;
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
	f->continued += strcmp(event, "continued") == 0;
	json_free(line);
}

static void
verify_file(const char *file, unsigned char hash[static SHA256_SIZE],
    struct found *f)
{
	char prev[2 * SHA256_SIZE + 1];
	const char *p, *end;
	struct buf b;

	buf_init(&b, 64 * 1024 * 1024);
	assert_int_equal(read_file(file, &b, &why), OK);
	p = buf_str(&b);
	while (*p != '\0') {
		end = strchr(p, '\n');
		assert_non_null(end);
		hex_encode(prev, hash, SHA256_SIZE);
		check_line(p, (size_t)(end - p), prev, f);
		sha256(hash, p, (size_t)(end - p));
		p = end + 1;
	}
	assert_ptr_equal(p, b.data != NULL ? (char *)b.data + b.len : p);
	buf_free(&b);
}

/* Reads all files and checks each line against the one before. */
static struct found
verify(void)
{
	unsigned char hash[SHA256_SIZE] = { 0 };
	struct found f = { 0 };
	struct segments full;

	assert_int_equal(segments_list(folder, &full, &why), OK);
	for (size_t i = 0; i < full.n; i++) {
		char name[SEGMENT_NAME], *file;

		assert_int_equal(full.first[i], f.lines + 1);
		file = xasprintf("%s/%s", folder,
		    segment_name(full.first[i], name));
		verify_file(file, hash, &f);
		free(file);
	}
	f.files = full.n + 1;
	free(full.first);
	verify_file(path, hash, &f);
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
	const struct audit_query query = { .from.after = after, .max = max };
	struct audit_page page;
	struct json *root;
	struct buf out;
	size_t n;

	buf_init(&out, room);
	assert_int_equal(audit_read(audit, &query, &out, &page, &why), OK);
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

/* What a page of a query has, as numbers of lines. */
static size_t
read_page(const struct audit_query *q, int64_t *seqs, size_t max,
    struct audit_page *page)
{
	const struct json *v;
	struct json *root;
	struct buf out;
	size_t n = 0;

	buf_init(&out, 4000000);
	assert_int_equal(audit_read(audit, q, &out, page, &why), OK);
	root = json_parse(buf_str(&out), out.len, &why);
	assert_non_null(root);
	for (v = json_first(root); v != NULL && n < max; v = json_next(v))
		assert_true(json_get_int(v, "seq", &seqs[n++]));
	assert_int_equal(n, page->shown);
	json_free(root);
	buf_free(&out);
	return n;
}

static void
test_tail(void **state)
{
	struct audit_page page;
	int64_t seqs[500];

	(void)state;
	assert_int_equal(read_page(&(struct audit_query){ .tail = 5,
	    .max = 5 }, seqs, 500, &page), 0);
	assert_int_equal(work_all(2, 1500).lines, 3000);
	for (size_t n = 1; n < 500; n += 83) {
		struct audit_query q = { .tail = n, .max = n };

		assert_int_equal(read_page(&q, seqs, 500, &page), n);
		assert_int_equal(seqs[0], 3001 - n);
		assert_int_equal(seqs[n - 1], 3000);
		assert_int_equal(page.next, 3000);
		assert_false(page.more);
	}
}

/* ------------------------------------------------------------- filters */

static size_t
filtered(struct audit_filter f, size_t tail, int64_t *first)
{
	struct audit_query q = { .max = 100, .show = audit_show, .arg = &f,
		.tail = tail };
	struct audit_page page;
	int64_t seqs[100] = { 0 };
	size_t n = read_page(&q, seqs, 100, &page);

	*first = seqs[0];
	return n;
}

static void
test_filter(void **state)
{
	int64_t first;

	(void)state;
	append("\"operation\":\"a.b\",\"tenant\":\"web\",\"key\":\"k\"");
	append("\"operation\":\"a.b\",\"tenant\":\"ops\",\"keyId\":\"k\"");
	append("\"operation\":\"c.d\",\"tenant\":\"web\",\"decision\":"
	    "\"deny\"");
	append("\"url\":\"\\\"tenant\\\":\\\"web\\\"\",\"tenant\":\"ops\"");
	append("\"facts\":{\"tenant\":\"web\"},\"reason\":\"web\"");
	append("\"tenant\":\"we\",\"names\":[\"web\"]");
	assert_int_equal(filtered((struct audit_filter){ .tenant = "web" }, 0,
	    &first), 2);
	assert_int_equal(first, 1);
	assert_int_equal(filtered((struct audit_filter){ .tenant = "web" }, 1,
	    &first), 1);
	assert_int_equal(first, 3);
	assert_int_equal(filtered((struct audit_filter){ .key = "k" }, 0,
	    &first), 2);
	assert_int_equal(filtered((struct audit_filter){ .operation = "a.b",
	    .tenant = "ops" }, 0, &first), 1);
	assert_int_equal(first, 2);
	assert_int_equal(filtered((struct audit_filter){ .decision = "deny" },
	    0, &first), 1);
	assert_int_equal(filtered((struct audit_filter){ .event = "test" }, 0,
	    &first), 6);
	assert_int_equal(filtered((struct audit_filter){ .tenant = "none" },
	    5, &first), 0);
}

/* Of others nothing is seen: no line, no number, no hash. */
static void
test_own_lines(void **state)
{
	struct audit_filter f = { .only = "web" };
	struct audit_query q = { .max = 10, .show = audit_show, .arg = &f };
	struct audit_page page;
	struct buf out;

	(void)state;
	append("\"tenant\":\"ops\"");
	append("\"tenant\":\"web\",\"n\":1");
	append("\"tenant\":\"web\",\"decision\":\"deny\",\"key\":\"k\","
	    "\"reason\":\"key k belongs to ops\",\"uid\":5");
	append("\"n\":2");
	buf_init(&out, 4000000);
	assert_int_equal(audit_read(audit, &q, &out, &page, &why), OK);
	assert_memory_equal(buf_str(&out), "[{\"time\":\"", 10);
	assert_non_null(strstr(buf_str(&out),
	    "Z\",\"event\":\"test\",\"tenant\":\"web\",\"n\":1},"));
	assert_non_null(strstr(buf_str(&out), "Z\",\"event\":\"test\","
	    "\"tenant\":\"web\",\"decision\":\"deny\",\"uid\":5}]"));
	assert_int_equal(page.shown, 2);
	assert_int_equal(page.next, 4);
	f.key = "k";
	buf_reset(&out);
	assert_int_equal(audit_read(audit, &q, &out, &page, &why), OK);
	assert_string_equal(buf_str(&out), "[]");
	f.key = NULL;
	f.tenant = "ops";
	buf_reset(&out);
	assert_int_equal(audit_read(audit, &q, &out, &page, &why), OK);
	assert_string_equal(buf_str(&out), "[]");
	buf_free(&out);
}

static void
test_cursor(void **state)
{
	char text[CURSOR_SIZE], other[CURSOR_SIZE];
	uint64_t seq;

	(void)state;
	cursor_write(77, text);
	assert_true(cursor_read(text, &seq));
	assert_int_equal(seq, 77);
	cursor_write(78, other);
	assert_string_not_equal(text, other);
	text[5] = text[5] == '0' ? '1' : '0';
	assert_false(cursor_read(text, &seq));
	assert_false(cursor_read("77", &seq));
	assert_false(cursor_read("", &seq));
}

/* ------------------------------------------------------------- rotation */

static void
rotate(uint64_t first)
{
	char name[SEGMENT_NAME], wanted[SEGMENT_NAME];

	assert_int_equal(audit_rotate(audit, name, &why), OK);
	assert_string_equal(name, segment_name(first, wanted));
}

static void
test_rotate(void **state)
{
	char name[SEGMENT_NAME];
	struct found f;
	int64_t first;

	(void)state;
	assert_int_equal(audit_rotate(audit, name, &why), ERR_CONFLICT);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(work_all(3, 100).lines, 300);
		rotate(i * 301 + (i == 0));
		if (i % 2 == 0) {
			close_log();
			open_log(i == 0 ? AUDIT_RELAXED : AUDIT_DURABLE);
		}
	}
	f = verify();
	assert_int_equal(f.files, 5);
	assert_int_equal(f.continued, 4);
	assert_int_equal(f.lines, 1204);
	assert_int_equal(audit_last(audit), 1204);
	for (uint64_t after = 0; after < 1204; after += 43)
		assert_int_equal(count_items(after, 400, 1000000, &first),
		    after + 400 <= 1204 ? 400 : 1204 - after);
	assert_int_equal(filtered((struct audit_filter){ .event =
	    "continued" }, 3, &first), 3);
	assert_int_equal(first, 602);
}

static void
test_rotate_by_size(void **state)
{
	struct found f = { 0 };

	(void)state;
	audit_checkpoints(audit, sign, 1000000, 1000000);
	audit_rotate_at(audit, 65536);
	assert_int_equal(work_all(4, 200).lines, 800);
	for (unsigned i = 0; i < 50 && f.files < 2; i++) {
		usleep(100000);
		f = verify();
	}
	assert_int_equal(f.files, 2);
	assert_int_equal(f.checkpoints, 1); /* what is full is proved */
	assert_int_equal(f.lines, 802);
}

static atomic_bool rotating;

static void *
keep_rotating(void *arg)
{
	char name[SEGMENT_NAME];
	struct fault own;

	while (rotating)
		if (audit_rotate(audit, name, &own) == OK)
			++*(unsigned *)arg;
	return NULL;
}

/* Lines go on while files are changed, and readers lose none. */
static void
test_rotate_under_load(void **state)
{
	unsigned turns = 0;
	pthread_t thread;
	int64_t first;
	struct found f;

	(void)state;
	rotating = true;
	assert_int_equal(work_all(1, 1).lines, 1);
	pthread_create(&thread, NULL, keep_rotating, &turns);
	assert_int_equal(work_all(6, 150).lines, 900);
	for (unsigned i = 0; i < 20; i++)
		assert_true(count_items(i * 10, 300, 1000000, &first) == 300);
	rotating = false;
	pthread_join(thread, NULL);
	assert_true(turns > 0);
	f = verify();
	assert_int_equal(f.files, turns + 1);
	assert_int_equal(f.lines, 901 + turns);
}

static char *
file_named(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

/* A rotation that a crash cut short after each of its steps. */
static void
test_rotate_interrupted(void **state)
{
	char name[SEGMENT_NAME], *fresh = file_named("audit.log.new");
	char *full = file_named(segment_name(1, name));

	(void)state;
	append("\"n\":1");
	close_log();
	assert_int_equal(write_file(fresh, "{\"seq\":2", 8, 0600, &why), OK);
	open_log(AUDIT_DURABLE);
	assert_int_equal(access(fresh, F_OK), -1);
	close_log();
	assert_int_equal(write_file(fresh, "{\"seq\":2", 8, 0600, &why), OK);
	assert_int_equal(link(path, full), 0);
	open_log(AUDIT_DURABLE);
	assert_int_equal(access(fresh, F_OK), -1);
	assert_int_equal(access(full, F_OK), -1);
	assert_int_equal(verify().lines, 1);
	rotate(1);
	append("\"n\":2");
	assert_int_equal(verify().lines, 3);
	/* the current file is lost: the log goes on behind the full one */
	close_log();
	assert_int_equal(unlink(path), 0);
	open_log(AUDIT_DURABLE);
	append("\"n\":3");
	assert_int_equal(audit_last(audit), 2);
	assert_int_equal(verify().lines, 2);
	free(fresh);
	free(full);
}

/* A full file that cannot be made is no loss: the log goes on in the old
 * one. */
static void
test_rotate_fails(void **state)
{
	char name[SEGMENT_NAME], *full = file_named(segment_name(1, name));

	(void)state;
	append("\"n\":1");
	assert_int_equal(write_file(full, "x\n", 2, 0600, &why), OK);
	assert_int_equal(audit_rotate(audit, name, &why), ERR_IO);
	append("\"n\":2");
	assert_int_equal(unlink(full), 0);
	assert_int_equal(verify().lines, 2);
	assert_int_equal(audit_rotate(audit, name, &why), OK);
	assert_int_equal(verify().lines, 3);
	free(full);
}

/* Whoever keeps the log takes full files away. */
static void
test_archived(void **state)
{
	char name[SEGMENT_NAME], *full = file_named(segment_name(1, name));
	struct audit_query q = { .max = 100 };
	struct audit_page page;
	int64_t seqs[100];

	(void)state;
	append("\"n\":1");
	append("\"n\":2");
	rotate(1);
	append("\"n\":3");
	rotate(3);
	append("\"n\":4");
	assert_int_equal(unlink(full), 0);
	assert_int_equal(read_page(&q, seqs, 100, &page), 4);
	assert_int_equal(seqs[0], 3);
	assert_int_equal(seqs[3], 6);
	close_log();
	open_log(AUDIT_DURABLE);
	assert_int_equal(audit_last(audit), 6);
	free(full);
}

/* ------------------------------------------------------ what is remembered */

static struct audit_mark kept;

static void
keep(const struct audit_mark *mark)
{
	kept = *mark;
}

static unsigned
count_event(const char *event)
{
	int64_t first;

	return (unsigned)filtered((struct audit_filter){ .event = event }, 0,
	    &first);
}

static void
test_remembered(void **state)
{
	off_t size;
	struct stat st;

	(void)state;
	audit_on_checkpoint(audit, keep);
	audit_checkpoints(audit, sign, 1000000, 1000000);
	append("\"n\":1");
	assert_int_equal(stat(path, &st), 0);
	size = st.st_size;
	append("\"n\":2");
	assert_int_equal(audit_checkpoint(audit, &why), OK);
	assert_int_equal(kept.seq, 3);
	assert_int_equal(audit_last_checkpoint(audit).seq, 3);
	append("\"n\":3");
	close_log();
	open_log(AUDIT_DURABLE);
	assert_int_equal(audit_expect(audit, &kept, &why), OK);
	assert_int_equal(audit_last(audit), 4);
	close_log();
	assert_int_equal(truncate(path, size), 0);
	open_log(AUDIT_DURABLE);
	assert_int_equal(audit_expect(audit, &kept, &why), OK);
	assert_int_equal(count_event("shortened"), 1);
	append("\"n\":2");
	assert_int_equal(audit_expect(audit, &kept, &why), OK);
	assert_int_equal(count_event("rewritten"), 1);
	assert_int_equal(verify().lines, 4);
	kept.seq = 0;
	assert_int_equal(audit_expect(audit, &kept, &why), OK);
	assert_int_equal(audit_last(audit), 4);
}

/* ------------------------------------------------------------- following */

struct waiter {
	pthread_t thread;
	uint64_t after;
	bool news;
	int64_t us;
};

static void *
wait_for_news(void *arg)
{
	struct waiter *r = arg;
	int64_t start = clock_monotonic_us();

	r->news = audit_wait(audit, r->after, start + 5000000);
	r->us = clock_monotonic_us() - start;
	return NULL;
}

static void
test_follow(void **state)
{
	struct waiter r[3] = { { .after = 0 }, { .after = 0 },
		{ .after = 1 } };

	(void)state;
	assert_false(audit_wait(audit, 0, clock_monotonic_us() + 50000));
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&r[i].thread, NULL, wait_for_news, &r[i]);
	usleep(100000);
	append("\"n\":1");
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(r[i].thread, NULL);
		assert_true(r[i].news);
		assert_in_range(r[i].us, 90000, 3000000);
	}
	audit_dismiss(audit);
	pthread_join(r[2].thread, NULL);
	assert_false(r[2].news);
	assert_in_range(r[2].us, 90000, 3000000);
	assert_false(audit_wait(audit, 0, clock_monotonic_us() + 5000000));
}

static void
test_followers_are_few(void **state)
{
	unsigned n = 0;

	(void)state;
	while (audit_follow(audit, 1, &why) == OK)
		n++;
	assert_in_range(n, 4, 16);
	assert_int_equal(why.code, ERR_BUSY);
	assert_true(why.retry_after > 0);
	for (uint32_t uid = 2; uid < 100; uid++)
		n += audit_follow(audit, uid, &why) == OK;
	assert_in_range(n, 16, 64);
	audit_unfollow(audit, 1);
	assert_int_equal(audit_follow(audit, 7, &why), OK);
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
		TEST(test_read), TEST(test_tail), TEST(test_filter),
		TEST(test_own_lines), TEST(test_cursor), TEST(test_rotate),
		TEST(test_rotate_by_size), TEST(test_rotate_under_load),
		TEST(test_rotate_interrupted), TEST(test_rotate_fails),
		TEST(test_archived), TEST(test_remembered),
		TEST(test_follow), TEST(test_followers_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
