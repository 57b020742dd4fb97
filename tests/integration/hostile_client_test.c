/*
 * Hostile clients at the socket of a real broker: bytes that mean two things,
 * tenants that want what is another's, and one that wants everything.
 */
#include "hostile_world.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#ifdef __SANITIZE_ADDRESS__
#define GROWTH_MAX 524288 /* KiB; what was freed is kept for a while */
#else
#define GROWTH_MAX 16384
#endif
#define UID_A	    2001 /* tenant of .a.example */
#define UID_B	    2002 /* tenant of .b.example */
#define UID_KEYS    2003 /* may make keys, and nothing else */
#define UID_RATED   2004 /* may ask for its certificates three times an hour */
#define UID_NOBODY  2005 /* has no rule */
#define UID_GREEDY  2006 /* nor has this one */
#define PER_UID	    8

#define LONG "a-name-of-more-than-fifty-bytes-that-two-accounts-have-"

static const char config[] =
    "limits { connections 32 connections-per-uid 8 idle 5s }\n"
    "ca \"ca\" { directory \"https://ca.test:8443/dir\" }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" } }\n"
    "account \"" LONG "one\" { ca \"ca\" key ec-p256 { token \"main\" } }\n"
    "account \"" LONG "two\" { ca \"ca\" key ec-p256 { token \"main\" } }\n"
    "certificate \"shop\" { account \"main\" names \"shop.test\"\n"
    "  key ec-p256 { token \"main\" }\n"
    "  challenge http-01 { webroot \"/srv/known\" } }\n"
    "tenant \"a\" { uid 2001 }\n"
    "tenant \"b\" { uid 2002 }\n"
    "tenant \"keys\" { uid 2003 }\n"
    "tenant \"rated\" { uid 2004 }\n"
    "allow \"a\" { operations certificate.* order.* acme.read\n"
    "  names \".a.example\" }\n"
    "allow \"b\" { operations certificate.* order.* names \".b.example\" }\n"
    "allow \"keys\" { operations key.* keys \"*\" }\n"
    "allow \"rated\" { operations status.read rate 3 per 1h }\n";

/* ---------------------------------------------------------------- clients */

/* Only this thread becomes somebody else: the kernel tells the server who
 * connected, not who speaks. */
static void
become(uid_t uid)
{
	if (syscall(SYS_setresuid, -1, uid, -1) != 0)
		fail_msg("cannot become %u", (unsigned)uid);
}

static int
connect_as(uid_t uid)
{
	int fd;

	become(uid);
	fd = world_connect();
	become(0);
	return fd;
}

static struct answer
ask(uid_t uid, const char *method, const char *path, const char *body)
{
	struct answer a = { .status = 0 };
	int fd = connect_as(uid);

	if (fd < 0)
		return a;
	a = world_ask(fd, method, path, body);
	close(fd);
	return a;
}

static int
status(uid_t uid, const char *method, const char *path, const char *body)
{
	struct answer a = ask(uid, method, path, body);
	int code = a.status;

	answer_free(&a);
	return code;
}

/* Bytes as they are; the status of the first answer. */
static int
raw_n(const char *bytes, size_t n)
{
	int fd = connect_as(0), code;
	struct answer a;

	if (send(fd, bytes, n, MSG_NOSIGNAL) < 0)
		fail_msg("send");
	shutdown(fd, SHUT_WR);
	a = world_hear(fd);
	code = a.status;
	answer_free(&a);
	close(fd);
	return code;
}

static int
raw(const char *bytes)
{
	return raw_n(bytes, strlen(bytes));
}

/* ------------------------------------------------------------------ tests */

#define HOST "Host: x\r\n"
#define JSON HOST "Content-Type: application/json\r\n"

