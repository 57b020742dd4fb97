/*
 * keybroker-issuer between a core that is played here and real
 * counterparts: Pebble as the CA, curl as the CA's validator, and raw_fake
 * for what Pebble is too polite to say.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/crypto.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../broker/issuer/protocol.h"

#define CHANNELS     3 /* the responder's and two workers' */
#define STEP_SECONDS 60
#define TOKEN	     "known-Token_1"
#define ANSWER	     TOKEN ".thumbprint"

/* The world around the issuer, made once. */
static struct {
	char folder[64];
	char trust[128];
	char issuer[512];
	char raw[512];
	char openssl[128]; /* configuration without any algorithm */
	unsigned pebble_port;
	pid_t pebble;
	unsigned raw_port;
	pid_t raw_fake;
} world;

/* The core, as far as an issuer can see. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t threads[CHANNELS];
	int ours[CHANNELS];
	pid_t pid;
	unsigned port;	     /* of the http-01 listener */
	EVP_PKEY *key;	     /* of the account */
	char kid[512];	     /* "" : jwk */
	int64_t task;
	char *next;	     /* task to give out, or NULL */
	char url[512];	     /* of the step that runs */
	const char *payload; /* "" : POST-as-GET */
	unsigned jws_status; /* 200, or the refusal to give */
	unsigned signatures;
	char *result;	     /* NULL until it came */
	bool stopping;
} core = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

/* ---- programs ---- */

/* Starts a program with descriptors from PARENT_FD upwards, which must be
 * high ones so that none stands in another's place; env is names and values. */
static pid_t
start(char *const argv[], const char *const env[], const int *fds,
    unsigned nfds, const char *output)
{
	char path[128];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	snprintf(path, sizeof(path), "%s/%s", world.folder, output);
	dup2(open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), 1);
	dup2(1, 2);
	for (unsigned i = 0; i < nfds; i++)
		if (dup2(fds[i], PARENT_FD + (int)i) < 0)
			_exit(126);
	for (unsigned i = 0; env != NULL && env[i] != NULL; i += 2)
		setenv(env[i], env[i + 1], 1);
	close_range((unsigned)PARENT_FD + nfds, ~0U, 0);
	execvp(argv[0], argv);
	_exit(127);
}

static int
run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static void
finish(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* A bound socket on loopback and its port. */
static int
bind_loopback(int family, unsigned *port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 :
	    (struct sockaddr *)&v6;
	socklen_t n = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, a, n) != 0 || getsockname(fd, a, &n) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

static unsigned
free_port(void)
{
	unsigned port = 0;
	int fd = bind_loopback(AF_INET, &port);

	assert_true(fd >= 0);
	close(fd);
	return port;
}

static int
dial(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
wait_for_port(unsigned port)
{
	for (int i = 0; i < 600; i++) {
		int fd = dial(port);

		if (fd >= 0) {
			close(fd);
			return;
		}
		usleep(50000);
	}
	fail_msg("nobody listens on port %u", port);
}

/* ---- the core: HTTP on the channels ---- */

static void
reply(int fd, unsigned status, const char *body)
{
	char head[256];

	snprintf(head, sizeof(head), "HTTP/1.1 %u X\r\nContent-Type: "
	    "application/json\r\nContent-Length: %zu\r\n\r\n", status,
	    strlen(body));
	if (write_full(fd, head, strlen(head)) != 0 ||
	    write_full(fd, body, strlen(body)) != 0)
		return;
}

static void
reply_problem(int fd, unsigned status, const char *word)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"type\":\"urn:keybroker:error:%s\","
	    "\"title\":\"x\",\"status\":%u,\"detail\":\"as the test wants\"}",
	    word, status);
	reply(fd, status, body);
}

static void
serve_next(int fd, const struct json *body)
{
	struct timespec until;
	int64_t wait = 0;
	char *task;

	json_get_int(body, "wait", &wait);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait / 1000;
	pthread_mutex_lock(&core.lock);
	while (core.next == NULL && !core.stopping)
		if (pthread_cond_timedwait(&core.changed, &core.lock,
		    &until) != 0)
			break;
	task = core.next;
	core.next = NULL;
	pthread_mutex_unlock(&core.lock);
	reply(fd, 200, task != NULL ? task : "{}");
	free(task);
}

static void
put_jwk(struct json_writer *w)
{
	unsigned char point[65];
	size_t n = 0;
	char *x, *y;

	assert_int_equal(EVP_PKEY_get_octet_string_param(core.key, "pub",
	    point, sizeof(point), &n), 1);
	assert_int_equal(n, 65);
	x = b64_encode(point + 1, 32);
	y = b64_encode(point + 33, 32);
	json_open_object(w, "jwk");
	json_put_string(w, "crv", "P-256");
	json_put_string(w, "kty", "EC");
	json_put_string(w, "x", x);
	json_put_string(w, "y", y);
	json_close_object(w);
	free(x);
	free(y);
}

