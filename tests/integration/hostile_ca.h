/*
 * The network behind a hostile issuer: what it says to the core on a channel
 * of hostile_world.h, as an honest CA would or twisted, and orders to say it
 * about.
 */
#ifndef TESTS_HOSTILE_CA_H
#define TESTS_HOSTILE_CA_H

#include "hostile_world.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/crypto.h"

#define CA "https://ca.test"
#define NONCE "bm9uY2U"

struct task {
	int64_t id; /* 0: there was none */
	char step[32];
	char url[4096];
};

/* What the CA of this test knows. */
static struct {
	X509 *root;
	EVP_PKEY *root_key;
	EVP_PKEY *wanted; /* public key of the last CSR */
	size_t signatures;
} ca;

/* ------------------------------------------------------------ the channel */

static inline struct answer
say(int fd, const char *path, const char *fmt, ...)
{
	struct answer a;
	char *body;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&body, fmt, ap) < 0)
		abort();
	va_end(ap);
	a = world_ask(fd, "POST", path, body);
	free(body);
	return a;
}

static inline int
say_status(int fd, const char *path, const char *body)
{
	struct answer a = world_ask(fd, "POST", path, body);
	int status = a.status;

	answer_free(&a);
	return status;
}

static inline struct task
next_task(int fd, int wait_ms)
{
	struct answer a = say(fd, "/issuer/next", "{\"wait\":%d}", wait_ms);
	struct task t = { .id = 0 };
	const char *url;

	assert_int_equal(a.status, 200);
	if (json_get_int(a.json, "task", &t.id)) {
		url = json_get_string(a.json, "url");
		snprintf(t.step, sizeof(t.step), "%s",
		    json_get_string(a.json, "step"));
		snprintf(t.url, sizeof(t.url), "%s", url != NULL ? url : "");
	}
	answer_free(&a);
	return t;
}

/* Decodes one part of a JWS as JSON; NULL when it is empty. */
static inline struct json *
part(const struct json *jws, const char *name)
{
	const char *text = json_get_string(jws, name);
	struct fault why;
	struct json *v;
	struct buf b;

	assert_non_null(text);
	buf_init(&b, 100000);
	assert_true(b64_get(&b, text, strlen(text)));
	if (b.len == 0)
		return NULL;
	v = json_parse(buf_str(&b), b.len, &why);
	assert_non_null(v);
	buf_free(&b);
	return v;
}

/* Asks for the JWS of a step; 0 or the refusal's status. */
static inline int
sign_status(int fd, int64_t id, const char *url, const char *nonce)
{
	struct answer a = say(fd, "/issuer/jws",
	    "{\"task\":%lld,\"url\":\"%s\",\"nonce\":\"%s\"}", (long long)id,
	    url, nonce);
	int status = a.status;

	ca.signatures += status == 200;
	answer_free(&a);
	return status;
}

static inline void
keep_csr(const struct json *payload)
{
	const char *text = json_get_string(payload, "csr");
	const unsigned char *p;
	X509_REQ *csr;
	struct buf b;

	if (text == NULL)
		return;
	buf_init(&b, 100000);
	assert_true(b64_get(&b, text, strlen(text)));
	p = b.data;
	csr = d2i_X509_REQ(NULL, &p, (long)b.len);
	assert_non_null(csr);
	EVP_PKEY_free(ca.wanted);
	ca.wanted = X509_REQ_get_pubkey(csr);
	X509_REQ_free(csr);
	buf_free(&b);
}

/* The approved JWS of a task: it says what the task says and no more. */
static inline void
sign_task(int fd, const struct task *t)
{
	struct answer a = say(fd, "/issuer/jws", "{\"task\":%lld,\"url\":"
	    "\"%s\",\"nonce\":\"" NONCE "\"}", (long long)t->id, t->url);
	struct json *header, *payload;
	bool newcomer = strstr(t->step, "account") != NULL;

	assert_int_equal(a.status, 200);
	assert_int_equal(json_count(a.json), 3);
	header = part(a.json, "protected");
	payload = part(a.json, "payload");
	assert_int_equal(json_count(header), 4);
	assert_string_equal(json_get_string(header, "url"), t->url);
	assert_string_equal(json_get_string(header, "nonce"), NONCE);
	assert_non_null(json_get(header, newcomer ? "jwk" : "kid"));
	if (strcmp(t->step, "new-order") == 0)
		assert_non_null(json_get(payload, "identifiers"));
	else if (strcmp(t->step, "finalize") == 0)
		keep_csr(payload);
	else if (strcmp(t->step, "answer-challenge") == 0)
		assert_int_equal(json_count(payload), 0);
	else if (!newcomer)
		assert_null(payload);
	ca.signatures++;
	json_free(header);
	json_free(payload);
	answer_free(&a);
}

/* -------------------------------------------------------- the CA behind it */

static inline EVP_PKEY *
new_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static inline void
sign_x509(X509 *x, const X509 *issuer, EVP_PKEY *key, const char *san)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1000 + rand() % 100000);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, san != NULL ? NID_subject_alt_name :
	    NID_basic_constraints, san != NULL ? san : "critical,CA:TRUE");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
}

static inline void
make_root(void)
{
	X509_NAME *name;

	ca.root_key = new_key();
	ca.root = X509_new();
	name = X509_get_subject_name(ca.root);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"hostile root", -1, -1, 0);
	X509_set_pubkey(ca.root, ca.root_key);
	sign_x509(ca.root, ca.root, ca.root_key, NULL);
}