static void
test_framing(void **state)
{
	static const char *const refused[] = {
		"GET //v1/status HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/../v1/status HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/./status HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status/ HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/%73tatus HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status%00 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status?a=1 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status# HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status;x HTTP/1.1\r\n" HOST "\r\n",
		"GET http://x/v1/status HTTP/1.1\r\n" HOST "\r\n",
		"GET * HTTP/1.1\r\n" HOST "\r\n",
		"GET v1/status HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/keys?limit=1&limit=2 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/keys?limit=%31 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/keys?limit=-1 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/keys?limit=00 HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/keys? HTTP/1.1\r\n" HOST "\r\n",
		"HEAD /v1/status HTTP/1.1\r\n" HOST "\r\n",
		"TRACE /v1/status HTTP/1.1\r\n" HOST "\r\n",
		"get /v1/status HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/status HTTP/1.0\r\n" HOST "\r\n",
		"GET /v1/status HTTP/1.1\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\n" HOST HOST "\r\n",
		"GET /v1/status HTTP/1.1\r\n" HOST " folded: x\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\n" HOST "Na me: x\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\n" JSON
		    "Content-Length: 2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: +2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: 0x2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: 2, 2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: 99999999999999999999\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"
		    "2\r\n{}\r\n0\r\n\r\n",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"POST /v1/policy/explain HTTP/1.1\r\n" HOST
		    "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/policy/explain HTTP/1.1\r\n" JSON
		    "Content-Length: 70000\r\n\r\n{}",
		"GET /v1/certificates/.. HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/certificates/... HTTP/1.1\r\n" HOST "\r\n",
		"GET /v1/certificates/a/b HTTP/1.1\r\n" HOST "\r\n",
		"DELETE /v1/certificates HTTP/1.1\r\n" HOST "\r\n",
	};
	static const char nul[] = "GET /v1/status HTTP/1.1\r\n" HOST
	    "X: a\0b\r\n\r\n";
	char *wide = xcalloc(40000, 1);
	int code;

	(void)state;
	for (size_t i = 0; i < nitems(refused); i++) {
		code = raw(refused[i]);
		if (code != 0 && (code < 400 || code > 499))
			fail_msg("%d: %s", code, refused[i]);
	}
	assert_in_range(raw_n(nul, sizeof(nul) - 1), 400, 499);
	strcpy(wide, "GET /v1/status HTTP/1.1\r\n" HOST "X: ");
	memset(wide + strlen(wide), 'x', 30000);
	strcat(wide, "\r\n\r\n");
	code = raw(wide);
	assert_true(code == 0 || (code >= 400 && code <= 499));
	free(wide);
	assert_int_equal(raw("GET /v1/status HTTP/1.1\r\n" HOST "\r\n"), 200);
}

static void
test_json(void **state)
{
	static const char *const refused[] = {
		"{\"operation\":\"status.read\",\"operation\":\"key.read\"}",
		"{\"operation\":\"status.read\",\"\\u006fperation\":\"x\"}",
		"{\"Operation\":\"status.read\"}",
		"{\"operation\":\"status.read\\u0000.evil\"}",
		"{\"operation\":\"status.read\",\"uid\":1.0}",
		"{\"operation\":\"status.read\",\"uid\":01}",
		"{\"operation\":\"status.read\",\"uid\":1e3}",
		"{\"operation\":\"status.read\",\"uid\":-1}",
		"{\"operation\":\"status.read\",\"uid\":4294967296}",
		"{\"operation\":\"status.read\",\"uid\":9007199254740993}",
		"{\"operation\":\"status.read\"} ]",
		"{\"operation\":\"status.read\"}{}",
		"\xef\xbb\xbf{\"operation\":\"status.read\"}",
		"{\"operation\":\"status.read\",\"key\":\"\xc0\x80\"}",
		"{\"operation\":\"status.read\",\"key\":\"\xed\xa0\x80\"}",
		"{\"operation\":\"status.read\",\"key\":\"\\ud800\"}",
		"{\"operation\":\"status.read\",\"key\":\"\t\"}",
		"{\"operation\":\"status.read\",\"key\":null}",
		"{\"operation\":\"status.read\",}",
		"{'operation':'status.read'}",
		"{\"operation\":\"status.read\"/**/}",
		"[{\"operation\":\"status.read\"}]",
		"{\"operation\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
		"\"operation\"", "", "NaN",
	};

	(void)state;
	for (size_t i = 0; i < nitems(refused); i++) {
		int code = status(0, "POST", "/v1/policy/explain", refused[i]);

		if (code != 400 && code != 413 && code != 422)
			fail_msg("%d: %s", code, refused[i]);
	}
	assert_int_equal(status(0, "POST", "/v1/policy/explain",
	    "{\"operation\":\"status.read\"}"), 200);
}