static char *
protected_header(const char *url, const char *nonce)
{
	struct json_writer w;
	struct buf out;
	char *text;

	buf_init(&out, 8192);
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	json_put_string(&w, "alg", "ES256");
	if (core.kid[0] != '\0')
		json_put_string(&w, "kid", core.kid);
	else
		put_jwk(&w);
	json_put_string(&w, "nonce", nonce);
	json_put_string(&w, "url", url);
	json_close_object(&w);
	text = b64_encode(out.data, out.len);
	buf_free(&out);
	return text;
}

static char *
signature_of(const char *text)
{
	unsigned char der[128], raw[64];
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    core.key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &n,
	    (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	assert_true(ecdsa_der_to_raw(raw, 32, der, n));
	return b64_encode(raw, sizeof(raw));
}

static void
serve_jws(int fd, const struct json *body)
{
	const char *url = json_get_string(body, "url");
	const char *nonce = json_get_string(body, "nonce");
	int64_t task = 0;
	char *header, *payload, *input, *signature, *jws;

	json_get_int(body, "task", &task);
	if (core.jws_status != 200) {
		reply_problem(fd, core.jws_status, core.jws_status == 409 ?
		    "conflict" : "timeout");
		return;
	}
	if (task != core.task || url == NULL || nonce == NULL ||
	    strcmp(url, core.url) != 0) {
		reply_problem(fd, 409, "conflict");
		return;
	}
	core.signatures++;
	header = protected_header(url, nonce);
	payload = b64_encode(core.payload, strlen(core.payload));
	input = xasprintf("%s.%s", header, payload);
	signature = signature_of(input);
	jws = xasprintf("{\"protected\":\"%s\",\"payload\":\"%s\","
	    "\"signature\":\"%s\"}", header, payload, signature);
	reply(fd, 200, jws);
	free(header);
	free(payload);
	free(input);
	free(signature);
	free(jws);
}

static void
serve_challenge(int fd, const struct json *body)
{
	const char *token = json_get_string(body, "token");

	if (token != NULL && strcmp(token, TOKEN) == 0)
		reply(fd, 200, "{\"keyAuthorization\":\"" ANSWER "\"}");
	else
		reply_problem(fd, 404, "not-found");
}

static void
serve(int fd, const char *head, const char *text, size_t n)
{
	struct json *body = json_parse(text, n, NULL);

	if (body == NULL)
		reply_problem(fd, 400, "syntax");
	else if (strncmp(head, "POST /issuer/next ", 18) == 0)
		serve_next(fd, body);
	else if (strncmp(head, "POST /issuer/jws ", 17) == 0)
		serve_jws(fd, body);
	else if (strncmp(head, "POST /issuer/challenge ", 23) == 0)
		serve_challenge(fd, body);
	else if (strncmp(head, "POST /issuer/result ", 20) == 0) {
		pthread_mutex_lock(&core.lock);
		free(core.result);
		core.result = xstrndup(text, n);
		pthread_cond_broadcast(&core.changed);
		pthread_mutex_unlock(&core.lock);
		reply(fd, 200, "{}");
	} else {
		reply_problem(fd, 404, "not-found");
	}
	json_free(body);
}

/* One channel, until it ends. */
static void *
channel(void *arg)
{
	static const size_t size = 1 << 20;
	int fd = (int)(intptr_t)arg;
	char *text = xmalloc(size + 1);
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, text + n, size - n);
		char *end, *length;
		size_t body;

		if (got <= 0)
			break;
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "Content-Length:");
		if (end == NULL || length == NULL)
			continue;
		body = strtoul(length + 15, NULL, 10);
		if (n < (size_t)(end - text) + 4 + body)
			continue;
		serve(fd, text, end + 4, body);
		n = 0;
	}
	free(text);
	return NULL;
}

/* ---- one issuer a test ---- */

static void
start_issuer(int family)
{
	int pair[2], fds[2 + CHANNELS - 1];
	char *argv[] = { world.issuer, (char *)"--workers", (char *)"2",
		(char *)"--http", NULL };
	const char *const env[] = { "http_proxy", "http://127.0.0.1:1/",
		"https_proxy", "http://127.0.0.1:1/", "ALL_PROXY",
		"http://127.0.0.1:1/", "OPENSSL_CONF", world.openssl, NULL };
	int listener = bind_loopback(family, &core.port);

	if (listener < 0)
		skip();
	assert_int_equal(listen(listener, 16), 0);
	core.stopping = false;
	core.jws_status = 200;
	fds[1] = fcntl(listener, F_DUPFD_CLOEXEC, 200);
	close(listener);
	for (unsigned i = 0; i < CHANNELS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_CLOEXEC, 0, pair), 0);
		fds[i == 0 ? 0 : i + 1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 200);
		close(pair[1]);
		core.ours[i] = pair[0];
	}
	core.pid = start(argv, env, fds, nitems(fds), "issuer.log");
	for (unsigned i = 0; i < nitems(fds); i++)
		close(fds[i]);
	for (unsigned i = 0; i < CHANNELS; i++)
		pthread_create(&core.threads[i], NULL, channel,
		    (void *)(intptr_t)core.ours[i]);
}

