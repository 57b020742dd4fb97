/* JWK, JWS and CSR: vectors of the RFCs, and OpenSSL as the other reader. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/io.h"
#include "../../broker/base/log.h"
#include "../../broker/core/compose/compose.h"
#include "soft_lane.h"

static struct config_token token = { .name = (char *)"main", .lanes = 1,
	.deadline = 5, .generate_deadline = 60 };
static const struct config config = { .tokens = &token, .ntokens = 1 };

static char folder[64];
static struct store *store;
static struct lanes *lanes;
static struct keys *keys;
static struct soft_box box;
static struct soft_lane soft;
static struct fault why;

static int
setup(void **state)
{
	struct lane_token info;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(folder, sizeof(folder), "/tmp/compose_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	store = store_open(folder, &why);
	assert_non_null(store);
	soft_box_open(&box);
	lanes = lanes_new(&config, 16);
	keys = keys_new(store, lanes);
	soft_token_info(&info);
	lanes_up(lanes, "main", 0, soft_lane_start(&soft, &box, SOFT_WORK),
	    &info);
	return 0;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	keys_free(keys);
	lanes_free(lanes);
	pthread_join(soft.thread, NULL);
	store_close(store);
	soft_box_close(&box);
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

/* The RSA public key of RFC 7638 section 3.1. */
static size_t
rfc7638_key(unsigned char out[static SPKI_MAX])
{
	static const char modulus[] =
	    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86z"
	    "wu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5Js"
	    "GY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
	    "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
	    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
	    "Cur-kEgU8awapJzKnqDKgw";
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *n, *e = BN_new();
	EVP_PKEY *key = NULL;
	unsigned char *p = out;
	OSSL_PARAM *params;
	struct buf raw;
	int len;

	buf_init(&raw, 512);
	assert_true(b64_get(&raw, modulus, strlen(modulus)));
	n = BN_bin2bn(raw.data, (int)raw.len, NULL);
	BN_set_word(e, 65537);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_fromdata_init(ctx);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY,
	    params), 1);
	len = i2d_PUBKEY(key, &p);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	buf_free(&raw);
	return (size_t)len;
}

