/* JWS for clients: what is signed, what is not, and the line about it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../broker/base/b64.h"
#include "small_core.h"

static struct outcome_of
sign(uint32_t uid, const char *account, const char *url, const char *nonce)
{
	char *body = xasprintf("{\"url\":\"%s\",\"nonce\":\"%s\"}", url,
	    nonce);
	struct outcome_of o = ask(uid, handle_account_jws, account, body);

	free(body);
	return o;
}

static void
expect(struct outcome_of o, enum err err, const char *words)
{
	assert_int_equal(o.err, err);
	if (words != NULL)
		assert_non_null(strstr(o.why.text, words));
	assert_string_equal(o.text, "");
	outcome_free(&o);
}

/* Verifies with OpenSSL what the reply holds, and gives the header. */
static struct json *
verified_header(const struct json *jws, struct buf *input)
{
	const char *header = json_get_string(jws, "protected");
	const char *signature = json_get_string(jws, "signature");
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct json *parsed;
	struct fault why;
	struct buf raw;
	EVP_PKEY *key;
	size_t n;

	buf_init(&raw, 10000);
	buf_putf(input, "%s.", header);
	assert_string_equal(json_get_string(jws, "payload"), "");
	assert_int_equal(keys_public(core.keys, "account-main", spki, &n,
	    &type, &why), OK);
	key = spki_read(spki, n, &why);
	assert_true(b64_get(&raw, signature, strlen(signature)));
	assert_int_equal(signature_verify(key, ALG_ES256, input->data,
	    input->len, raw.data, raw.len, &why), OK);
	EVP_PKEY_free(key);
	buf_reset(&raw);
	assert_true(b64_get(&raw, header, strlen(header)));
	parsed = json_parse(buf_str(&raw), raw.len, &why);
	buf_free(&raw);
	return parsed;
}

static void
expect_line(const struct buf *input)
{
	char hex[2 * SHA256_SIZE + 1];
	unsigned char digest[SHA256_SIZE];
	struct json *line = last_decision();
	int64_t n = 0;

	sha256(digest, input->data, input->len);
	hex_encode(hex, digest, sizeof(digest));
	assert_string_equal(json_get_string(line, "operation"), "acme.read");
	assert_string_equal(json_get_string(line, "decision"), "allow");
	assert_string_equal(json_get_string(line, "account"), "main");
	assert_string_equal(json_get_string(line, "ca"), "ca");
	assert_string_equal(json_get_string(line, "url"),
	    "https://ca.test/account/1");
	assert_true(json_get_int(line, "nonceLength", &n) && n == 3);
	assert_string_equal(json_get_string(line, "key"), "account-main");
	assert_string_equal(json_get_string(line, "alg"), "ES256");
	assert_string_equal(json_get_string(line, "inputSha256"), hex);
	assert_int_equal(strlen(json_get_string(line, "keyId")), 64);
	assert_true(json_get_int(line, "tokenUs", &n) && n == 47);
	assert_true(json_get_int(line, "queueUs", &n));
	assert_true(json_get_int(line, "verifyUs", &n));
	json_free(line);
}

static void
test_post_as_get(void **state)
{
	struct outcome_of o = sign(UID_OPS, "main", "https://ca.test/account/1",
	    "n-1");
	struct json *header;
	struct buf input;

	(void)state;
	assert_int_equal(o.err, OK);
	assert_int_equal(json_count(o.json), 3);
	buf_init(&input, 10000);
	header = verified_header(o.json, &input);
	assert_int_equal(json_count(header), 4);
	assert_string_equal(json_get_string(header, "alg"), "ES256");
	assert_string_equal(json_get_string(header, "kid"),
	    "https://ca.test/account/1");
	assert_string_equal(json_get_string(header, "nonce"), "n-1");
	assert_string_equal(json_get_string(header, "url"),
	    "https://ca.test/account/1");
	expect_line(&input);
	json_free(header);
	buf_free(&input);
	outcome_free(&o);
}