/* Names that look like those of a rule, to somebody. */
static void
test_names(void **state)
{
	static const char *const names[] = {
		"a.example\\u0000.evil.test", "evil.test\\u0000.a.example",
		"www.a.example.", ".www.a.example", "www..a.example",
		"a.example", "xa.example", "www.A.example", "www.a.EXAMPLE",
		"www.\\u0430.example", "www.\xd0\xb0.example",
		"w*.a.example", "*.*.a.example", "www.*.a.example", "*",
		"*.", "*.a.example", "www a.a.example",
		"evil.test www.a.example", "www.a.example\\n", "-x.a.example",
		"x-.a.example", "127.0.0.1", "1.2.3.4.a.example.5",
		("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaa.a.example"),
		"www.a.example/", "www.a.example:443", "http://www.a.example",
		"www.a.example\\\\", "", "www.b.example",
		"xn--.a.example\\u00e9",
	};
	char body[512], path[64];

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		int code;

		snprintf(path, sizeof(path), "/v1/certificates/n%zu", i);
		snprintf(body, sizeof(body), "{\"account\":\"main\",\"names\":"
		    "[\"www.a.example\",\"%s\"]}", names[i]);
		code = status(UID_A, "PUT", path, body);
		if (code < 400 || code > 499)
			fail_msg("%d: %s", code, names[i]);
		assert_int_equal(status(0, "GET", path, ""), 404);
	}
	assert_int_equal(status(UID_A, "PUT", "/v1/certificates/fine",
	    "{\"account\":\"main\",\"names\":[\"www.a.example\"]}"), 201);
}

#define OF_A "{\"account\":\"main\",\"names\":[\"www.a.example\"]}"
#define OF_B "{\"account\":\"main\",\"names\":[\"www.b.example\"]}"

/* Denied, or not to be seen at all. */
static bool
refused(int code)
{
	return code == 403 || code == 404;
}

static void
test_other_tenants(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} table[] = {
		{ "PUT", "/v1/certificates/of-a", OF_B },
		{ "PUT", "/v1/certificates/of-a", OF_A },
		{ "GET", "/v1/certificates/of-a", "" },
		{ "GET", "/v1/certificates/of-a/chain", "" },
		{ "POST", "/v1/certificates/of-a/orders", "{}" },
		{ "DELETE", "/v1/certificates/of-a", "" },
		{ "PUT", "/v1/certificates/shop", OF_B },
		{ "DELETE", "/v1/certificates/shop", "" },
		{ "GET", "/v1/audit", "" },
		{ "GET", "/v1/status", "" },
		{ "GET", "/v1/tokens", "" },
		{ "GET", "/v1/keys", "" },
		{ "GET", "/v1/keys/account-main", "" },
		{ "POST", "/v1/keys/account-main/retire", "{}" },
		{ "DELETE", "/v1/keys/account-main", "" },
		{ "POST", "/v1/tokens/main/unlatch", "{}" },
		{ "POST", "/v1/accounts/main/register", "{}" },
		{ "POST", "/v1/configuration/check", "{\"text\":\"\"}" },
		{ "POST", "/v1/policy/explain",
		    "{\"operation\":\"key.read\"}" },
	};
	char path[64];
	struct answer a;
	int64_t id = 0;

	(void)state;
	assert_int_equal(status(UID_A, "PUT", "/v1/certificates/of-a", OF_A),
	    201);
	a = ask(UID_A, "POST", "/v1/certificates/of-a/orders", "{}");
	assert_int_equal(a.status, 202);
	json_get_int(a.json, "id", &id);
	answer_free(&a);
	for (size_t i = 0; i < nitems(table); i++) {
		int code = status(UID_B, table[i].method, table[i].path,
		    table[i].body);

		if (!refused(code))
			fail_msg("%d: %s %s", code, table[i].method,
			    table[i].path);
	}
	snprintf(path, sizeof(path), "/v1/orders/%lld", (long long)id);
	assert_true(refused(status(UID_B, "GET", path, "")));
	assert_true(refused(status(UID_B, "DELETE", path, "")));
	a = ask(UID_B, "GET", "/v1/orders", "");
	assert_true(a.body == NULL || strstr(a.body, "a.example") == NULL);
	answer_free(&a);
	a = ask(UID_B, "GET", "/v1/certificates", "");
	assert_true(a.body == NULL || strstr(a.body, "a.example") == NULL);
	answer_free(&a);
	assert_int_equal(status(UID_A, "DELETE", path, ""), 200);
	for (unsigned i = 0; i < 100; i++) {
		if (status(UID_A, "DELETE", path, "") == 409)
			return;
		usleep(100000);
	}
	fail_msg("the order is not given up");
}

