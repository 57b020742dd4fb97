/*
 * Hostile clients at the socket of a real broker: requests made up from
 * pieces of good ones, by clients that may have one thing, a POST-as-GET of
 * one account signed.  ATTEMPTS (20000) is how many, SEED where their
 * randomness begins; `make check-long` makes a million.
 */
#include "hostile_ca.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "oracle.h"

#define ATTEMPTS   "20000"
#define THREADS	   6
#define REQUESTS   40	 /* of one connection, and so of one uid */
#define GID	   4000	 /* who may have that one thing */
#define UID_FIRST  10000 /* clients that were refused often must wait, */
#define UIDS	   50000 /* so there are many */
#define REPLY_MOST 65536
#define GROWTH_MAX 16384 /* KiB of the core */

static const char config[] =
    "limits { connections 64 connections-per-uid 8 }\n"
    "ca \"ca\" { directory \"" CA "/dir\" }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  terms agreed }\n"
    "account \"other\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  terms agreed }\n"
    "certificate \"shop\" { account \"other\" names \"shop.test\"\n"
    "  key ec-p256 { token \"main\" } challenge http-01 }\n"
    "tenant \"reader\" { gid 4000 }\n"
    "allow \"reader\" { operations acme.read accounts \"main\" }\n";

/* ----------------------------------------------------------- what happened */

static unsigned long attempts;
static atomic_ulong begun, given, refused, lost;
static atomic_bool failed;
static char complaint[4096];
static pthread_mutex_t complaining = PTHREAD_MUTEX_INITIALIZER;
static unsigned char spki[SPKI_MAX];
static size_t spkilen;

/* Only the test's own thread may fail it. */
static void
complain(const char *what, const char *text)
{
	pthread_mutex_lock(&complaining);
	if (!atomic_load(&failed))
		snprintf(complaint, sizeof(complaint), "%s: %.3000s", what,
		    text);
	atomic_store(&failed, true);
	pthread_mutex_unlock(&complaining);
}

/* ----------------------------------------------------------------- clients */

struct client {
	pthread_t thread;
	unsigned seed;
	int fd;
	unsigned left; /* requests until it becomes another */
	char reply[REPLY_MOST];
	size_t have;
};

static unsigned
pick(struct client *c, size_t n)
{
	return (unsigned)rand_r(&c->seed) % (unsigned)n;
}

/* Only this thread becomes somebody else. */
static void
become(uid_t uid, gid_t gid)
{
	if (uid == 0)
		syscall(SYS_setresuid, -1, 0, -1);
	if (syscall(SYS_setresgid, -1, gid, -1) != 0 ||
	    syscall(SYS_setresuid, -1, uid, -1) != 0)
		complain("cannot become another", strerror(errno));
}

static void
hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->have = 0;
}

static void
call(struct client *c)
{
	if (c->fd >= 0 && c->left-- > 0)
		return;
	hang_up(c);
	c->left = REQUESTS;
	become(UID_FIRST + pick(c, UIDS), GID);
	c->fd = world_connect();
	become(0, 0);
	if (c->fd < 0)
		complain("cannot connect", strerror(errno));
}

/* Bytes of the reply at the front; 0: it is not there yet. */
static size_t
whole(const struct client *c)
{
	const char *end = memmem(c->reply, c->have, "\r\n\r\n", 4), *length;
	size_t n;

	if (end == NULL)
		return 0;
	length = strcasestr(c->reply, "\r\nContent-Length: ");
	n = (size_t)(end - c->reply) + 4 +
	    (length != NULL && length < end ? strtoul(length + 18, NULL, 10) :
		0);
	return n <= c->have ? n : 0;
}

/* Waits for one reply, which then is at the front; 0: there is none. */
static size_t
hear(struct client *c)
{
	size_t n;

	while ((n = whole(c)) == 0) {
		ssize_t k = recv(c->fd, c->reply + c->have,
		    sizeof(c->reply) - 1 - c->have, 0);

		if (k <= 0)
			return 0;
		c->have += (size_t)k;
		c->reply[c->have] = '\0';
	}
	return n;
}

static void
forget(struct client *c, size_t n)
{
	memmove(c->reply, c->reply + n, c->have - n);
	c->have -= n;
	c->reply[c->have] = '\0';
}