static void
test_urls(void **state)
{
	static const struct {
		const char *url;
		enum err err;
	} bad[] = {
		{ "", ERR_SYNTAX },
		{ "http://ca.test/order/1", ERR_SYNTAX },
		{ "HTTPS://ca.test/order/1", ERR_SYNTAX },
		{ "https://", ERR_SYNTAX },
		{ "https:///order", ERR_SYNTAX },
		{ "https://u@ca.test/order/1", ERR_SYNTAX },
		{ "https://u:p@ca.test/order/1", ERR_SYNTAX },
		{ "https://ca.test/order/1#x", ERR_SYNTAX },
		{ "https://ca.test/ord er", ERR_SYNTAX },
		{ "https://ca.test/\\u00e9", ERR_SYNTAX },
		{ "https://ca.test/\\u007f", ERR_SYNTAX },
		{ "https://ca.test\\\\@evil.test/", ERR_SYNTAX },
		{ "https://evil.test/order/1", ERR_DENIED },
		{ "https://ca.test.evil.test/order/1", ERR_DENIED },
		{ "https://ca.test:444/order/1", ERR_DENIED },
		{ "https://ca.tes/order/1", ERR_DENIED },
	};
	unsigned before = small_box.signatures;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		expect(sign(UID_OPS, "main", bad[i].url, "n"), bad[i].err,
		    "url");
	assert_int_equal(small_box.signatures, before);
}

static void
test_long_url(void **state)
{
	char url[STORE_URL + 1] = "https://ca.test/";

	(void)state;
	memset(url + 16, 'a', sizeof(url) - 17);
	expect(sign(UID_OPS, "main", url, "n"), ERR_SYNTAX, "url");
}

static void
test_nonces(void **state)
{
	static const char *const bad[] = { "", "a b", "a=", "a+b", "a/b",
		"a.b", "\\u00e9", "\\n" };
	char nonce[258];
	struct outcome_of o;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		expect(sign(UID_OPS, "main", "https://ca.test/account/1",
			   bad[i]), ERR_SYNTAX, "nonce");
	memset(nonce, 'a', sizeof(nonce));
	nonce[257] = '\0';
	expect(sign(UID_OPS, "main", "https://ca.test/account/1", nonce),
	    ERR_SYNTAX, "nonce");
	nonce[256] = '\0';
	o = sign(UID_OPS, "main", "https://ca.test/account/1", nonce);
	assert_int_equal(o.err, OK);
	outcome_free(&o);
}

/* No payload is POST-as-GET, and an empty one is none. */
static void
test_payload(void **state)
{
	(void)state;
	expect(ask(UID_OPS, handle_account_jws, "main",
	    "{\"url\":\"https://ca.test/account/1\",\"nonce\":\"n\","
	    "\"payload\":\"\"}"), ERR_SYNTAX, "payload");
	expect(ask(UID_OPS, handle_account_jws, "main",
	    "{\"url\":\"https://ca.test/account/1\",\"nonce\":\"n\","
	    "\"payload\":null}"), ERR_SYNTAX, "payload");
	expect(ask(UID_OPS, handle_account_jws, "main",
	    "{\"url\":\"https://ca.test/account/1\"}"), ERR_SYNTAX, "nonce");
}

static void
expect_last(const char *decision, const char *error)
{
	struct json *line = last_decision();

	assert_string_equal(json_get_string(line, "operation"), "acme.read");
	assert_string_equal(json_get_string(line, "decision"), decision);
	if (error != NULL)
		assert_string_equal(json_get_string(line, "error"), error);
	json_free(line);
}

static void
test_refused(void **state)
{
	(void)state;
	expect(sign(UID_WEB, "main", "https://ca.test/account/1", "n"),
	    ERR_DENIED, NULL);
	expect_last("deny", NULL);
	expect(sign(UID_OPS, "main", "https://evil.test/1", "n"), ERR_DENIED,
	    NULL);
	expect_last("deny", "denied");
	expect(sign(UID_OPS, "none", "https://ca.test/account/1", "n"),
	    ERR_NOT_FOUND, "none");
	expect_last("allow", "not-found");
	expect(sign(UID_OPS, "fresh", "https://ca.test/account/1", "n"),
	    ERR_CONFLICT, "fresh");
	expect_last("allow", "conflict");
}

/* A token that signs wrongly is found out, and nothing leaves. */
static void
test_wrong_signature(void **state)
{
	(void)state;
	small_box.corrupt = true;
	expect(sign(UID_OPS, "main", "https://ca.test/account/1", "n"),
	    ERR_SIGNATURE, NULL);
	expect_last("allow", "bad-signature");
	small_box.corrupt = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post_as_get),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_long_url),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wrong_signature),
	};

	return cmocka_run_group_tests(tests, small_open, small_close);
}