/* Facts of a download: leaf for key and names, and the root. */
static inline char *
chain(EVP_PKEY *key, const char *san)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *leaf = X509_new();
	struct json_writer w;
	struct buf b;
	char *pem;
	long n;

	X509_set_pubkey(leaf, key);
	sign_x509(leaf, ca.root, ca.root_key, san);
	PEM_write_bio_X509(bio, leaf);
	PEM_write_bio_X509(bio, ca.root);
	n = BIO_get_mem_data(bio, &pem);
	buf_init(&b, 100000);
	json_write_start(&w, &b);
	json_open_object(&w, NULL);
	json_put_stringn(&w, "pem", pem, (size_t)n);
	json_open_array(&w, "alternates");
	json_close_array(&w);
	json_close_object(&w);
	X509_free(leaf);
	BIO_free(bio);
	return (char *)buf_take(&b, NULL);
}

#define OK_FACTS "\"outcome\":\"ok\",\"status\":200,\"facts\":"
#define FINALIZE "\"finalize\":\"" CA "/finalize\""

/* Members of the report of a good CA, for the certificate of one name. */
static inline char *
honest(const struct task *t, const char *san)
{
	static const struct {
		const char *step, *members;
	} table[] = {
		{ "directory", OK_FACTS "{\"newNonce\":\"" CA "/nonce\","
		    "\"newAccount\":\"" CA "/account\",\"newOrder\":\"" CA
		    "/new-order\"}" },
		{ "find-account", "\"outcome\":\"problem\",\"status\":400,"
		    "\"problem\":{\"type\":\"urn:ietf:params:acme:error:"
		    "accountDoesNotExist\"}" },
		{ "new-account", OK_FACTS "{\"status\":\"valid\"},"
		    "\"location\":\"" CA "/account/1\"" },
		{ "new-order", OK_FACTS "{\"status\":\"ready\"," FINALIZE
		    "},\"location\":\"" CA "/order/1\"" },
		{ "get-order", OK_FACTS "{\"status\":\"ready\"," FINALIZE
		    "}" },
		{ "finalize", OK_FACTS "{\"status\":\"valid\","
		    "\"certificate\":\"" CA "/certificate\"}" },
		{ "look", "\"outcome\":\"problem\",\"status\":404,"
		    "\"problem\":{\"type\":\"urn:ietf:params:acme:error:"
		    "malformed\"}" },
	};
	char *facts, *text;

	for (size_t i = 0; i < nitems(table); i++)
		if (strcmp(table[i].step, t->step) == 0)
			return xstrdup(table[i].members);
	assert_string_equal(t->step, "download");
	facts = chain(ca.wanted, san);
	text = xasprintf(OK_FACTS "%s", facts);
	free(facts);
	return text;
}

/* Replaces the report of a step: owned members, or NULL for the honest. */
typedef char *twist_fn(const struct task *t);

static twist_fn *twist;
static const char *twist_step, *twist_with;

static inline char *
twist_one(const struct task *t)
{
	return strcmp(t->step, twist_step) == 0 ? xstrdup(twist_with) : NULL;
}

/* Does one task if there is one within wait_ms. */
static inline bool
work(int fd, int wait_ms, const char *san)
{
	struct task t = next_task(fd, wait_ms);
	char *members = NULL;
	struct answer a;

	if (t.id == 0)
		return false;
	if (strcmp(t.step, "directory") != 0)
		sign_task(fd, &t);
	if (twist != NULL)
		members = twist(&t);
	if (members == NULL)
		members = honest(&t, san);
	a = say(fd, "/issuer/result", "{\"task\":%lld,%s}", (long long)t.id,
	    members);
	assert_in_range(a.status, 200, 499);
	answer_free(&a);
	free(members);
	return true;
}

/* ----------------------------------------------------------------- orders */

static char ended[64], reason[4096];

static inline int64_t
order_again(const char *name)
{
	char *path = xasprintf("/v1/certificates/%s/orders", name);
	struct answer a = world_api("POST", path, "{}");
	int64_t id = 0;

	assert_int_equal(a.status, 202);
	json_get_int(a.json, "id", &id);
	answer_free(&a);
	free(path);
	return id;
}

/* Declares a certificate and orders it; gives the order's id. */
static inline int64_t
order(const char *name, const char *account)
{
	char *path = xasprintf("/v1/certificates/%s", name);
	char *body = xasprintf("{\"account\":\"%s\",\"names\":["
	    "\"%s.example.org\"]}", account, name);
	struct answer a = world_api("PUT", path, body);

	assert_in_range(a.status, 200, 201);
	answer_free(&a);
	free(path);
	free(body);
	return order_again(name);
}

/* Looks at an order; true when it has ended, with state and error kept. */
static inline bool
has_ended(int64_t id)
{
	char *path = xasprintf("/v1/orders/%lld", (long long)id);
	struct answer a = world_api("GET", path, "");
	const char *error = json_get_string(a.json, "error");
	bool end = false;

	assert_int_equal(a.status, 200);
	json_get_bool(a.json, "ended", &end);
	snprintf(ended, sizeof(ended), "%s",
	    json_get_string(a.json, "state"));
	snprintf(reason, sizeof(reason), "%s", error != NULL ? error : "");
	answer_free(&a);
	free(path);
	return end;
}

/* Works until an order has ended, or fails after so many seconds. */
static inline void
finish(int64_t id, const char *san, int seconds)
{
	int64_t end = clock_now() + seconds;

	while (!has_ended(id)) {
		if (clock_now() > end)
			fail_msg("order %lld is %s after %d s: %s",
			    (long long)id, ended, seconds, reason);
		work(world.channel[1], 50, san);
	}
}

#endif