static int
setup(void **state)
{
	(void)state;
	core.kid[0] = '\0';
	start_issuer(AF_INET);
	return 0;
}

static int
setup_v6(void **state)
{
	(void)state;
	start_issuer(AF_INET6);
	return 0;
}

/* The core goes away; the issuer must then end by itself, and well. */
static int
teardown(void **state)
{
	int status = -1;

	(void)state;
	if (core.pid <= 0)
		return 0;
	pthread_mutex_lock(&core.lock);
	core.stopping = true;
	pthread_cond_broadcast(&core.changed);
	pthread_mutex_unlock(&core.lock);
	for (unsigned i = 0; i < CHANNELS; i++)
		shutdown(core.ours[i], SHUT_RDWR);
	for (unsigned i = 0; i < CHANNELS; i++) {
		pthread_join(core.threads[i], NULL);
		close(core.ours[i]);
	}
	for (int i = 0; i < 100 && waitpid(core.pid, &status, WNOHANG) == 0;
	    i++)
		usleep(50000);
	core.pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FINE) {
		print_error("the issuer ended with status %x\n", status);
		return -1;
	}
	return 0;
}

/* ---- steps ---- */

static void
give_task(const char *step, const char *directory, const char *url,
    const char *payload)
{
	pthread_mutex_lock(&core.lock);
	core.task++;
	core.payload = payload != NULL ? payload : "";
	snprintf(core.url, sizeof(core.url), "%s", url != NULL ? url : "");
	free(core.result);
	core.result = NULL;
	core.next = xasprintf("{\"task\":%lld,\"step\":\"%s\",\"ca\":{"
	    "\"name\":\"test\",\"directory\":\"%s\",\"trust\":\"%s\","
	    "\"timeout\":5}%s%s%s}", (long long)core.task, step, directory,
	    world.trust, url != NULL ? ",\"url\":\"" : "",
	    url != NULL ? url : "", url != NULL ? "\"" : "");
	pthread_cond_broadcast(&core.changed);
	pthread_mutex_unlock(&core.lock);
}

/* The parsed report, owned; NULL when none came in time. */
static struct json *
take_result(unsigned seconds)
{
	struct timespec until;
	struct json *v = NULL;
	int64_t task;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&core.lock);
	while (core.result == NULL)
		if (pthread_cond_timedwait(&core.changed, &core.lock,
		    &until) != 0)
			break;
	if (core.result != NULL)
		v = json_parse(core.result, strlen(core.result), NULL);
	pthread_mutex_unlock(&core.lock);
	if (v != NULL) {
		assert_true(json_get_int(v, "task", &task));
		assert_int_equal(task, core.task);
	}
	return v;
}

static struct json *
step(const char *word, const char *directory, const char *url,
    const char *payload)
{
	struct json *v;

	give_task(word, directory, url, payload);
	v = take_result(STEP_SECONDS);
	assert_non_null(v);
	return v;
}

static bool
is_bad_nonce(const struct json *v)
{
	const char *type = json_get_string(json_get(v, "problem"), "type");

	return type != NULL && strstr(type, "badNonce") != NULL;
}

/* A step with Pebble that must go well.  Half of all nonces are refused, so
 * even eleven in a row may be: then the core, and so this, asks again. */
static struct json *
pebble_step(const char *word, const char *url, const char *payload)
{
	char directory[128];
	struct json *v = NULL;

	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    world.pebble_port);
	for (int i = 0; i < 5; i++) {
		json_free(v);
		v = step(word, directory, url, payload);
		if (!is_bad_nonce(v))
			break;
	}
	if (strcmp(json_get_string(v, "outcome"), "ok") != 0)
		fail_msg("%s: %s", word, core.result);
	return v;
}

static const char *
fact(const struct json *v, const char *name)
{
	const char *s = json_get_string(json_get(v, "facts"), name);

	if (s == NULL)
		fail_msg("no %s in %s", name, core.result);
	return s;
}

static void
expect_word(const struct json *v, const char *name, const char *word)
{
	const char *s = json_get_string(v, name);

	if (s == NULL || strcmp(s, word) != 0)
		fail_msg("%s is not %s in %s", name, word, core.result);
}