/* ------------------------------------------------------------------ judging */

static void
judge(struct client *c, size_t n, const char *request)
{
	char *body = memmem(c->reply, n, "\r\n\r\n", 4);
	const char *why = NULL;
	struct json *v;
	int status;

	if (sscanf(c->reply, "HTTP/1.1 %d", &status) != 1) {
		complain("no HTTP", c->reply);
		return;
	}
	if (status >= 400) {
		atomic_fetch_add(&refused, 1);
		if (status >= 500 && status != 501 && status != 503 &&
		    status != 505)
			complain("an error of the broker", c->reply);
		if (memmem(c->reply, n, "\"signature\"", 11) != NULL)
			complain("a signature in a refusal", c->reply);
		return;
	}
	v = json_parse(body + 4, n - (size_t)(body + 4 - c->reply), NULL);
	why = v == NULL ? "no JSON" : oracle_jws(v,
	    (struct view){ spki, spkilen }, "^https://ca[.]test($|[/?])",
	    CA "/account/1");
	json_free(v);
	if (why != NULL)
		complain(why, request);
	atomic_fetch_add(&given, 1);
}

/* ----------------------------------------------------------------- requests */

#define GOOD_URL   CA "/account/1"
#define GOOD_NONCE "bm9uY2U"

static const char *const urls[] = {
	GOOD_URL, CA "/", CA "/a?b=c", CA "/a#b", CA "/dir", CA "/new-order",
	CA, CA ".evil.test/", CA ":443/", CA ":8443/", CA "@evil.test/",
	"https://user@ca.test/", "http://ca.test/", "HTTPS://ca.test/",
	"https://CA.test/", "https://evil.test/?" CA "/", CA "/\\u0000x",
	CA " /", CA "\\\\@evil.test/", "https:///ca.test/", "//ca.test/", "",
	CA "/\\u00e9", CA "/\\n", CA "/\\\"", "https://ca.test./", CA "/%00",
};
static const char *const nonces[] = {
	GOOD_NONCE, "", "a b", "a=", "a.b", "\\u0000", "\\u00e9", "a\\n",
	"-_", "a+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
static const char *const more[] = {
	"\"payload\":\"\"", "\"payload\":\"e30\"", "\"payload\":{}",
	"\"protected\":\"e30\"", "\"kid\":\"x\"", "\"alg\":\"none\"",
	"\"url\":\"" CA "/x\"", "\"nonce\":\"x\"", "\"key\":\"account-other\"",
	"\"account\":\"other\"", "\"names\":[\"a.test\"]", "\"token\":\"main\"",
	"\"name\":\"x\"", "\"type\":\"ec-p256\"", "\"purpose\":\"account\"",
	"\"operation\":\"acme.read\"", "\"text\":\"\"", "\"grace\":0",
	"\"task\":1", "\"wait\":1", "\"jwk\":{}", "\"csr\":\"MA\"",
	"\"identifiers\":[]", "\"\":null", "\"url\":null", "\"a\":1e3",
};
static const char *const names[] = { "main", "main", "other", "audit", "shop",
	"account-main", "account-other", "shop-1", "1", "2", "0", "Main",
	"main.", "x", "reader" };
static const char *const paths[] = {
	"status", "tokens", "tokens/%s", "tokens/%s/unlatch", "keys",
	"keys/%s", "keys/%s/retire", "accounts", "accounts/%s",
	"accounts/%s/register", "accounts/%s/jws", "certificates",
	"certificates/%s", "certificates/%s/chain", "certificates/%s/orders",
	"orders", "orders/%s", "audit", "policy/explain",
	"configuration/check", "../issuer/next", "../issuer/jws", "%s",
};
static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "POST",
	"GET", "HEAD", "PATCH", "OPTIONS", "post" };

/* A body for the one thing, or nearly one. */
static void
make_wish(struct client *c, struct buf *out)
{
	buf_putf(out, "{\"url\":\"%s\",\"nonce\":\"%s\"",
	    pick(c, 2) ? GOOD_URL : urls[pick(c, nitems(urls))],
	    pick(c, 4) ? GOOD_NONCE : nonces[pick(c, nitems(nonces))]);
	if (pick(c, 8) == 0)
		buf_putf(out, ",%s", more[pick(c, nitems(more))]);
	buf_putc(out, '}');
}

