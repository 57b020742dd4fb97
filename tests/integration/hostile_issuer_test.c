/*
 * A hostile issuer against a real broker: the test holds the channels that
 * keybroker-issuer inherits and is the network behind them.  Whatever it
 * says, it gets the signatures that policy approved and no others, the core
 * stays alive, idle and small, and orders end with a reason or go on.
 */
#include "hostile_ca.h"

#include <pthread.h>
#include <stdatomic.h>

static const char config[] =
    "ca \"ca\" { directory \"" CA "/dir\" timeout 1s }\n"
    "ca \"hasty\" { directory \"https://hasty.test/dir\" timeout 1s\n"
    "  origins \"" CA "\"\n"
    "  order-deadline 4s }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  terms agreed }\n"
    "account \"hasty\" { ca \"hasty\" key ec-p256 { token \"main\" } }\n"
    "certificate \"slow\" {\n"
    "  account \"main\"\n  names \"slow.example.org\"\n"
    "  key ec-p256 { token \"main\" }\n  challenge http-01\n"
    "  deploy \"/bin/sh\" { argument \"-c\" argument \"sleep 2; echo "
    "$KEYBROKER_SERIAL >$KEYBROKER_FOLDER/../../deployed\" }\n}\n";

/* An order with one step twisted must fail with words in its reason. */
static void
fails(const char *name, const char *step, const char *members,
    const char *words)
{
	char *san = xasprintf("DNS:%s.example.org", name);

	twist = twist_one;
	twist_step = step;
	twist_with = members;
	finish(order(name, "main"), san, 20);
	twist = NULL;
	if (strcmp(ended, "failed") != 0 || strstr(reason, words) == NULL)
		fail_msg("%s: %s: %s", name, ended, reason);
	free(san);
}

/* ------------------------------------------------------------------ tests */

static pid_t core_pid;

/* A job that nobody has taken yet, here the directory that a client's wish
 * needs, is not to be had by the number of no task. */
static void
test_nobodys_task(void **state)
{
	struct answer a;

	(void)state;
	core_pid = world_pid("core");
	assert_true(core_pid > 0);
	a = world_api("POST", "/v1/accounts/main/jws", "{\"url\":\"https://"
	    "other.test/\",\"nonce\":\"" NONCE "\"}");
	assert_int_equal(a.status, 403);
	answer_free(&a);
	assert_int_equal(say_status(world.channel[2], "/issuer/jws",
	    "{\"task\":0,\"url\":\"\",\"nonce\":\"" NONCE "\"}"), 409);
	assert_int_equal(say_status(world.channel[2], "/issuer/result",
	    "{\"task\":0,\"outcome\":\"network\"}"), 409);
	while (work(world.channel[1], 3000, "DNS:slow.example.org"))
		;
}

static void
test_approved_order(void **state)
{
	(void)state;
	finish(order("good", "main"), "DNS:good.example.org", 20);
	assert_string_equal(ended, "issued");
}

/* A certificate that comes while the one before is being deployed. */
static void
test_deployed_meanwhile(void **state)
{
	char *path = xasprintf("%s/state/versions/deployed",
	    world.token.folder), serial[128] = "", last[128] = "";
	struct answer a;
	FILE *f;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		finish(order_again("slow"), "DNS:slow.example.org", 20);
	for (unsigned i = 0; i < 100; i++) {
		usleep(100000);
		a = world_api("GET", "/v1/certificates/slow", "");
		snprintf(serial, sizeof(serial), "%s",
		    json_get_string(a.json, "serial"));
		answer_free(&a);
		f = fopen(path, "r");
		if (f != NULL && fscanf(f, "%127s", last) == 1 &&
		    strcmp(last, serial) == 0)
			i = 1000;
		if (f != NULL)
			fclose(f);
	}
	free(path);
	assert_string_equal(last, serial);
}

/* Waits for a task of a step. */
static struct task
expect(int fd, const char *step)
{
	struct task t = next_task(fd, 10000);

	assert_true(t.id > 0);
	assert_string_equal(t.step, step);
	return t;
}

