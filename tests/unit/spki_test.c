/* Public keys and signatures as tokens give them, in their odd forms. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../pkcs11/sign.h"
#include "../../pkcs11/spki.h"

struct point {
	EVP_PKEY *key;
	unsigned char bytes[128];
	size_t n;
	unsigned char spki[SPKI_MAX];
	size_t spkilen;
};

static void
make_point(struct point *p, const char *curve)
{
	struct fault why;

	p->key = EVP_EC_gen(curve);
	assert_non_null(p->key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(p->key,
	    OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, p->bytes, sizeof(p->bytes),
	    &p->n), 1);
	p->spkilen = spki_write(p->key, p->spki, &why);
	assert_true(p->spkilen > 0);
}

/* Reads a point of n bytes and compares the SPKI that comes of it. */
static void
expect_same(enum key_type type, const struct point *p,
    const unsigned char *bytes, size_t n)
{
	unsigned char spki[SPKI_MAX];
	struct fault why;
	EVP_PKEY *key = public_from_point(type, bytes, n, &why);

	if (key == NULL)
		fail_msg("%zu bytes: %s", n, why.text);
	assert_int_equal(spki_write(key, spki, &why), p->spkilen);
	assert_memory_equal(spki, p->spki, p->spkilen);
	EVP_PKEY_free(key);
}

static void
expect_refused(enum key_type type, const unsigned char *bytes, size_t n)
{
	struct fault why;

	assert_null(public_from_point(type, bytes, n, &why));
	assert_int_equal(why.code, ERR_KEY);
}

static size_t
wrap(unsigned char *out, const unsigned char *p, size_t n)
{
	out[0] = 0x04;
	out[1] = (unsigned char)n;
	memcpy(out + 2, p, n);
	return n + 2;
}

static void
ec_points(void **state)
{
	static const struct {
		const char *curve;
		enum key_type type;
	} curves[] = { { "P-256", KEY_EC_P256 }, { "P-384", KEY_EC_P384 } };

	(void)state;
	for (size_t i = 0; i < nitems(curves); i++) {
		enum key_type type = curves[i].type;
		unsigned char w[160], compressed[64];
		struct point p;
		size_t c, n;

		make_point(&p, curves[i].curve);
		c = (p.n - 1) / 2;
		compressed[0] = p.bytes[p.n - 1] & 1 ? 0x03 : 0x02;
		memcpy(compressed + 1, p.bytes + 1, c);
		expect_same(type, &p, p.bytes, p.n);
		expect_same(type, &p, compressed, c + 1);
		n = wrap(w, p.bytes, p.n);
		expect_same(type, &p, w, n);
		expect_refused(type, w, n - 1);
		expect_refused(type, w, n + 1);
		w[1]--;
		expect_refused(type, w, n);
		w[0] = 0x03; /* BIT STRING */
		w[1] = (unsigned char)(p.n + 1);
		w[2] = 0;
		memcpy(w + 3, p.bytes, p.n);
		expect_same(type, &p, w, p.n + 3);
		expect_refused(type, w, p.n + 2);
		w[2] = 1; /* an unused bit */
		expect_refused(type, w, p.n + 3);
		n = wrap(w, compressed, c + 1);
		expect_same(type, &p, w, n);
		expect_refused(type, p.bytes, p.n - 1);
		expect_refused(type, p.bytes, p.n + 1);
		expect_refused(type, p.bytes, 0);
		expect_refused(type, p.bytes + 1, p.n - 1);
		p.bytes[p.n - 1] ^= 1; /* off the curve */
		expect_refused(type, p.bytes, p.n);
		EVP_PKEY_free(p.key);
	}
}

static void
edwards_points(void **state)
{
	unsigned char raw[33], w[40];
	struct point p;
	struct fault why;
	size_t n = sizeof(raw);

	(void)state;
	p.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(EVP_PKEY_get_raw_public_key(p.key, raw, &n), 1);
	assert_int_equal(n, 32);
	p.spkilen = spki_write(p.key, p.spki, &why);
	expect_same(KEY_ED25519, &p, raw, 32);
	expect_same(KEY_ED25519, &p, w, wrap(w, raw, 32));
	expect_refused(KEY_ED25519, raw, 31);
	expect_refused(KEY_ED25519, raw, 33);
	w[1] = 31;
	expect_refused(KEY_ED25519, w, 34);
	EVP_PKEY_free(p.key);
}

