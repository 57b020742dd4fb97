/*
 * keybroker-issuer between a core that is played here and Pebble as the CA,
 * which refuses every second nonce.
 */
#include "issuer_core.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

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

/* Downloads until a nonce was refused, which is soon: then there were more
 * signatures than signed steps. */
static void
meet_a_bad_nonce(const char *certificate, unsigned signatures, int64_t tasks)
{
	for (int i = 0; i < 40; i++) {
		if (core.signatures - signatures > core.task - tasks)
			return;
		json_free(pebble_step("download", certificate, NULL));
	}
	fail_msg("Pebble refused no nonce");
}

static void
a_certificate_comes_out_of_pebble(void **state)
{
	EVP_PKEY *key = new_key();
	struct json *directory, *v;
	char *certificate;
	unsigned signatures = core.signatures;
	int64_t tasks;

	(void)state;
	directory = pebble_step("directory", NULL, NULL);
	tasks = core.task;
	register_account(directory);
	certificate = order_certificate(directory, key);
	v = pebble_step("download", certificate, NULL);
	expect_chain(fact(v, "pem"), key);
	assert_true(json_count(json_get(json_get(v, "facts"), "alternates"))
	    >= 1);
	json_free(v);
	meet_a_bad_nonce(certificate, signatures, tasks);
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
	strcpy(world.trust, world.other);
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

static int
begin(void **state)
{
	(void)state;
	world_begin();
	core.key = new_key();
	start_pebble();
	make_openssl_configuration();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	core_free();
	return world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ISSUER(a_certificate_comes_out_of_pebble),
		WITH_ISSUER(a_step_after_a_restart_finds_its_nonce),
		WITH_ISSUER(a_refusal_of_pebble_is_a_problem),
		WITH_ISSUER(another_root_is_not_trusted),
		WITH_ISSUER(nobody_listens),
	};

	if (!have_programs("pebble curl openssl")) {
		puts("skipped: pebble, curl or openssl is not installed");
		return 77;
	}
	return cmocka_run_group_tests(tests, begin, end);
}
