/*
 * Clients of all kinds at once, for a broker whose processes are being
 * killed: each request gets an answer, each answer is right or an honest
 * error, and what failed succeeds when it is asked again.
 *
 * clients_fake SOCKET SECONDS CONFIGURATION URL
 *
 * Prints what was done; exit code 1 and the reason at the first request that
 * was lost, answered wrongly or not healed in time.
 */
#include <fcntl.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../api/client.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/crypto.h"
#include "../integration/oracle.h"

#define ANSWER_MS   60000 /* for an answer of any kind */
#define HEAL_US	    90000000 /* until an honest error must be over */
#define ORDER_US    300000000 /* until an order must have ended */
#define PATH_SIZE   128
#define CONFIG_SIZE 65536

static const char *path_of_socket, *account; /* its URL */
static int64_t end;
static char config[CONFIG_SIZE];
static unsigned char spki[SPKI_MAX];
static size_t spkilen;
static atomic_bool failed;
static atomic_ulong requests, errors, signatures, issued, unissued, keys;
static atomic_long healed_us; /* the longest */
static atomic_ulong by_status[600];

struct worker {
	pthread_t thread;
	void (*act)(struct worker *);
	unsigned number, turn, seed;
	unsigned pause; /* microseconds between two acts */
	struct client *client;
};

static void
complain(const char *what, const char *path, const char *more)
{
	if (!atomic_exchange(&failed, true))
		fprintf(stderr, "clients: %s: %s: %s\n", path, what, more);
}

static bool
going(void)
{
	return !atomic_load(&failed) && clock_monotonic_us() < end;
}

/* ----------------------------------------------------------------- asking */

/* What a broker may say when a part of it is gone: a problem document. */
static bool
honest(unsigned status, const struct fault *why)
{
	return (status == 429 || status == 502 || status == 503 ||
	    status == 504) && why->code != ERR_INTERNAL &&
	    why->text[0] != '\0';
}

static void
note_healing(int64_t since)
{
	long us = (long)(clock_monotonic_us() - since);
	long most = atomic_load(&healed_us);

	while (us > most &&
	    !atomic_compare_exchange_weak(&healed_us, &most, us))
		continue;
}

/* Asks until it is done.  One that was asked again may have been done before,
 * which 404 or 409 then say.  False when the test has failed. */
static bool
ask(struct worker *w, const char *method, const char *path, const char *body,
    struct client_reply *r)
{
	int64_t begin = clock_monotonic_us();
	struct fault why = { .code = OK };

	for (unsigned n = 0; !atomic_load(&failed); n++) {
		(void)client_call(w->client, method, path, body,
		    body != NULL ? strlen(body) : 0, ANSWER_MS, r, &why);
		atomic_fetch_add(&requests, 1);
		atomic_fetch_add(&by_status[r->status % 600], 1);
		if (r->status / 100 == 2 || (n > 0 &&
			(r->status == 404 || r->status == 409))) {
			if (n > 0)
				note_healing(begin);
			return true;
		}
		atomic_fetch_add(&errors, 1);
		if (r->status == 0)
			complain("lost", path, why.text);
		else if (!honest(r->status, &why))
			complain("a wrong answer", path, why.text);
		else if (clock_monotonic_us() - begin > HEAL_US)
			complain("not healed", path, why.text);
		client_reply_free(r);
		usleep(200000);
	}
	return false;
}

/* The same when nobody wants to know the answer. */
static bool
do_(struct worker *w, const char *method, const char *path, const char *body)
{
	struct client_reply r;
	bool done = ask(w, method, path, body, &r);

	if (done)
		client_reply_free(&r);
	return done;
}

/* -------------------------------------------------------------------- acts */