static void
curves_by_name(void **state)
{
	static const unsigned char p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 3, 1, 7 };
	static const unsigned char p521[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x23 };

	(void)state;
	assert_int_equal(curve_parse(p256, sizeof(p256)), KEY_EC_P256);
	assert_int_equal(curve_parse(p256, sizeof(p256) - 1), KEY_TYPE__MAX);
	assert_int_equal(curve_parse(p521, sizeof(p521)), KEY_TYPE__MAX);
	assert_int_equal(curve_parse((const unsigned char *)"\x30\x00", 2),
	    KEY_TYPE__MAX);
	assert_int_equal(curve_parse((const unsigned char *)
	    "\x13\x0c" "edwards25519", 14), KEY_ED25519);
	assert_int_equal(curve_parse((const unsigned char *)"", 0),
	    KEY_TYPE__MAX);
}

static void
rsa_with_leading_zeros(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	unsigned char n[260] = { 0 }, e[] = { 0, 1, 0, 1 };
	unsigned char want[SPKI_MAX], got[SPKI_MAX];
	struct fault why;
	BIGNUM *modulus = NULL;
	EVP_PKEY *read;
	size_t len;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &modulus), 1);
	assert_int_equal(BN_bn2binpad(modulus, n, 258), 258);
	read = public_from_rsa(n, 258, e, sizeof(e), &why);
	assert_non_null(read);
	len = spki_write(key, want, &why);
	assert_int_equal(spki_write(read, got, &why), len);
	assert_memory_equal(got, want, len);
	assert_null(public_from_rsa(n, 0, e, sizeof(e), &why));
	assert_null(public_from_rsa(n, 258, e, 0, &why));
	BN_free(modulus);
	EVP_PKEY_free(read);
	EVP_PKEY_free(key);
}

static void
signatures_in_odd_forms(void **state)
{
	unsigned char raw[64], sig[SIGNATURE_MAX], want[64] = { 0 };
	struct buf der;
	size_t n = 64;
	bool odd;

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)(i + 1);
	memcpy(sig, raw, 64);
	assert_true(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	assert_false(odd);
	assert_int_equal(n, 64);

	buf_init(&der, 200);
	assert_true(ecdsa_raw_to_der(&der, raw, 64));
	memcpy(sig, der.data, der.len);
	n = der.len;
	assert_true(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	assert_true(odd);
	assert_int_equal(n, 64);
	assert_memory_equal(sig, raw, 64);
	buf_free(&der);

	/* Both halves lost one leading zero. */
	memcpy(want + 1, raw, 31);
	memcpy(want + 33, raw + 31, 31);
	memcpy(sig, raw, 62);
	n = 62;
	assert_true(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	assert_true(odd);
	assert_memory_equal(sig, want, 64);

	n = 63;
	assert_false(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	n = 66;
	assert_false(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	n = 0;
	assert_false(signature_normalise(KEY_EC_P256, sig, &n, &odd));
	n = 255;
	assert_false(signature_normalise(KEY_RSA_2048, sig, &n, &odd));
	n = 256;
	assert_true(signature_normalise(KEY_RSA_2048, sig, &n, &odd));
	n = 63;
	assert_false(signature_normalise(KEY_ED25519, sig, &n, &odd));
}

static void
labels(void **state)
{
	static const char *const bad[] = { "", "kb1", "kb1:", "kb1:account",
		"kb1:account:", "kb2:account:a", "kb1:acct:a", "kb1::a",
		"KB1:account:a", "kb1:accountaccountaccount:a",
		("kb1:cert:1234567890123456789012345678901234567890"
		 "123456789012345678901234") };
	enum key_purpose purpose;
	char name[KEY_NAME_MAX];

	(void)state;
	assert_true(label_parse("kb1:account:main", &purpose, name));
	assert_int_equal(purpose, PURPOSE_ACCOUNT);
	assert_string_equal(name, "main");
	assert_true(label_parse("kb1:cert:a:b", &purpose, name));
	assert_int_equal(purpose, PURPOSE_CERTIFICATE);
	assert_string_equal(name, "a:b");
	for (size_t i = 0; i < nitems(bad); i++)
		assert_false(label_parse(bad[i], &purpose, name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ec_points),
		cmocka_unit_test(edwards_points),
		cmocka_unit_test(curves_by_name),
		cmocka_unit_test(rsa_with_leading_zeros),
		cmocka_unit_test(signatures_in_odd_forms),
		cmocka_unit_test(labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