/* Two tenants declare one name at one moment: it is the first's. */
struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	uid_t uid;
	const char *body;
	unsigned round;
	int code;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	char path[64];
	int fd = connect_as(r->uid);
	struct answer a;

	snprintf(path, sizeof(path), "/v1/certificates/race-%u", r->round);
	pthread_barrier_wait(r->start);
	a = world_ask(fd, "PUT", path, r->body);
	r->code = a.status;
	answer_free(&a);
	close(fd);
	return NULL;
}

static void
test_race_for_a_name(void **state)
{
	pthread_barrier_t start;
	unsigned both = 0;

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	for (unsigned i = 0; i < 300; i++) {
		struct racer r[] = {
			{ .uid = UID_A, .body = OF_A, .start = &start,
				.round = i },
			{ .uid = UID_B, .body = OF_B, .start = &start,
				.round = i },
		};

		for (unsigned k = 0; k < 2; k++)
			pthread_create(&r[k].thread, NULL, race, &r[k]);
		for (unsigned k = 0; k < 2; k++)
			pthread_join(r[k].thread, NULL);
		both += r[0].code < 300 && r[1].code < 300;
	}
	pthread_barrier_destroy(&start);
	if (both > 0)
		fail_msg("%u names went from one tenant to another", both);
}

/* Webroots, foreign keys, accounts and challenges that nobody offered. */
static void
test_wishes(void **state)
{
	static const char *const more[] = {
		"\"challenge\":\"http-01-webroot\",\"webroot\":\"/etc\"",
		"\"challenge\":\"http-01-webroot\",\"webroot\":\"/srv/known/\"",
		("\"challenge\":\"http-01-webroot\",\"webroot\":"
		 "\"/srv/known/../../etc\""),
		"\"challenge\":\"http-01-webroot\",\"webroot\":\"\"",
		"\"challenge\":\"http-01-webroot\"",
		"\"challenge\":\"http-01\",\"webroot\":\"/srv/known\"",
		"\"challenge\":\"dns-01\"", "\"challenge\":\"tls-alpn-01\"",
		"\"key\":\"account-main\"", "\"key\":\"audit\"",
		"\"token\":\"other\"", "\"token\":\"\"",
		"\"keyType\":\"rsa-1024\"", "\"keyType\":\"EC-P256\"",
	};
	char body[256];

	(void)state;
	for (size_t i = 0; i < nitems(more); i++) {
		snprintf(body, sizeof(body), "{\"account\":\"main\",\"names\":"
		    "[\"www.a.example\"],%s}", more[i]);
		assert_in_range(status(UID_A, "PUT", "/v1/certificates/wish",
		    body), 400, 499);
	}
	assert_int_equal(status(0, "GET", "/v1/certificates/wish", ""), 404);
}

/* Names of keys that the broker makes for itself are not for clients: who
 * had one first would decide what becomes of an order or an account. */