static void
test_rfc7638(void **state)
{
	unsigned char spki[SPKI_MAX];
	size_t n = rfc7638_key(spki);
	char *text = jwk_thumbprint(spki, n, &why);
	struct buf jwk;

	(void)state;
	assert_string_equal(text,
	    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	free(text);
	buf_init(&jwk, 1024);
	assert_int_equal(jwk_write(&jwk, spki, n, &why), OK);
	assert_memory_equal(jwk.data,
	    "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"0vx7", 33);
	buf_free(&jwk);
	text = key_authorization("tok-en_1", spki, n, &why);
	assert_string_equal(text,
	    "tok-en_1.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	free(text);
	assert_null(key_authorization("../etc", spki, n, &why));
	assert_int_equal(why.code, ERR_SYNTAX);
	assert_null(key_authorization("", spki, n, &why));
}

/* RFC 8037 appendix A.2 and A.3. */
static void
test_rfc8037(void **state)
{
	static const char x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
	unsigned char spki[SPKI_MAX], *p = spki;
	EVP_PKEY *key;
	struct buf raw, jwk;
	char *text;
	int n;

	(void)state;
	buf_init(&raw, 64);
	buf_init(&jwk, 256);
	assert_true(b64_get(&raw, x, strlen(x)));
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.data,
	    raw.len);
	n = i2d_PUBKEY(key, &p);
	EVP_PKEY_free(key);
	assert_int_equal(jwk_write(&jwk, spki, (size_t)n, &why), OK);
	assert_string_equal(buf_str(&jwk), "{\"crv\":\"Ed25519\",\"kty\":"
	    "\"OKP\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
	text = jwk_thumbprint(spki, (size_t)n, &why);
	assert_string_equal(text, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	free(text);
	buf_free(&raw);
	buf_free(&jwk);
}

static void
check_coordinate(const struct json *jwk, const char *name, EVP_PKEY *key,
    const char *param, size_t width)
{
	const char *text = json_get_string(jwk, name);
	BIGNUM *bn = NULL, *mine;
	struct buf raw;

	buf_init(&raw, 64);
	assert_non_null(text);
	assert_true(b64_get(&raw, text, strlen(text)));
	assert_int_equal(raw.len, width);
	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &bn), 1);
	mine = BN_bin2bn(raw.data, (int)raw.len, NULL);
	assert_int_equal(BN_cmp(bn, mine), 0);
	BN_free(bn);
	BN_free(mine);
	buf_free(&raw);
}

/* A coordinate with a leading zero byte keeps its width. */
static void
test_ec_width(void **state)
{
	unsigned zeros = 0;

	(void)state;
	for (unsigned i = 0; zeros < 2 && i < 20000; i++) {
		const char *group = i % 2 == 0 ? "P-256" : "P-384";
		size_t width = i % 2 == 0 ? 32 : 48;
		unsigned char spki[SPKI_MAX], *p = spki;
		EVP_PKEY *key = EVP_EC_gen(group);
		int n = i2d_PUBKEY(key, &p);
		struct json *root;
		struct buf jwk;

		/* the uncompressed point ends the SPKI */
		if (n > 0 && spki[(size_t)n - 2 * width] != 0 &&
		    spki[(size_t)n - width] != 0) {
			EVP_PKEY_free(key);
			continue;
		}
		zeros++;
		buf_init(&jwk, 1024);
		assert_int_equal(jwk_write(&jwk, spki, (size_t)n, &why), OK);
		root = json_parse(buf_str(&jwk), jwk.len, &why);
		assert_non_null(root);
		assert_string_equal(json_get_string(root, "crv"), group);
		check_coordinate(root, "x", key, OSSL_PKEY_PARAM_EC_PUB_X,
		    width);
		check_coordinate(root, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y,
		    width);
		json_free(root);
		buf_free(&jwk);
		EVP_PKEY_free(key);
	}
	assert_int_equal(zeros, 2);
}

static void
test_dns01(void **state)
{
	char *value = dns01_value("abc");

	(void)state;
	/* FIPS 180-2: SHA-256 of "abc" */
	assert_string_equal(value,
	    "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
	free(value);
}

static void
make(const char *name, enum key_purpose purpose, enum key_type type)
{
	assert_int_equal(keys_generate(keys, name, "main", purpose, type,
	    VERIFY_ALWAYS, &why), OK);
}

/* Takes a flattened JWS apart; header is owned by the caller. */
static struct json *
open_jws(struct buf *jws, struct buf *input, struct buf *payload,
    struct buf *sig)
{
	struct json *root = json_parse(buf_str(jws), jws->len, &why);
	const char *h = json_get_string(root, "protected");
	const char *p = json_get_string(root, "payload");
	const char *s = json_get_string(root, "signature");
	struct json *header;
	struct buf text;

	buf_init(&text, 8192);
	buf_init(input, 65536);
	buf_init(payload, 65536);
	buf_init(sig, 1024);
	assert_int_equal(json_count(root), 3);
	assert_true(b64_get(&text, h, strlen(h)));
	assert_true(b64_get(payload, p, strlen(p)));
	assert_true(b64_get(sig, s, strlen(s)));
	buf_putf(input, "%s.%s", h, p);
	header = json_parse(buf_str(&text), text.len, &why);
	assert_non_null(header);
	buf_free(&text);
	json_free(root);
	return header;
}

/* Verified by OpenSSL with the JOSE form turned into its own. */
static void
check_signature(EVP_PKEY *key, const struct buf *input, const struct buf *sig)
{
	bool ec = EVP_PKEY_is_a(key, "EC");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf der;

	buf_init(&der, 1024);
	if (ec)
		assert_true(ecdsa_raw_to_der(&der, sig->data, sig->len));
	else
		buf_put(&der, sig->data, sig->len);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL,
	    EVP_PKEY_is_a(key, "ED25519") ? NULL :
	    EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256(),
	    NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, der.data, der.len, input->data,
	    input->len), 1);
	EVP_MD_CTX_free(ctx);
	buf_free(&der);
}

static void
check_jws(enum key_type type, const char *kid, const char *payload)
{
	const char *name = key_type_name(type);
	struct buf out, input, body, sig, jwk;
	struct signature made;
	struct json *header;

	buf_init(&out, 65536);
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ name, ALG__MAX, kid, "nonce_-1",
	    "https://ca.test/\"quoted\"" }, payload,
	    payload != NULL ? strlen(payload) : 0, &made, &why), OK);
	assert_true(made.verified);
	header = open_jws(&out, &input, &body, &sig);
	assert_int_equal(json_count(header), 4);
	assert_string_equal(json_get_string(header, "alg"),
	    alg_name(alg_default(type)));
	assert_string_equal(json_get_string(header, "nonce"), "nonce_-1");
	assert_string_equal(json_get_string(header, "url"),
	    "https://ca.test/\"quoted\"");
	assert_string_equal(buf_str(&body), payload != NULL ? payload : "");
	if (kid != NULL)
		assert_string_equal(json_get_string(header, "kid"), kid);
	else {
		unsigned char spki[SPKI_MAX];
		size_t n;
		enum key_type t;
		struct buf found;
		struct json_writer w;

		buf_init(&jwk, 4096);
		buf_init(&found, 4096);
		assert_int_equal(keys_public(keys, name, spki, &n, &t, &why),
		    OK);
		assert_int_equal(jwk_write(&jwk, spki, n, &why), OK);
		json_write_start(&w, &found);
		json_put_value(&w, NULL, json_get(header, "jwk"));
		assert_string_equal(buf_str(&found), buf_str(&jwk));
		buf_free(&jwk);
		buf_free(&found);
	}
	for (unsigned i = 0; i < SOFT_KEYS; i++)
		if (box.keys[i].pkey != NULL &&
		    strcmp(box.keys[i].key.name, name) == 0)
			check_signature(box.keys[i].pkey, &input, &sig);
	json_free(header);
	buf_free(&out);
	buf_free(&input);
	buf_free(&body);
	buf_free(&sig);
}