static void
test_signatures_out_of_order(void **state)
{
	static const char *const nonces[] = { "", "a b", "a\\\"b", "a\\u0000",
		"a=", "\\u00e9", "a.b", "a\\n", "../x" };
	int fd = world.channel[1], given = 0;
	int64_t id = order("twice", "main");
	struct task t = expect(fd, "new-order");
	char *huge = xcalloc(700, 1), *body;
	const int64_t others[] = { 0, -1, t.id - 1, t.id + 1, 1,
		9007199254740991 };

	(void)state;
	for (size_t i = 0; i < nitems(others); i++)
		assert_int_equal(sign_status(fd, others[i], t.url, NONCE), 409);
	assert_int_equal(sign_status(fd, t.id, CA "/account", NONCE), 409);
	assert_int_equal(sign_status(fd, t.id, CA "/finalize", NONCE), 409);
	assert_int_equal(sign_status(fd, t.id, "", NONCE), 409);
	assert_int_equal(sign_status(fd, t.id, CA "/new-order ", NONCE), 409);
	for (size_t i = 0; i < nitems(nonces); i++)
		assert_int_equal(sign_status(fd, t.id, t.url, nonces[i]), 400);
	memset(huge, 'A', 699);
	assert_int_equal(sign_status(fd, t.id, t.url, huge), 400);
	/* what was refused counts, too */
	while (sign_status(fd, t.id, t.url, NONCE) == 200 && given < 100)
		given++;
	assert_true(given <= 12);
	body = xasprintf("{\"task\":%lld,\"outcome\":\"network\"}",
	    (long long)t.id);
	assert_int_equal(say_status(fd, "/issuer/result", body), 200);
	free(body);
	assert_int_equal(say_status(fd, "/issuer/result", "{\"task\":1,"
	    "\"outcome\":\"network\",\"detail\":\"x\"}"), 409);
	free(huge);
	finish(id, "DNS:twice.example.org", 20);
	assert_int_equal(sign_status(fd, t.id, t.url, NONCE), 409);
	finish(order("twice", "main"), "DNS:twice.example.org", 60);
	assert_string_equal(ended, "issued");
}

/* A result comes once, and its task is over for every worker. */
static void
test_result_twice(void **state)
{
	int64_t id = order("once", "main");
	struct task t = expect(world.channel[1], "new-order");
	char *members, *body;

	(void)state;
	sign_task(world.channel[1], &t);
	members = honest(&t, "");
	body = xasprintf("{\"task\":%lld,%s}", (long long)t.id, members);
	assert_int_equal(say_status(world.channel[3], "/issuer/result", body),
	    200);
	assert_int_equal(say_status(world.channel[1], "/issuer/result", body),
	    409);
	assert_int_equal(sign_status(world.channel[1], t.id, t.url, NONCE),
	    409);
	free(members);
	free(body);
	finish(id, "DNS:once.example.org", 20);
	assert_string_equal(ended, "issued");
}

/* Reports that are nonsense are refused, and their step is tried again. */
static void
test_nonsense_reports(void **state)
{
	static const char *const bodies[] = {
		"", "{}", "[]", "null", "{\"task\":\"1\"}", "{\"task\":1.5}",
		"{\"task\":1,\"task\":1}", "{\"task\":99999999999999999999}",
		"{\"task\":1}x", "\xef\xbb\xbf{}",
		"{\"task\":1,\"a\":\"\\ud800\"}",
	};
	static const char *const members[] = {
		"\"outcome\":\"splendid\"", "\"outcome\":1",
		"\"outcome\":\"ok\"", "\"outcome\":\"ok\",\"facts\":[]",
		"\"outcome\":\"ok\",\"facts\":{},\"status\":-1",
		"\"outcome\":\"ok\",\"facts\":{},\"status\":1000",
		"\"outcome\":\"ok\",\"facts\":{},\"retryAfter\":-2",
		"\"outcome\":\"ok\",\"facts\":{},\"more\":1",
		"\"outcome\":\"problem\",\"problem\":\"x\"",
	};
	int fd = world.channel[1];
	int64_t id = order("nonsense", "main");

	(void)state;
	for (size_t i = 0; i < nitems(bodies); i++)
		assert_int_equal(say_status(fd, "/issuer/result", bodies[i]),
		    400);
	for (size_t i = 0; i < nitems(members); i++) {
		struct task t = expect(fd, "new-order");
		char *body = xasprintf("{\"task\":%lld,%s}", (long long)t.id,
		    members[i]);

		assert_int_equal(say_status(fd, "/issuer/result", body), 400);
		free(body);
		if (i == 2) /* pauses double with each */
			break;
	}
	finish(id, "DNS:nonsense.example.org", 30);
	assert_string_equal(ended, "issued");
}