static void
test_names_of_keys(void **state)
{
	static const char *const names[] = { "audit", "account-main",
		"account-other", "shop-1", "shop-999", "a-0" };
	char body[256];

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		snprintf(body, sizeof(body), "{\"name\":\"%s\",\"token\":"
		    "\"main\",\"type\":\"ec-p256\",\"purpose\":\"cert\"}",
		    names[i]);
		assert_in_range(status(UID_KEYS, "POST", "/v1/keys", body),
		    400, 499);
	}
	assert_int_equal(status(UID_KEYS, "POST", "/v1/keys",
	    "{\"name\":\"my-own\",\"token\":\"main\",\"type\":\"ec-p256\","
	    "\"purpose\":\"cert\"}"), 201);
	assert_int_equal(status(UID_KEYS, "POST", "/v1/keys/account-main/"
	    "retire", "{}"), 409);
	assert_int_equal(status(UID_KEYS, "POST", "/v1/keys/audit/retire",
	    "{\"grace\":0}"), 409);
	assert_int_equal(status(UID_KEYS, "DELETE", "/v1/keys/my-own", ""),
	    409);
	assert_int_equal(status(UID_KEYS, "POST", "/v1/keys/my-own/retire",
	    "{\"grace\":0}"), 200);
	assert_int_equal(status(UID_KEYS, "DELETE", "/v1/keys/my-own", ""),
	    200);
}

/* Names that are alike where they are cut do not become one key. */
static void
test_long_names(void **state)
{
	char key[2][80] = { "", "" };
	static const char *const paths[] = { "/v1/accounts/" LONG "one",
		"/v1/accounts/" LONG "two" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct answer a = world_api("GET", paths[i], "");

		assert_int_equal(a.status, 200);
		snprintf(key[i], sizeof(key[i]), "%s",
		    json_get_string(a.json, "key"));
		answer_free(&a);
	}
	assert_string_not_equal(key[0], key[1]);
}

/* URLs that begin like the CA's and are not the CA's. */
static void
test_urls(void **state)
{
	static const char *const urls[] = {
		"https://ca.test:8443.evil.test/", "https://ca.test:84430/",
		"https://ca.test/", "https://ca.test:443/",
		"https://ca.test:8443@evil.test/",
		"https://user@ca.test:8443/", "https://ca.test:8443\\\\@evil/",
		"http://ca.test:8443/", "HTTPS://ca.test:8443/",
		"https://CA.test:8443/", "https://ca.test:8443#/",
		"https://evil.test/?https://ca.test:8443/",
		"https://ca.test:8443 /", "https://ca.test:8443\\n/",
		"https://ca.test:8443\\u0000/", "https:///ca.test:8443/",
		"https://c\xd0\xb0.test:8443/", "https:ca.test:8443/",
		"//ca.test:8443/", "", "https://", "https://ca.test.:8443/",
		"https://ca.test:8443\\u00e9/", "https://[ca.test]:8443/",
	};
	char *body, *far = xcalloc(4000, 1);

	(void)state;
	for (size_t i = 0; i < nitems(urls); i++) {
		int code;

		body = xasprintf("{\"url\":\"%s\",\"nonce\":\"abc\"}",
		    urls[i]);
		code = status(UID_A, "POST", "/v1/accounts/main/jws", body);
		if (code != 400 && code != 403)
			fail_msg("%d: %s", code, urls[i]);
		free(body);
	}
	memset(far, 'a', 3000);
	body = xasprintf("{\"url\":\"https://ca.test:8443/%s\",\"nonce\":"
	    "\"abc\"}", far);
	assert_int_equal(status(UID_A, "POST", "/v1/accounts/main/jws", body),
	    400);
	assert_int_equal(status(UID_A, "POST", "/v1/accounts/main/jws",
	    "{\"url\":\"https://ca.test:8443/x\",\"nonce\":\"abc\","
	    "\"header\":{}}"), 400);
	free(body);
	free(far);
}

/* Twenty at once share three tokens of a bucket. */
static atomic_uint allowed;

static void *
ask_once(void *arg)
{
	int code = status(UID_RATED, "GET", "/v1/status", "");

	if (code == 200)
		atomic_fetch_add(&allowed, 1);
	return arg;
}

static void
test_rate(void **state)
{
	pthread_t threads[PER_UID];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < PER_UID; i++)
			pthread_create(&threads[i], NULL, ask_once, NULL);
		for (unsigned i = 0; i < PER_UID; i++)
			pthread_join(threads[i], NULL);
	}
	assert_int_equal(allowed, 3);
}