static void
sign_something(struct worker *w)
{
	struct client_reply r;
	const char *why;
	char body[512];

	snprintf(body, sizeof(body), "{\"url\":\"%s\",\"nonce\":"
	    "\"n%u-%u\"}", account, w->number, w->turn);
	if (!ask(w, "POST", "/v1/accounts/main/jws", body, &r))
		return;
	why = oracle_jws(r.json, (struct view){ spki, spkilen }, "^https://",
	    NULL);
	if (why != NULL)
		complain(why, "/v1/accounts/main/jws", r.text);
	atomic_fetch_add(&signatures, 1);
	client_reply_free(&r);
}

static void
look_around(struct worker *w)
{
	static const char *const paths[] = { "/v1/status", "/v1/keys",
		"/v1/certificates", "/v1/orders", "/v1/accounts",
		"/v1/tokens", "/v1/tokens/main", "/v1/accounts/main",
		"/v1/audit?limit=20", "/v1/keys/account-main" };

	do_(w, "GET", paths[w->turn % nitems(paths)], NULL);
}

static void
check_something(struct worker *w)
{
	struct json_writer writer;
	struct buf b;

	buf_init(&b, 2 * CONFIG_SIZE);
	json_write_start(&writer, &b);
	json_open_object(&writer, NULL);
	json_put_string(&writer, "text", config);
	json_close_object(&writer);
	do_(w, "POST", "/v1/configuration/check", buf_str(&b));
	do_(w, "POST", "/v1/policy/explain",
	    "{\"operation\":\"order.create\",\"certificate\":\"x\"}");
	buf_free(&b);
}

/* A key is made, retired and destroyed. */
static void
make_a_key(struct worker *w)
{
	char path[PATH_SIZE], body[256];

	snprintf(body, sizeof(body), "{\"name\":\"soak-%u.%u\",\"token\":"
	    "\"main\",\"type\":\"ec-p256\",\"purpose\":\"cert\"}", w->number,
	    w->turn);
	if (!do_(w, "POST", "/v1/keys", body))
		return;
	snprintf(path, sizeof(path), "/v1/keys/soak-%u.%u/retire", w->number,
	    w->turn);
	if (!do_(w, "POST", path, "{\"grace\":0}"))
		return;
	*strrchr(path, '/') = '\0';
	do_(w, "DELETE", path, NULL);
	atomic_fetch_add(&keys, 1);
}

/* Follows an order to its end; true when it was issued. */
static bool
follow(struct worker *w, int64_t id)
{
	int64_t begin = clock_monotonic_us();
	char path[PATH_SIZE];
	bool ended = false, good = false;

	snprintf(path, sizeof(path), "/v1/orders/%lld", (long long)id);
	while (!ended) {
		struct client_reply r;
		const char *state;

		if (!ask(w, "GET", path, NULL, &r))
			return false;
		json_get_bool(r.json, "ended", &ended);
		state = json_get_string(r.json, "state");
		good = state != NULL && strcmp(state, "issued") == 0;
		if (ended && !good &&
		    json_get_string(r.json, "error") == NULL)
			complain("failed without a reason", path, r.text);
		if (clock_monotonic_us() - begin > ORDER_US)
			complain("not ended", path, r.text);
		if (ended && !good)
			printf("clients: %s\n", r.text);
		client_reply_free(&r);
		usleep(300000);
	}
	return good;
}

/* A certificate is declared, ordered until it is there, read and given up. */
static void
get_a_certificate(struct worker *w)
{
	char path[PATH_SIZE], orders[PATH_SIZE + 8], body[256];
	struct client_reply r;
	bool good = false;
	int64_t id = 0;

	snprintf(path, sizeof(path), "/v1/certificates/c%u.%u", w->number,
	    w->turn);
	snprintf(orders, sizeof(orders), "%s/orders", path);
	snprintf(body, sizeof(body), "{\"account\":\"main\",\"names\":"
	    "[\"c%u-%u.example.org\"],\"keyType\":\"ec-p256\"}", w->number,
	    w->turn);
	if (!do_(w, "PUT", path, body))
		return;
	while (!good && going()) {
		if (!ask(w, "POST", orders, "{}", &r))
			return;
		json_get_int(r.json, "id", &id);
		client_reply_free(&r);
		good = follow(w, id);
		atomic_fetch_add(good ? &issued : &unissued, 1);
	}
	snprintf(orders, sizeof(orders), "%s/chain", path);
	if (good)
		do_(w, "GET", orders, NULL);
	do_(w, "DELETE", path, NULL);
}