static void
make_body(struct client *c, struct buf *out)
{
	unsigned n = pick(c, 5);

	if (n == 0)
		return;
	buf_putc(out, '{');
	for (unsigned i = 0; i < n; i++)
		buf_putf(out, "%s%s", i > 0 ? "," : "",
		    more[pick(c, nitems(more))]);
	buf_putc(out, '}');
}

static void
make_request(struct client *c, struct buf *out)
{
	bool wish = pick(c, 2) == 0;
	const char *name = wish && pick(c, 4) ? "main" :
	    names[pick(c, nitems(names))];
	const char *path = wish ? "accounts/%s/jws" :
	    paths[pick(c, nitems(paths))], *at = strchr(path, '%');
	const char *method = wish ? "POST" : methods[pick(c,
	    nitems(methods))];
	struct buf body;

	buf_init(&body, REPLY_MOST);
	if (wish)
		make_wish(c, &body);
	else if (method[0] == 'P' || pick(c, 8) == 0)
		make_body(c, &body);
	buf_putf(out, "%s /v1/%.*s%s%s HTTP/1.1\r\nHost: x\r\n", method,
	    (int)(at != NULL ? at - path : (ptrdiff_t)strlen(path)), path,
	    at != NULL ? name : "", at != NULL ? at + 2 : "");
	if (body.len > 0)
		buf_putf(out, "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n", body.len);
	buf_puts(out, "\r\n");
	buf_put(out, body.data, body.len);
	buf_free(&body);
}

static void
change_bytes(struct client *c, struct buf *b)
{
	static const char bytes[] = "\0\r\n :/.%\"\\{},0\xff\t";

	for (unsigned i = 1 + pick(c, 3); i > 0 && b->len > 1; i--) {
		size_t at = pick(c, b->len);

		switch (pick(c, 4)) {
		case 0:
			b->data[at] ^= (unsigned char)(1U << pick(c, 8));
			break;
		case 1:
			b->data[at] = (unsigned char)bytes[pick(c,
			    sizeof(bytes))];
			break;
		case 2:
			memmove(b->data + pick(c, at + 1), b->data + at,
			    b->len - at);
			break;
		default:
			b->len = at;
		}
	}
}

/* --------------------------------------------------------------- the flood */

/* A request whose framing may be broken: all replies until the end count. */
static void
one_broken(struct client *c, struct buf *request)
{
	size_t n;

	change_bytes(c, request);
	hang_up(c);
	call(c);
	(void)!send(c->fd, request->data, request->len, MSG_NOSIGNAL);
	shutdown(c->fd, SHUT_WR);
	while ((n = hear(c)) > 0) {
		judge(c, n, buf_str(request));
		forget(c, n);
	}
	hang_up(c);
}

static void
one_request(struct client *c, struct buf *request)
{
	bool bodiless = strncmp(buf_str(request), "HEAD", 4) == 0;
	size_t n = 0;

	call(c);
	if (send(c->fd, request->data, request->len, MSG_NOSIGNAL) ==
	    (ssize_t)request->len)
		n = hear(c);
	if (n == 0 && !bodiless) {
		atomic_fetch_add(&lost, 1);
		complain("no reply", buf_str(request));
	}
	if (n > 0)
		judge(c, n, buf_str(request));
	if (n == 0 || bodiless ||
	    memmem(c->reply, n, "\r\nConnection: close", 19) != NULL)
		hang_up(c);
	else
		forget(c, n);
}

static void *
flood(void *arg)
{
	struct client *c = arg;
	struct buf request;

	buf_init(&request, REPLY_MOST);
	while (!atomic_load(&failed) &&
	    atomic_fetch_add(&begun, 1) < attempts) {
		buf_reset(&request);
		make_request(c, &request);
		if (pick(c, 10) == 0)
			one_broken(c, &request);
		else
			one_request(c, &request);
	}
	hang_up(c);
	buf_free(&request);
	return NULL;
}

/* The CA knows nothing at the URLs that clients come with. */
static atomic_bool deaf;