static void
test_jws(void **state)
{
	static const enum key_type types[] = { KEY_EC_P256, KEY_EC_P384,
		KEY_RSA_2048, KEY_ED25519 };

	(void)state;
	for (size_t i = 0; i < nitems(types); i++) {
		make(key_type_name(types[i]), PURPOSE_ACCOUNT, types[i]);
		check_jws(types[i], NULL, "{\"a\":1}");
		check_jws(types[i], "https://ca.test/acct/1", NULL);
		check_jws(types[i], "https://ca.test/acct/1", "{}");
	}
}

/* Another algorithm than the key's usual one, when it fits. */
static void
test_jws_algorithm(void **state)
{
	struct jws_header h = { "r", ALG_PS256, "https://ca.test/1", "n",
		"https://ca.test/2" };
	struct buf out, input, body, sig;
	struct signature made;
	struct json *header;

	(void)state;
	make("r", PURPOSE_ACCOUNT, KEY_RSA_2048);
	make("e", PURPOSE_ACCOUNT, KEY_EC_P256);
	buf_init(&out, 65536);
	assert_int_equal(jws_write(&out, keys, &h, NULL, 0, &made, &why), OK);
	assert_true(made.verified && made.alg == ALG_PS256);
	header = open_jws(&out, &input, &body, &sig);
	assert_string_equal(json_get_string(header, "alg"), "PS256");
	h.alg = ALG_ES256;
	assert_int_equal(jws_write(&out, keys, &h, NULL, 0, &made, &why),
	    ERR_UNSUPPORTED);
	h.key = "e";
	h.alg = ALG_ES384;
	assert_int_equal(jws_write(&out, keys, &h, NULL, 0, &made, &why),
	    ERR_UNSUPPORTED);
	json_free(header);
	buf_free(&out);
	buf_free(&input);
	buf_free(&body);
	buf_free(&sig);
}