/* Types and sizes that no network has: the order fails and says why. */
static void
test_nonsense_facts(void **state)
{
	char *far = xcalloc(12000, 1), *url;

	(void)state;
	fails("types", "new-order", OK_FACTS "{\"status\":[1],\"finalize\":{},"
	    "\"authorizations\":{\"a\":{\"b\":1}},\"identifiers\":7,"
	    "\"expires\":\"x\"},\"location\":\"" CA "/order/1\"",
	    "authorization");
	fails("status", "new-order", OK_FACTS "{\"status\":[1],\"finalize\":"
	    "{},\"identifiers\":7,\"expires\":\"x\"},\"location\":\"" CA
	    "/order/1\"", "status");
	fails("names", "new-order", OK_FACTS "{\"status\":\"ready\","
	    FINALIZE ",\"identifiers\":[{\"type\":\"dns\",\"value\":"
	    "\"names.example.org\"},{\"type\":\"dns\",\"value\":"
	    "\"victim.test\"}]},\"location\":\"" CA "/order/1\"",
	    "other names");
	fails("nowhere", "new-order", OK_FACTS "{\"status\":\"ready\"}",
	    "no usable URL");
	memset(far, 'a', 10240);
	url = xasprintf(OK_FACTS "{\"status\":\"ready\"," FINALIZE
	    "},\"location\":\"" CA "/%s\"", far);
	fails("far", "new-order", url, "URL");
	free(url);
	fails("plain", "new-order", OK_FACTS "{\"status\":\"ready\","
	    FINALIZE "},\"location\":\"http://ca.test/order/1\"", "URL");
	fails("quote", "new-order", OK_FACTS "{\"status\":\"ready\","
	    FINALIZE "},\"location\":\"" CA "/a\\\"b\\\\\"", "URL");
	url = xasprintf(OK_FACTS "{\"status\":\"pending\"," FINALIZE
	    ",\"authorizations\":[\"" CA "/%s\"]},\"location\":\"" CA
	    "/order/1\"", far);
	fails("long", "new-order", url, "URL");
	free(url);
	fails("nofinalize", "new-order", OK_FACTS "{\"status\":\"ready\","
	    "\"finalize\":\"ftp://ca.test/\"},\"location\":\"" CA
	    "/order/1\"", "URL");
	fails("inject", "new-order", "\"outcome\":\"problem\",\"status\":400,"
	    "\"problem\":{\"type\":\"x\",\"detail\":\"a\\n{\\\"seq\\\":1,"
	    "\\\"event\\\":\\\"injected\\\"}\\u001b[2J\"}", "seq");
	assert_int_equal(world_audit_count("\"event\":\"injected\""), 0);
	fails("early", "new-order", OK_FACTS "{\"status\":\"valid\"},"
	    "\"location\":\"" CA "/order/1\"", "certificate URL");
	free(far);
}

/* Authorizations of other names, and answers that would be put elsewhere. */
static const char *authorization;

static char *
authorize_with(const struct task *t)
{
	if (strcmp(t->step, "new-order") == 0)
		return xstrdup(OK_FACTS "{\"status\":\"pending\"," FINALIZE
		    ",\"authorizations\":[\"" CA "/authz\"]},\"location\":\""
		    CA "/order/1\"");
	if (strcmp(t->step, "get-authorization") == 0)
		return xasprintf(OK_FACTS "{\"status\":\"pending\",%s}",
		    authorization);
	assert_string_not_equal(t->step, "answer-challenge");
	return NULL;
}

#define OF(name) "\"identifier\":{\"type\":\"dns\",\"value\":\"" name "\"}"
#define WITH(url, token)                                                      \
	"\"challenges\":[{\"type\":\"http-01\",\"url\":\"" url               \
	"\",\"token\":\"" token "\"}]"

static void
test_authorizations(void **state)
{
	static const char *const bad[] = {
		OF("victim.test") "," WITH(CA "/c", "abc"),
		OF("*.authz.example.org") "," WITH(CA "/c", "abc"),
		OF("authz.example.org") ",\"wildcard\":true,"
		    WITH(CA "/c", "abc"),
		OF("authz.example.org victim.test") "," WITH(CA "/c", "abc"),
		OF("") "," WITH(CA "/c", "abc"),
		WITH(CA "/c", "abc"), OF("authz.example.org"),
		OF("authz.example.org") ",\"challenges\":[]",
		OF("authz.example.org") ",\"challenges\":{\"a\":1}",
		OF("authz.example.org") "," WITH("http://ca.test/c", "abc"),
		OF("authz.example.org") "," WITH(CA "/c", "../../passwd"),
		OF("authz.example.org") "," WITH(CA "/c", ""),
		OF("authz.example.org") "," WITH(CA "/c", "a.b"),
	};

	(void)state;
	twist = authorize_with;
	for (size_t i = 0; i < nitems(bad); i++) {
		authorization = bad[i];
		finish(order("authz", "main"), "", 20);
		if (strcmp(ended, "failed") != 0)
			fail_msg("%s: %s", bad[i], ended);
	}
	twist = NULL;
}