static void
expect_sent(const struct json *v, bool sent)
{
	bool told = !sent;

	expect_word(v, "outcome", "network");
	assert_true(json_get_bool(v, "sent", &told));
	assert_int_equal(told, sent);
	assert_non_null(json_get_string(v, "detail"));
}

/* ---- tests with Pebble ---- */

static EVP_PKEY *
new_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

/* {"csr": ...} for two names. */
static char *
csr_payload(EVP_PKEY *key)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	char *text, *payload;
	int n;

	sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL,
	    NID_subject_alt_name, "DNS:one.example.test,"
	    "DNS:two.example.test"));
	X509_REQ_add_extensions(req, list);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	n = i2d_X509_REQ(req, &der);
	assert_true(n > 0);
	text = b64_encode(der, (size_t)n);
	payload = xasprintf("{\"csr\":\"%s\"}", text);
	OPENSSL_free(der);
	free(text);
	X509_REQ_free(req);
	return payload;
}

static void
expect_chain(const char *pem, EVP_PKEY *key)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	assert_non_null(leaf);
	assert_non_null(issuer);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaf), key), 1);
	assert_int_equal(X509_verify(leaf, X509_get0_pubkey(issuer)), 1);
	X509_free(leaf);
	X509_free(issuer);
	BIO_free(bio);
}

/* Answers the first http-01 challenge of an authorization. */
static void
authorize(const char *url)
{
	struct json *z = pebble_step("get-authorization", url, NULL);
	const struct json *list = json_get(json_get(z, "facts"), "challenges");
	const char *challenge = NULL;
	struct json *v;

	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_get_string(json_at(list, i), "type"),
		    "http-01") == 0)
			challenge = json_get_string(json_at(list, i), "url");
	expect_word(json_get(json_get(z, "facts"), "identifier"), "type",
	    "dns");
	assert_non_null(challenge);
	v = pebble_step("answer-challenge", challenge, "{}");
	assert_string_equal(fact(v, "type"), "http-01");
	json_free(v);
	json_free(z);
}

/* Reads the order until it has that status. */
static struct json *
await(const char *order, const char *status)
{
	struct json *v = NULL;

	for (int i = 0; i < 100; i++) {
		json_free(v);
		v = pebble_step("get-order", order, NULL);
		if (strcmp(fact(v, "status"), status) == 0)
			return v;
		usleep(100000);
	}
	fail_msg("the order is not %s: %s", status, core.result);
	return v;
}

static void
register_account(const struct json *directory)
{
	struct json *v;

	v = pebble_step("new-account", fact(directory, "newAccount"),
	    "{\"termsOfServiceAgreed\":true}");
	expect_word(json_get(v, "facts"), "status", "valid");
	assert_non_null(json_get_string(v, "location"));
	snprintf(core.kid, sizeof(core.kid), "%s",
	    json_get_string(v, "location"));
	json_free(v);
}

static char *
order_certificate(const struct json *directory, EVP_PKEY *key)
{
	struct json *order, *v;
	const struct json *list;
	char *url, *payload = csr_payload(key);
	int64_t expires = 0;

	order = pebble_step("new-order", fact(directory, "newOrder"),
	    "{\"identifiers\":[{\"type\":\"dns\",\"value\":"
	    "\"one.example.test\"},{\"type\":\"dns\",\"value\":"
	    "\"two.example.test\"}]}");
	url = xstrdup(json_get_string(order, "location"));
	assert_true(json_get_int(json_get(order, "facts"), "expires",
	    &expires));
	assert_true(expires > clock_now());
	list = json_get(json_get(order, "facts"), "authorizations");
	assert_int_equal(json_count(list), 2);
	for (size_t i = 0; i < 2; i++)
		authorize(json_string(json_at(list, i)));
	json_free(await(url, "ready"));
	json_free(pebble_step("finalize", fact(order, "finalize"), payload));
	json_free(order);
	free(payload);
	v = await(url, "valid");
	free(url);
	url = xstrdup(fact(v, "certificate"));
	json_free(v);
	return url;
}

static void
a_certificate_comes_out_of_pebble(void **state)
{
	EVP_PKEY *key = new_key();
	struct json *directory, *v;
	char *certificate;
	unsigned before = core.signatures, tasks = (unsigned)core.task;

	(void)state;
	directory = pebble_step("directory", NULL, NULL);
	register_account(directory);
	certificate = order_certificate(directory, key);
	v = pebble_step("download", certificate, NULL);
	expect_chain(fact(v, "pem"), key);
	assert_true(json_count(json_get(json_get(v, "facts"), "alternates"))
	    >= 1);
	assert_int_equal(core.task - tasks > 9, true);
	print_message("%u signatures for %u steps\n",
	    core.signatures - before, (unsigned)core.task - tasks);
	assert_true(core.signatures - before > (unsigned)core.task - tasks);
	json_free(v);
	json_free(directory);
	free(certificate);
	EVP_PKEY_free(key);
}