static void
test_jws_refusals(void **state)
{
	static char large[70000];
	struct buf out;

	(void)state;
	make("a", PURPOSE_ACCOUNT, KEY_EC_P256);
	buf_init(&out, 65536);
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ "a", ALG__MAX, NULL, "no+nce",
	    "https://x" },
	    NULL, 0, NULL, &why), ERR_SYNTAX);
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ "a", ALG__MAX, NULL, "",
	    "https://x" },
	    NULL, 0, NULL, &why), ERR_SYNTAX);
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ "none", ALG__MAX, NULL, "n",
	    "https://x" },
	    NULL, 0, NULL, &why), ERR_NOT_FOUND);
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ "a", ALG__MAX, NULL, "n",
	    "https://x" },
	    large, sizeof(large), NULL, &why), ERR_LIMIT);
	assert_int_equal(out.len, 0);
	box.corrupt = true;
	assert_int_equal(jws_write(&out, keys,
	    &(struct jws_header){ "a", ALG__MAX, NULL, "n",
	    "https://x" },
	    NULL, 0, NULL, &why), ERR_SIGNATURE);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static const struct {
	const char *alg;
	const char *text; /* as the CA gives it out */
	const char *key;
} eabs[] = {
	{ "HS256", "a2V5LWtleS1rZXk", "key-key-key" },
	{ "HS384", "a2V5LWtleS1rZXk=\n", "key-key-key" },
	{ "HS512", "+/8=\r\n", "\xfb\xff" },
	{ "HS256", "-_8", "\xfb\xff" },
};

static void
test_eab(void **state)
{
	char *path = xasprintf("%s/eab", folder);
	unsigned char spki[SPKI_MAX];
	size_t n = rfc7638_key(spki);

	(void)state;
	for (size_t i = 0; i < nitems(eabs); i++) {
		const EVP_MD *md = EVP_get_digestbynid(i == 1 ? NID_sha384 :
		    i == 2 ? NID_sha512 : NID_sha256);
		struct buf out, input, body, sig, jwk;
		unsigned char mac[64];
		struct json *header;
		unsigned len;

		buf_init(&out, 8192);
		buf_init(&jwk, 4096);
		assert_int_equal(write_file(path, eabs[i].text,
		    strlen(eabs[i].text), 0600, &why), OK);
		assert_int_equal(eab_write(&out, "kid 1", eabs[i].alg, path,
		    "https://ca.test/new", spki, n, &why), OK);
		header = open_jws(&out, &input, &body, &sig);
		assert_int_equal(json_count(header), 3);
		assert_string_equal(json_get_string(header, "alg"),
		    eabs[i].alg);
		assert_string_equal(json_get_string(header, "kid"), "kid 1");
		assert_string_equal(json_get_string(header, "url"),
		    "https://ca.test/new");
		jwk_write(&jwk, spki, n, &why);
		assert_string_equal(buf_str(&body), buf_str(&jwk));
		HMAC(md, eabs[i].key, (int)strlen(eabs[i].key), input.data,
		    input.len, mac, &len);
		assert_int_equal(sig.len, len);
		assert_memory_equal(sig.data, mac, len);
		json_free(header);
		buf_free(&out);
		buf_free(&jwk);
		buf_free(&input);
		buf_free(&body);
		buf_free(&sig);
	}
	free(path);
}

static enum err
eab_of(const char *text, mode_t mode, const char *alg)
{
	char *path = xasprintf("%s/eab", folder);
	unsigned char spki[SPKI_MAX];
	size_t n = rfc7638_key(spki);
	struct buf out;
	enum err e;

	buf_init(&out, 8192);
	assert_int_equal(write_file(path, text, strlen(text), mode, &why), OK);
	e = eab_write(&out, "k", alg, path, "https://x", spki, n, &why);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	free(path);
	return e;
}