static unsigned
descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Connections that come, say half of something, and die. */
static void
test_deaths(void **state)
{
	static const char half[] = "POST /v1/policy/explain HTTP/1.1\r\n" JSON
	    "Content-Length: 1000\r\n\r\n{\"operation\":";
	pid_t core = world_pid("core");
	unsigned before = descriptors(core), after = 0;
	long kib = world_memory(core);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		int fd = connect_as(UID_NOBODY);

		if (fd >= 0 && i % 3 != 0)
			(void)!send(fd, half, rand() % sizeof(half),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (fd >= 0)
			close(fd);
	}
	for (unsigned i = 0; i < 100; i++) {
		after = descriptors(core);
		if (after <= before)
			break;
		usleep(100000);
	}
	assert_in_range(after, 1, before + 2);
	assert_true(world_memory(core) - kib < GROWTH_MAX);
	assert_int_equal(world_pid("core"), core);
}

/* One uid opens all that it can and never ends a request: others get in. */
static void
test_greed(void **state)
{
	int fds[200], n = 0, code;
	int64_t end = clock_monotonic_us() + 7000000;

	(void)state;
	while (n < 200) {
		fds[n] = connect_as(UID_GREEDY);
		if (fds[n] < 0)
			break;
		n++;
	}
	do { /* a byte a second keeps a connection from being idle */
		for (int i = 0; i < n; i++)
			(void)!send(fds[i], "G", 1, MSG_NOSIGNAL |
			    MSG_DONTWAIT);
		usleep(500000);
	} while (clock_monotonic_us() < end);
	code = status(0, "GET", "/v1/tokens", "");
	for (int i = 0; i < n; i++)
		close(fds[i]);
	assert_int_equal(code, 200);
}

/* A client without any rule must not fill the disk with refusals. */
static atomic_bool flooding;
static atomic_uint flooded;

static void *
flood(void *arg)
{
	int fd = connect_as(UID_GREEDY);

	while (flooding) {
		struct answer a = world_ask(fd, "GET", "/v1/status", "");

		if (a.status == 0)
			break;
		atomic_fetch_add(&flooded, 1);
		answer_free(&a);
	}
	close(fd);
	return arg;
}

static void
test_flood(void **state)
{
	pthread_t threads[PER_UID];

	(void)state;
	sleep(1); /* for the seats of the test before */
	flooding = true;
	for (unsigned i = 0; i < PER_UID; i++)
		pthread_create(&threads[i], NULL, flood, NULL);
	sleep(5);
	flooding = false;
	for (unsigned i = 0; i < PER_UID; i++)
		pthread_join(threads[i], NULL);
	print_message("%u refusals in 5 s\n", atomic_load(&flooded));
	assert_in_range(flooded, 1, 400);
	assert_int_equal(status(0, "GET", "/v1/status", ""), 200);
}

/* After all that the log is whole, and has nothing but what we put there. */
static void
test_log(void **state)
{
	static const char *const events[] = { "start", "decision", "refused",
		"failed", "key", "csr", "order", "signature", "checkpoint",
		"destroy" };
	const char *build = getenv("BUILD");
	char *command = xasprintf("%s/keybroker audit verify "
	    "%s/state/audit/audit.log", build != NULL ? build : "build/test",
	    world.token.folder), text[64];
	size_t known = 0;

	(void)state;
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < nitems(events); i++) {
		snprintf(text, sizeof(text), "\",\"event\":\"%s\"", events[i]);
		known += world_audit_count(text);
	}
	assert_int_equal(known, world_audit_count(""));
	free(command);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_tenants),
		cmocka_unit_test(test_race_for_a_name),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_names_of_keys),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_greed),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_log),
	};
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (geteuid() != 0) {
		puts("skipped: needs root to be several clients");
		return 77;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	code = world_open(config);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	chmod(world.token.folder, 0711);
	world_start();
	while (world_pid("core") == 0)
		usleep(50000);
	code = cmocka_run_group_tests(tests, NULL, NULL);
	world_close(code != 0);
	return code;
}