/* A fresh issuer has no directory and no nonce; the step says neither. */
static void
a_step_after_a_restart_finds_its_nonce(void **state)
{
	char url[128];
	struct json *v;

	(void)state;
	snprintf(url, sizeof(url), "https://localhost:%u/sign-me-up",
	    world.pebble_port);
	v = pebble_step("find-account", url, "{\"onlyReturnExisting\":true}");
	assert_non_null(json_get_string(v, "location"));
	json_free(v);
}

static void
a_refusal_of_pebble_is_a_problem(void **state)
{
	char directory[128], url[128];
	EVP_PKEY *account = core.key;
	struct json *v = NULL;
	int64_t status;

	(void)state;
	core.key = new_key();
	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    world.pebble_port);
	snprintf(url, sizeof(url), "https://localhost:%u/sign-me-up",
	    world.pebble_port);
	do {
		json_free(v);
		v = step("find-account", directory, url,
		    "{\"onlyReturnExisting\":true}");
	} while (is_bad_nonce(v));
	expect_word(v, "outcome", "problem");
	assert_true(json_get_int(v, "status", &status));
	assert_int_equal(status, 400);
	expect_word(json_get(v, "problem"), "type",
	    "urn:ietf:params:acme:error:accountDoesNotExist");
	json_free(v);
	EVP_PKEY_free(core.key);
	core.key = account;
}

static void
another_root_is_not_trusted(void **state)
{
	char directory[128], trust[128];
	struct json *v;

	(void)state;
	strcpy(trust, world.trust);
	snprintf(world.trust, sizeof(world.trust), "%s/other.pem",
	    world.folder);
	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    world.pebble_port);
	v = step("directory", directory, NULL, NULL);
	strcpy(world.trust, trust);
	expect_sent(v, false);
	json_free(v);
}

static void
nobody_listens(void **state)
{
	char directory[128];
	struct json *v;

	(void)state;
	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    free_port());
	v = step("directory", directory, NULL, NULL);
	expect_sent(v, false);
	json_free(v);
	v = step("new-order", directory, "https://localhost/x", "{}");
	expect_sent(v, false);
	json_free(v);
}

/* ---- tests with raw answers ---- */

static void
put_answer(const char *name, const char *head, const char *body, size_t n)
{
	char path[160];
	struct buf text;
	struct fault why;

	buf_init(&text, 8 << 20);
	buf_putf(&text, "%s\r\nContent-Length: %zu\r\n\r\n", head, n);
	buf_put(&text, body, n);
	snprintf(path, sizeof(path), "%s/raw/%s", world.folder, name);
	assert_int_equal(write_file(path, text.data, text.len, 0600, &why),
	    OK);
	buf_free(&text);
}

static struct json *
raw_step(const char *word, const char *name)
{
	bool unsigned_step = strcmp(word, "directory") == 0;
	char directory[64], url[64];

	snprintf(directory, sizeof(directory), "https://localhost:%u/%s",
	    world.raw_port, unsigned_step ? name : "dir");
	snprintf(url, sizeof(url), "https://localhost:%u/%s",
	    world.raw_port, name);
	return step(word, directory, unsigned_step ? NULL : url, "{}");
}

/* How often the fake CA saw a request that begins so. */
static unsigned
requests(const char *line)
{
	char path[160];
	struct buf text;
	struct fault why;
	unsigned count = 0;

	buf_init(&text, 8 << 20);
	snprintf(path, sizeof(path), "%s/raw.log", world.folder);
	assert_int_equal(read_file(path, &text, &why), OK);
	for (const char *p = buf_str(&text); (p = strstr(p, line)) != NULL;
	    p++)
		count++;
	buf_free(&text);
	return count;
}

/* The directory of raw_fake and a nonce from it. */
static void
put_basics(void)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"newNonce\":\"https://localhost:%u/"
	    "nonce\",\"newAccount\":\"https://localhost:%u/a\",\"newOrder\":"
	    "\"https://localhost:%u/o\"}", world.raw_port, world.raw_port,
	    world.raw_port);
	put_answer("get-dir", "HTTP/1.1 200 OK\r\nContent-Type: "
	    "application/json", body, strlen(body));
	put_answer("head-nonce", "HTTP/1.1 200 OK\r\nReplay-Nonce: abc", "",
	    0);
}

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json"