static void
test_eab_refusals(void **state)
{
	(void)state;
	assert_int_equal(eab_of("", 0600, "HS256"), ERR_CONFIG);
	assert_int_equal(eab_of("\n", 0600, "HS256"), ERR_CONFIG);
	assert_int_equal(eab_of("not base64", 0600, "HS256"), ERR_CONFIG);
	assert_int_equal(eab_of("a2V5", 0644, "HS256"), ERR_CONFIG);
	assert_int_equal(eab_of("a2V5", 0600, "HS1"), ERR_UNSUPPORTED);
}

static void
check_csr(enum key_type type)
{
	static const char names[] = "a.example.org *.example.org";
	const char *key = key_type_name(type);
	unsigned char spki[SPKI_MAX];
	const unsigned char *p;
	STACK_OF(X509_EXTENSION) *extensions;
	GENERAL_NAMES *san;
	EVP_PKEY *public;
	unsigned char *der;
	enum key_type t;
	X509_REQ *req;
	int critical;
	struct signature made;
	size_t n, len;

	make(key, PURPOSE_CERTIFICATE, type);
	der = csr_make(keys, key, names, NULL, &n, &made, &why);
	assert_non_null(der);
	p = der;
	req = d2i_X509_REQ(NULL, &p, (long)n);
	assert_non_null(req);
	assert_ptr_equal(p, der + n);
	assert_int_equal(keys_public(keys, key, spki, &len, &t, &why), OK);
	public = spki_read(spki, len, &why);
	assert_int_equal(X509_REQ_verify(req, public), 1);
	assert_int_equal(X509_REQ_get_version(req), 0);
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)),
	    0);
	extensions = X509_REQ_get_extensions(req);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	san = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical,
	    NULL);
	assert_int_equal(critical, 1);
	assert_int_equal(sk_GENERAL_NAME_num(san), 2);
	GENERAL_NAMES_free(san);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	EVP_PKEY_free(public);
	X509_REQ_free(req);
	free(der);
}

static void
test_csr(void **state)
{
	(void)state;
	check_csr(KEY_EC_P256);
	check_csr(KEY_EC_P384);
	check_csr(KEY_RSA_2048);
	check_csr(KEY_ED25519);
}

/* Signatures that end in zero bits must come out whole. */
static void
test_csr_many(void **state)
{
	struct signature made;
	size_t n;

	(void)state;
	make("many", PURPOSE_CERTIFICATE, KEY_ED25519);
	for (unsigned i = 0; i < 600; i++) {
		char name[32];
		unsigned char *der;

		snprintf(name, sizeof(name), "n%u.example.org", i);
		der = csr_make(keys, "many", name, NULL, &n, &made, &why);
		assert_non_null(der);
		free(der);
	}
}

static void
test_csr_refusals(void **state)
{
	static const char *const bad[] = { "", " a.example.org",
		"a.example.org ", "a.example.org  b.example.org",
		"A.example.org", "a.example.org a.example.org", "10.0.0.01",
		"::ffff:10.0.0.1", "10.0.0.0/8",
		"a.example.org\nb.example.org", "a,b.example.org",
		"DNS:a.example.org" };
	struct signature made;
	size_t n;

	(void)state;
	make("k", PURPOSE_CERTIFICATE, KEY_EC_P256);
	for (size_t i = 0; i < nitems(bad); i++) {
		assert_null(csr_make(keys, "k", bad[i], NULL, &n, &made, &why));
		assert_int_equal(why.code, ERR_SYNTAX);
	}
	assert_null(csr_make(keys, "none", "a.example.org", NULL, &n, &made,
	    &why));
	assert_int_equal(why.code, ERR_NOT_FOUND);
	box.corrupt = true;
	assert_null(csr_make(keys, "k", "a.example.org", NULL, &n, &made,
	    &why));
	assert_int_equal(why.code, ERR_SIGNATURE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rfc7638), TEST(test_rfc8037), TEST(test_ec_width),
		TEST(test_dns01), TEST(test_jws),
		TEST(test_jws_algorithm), TEST(test_jws_refusals),
		TEST(test_eab), TEST(test_eab_refusals), TEST(test_csr),
		TEST(test_csr_many), TEST(test_csr_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