static void *
answer_looks(void *arg)
{
	while (!atomic_load(&deaf))
		work(world.channel[1], 200, "DNS:shop.test");
	return arg;
}

/* The public key, as the operator is told it. */
static void
learn_key(void)
{
	struct answer a = world_api("GET", "/v1/keys/account-main", "");
	const char *pem = json_get_string(a.json, "publicKey");
	BIO *bio = BIO_new_mem_buf(pem, -1);
	unsigned char *p = spki;
	EVP_PKEY *key;

	assert_non_null(pem);
	key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	assert_non_null(key);
	spkilen = (size_t)i2d_PUBKEY(key, &p);
	EVP_PKEY_free(key);
	BIO_free(bio);
	answer_free(&a);
}

/* What must be as before: everything that a client could have changed. */
static char *
belongings(void)
{
	static const char *const lists[] = { "/v1/keys", "/v1/certificates",
		"/v1/orders", "/v1/accounts" };
	char *all = xstrdup("");

	for (size_t i = 0; i < nitems(lists); i++) {
		struct answer a = world_api("GET", lists[i], "");
		char *longer;

		assert_int_equal(a.status, 200);
		longer = xasprintf("%s\n%s", all, a.body);
		free(all);
		all = longer;
		answer_free(&a);
	}
	return all;
}

static void
run_clients(void)
{
	struct client *clients = xcalloc(THREADS, sizeof(*clients));
	const char *from = getenv("SEED");
	pthread_t answers;

	atomic_store(&begun, 0);
	atomic_store(&deaf, false);
	pthread_create(&answers, NULL, answer_looks, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		clients[i].fd = -1;
		clients[i].seed = i + 1000 *
		    (from != NULL ? (unsigned)atoi(from) : 1);
		pthread_create(&clients[i].thread, NULL, flood, &clients[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(clients[i].thread, NULL);
	atomic_store(&deaf, true);
	pthread_join(answers, NULL);
	free(clients);
	if (atomic_load(&failed))
		fail_msg("%s", complaint);
}

static void
test_many(void **state)
{
	const char *many = getenv("ATTEMPTS");
	pid_t core = world_pid("core");
	char *before, *after;
	long kib;

	(void)state;
	while (work(world.channel[1], 3000, "DNS:shop.test"))
		;
	learn_key();
	before = belongings();
	attempts = 1000;
	run_clients();
	kib = world_memory(core);
	attempts = strtoul(many != NULL ? many : ATTEMPTS, NULL, 10);
	run_clients();
	print_message("%lu attempts, %lu signatures, all granted; %lu "
	    "refusals; %ld KiB more\n", attempts, atomic_load(&given),
	    atomic_load(&refused), world_memory(core) - kib);
	after = belongings();
	assert_string_equal(before, after);
	assert_int_equal(world_pid("core"), core);
	assert_true(KEEPS_FREED || world_memory(core) - kib < GROWTH_MAX);
	assert_true(given > attempts / 20);
	assert_int_equal(lost, 0);
	free(before);
	free(after);
}

/* Every signature and every refusal has its line. */
static void
test_lines(void **state)
{
	const char *build = getenv("BUILD");
	char *command = xasprintf("%s/keybroker audit verify "
	    "%s/state/audit/audit.log", build != NULL ? build : "build/test",
	    world.token.folder);
	size_t lines;

	(void)state;
	assert_int_equal(world_audit_count("\"nonceLength\""), given);
	lines = world_audit_count("\"decision\":\"deny\"") +
	    world_audit_count("\"event\":\"refused\"");
	if (lines < refused)
		fail_msg("%lu refusals, %zu lines", atomic_load(&refused),
		    lines);
	assert_int_equal(system(command), 0);
	free(command);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_lines),
	};
	int code;

	(void)argc;
	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (geteuid() != 0) {
		puts("skipped: needs root to be several clients");
		return 77;
	}
	code = world_open(config);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	chmod(world.token.folder, 0711);
	make_root();
	world_start();
	while (world_pid("core") == 0)
		usleep(50000);
	code = cmocka_run_group_tests(tests, NULL, NULL);
	world_close(code != 0);
	return code;
}