static void
strange_directories(void **state)
{
	static const struct {
		const char *head, *body, *outcome, *why;
	} rows[] = {
		{ JSON_HEAD, "{}", "malformed", "newNonce" },
		{ JSON_HEAD, "{\"a\":1,\"a\":2}", "malformed", "" },
		{ JSON_HEAD, "{\"a\":1.5}", "malformed", "" },
		{ JSON_HEAD, "", "malformed", "" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: text/html", "<html>",
		  "malformed", "text/html" },
		{ "HTTP/1.1 200 OK", "{}", "malformed", "no type" },
		{ "HTTP/1.1 302 Found\r\nLocation: https://localhost/", "",
		  "problem", "" },
		{ "HTTP/1.1 503 No\r\nRetry-After: 999999\r\n"
		  "Content-Type: text/html", "<b>busy</b>", "problem", "" },
	};
	struct json *v;
	int64_t seconds;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < nitems(rows); i++) {
		snprintf(name, sizeof(name), "get-strange-%u", i);
		put_answer(name, rows[i].head, rows[i].body,
		    strlen(rows[i].body));
		v = raw_step("directory", name + 4);
		expect_word(v, "outcome", rows[i].outcome);
		if (rows[i].outcome[0] == 'm' && strstr(json_get_string(v,
		    "detail"), rows[i].why) == NULL)
			fail_msg("%s", core.result);
		seconds = -1;
		json_get_int(v, "retryAfter", &seconds);
		assert_int_equal(seconds,
		    strstr(rows[i].head, "Retry") != NULL ? 86400 : -1);
		json_free(v);
	}
	assert_int_equal(requests("GET /strange-6 "), 1);
}

static void
answers_are_bounded(void **state)
{
	size_t n = (1 << 20) + 1;
	char *text = xmalloc(n + 64);
	struct json *v;

	(void)state;
	memset(text, ' ', n);
	text[n] = '\0';
	put_answer("get-large", JSON_HEAD, text, n);
	v = raw_step("directory", "large");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	strcpy(text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 1000; i++)
		sprintf(text + strlen(text), "X-Header-%d: %0100d\r\n", i, i);
	strcat(text, "X: y");
	put_answer("get-headers", text, "{}", 2);
	v = raw_step("directory", "headers");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	free(text);
}

/* libcurl sends a request again when a connection that it kept turns out to
 * be dead; a signed request must go out once. */
static void
a_signed_request_leaves_once(void **state)
{
	struct json *v;

	(void)state;
	put_basics();
	v = raw_step("new-order", "silent");
	expect_sent(v, true);
	json_free(v);
	assert_int_equal(requests("POST /silent "), 1);
	assert_int_equal(requests("HEAD /nonce "), 1);
}

static void
no_nonce_no_request(void **state)
{
	struct json *v;

	(void)state;
	put_basics();
	put_answer("head-nonce", "HTTP/1.1 200 OK\r\nReplay-Nonce: a b", "",
	    0);
	v = raw_step("new-order", "nothing");
	expect_sent(v, false);
	json_free(v);
	put_answer("head-nonce", "HTTP/1.1 429 Slow\r\nRetry-After: 9", "",
	    0);
	v = raw_step("new-order", "nothing");
	expect_word(v, "outcome", "problem");
	json_free(v);
	assert_int_equal(requests("POST /nothing "), 0);
}

#define BAD_NONCE "{\"type\":\"urn:ietf:params:acme:error:badNonce\"}"

static void
bad_nonces_end(void **state)
{
	unsigned before = core.signatures;
	struct json *v;

	(void)state;
	put_basics();
	put_answer("post-bad", "HTTP/1.1 400 No\r\nReplay-Nonce: again\r\n"
	    "Content-Type: application/problem+json; charset=utf-8",
	    BAD_NONCE, strlen(BAD_NONCE));
	v = raw_step("new-order", "bad");
	expect_word(v, "outcome", "problem");
	assert_true(is_bad_nonce(v));
	json_free(v);
	assert_int_equal(requests("POST /bad "), 11);
	assert_int_equal(core.signatures - before, 11);
}

static void
an_order_needs_its_location(void **state)
{
	static const char order[] = "{\"status\":\"ready\",\"finalize\":"
	    "\"https://x/f\",\"authorizations\":[],\"identifiers\":[]}";
	struct json *v;

	(void)state;
	put_basics();
	put_answer("post-order", "HTTP/1.1 201 Created\r\nContent-Type: "
	    "application/json", order, strlen(order));
	v = raw_step("new-order", "order");
	expect_word(v, "outcome", "malformed");
	json_free(v);
	v = raw_step("get-order", "order");
	expect_word(v, "outcome", "ok");
	json_free(v);
}