/* An order that is valid at once, with a chain for a key of the attacker's;
 * and chains for our key that are for other names. */
static void
test_wrong_chains(void **state)
{
	EVP_PKEY *other = new_key();
	char *facts = chain(other, "DNS:atonce.example.org"), *members;

	(void)state;
	members = xasprintf(OK_FACTS "%s", facts);
	free(facts);
	fails("atonce", "download", members, "key");
	twist = twist_one;
	twist_step = "new-order";
	twist_with = OK_FACTS "{\"status\":\"valid\",\"certificate\":\"" CA
	    "/certificate\"},\"location\":\"" CA "/order/1\"";
	EVP_PKEY_free(ca.wanted);
	ca.wanted = other;
	finish(order("atonce", "main"), "DNS:atonce.example.org", 20);
	twist = NULL;
	assert_string_equal(ended, "failed");
	free(members);
	finish(order("others", "main"), "DNS:victim.test", 20);
	assert_string_equal(ended, "failed");
	finish(order("more", "main"), "DNS:more.example.org,DNS:victim.test",
	    20);
	assert_string_equal(ended, "failed");
	fails("pem", "download", OK_FACTS "{\"pem\":\"nonsense\"}", "");
	fails("none", "download", OK_FACTS "{}", "chain");
}

/* One more element than the JSON gate lets pass, and as many as it does: an
 * answer must not take the core long. */
static void
test_huge(void **state)
{
	char *body = xcalloc(1100000, 1);
	int fd = world.channel[1];
	int64_t id = order("huge", "main"), begin;
	struct task t = expect(fd, "new-order");
	int status;
	size_t n;

	(void)state;
	memset(body, ' ', 1048577);
	status = say_status(world.channel[4], "/issuer/result", body);
	assert_true(status == 413 || status == 0);
	memset(body, 0, 1100000);
	memset(body, '[', 1000000);
	assert_in_range(say_status(fd, "/issuer/result", body), 400, 413);
	n = (size_t)sprintf(body, "{\"task\":%lld," OK_FACTS
	    "{\"status\":\"ready\"," FINALIZE ",\"identifiers\":[",
	    (long long)t.id);
	for (unsigned i = 0; i < 8192; i++)
		n += (size_t)sprintf(body + n, "%s{\"type\":\"dns\",\"value\":"
		    "\"huge.example.org\"}", i > 0 ? "," : "");
	sprintf(body + n, "]},\"location\":\"" CA "/order/1\"}");
	begin = clock_monotonic_us();
	assert_int_equal(say_status(fd, "/issuer/result", body), 200);
	assert_true(clock_monotonic_us() - begin < 5000000);
	free(body);
	finish(id, "DNS:huge.example.org", 20);
	assert_string_equal(ended, "issued");
}

/* A CA that is never done.  Neither the token nor the disk may spin. */
static char *
ready_for_ever(const struct task *t)
{
	static unsigned n;

	if (strcmp(t->step, "finalize") != 0)
		return NULL;
	return xasprintf(OK_FACTS "{\"status\":\"ready\"," FINALIZE
	    ",\"n\":%u}", n++);
}

static char *
to_and_fro(const struct task *t)
{
	static unsigned n;

	if (strcmp(t->step, "finalize") == 0)
		return xasprintf("\"outcome\":\"problem\",\"status\":403,"
		    "\"problem\":{\"type\":\"urn:ietf:params:acme:error:"
		    "orderNotReady\",\"detail\":\"%u\"}", n++);
	return NULL;
}

static char *
answer_again(const struct task *t)
{
	static unsigned n;

	if (strcmp(t->step, "new-order") == 0)
		return xstrdup(OK_FACTS "{\"status\":\"pending\"," FINALIZE
		    ",\"authorizations\":[\"" CA "/authz\"]},\"location\":\""
		    CA "/order/1\"");
	if (strcmp(t->step, "answer-challenge") == 0)
		return xstrdup(OK_FACTS "{\"status\":\"processing\"}");
	if (strcmp(t->step, "get-authorization") != 0)
		return NULL;
	return xasprintf(OK_FACTS "{\"status\":\"pending\",\"identifier\":"
	    "{\"type\":\"dns\",\"value\":\"loop.example.org\"},"
	    "\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/c\","
	    "\"token\":\"abc\",\"status\":\"pending\",\"error\":{\"type\":"
	    "\"urn:x:connection\",\"detail\":\"%u\"}}]}", n++);
}