/* Half a request, and gone. */
static void
be_rude(struct worker *w)
{
	static const char half[] = "POST /v1/accounts/main/jws HTTP/1.1\r\n"
	    "Host: x\r\nContent-Type: application/json\r\n"
	    "Content-Length: 100\r\n\r\n{\"url\":";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path_of_socket);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		(void)!send(fd, half, (size_t)rand_r(&w->seed) % sizeof(half),
		    MSG_NOSIGNAL);
	close(fd);
}

/* ------------------------------------------------------------------- start */

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct fault why;

	w->client = client_open(path_of_socket, &why);
	if (w->client == NULL) {
		complain("cannot connect", path_of_socket, why.text);
		return NULL;
	}
	for (; going(); w->turn++) {
		w->act(w);
		usleep(w->pause);
	}
	client_close(w->client);
	return NULL;
}

static void
learn(struct worker *w)
{
	unsigned char *p = spki;
	struct client_reply r;
	const char *pem;
	EVP_PKEY *key;
	BIO *bio;

	if (!ask(w, "GET", "/v1/keys/account-main", NULL, &r))
		exit(1);
	pem = json_get_string(r.json, "publicKey");
	bio = BIO_new_mem_buf(pem, -1);
	key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (key == NULL)
		exit(1);
	spkilen = (size_t)i2d_PUBKEY(key, &p);
	EVP_PKEY_free(key);
	BIO_free(bio);
	client_reply_free(&r);
}

static void
read_config(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, config, sizeof(config) - 1) <= 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static void
report(void)
{
	printf("%lu requests, %lu signatures, %lu certificates, %lu orders "
	    "that failed with a reason, %lu keys made and destroyed\n",
	    requests, signatures, issued, unissued, keys);
	printf("%lu honest errors, all healed, the longest within %.1f s:",
	    errors, (double)healed_us / 1e6);
	for (unsigned i = 0; i < nitems(by_status); i++)
		if (by_status[i] != 0)
			printf(" %u: %lu", i, by_status[i]);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	struct worker workers[] = {
		{ .act = sign_something, .pause = 20000 },
		{ .act = sign_something, .pause = 20000 },
		{ .act = sign_something, .pause = 20000 },
		{ .act = sign_something, .pause = 20000 },
		{ .act = look_around, .pause = 100000 },
		{ .act = look_around, .pause = 100000 },
		{ .act = check_something, .pause = 200000 },
		{ .act = make_a_key, .pause = 500000 },
		{ .act = get_a_certificate, .pause = 100000 },
		{ .act = get_a_certificate, .pause = 100000 },
		{ .act = get_a_certificate, .pause = 100000 },
		{ .act = be_rude, .pause = 100000 },
	};
	struct worker first = { .number = 99 };
	struct fault why;

	if (argc != 5) {
		fprintf(stderr, "usage: clients_fake SOCKET SECONDS "
		    "CONFIGURATION URL\n");
		return 2;
	}
	crypto_start();
	path_of_socket = argv[1];
	end = clock_monotonic_us() + atol(argv[2]) * 1000000;
	read_config(argv[3]);
	account = argv[4];
	first.client = client_open(path_of_socket, &why);
	if (first.client == NULL)
		return 1;
	learn(&first);
	client_close(first.client);
	for (unsigned i = 0; i < nitems(workers); i++) {
		workers[i].number = workers[i].seed = i;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < nitems(workers); i++)
		pthread_join(workers[i].thread, NULL);
	report();
	return atomic_load(&failed) ? 1 : 0;
}