static void
the_core_may_say_no(void **state)
{
	char directory[64];
	struct json *v;

	(void)state;
	put_basics();
	core.jws_status = 504;
	v = raw_step("new-order", "unsigned");
	expect_sent(v, false);
	json_free(v);
	core.jws_status = 409;
	snprintf(directory, sizeof(directory), "https://localhost:%u/dir",
	    world.raw_port);
	give_task("new-order", directory, "https://localhost/unsigned", "{}");
	assert_null(take_result(2));
	assert_null(core.next);
	core.jws_status = 200;
	assert_int_equal(requests("POST /unsigned "), 0);
}

/* ---- the responder ---- */

static int
curl(const char *host, const char *options, const char *path)
{
	return run("curl -gsS -m 5 --noproxy '*' -D %s/head -o %s/body %s "
	    "'http://%s:%u%s' 2>%s/curl.err", world.folder, world.folder,
	    options, host, core.port, path, world.folder);
}

static void
expect_file(const char *name, const char *text)
{
	char path[128];
	struct buf content;
	struct fault why;

	buf_init(&content, 65536);
	snprintf(path, sizeof(path), "%s/%s", world.folder, name);
	assert_int_equal(read_file(path, &content, &why), OK);
	if (strstr(buf_str(&content), text) == NULL)
		fail_msg("%s: %s", name, buf_str(&content));
	buf_free(&content);
}

#define CHALLENGES "/.well-known/acme-challenge/"