static void
loop_with(twist_fn *fn, const char *name)
{
	size_t before = ca.signatures, steps;
	long cpu = world_cpu_ms(core_pid), kib = world_memory(core_pid);
	int64_t id = order(name, "main"), end;
	char *path = xasprintf("/v1/orders/%lld", (long long)id);
	struct answer a;

	twist = fn;
	end = clock_monotonic_us() + 5000000;
	while (clock_monotonic_us() < end && !has_ended(id))
		work(world.channel[1], 100, "DNS:x.example.org");
	twist = NULL;
	steps = ca.signatures - before;
	print_message("%s: %zu signatures, %ld ms, %ld KiB in 5 s\n", name,
	    steps, world_cpu_ms(core_pid) - cpu,
	    world_memory(core_pid) - kib);
	assert_true(steps < 60);
	assert_true(KEEPS_FREED || world_memory(core_pid) - kib < 8192);
	a = world_api("DELETE", path, "");
	assert_in_range(a.status, 200, 409);
	answer_free(&a);
	free(path);
	finish(id, "DNS:x.example.org", 10);
}

static void
test_loops(void **state)
{
	(void)state;
	loop_with(ready_for_ever, "ready");
	loop_with(to_and_fro, "fro");
	loop_with(answer_again, "loop");
}

/* The client's routes are not on the issuer's channels, nor the reverse. */
static void
test_other_routes(void **state)
{
	static const char *const paths[] = { "/v1/status", "/v1/keys",
		"/v1/audit", "/v1/certificates/good", "/issuer/next" };
	static const char *const issuer[] = { "/issuer/next", "/issuer/jws",
		"/issuer/result", "/issuer/challenge" };
	struct answer a;

	(void)state;
	for (size_t i = 0; i < nitems(paths); i++) {
		a = world_ask(world.channel[1], "GET", paths[i], "");
		assert_in_range(a.status, 404, 405);
		answer_free(&a);
	}
	for (size_t i = 0; i < nitems(issuer); i++) {
		a = world_api("POST", issuer[i], "{}");
		assert_int_equal(a.status, 404);
		answer_free(&a);
	}
	assert_int_equal(say_status(world.channel[0], "/issuer/challenge",
	    "{\"token\":\"\"}"), 404);
	assert_int_equal(say_status(world.channel[0], "/issuer/challenge",
	    "{\"token\":\"../../x\"}"), 404);
}

/* Who takes a task and is silent keeps nothing: neither the order's deadline
 * nor the lease waits for an issuer that asks for no more work.  The first
 * half takes a task, the second looks later what has become of it. */
static int64_t kept;

static void
test_keep_a_task(void **state)
{
	struct task t;

	(void)state;
	kept = order("kept", "hasty");
	for (;;) {
		char *members, *body;

		t = next_task(world.channel[1], 10000);
		assert_true(t.id > 0);
		if (strcmp(t.step, "new-order") == 0)
			return;
		members = honest(&t, "");
		body = xasprintf("{\"task\":%lld,%s}", (long long)t.id,
		    members);
		say_status(world.channel[1], "/issuer/result", body);
		free(members);
		free(body);
	}
}

static void
test_silence(void **state)
{
	int64_t left, end = clock_now() + WORLD_PATIENCE;

	(void)state;
	while (work(world.channel[1], 500, ""))
		;
	left = order("left", "hasty");
	while (!has_ended(left) && clock_now() < end)
		usleep(200000);
	assert_string_equal(ended, "failed");
	assert_non_null(strstr(reason, "deadline"));
	while (!has_ended(kept) && clock_now() < end)
		usleep(200000);
	assert_string_equal(ended, "failed");
}

/* Everything at once, from several workers, while orders come and go. */
struct hammer {
	pthread_t thread;
	unsigned seed;
	int fd;
};
static atomic_bool hammering;

