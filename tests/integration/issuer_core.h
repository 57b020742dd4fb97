/*
 * The core as an issuer sees it, played by threads of a test: one task at a
 * time, JWS with a software key, and the report that comes back.  Each test
 * case has an issuer of its own.
 */
#ifndef TEST_ISSUER_CORE_H
#define TEST_ISSUER_CORE_H

#include "issuer_world.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <time.h>

#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/crypto.h"
#include "../../broker/issuer/protocol.h"

#define CHANNELS     3 /* the responder's and two workers' */
#define STEP_SECONDS 60
#define TIMEOUT	     (getenv("UNDER") != NULL ? 25 : 5) /* see tests/run */
#define TOKEN	     "known-Token_1"
#define ANSWER	     TOKEN ".thumbprint"

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

static inline void
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

static inline void
reply_problem(int fd, unsigned status, const char *word)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"type\":\"urn:keybroker:error:%s\","
	    "\"title\":\"x\",\"status\":%u,\"detail\":\"as the test wants\"}",
	    word, status);
	reply(fd, status, body);
}

static inline void
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

static inline void
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

static inline char *
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

static inline char *
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

static inline void
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

static inline void
serve_challenge(int fd, const struct json *body)
{
	const char *token = json_get_string(body, "token");

	if (token != NULL && strcmp(token, TOKEN) == 0)
		reply(fd, 200, "{\"keyAuthorization\":\"" ANSWER "\"}");
	else
		reply_problem(fd, 404, "not-found");
}

static inline void
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
static inline void *
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

static inline void
start_issuer(int family)
{
	int pair[2], fds[ISSUER_WORKER_FD - PARENT_FD + CHANNELS - 1];
	char *argv[] = { world.issuer, (char *)"--workers", (char *)"2",
		(char *)"--http", (char *)"--trust", world.trust,
		(char *)"--trust", world.other, NULL };
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
	fds[ISSUER_SANDBOX_FD - PARENT_FD] = fcntl(listener, F_DUPFD_CLOEXEC,
	    200);
	close(listener);
	for (unsigned i = 0; i < CHANNELS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_CLOEXEC, 0, pair), 0);
		fds[i == 0 ? 0 : ISSUER_WORKER_FD - PARENT_FD + i - 1] =
		    fcntl(pair[1], F_DUPFD_CLOEXEC, 200);
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

static inline int
setup(void **state)
{
	(void)state;
	core.kid[0] = '\0';
	start_issuer(AF_INET);
	return 0;
}

/* The core goes away; the issuer must then end by itself, and well. */
static inline int
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

static inline void
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
	    "\"timeout\":%d}%s%s%s}", (long long)core.task, step, directory,
	    world.trust, TIMEOUT, url != NULL ? ",\"url\":\"" : "",
	    url != NULL ? url : "", url != NULL ? "\"" : "");
	pthread_cond_broadcast(&core.changed);
	pthread_mutex_unlock(&core.lock);
}

/* The parsed report, owned; NULL when none came in time. */
static inline struct json *
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

static inline struct json *
step(const char *word, const char *directory, const char *url,
    const char *payload)
{
	struct json *v;

	give_task(word, directory, url, payload);
	v = take_result(STEP_SECONDS);
	assert_non_null(v);
	return v;
}

static inline bool
is_bad_nonce(const struct json *v)
{
	const char *type = json_get_string(json_get(v, "problem"), "type");

	return type != NULL && strstr(type, "badNonce") != NULL;
}

static inline const char *
fact(const struct json *v, const char *name)
{
	const char *s = json_get_string(json_get(v, "facts"), name);

	if (s == NULL)
		fail_msg("no %s in %s", name, core.result);
	return s;
}

static inline void
expect_word(const struct json *v, const char *name, const char *word)
{
	const char *s = json_get_string(v, name);

	if (s == NULL || strcmp(s, word) != 0)
		fail_msg("%s is not %s in %s", name, word, core.result);
}

static inline void
expect_sent(const struct json *v, bool sent)
{
	bool told = !sent;

	expect_word(v, "outcome", "network");
	assert_true(json_get_bool(v, "sent", &told));
	assert_int_equal(told, sent);
	assert_non_null(json_get_string(v, "detail"));
}

static inline EVP_PKEY *
new_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static inline void
core_free(void)
{
	EVP_PKEY_free(core.key);
	free(core.result);
	free(core.next);
}

#define WITH_ISSUER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