static void
curl_gets_the_key_authorization(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(curl("127.0.0.1", "", CHALLENGES TOKEN), 0);
		expect_file("head", "HTTP/1.1 200 OK\r\n");
		expect_file("head", "Content-Type: application/octet-stream");
		expect_file("head", "Connection: close");
		assert_int_equal(run("printf %%s '%s' | cmp - %s/body",
		    ANSWER, world.folder), 0);
	}
	assert_int_equal(curl("127.0.0.1", "--http1.0", CHALLENGES TOKEN), 0);
	assert_int_equal(curl("127.0.0.1", "-I", CHALLENGES TOKEN), 0);
	expect_file("head", "Content-Length: 24");
	assert_int_equal(curl("127.0.0.1", "", CHALLENGES "unknown"), 0);
	expect_file("head", "HTTP/1.1 404 ");
	assert_int_equal(curl("127.0.0.1", "--path-as-is",
	    CHALLENGES "../" TOKEN), 0);
	expect_file("head", "HTTP/1.1 404 ");
	assert_int_equal(curl("127.0.0.1", "-d x", CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 405 ");
	assert_int_equal(curl("127.0.0.1", "-H \"X: $(printf %05000d 1)\"",
	    CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 431 ");
}

static void
curl_gets_it_by_ipv6(void **state)
{
	(void)state;
	assert_int_equal(curl("[::1]", "", CHALLENGES TOKEN), 0);
	expect_file("head", "HTTP/1.1 200 OK\r\n");
	expect_file("body", ANSWER);
}

/* A hundred silent visitors do not keep the CA out. */
static void
silence_makes_room(void **state)
{
	int silent[100];

	(void)state;
	for (unsigned i = 0; i < nitems(silent); i++) {
		silent[i] = dial(core.port);
		assert_true(silent[i] >= 0);
	}
	assert_int_equal(curl("127.0.0.1", "", CHALLENGES TOKEN), 0);
	expect_file("body", ANSWER);
	for (unsigned i = 0; i < nitems(silent); i++)
		close(silent[i]);
}

/* Ten seconds are enough for anybody. */
static void
slowness_ends(void **state)
{
	int64_t began = clock_monotonic_us();
	int fd = dial(core.port);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	(void)state;
	while (clock_monotonic_us() - began < 15000000) {
		if (write(fd, "G", 1) != 1 || poll(&p, 1, 1000) != 0)
			break;
	}
	assert_true(read(fd, &c, 1) <= 0);
	assert_in_range(clock_monotonic_us() - began, 9000000, 12000000);
	close(fd);
}

/* ---- the world ---- */

static void
make_certificates(void)
{
	const char *d = world.folder;

	assert_int_equal(run("cd %s && exec 2>openssl.log && "
	    "for n in ca other; do openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout $n.key -out $n.pem "
	    "-days 2 -subj /CN=$n; done && openssl req -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout server.key -out "
	    "server.csr -subj /CN=localhost && printf "
	    "'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >ext && openssl "
	    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key "
	    "-set_serial 7 -days 2 -extfile ext -out server.pem", d), 0);
	snprintf(world.trust, sizeof(world.trust), "%s/ca.pem", d);
}

/* No program of the broker may read it; curl does, and fails. */
static void
make_openssl_configuration(void)
{
	static const char text[] = "openssl_conf = a\n[a]\nproviders = b\n"
	    "[b]\nnull = c\n[c]\nactivate = 1\n";
	struct fault why;

	snprintf(world.openssl, sizeof(world.openssl), "%s/openssl.cnf",
	    world.folder);
	assert_int_equal(write_file(world.openssl, text, strlen(text), 0600,
	    &why), OK);
	assert_int_equal(run("curl -s --cacert %s https://localhost:%u/dir "
	    ">/dev/null", world.trust, world.pebble_port), 0);
	assert_int_not_equal(run("OPENSSL_CONF=%s curl -s --cacert %s "
	    "https://localhost:%u/dir >/dev/null", world.openssl,
	    world.trust, world.pebble_port), 0);
}

static void
start_pebble(void)
{
	static const char *const env[] = { "PEBBLE_VA_NOSLEEP", "1",
		"PEBBLE_VA_ALWAYS_VALID", "1", "PEBBLE_WFE_NONCEREJECT", "50",
		"PEBBLE_ALTERNATE_ROOTS", "1", "PEBBLE_AUTHZREUSE", "0",
		NULL };
	char path[128], text[1024];
	char *argv[] = { (char *)"pebble", (char *)"-config", path, NULL };
	struct fault why;

	world.pebble_port = free_port();
	snprintf(text, sizeof(text), "{\"pebble\":{\"listenAddress\":"
	    "\"127.0.0.1:%u\",\"managementListenAddress\":\"127.0.0.1:%u\","
	    "\"certificate\":\"%s/server.pem\",\"privateKey\":"
	    "\"%s/server.key\",\"httpPort\":%u,\"tlsPort\":%u}}",
	    world.pebble_port, free_port(), world.folder, world.folder,
	    free_port(), free_port());
	snprintf(path, sizeof(path), "%s/pebble.json", world.folder);
	assert_int_equal(write_file(path, text, strlen(text), 0600, &why),
	    OK);
	world.pebble = start(argv, env, NULL, 0, "pebble.log");
	wait_for_port(world.pebble_port);
}

static void
start_raw_fake(void)
{
	char port[8], cert[128], key[128], folder[128];
	char *argv[] = { world.raw, port, cert, key, folder, NULL };

	world.raw_port = free_port();
	snprintf(port, sizeof(port), "%u", world.raw_port);
	snprintf(cert, sizeof(cert), "%s/server.pem", world.folder);
	snprintf(key, sizeof(key), "%s/server.key", world.folder);
	snprintf(folder, sizeof(folder), "%s/raw", world.folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	world.raw_fake = start(argv, NULL, NULL, 0, "raw.log");
	wait_for_port(world.raw_port);
}

static int
make_world(void **state)
{
	(void)state;
	strcpy(world.folder, "/tmp/issuer-test.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	core.key = new_key();
	make_certificates();
	start_pebble();
	make_openssl_configuration();
	start_raw_fake();
	return 0;
}

static int
end_world(void **state)
{
	(void)state;
	finish(world.pebble);
	finish(world.raw_fake);
	EVP_PKEY_free(core.key);
	free(core.result);
	free(core.next);
	if (getenv("KEEP") == NULL)
		return run("rm -rf %s", world.folder);
	print_message("see %s\n", world.folder);
	return 0;
}

/* The programs are beside us in the build's folder. */
static void
find_programs(void)
{
	const char *build = getenv("BUILD");
	char own[256] = "";

	if (build == NULL) {
		ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

		for (int i = 0; i < 3 && n > 0; i++)
			*strrchr(own, '/') = '\0';
		build = own;
	}
	snprintf(world.issuer, sizeof(world.issuer), "%s/keybroker-issuer",
	    build);
	snprintf(world.raw, sizeof(world.raw), "%s/tests/integration/raw_fake",
	    build);
}

#define WITH_ISSUER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ISSUER(a_certificate_comes_out_of_pebble),
		WITH_ISSUER(a_step_after_a_restart_finds_its_nonce),
		WITH_ISSUER(a_refusal_of_pebble_is_a_problem),
		WITH_ISSUER(another_root_is_not_trusted),
		WITH_ISSUER(nobody_listens),
		WITH_ISSUER(strange_directories),
		WITH_ISSUER(answers_are_bounded),
		WITH_ISSUER(a_signed_request_leaves_once),
		WITH_ISSUER(no_nonce_no_request),
		WITH_ISSUER(bad_nonces_end),
		WITH_ISSUER(an_order_needs_its_location),
		WITH_ISSUER(the_core_may_say_no),
		WITH_ISSUER(curl_gets_the_key_authorization),
		cmocka_unit_test_setup_teardown(curl_gets_it_by_ipv6,
		    setup_v6, teardown),
		WITH_ISSUER(silence_makes_room),
		WITH_ISSUER(slowness_ends),
	};

	if (run("command -v pebble curl openssl >/dev/null") != 0) {
		puts("skipped: pebble, curl or openssl is not installed");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	find_programs();
	return cmocka_run_group_tests(tests, make_world, end_world);
}