static void *
hammer(void *arg)
{
	static const char *const words[] = {
		"\"outcome\":\"network\",\"detail\":\"x\"",
		"\"outcome\":\"malformed\",\"detail\":\"x\"",
		"\"outcome\":\"problem\",\"status\":503,\"problem\":{}",
		"\"outcome\":\"ok\",\"status\":200,\"facts\":{\"status\":"
		    "\"processing\"}",
		OK_FACTS "{\"status\":\"ready\"," FINALIZE
		    "},\"location\":\"" CA "/order/1\"",
		"\"outcome\":7",
	};
	struct hammer *h = arg;
	int64_t id = 1;

	while (hammering) {
		struct answer a;

		if (rand_r(&h->seed) % 3 == 0) {
			a = say(h->fd, "/issuer/next", "{\"wait\":5}");
			json_get_int(a.json, "task", &id);
		} else if (rand_r(&h->seed) % 2 == 0) {
			a = say(h->fd, "/issuer/jws", "{\"task\":%lld,"
			    "\"url\":\"" CA "/new-order\",\"nonce\":\"" NONCE
			    "\"}", (long long)id - rand_r(&h->seed) % 3);
			if (a.status == 200)
				__atomic_add_fetch(&ca.signatures, 1,
				    __ATOMIC_RELAXED);
		} else {
			a = say(h->fd, "/issuer/result", "{\"task\":%lld,%s}",
			    (long long)id - rand_r(&h->seed) % 3,
			    words[rand_r(&h->seed) % nitems(words)]);
		}
		if (a.status == 0)
			abort();
		answer_free(&a);
	}
	return NULL;
}

static void
test_hammer(void **state)
{
	struct hammer hammers[3];
	int64_t end = clock_now() + 8, id;
	char path[64], name[16];
	struct answer a;

	(void)state;
	hammering = true;
	for (unsigned i = 0; i < nitems(hammers); i++) {
		hammers[i] = (struct hammer){ .seed = i,
			.fd = world.channel[i + 1] };
		pthread_create(&hammers[i].thread, NULL, hammer, &hammers[i]);
	}
	for (unsigned i = 0; clock_now() < end; i++) {
		snprintf(name, sizeof(name), "h%u", i);
		id = order(name, "main");
		usleep(rand() % 60000);
		snprintf(path, sizeof(path), "/v1/orders/%lld", (long long)id);
		a = world_api("DELETE", path, "");
		assert_in_range(a.status, 200, 409);
		answer_free(&a);
	}
	hammering = false;
	for (unsigned i = 0; i < nitems(hammers); i++)
		pthread_join(hammers[i].thread, NULL);
	assert_int_equal(world_pid("core"), core_pid);
}

/* The next issuer cannot go on with the tasks of the one before. */
static void
test_death(void **state)
{
	int64_t id = order("death", "main");
	struct task t;

	(void)state;
	do
		t = next_task(world.channel[1], 20000);
	while (t.id != 0 && strcmp(t.step, "new-order") != 0);
	world_replace_issuer(EXIT_TEMPORARY);
	assert_int_equal(sign_status(world.channel[1], t.id, t.url, NONCE),
	    409);
	finish(id, "DNS:death.example.org", 60);
	assert_string_equal(ended, "issued");
}

/* Each signature that was given has its line, and no line is missing. */
static void
test_lines(void **state)
{
	const char *build = getenv("BUILD");
	char *command = xasprintf("%s/keybroker audit verify "
	    "%s/state/audit/audit.log", build != NULL ? build : "build/test",
	    world.token.folder);
	size_t lines = world_audit_count("\"event\":\"signature\"");

	(void)state;
	if (lines < ca.signatures)
		fail_msg("%zu signatures, %zu lines", ca.signatures, lines);
	assert_int_equal(system(command), 0);
	assert_int_equal(world_pid("core"), core_pid);
	/* nor does a key come or go without one */
	assert_true(world_audit_count("\"event\":\"key\",\"by\":\"core\","
	    "\"account\":\"main\"") == 1);
	assert_true(world_audit_count("\"event\":\"destroy\"") > 0);
	free(command);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobodys_task),
		cmocka_unit_test(test_approved_order),
		cmocka_unit_test(test_keep_a_task),
		cmocka_unit_test(test_deployed_meanwhile),
		cmocka_unit_test(test_signatures_out_of_order),
		cmocka_unit_test(test_result_twice),
		cmocka_unit_test(test_nonsense_reports),
		cmocka_unit_test(test_nonsense_facts),
		cmocka_unit_test(test_authorizations),
		cmocka_unit_test(test_wrong_chains),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_other_routes),
		cmocka_unit_test(test_hammer),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_lines),
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
	make_root();
	world_start();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	world_close(code != 0);
	return code;
}
