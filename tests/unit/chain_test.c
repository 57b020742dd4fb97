/* Chains, good ones and each kind of bad one, made here with OpenSSL. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../broker/base/crypto.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/compose/chain.h"

#define NOW	 1800000000
#define NAMES	 "www.example.org *.example.org"
#define GOOD_SAN "DNS:WWW.example.org,DNS:*.example.org"

static EVP_PKEY *root_key, *middle_key, *leaf_key, *other_key;
static X509 *root, *middle;
static unsigned char *spki;
static size_t spkilen;
static struct fault why;
static struct chain_facts facts;

struct wish {
	const char *subject, *issuer;
	EVP_PKEY *key, *issuer_key;
	const char *san;
	const char *constraints;
	const char *usage;
	int64_t from, to;
	long serial;
};

static void
set_name(X509_NAME *name, const char *cn)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
}

static void
add(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e;

	if (value == NULL)
		return;
	e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *
certificate(const struct wish *w)
{
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set_int64(X509_get_serialNumber(x),
	    w->serial != 0 ? w->serial : 0xabcdef);
	if (w->subject != NULL)
		set_name(X509_get_subject_name(x), w->subject);
	set_name(X509_get_issuer_name(x), w->issuer);
	ASN1_TIME_set(X509_getm_notBefore(x),
	    w->from != 0 ? w->from : NOW - 1000);
	ASN1_TIME_set(X509_getm_notAfter(x),
	    w->to != 0 ? w->to : NOW + 1000);
	X509_set_pubkey(x, w->key);
	add(x, NID_basic_constraints, w->constraints);
	add(x, NID_key_usage, w->usage);
	add(x, NID_subject_alt_name, w->san);
	assert_true(X509_sign(x, w->issuer_key, EVP_sha256()) > 0);
	return x;
}

static struct wish
leaf_wish(void)
{
	return (struct wish){ .issuer = "Middle", .key = leaf_key,
		.issuer_key = middle_key, .san = GOOD_SAN };
}

static void
put(struct buf *b, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &text);
	buf_put(b, text, (size_t)n);
	BIO_free(bio);
}

static void
chain_of(struct buf *b, const struct wish *w)
{
	X509 *leaf = certificate(w);

	buf_init(b, 1000000);
	put(b, leaf);
	put(b, middle);
	X509_free(leaf);
}

static enum err
check_text(const char *pem, const char *anchors)
{
	return chain_check(pem, spki, spkilen, NAMES, anchors, NOW, &facts,
	    &why);
}

static enum err
check(const struct wish *w)
{
	struct buf b;
	enum err e;

	chain_of(&b, w);
	e = check_text(buf_str(&b), NULL);
	buf_free(&b);
	return e;
}

static void
refused(enum err e, const char *words)
{
	assert_int_equal(e, ERR_CERTIFICATE);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static int
setup(void **state)
{
	const struct wish r = { .subject = "Root", .issuer = "Root",
		.constraints = "critical,CA:TRUE" };
	const struct wish m = { .subject = "Middle", .issuer = "Root",
		.constraints = "critical,CA:TRUE" };
	struct wish w;

	(void)state;
	root_key = EVP_EC_gen("P-256");
	middle_key = EVP_EC_gen("P-256");
	leaf_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	w = r;
	w.key = w.issuer_key = root_key;
	root = certificate(&w);
	w = m;
	w.key = middle_key;
	w.issuer_key = root_key;
	middle = certificate(&w);
	spkilen = (size_t)i2d_PUBKEY(leaf_key, &spki);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(middle_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(other_key);
	X509_free(root);
	X509_free(middle);
	OPENSSL_free(spki);
	return 0;
}

static void
test_good(void **state)
{
	struct wish w = leaf_wish();
	struct buf b;

	(void)state;
	assert_int_equal(check(&w), OK);
	assert_string_equal(facts.serial, "abcdef");
	assert_string_equal(facts.issuer, "CN=Middle");
	assert_string_equal(facts.top_issuer, "Root");
	assert_int_equal(facts.not_before, NOW - 1000);
	assert_int_equal(facts.not_after, NOW + 1000);
	assert_int_equal(facts.count, 2);
	chain_of(&b, &w);
	assert_true(chain_has_issuer(buf_str(&b), "Root"));
	assert_true(chain_has_issuer(buf_str(&b), "Middle"));
	assert_false(chain_has_issuer(buf_str(&b), "root"));
	buf_free(&b);
	/* the clock of the CA may be ahead a little */
	w.from = NOW + 290;
	assert_int_equal(check(&w), OK);
}

static void
test_bad_leaf(void **state)
{
	static const struct {
		const char *words;
		const char *san, *constraints, *usage;
		int64_t from, to;
		long serial;
	} rows[] = {
		{ "lacks *.example.org", .san = "DNS:www.example.org" },
		{ "evil.example.com", .san = GOOD_SAN ",DNS:evil.example.com" },
		{ "10.0.0.1, which", .san = GOOD_SAN ",IP:10.0.0.1" },
		{ "no DNS name", .san = GOOD_SAN ",email:a@example.org" },
		{ "no subjectAltName", .san = NULL },
		{ "expired", .san = GOOD_SAN, .to = NOW },
		{ "not valid yet", .san = GOOD_SAN, .from = NOW + 301 },
		{ "no sense", .san = GOOD_SAN, .from = NOW - 10, .to = NOW - 20 },
		{ "one of a CA", .san = GOOD_SAN, .constraints = "CA:TRUE" },
		{ "one of a CA", .san = GOOD_SAN, .usage = "keyCertSign" },
		{ "serial", .san = GOOD_SAN, .serial = -5 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct wish w = leaf_wish();

		w.san = rows[i].san;
		w.constraints = rows[i].constraints;
		w.usage = rows[i].usage;
		w.from = rows[i].from;
		w.to = rows[i].to;
		w.serial = rows[i].serial;
		refused(check(&w), rows[i].words);
	}
}

static void
test_wrong_key(void **state)
{
	struct wish w = leaf_wish();

	(void)state;
	w.key = other_key;
	refused(check(&w), "another key");
}

/* "www.example.org\0.evil.com" is another name. */
static void
test_nul_in_name(void **state)
{
	static const char evil[] = "www.example.org\0.evil.com";
	struct wish w = leaf_wish();
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	X509 *leaf;
	struct buf b;

	(void)state;
	w.san = NULL;
	leaf = certificate(&w);
	ASN1_STRING_set(text, evil, sizeof(evil) - 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, name);
	X509_add1_ext_i2d(leaf, NID_subject_alt_name, names, 0, 0);
	X509_sign(leaf, middle_key, EVP_sha256());
	buf_init(&b, 100000);
	put(&b, leaf);
	put(&b, middle);
	refused(check_text(buf_str(&b), NULL), "not asked for");
	GENERAL_NAMES_free(names);
	X509_free(leaf);
	buf_free(&b);
}

static void
test_broken_link(void **state)
{
	struct wish w = leaf_wish();
	X509 *leaf;
	struct buf b;

	(void)state;
	w.issuer_key = other_key; /* says Middle, is not signed by it */
	refused(check(&w), "not signed by the next");
	w = leaf_wish();
	w.issuer = "Somebody";
	refused(check(&w), "not signed by the next");
	w = leaf_wish();
	leaf = certificate(&w);
	buf_init(&b, 100000);
	put(&b, leaf);
	put(&b, leaf);
	refused(check_text(buf_str(&b), NULL), "not one of a CA");
	X509_free(leaf);
	buf_free(&b);
}

static char *
join(const char *a, const char *b, const char *c)
{
	return xasprintf("%s%s%s", a, b, c);
}

static void
test_text(void **state)
{
	static const char key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n";
	static const struct {
		const char *before, *after, *words;
	} rows[] = {
		{ "", key, "no CERTIFICATE block" },
		{ key, "", "no CERTIFICATE block" },
		{ "hello\n", "", "no CERTIFICATE block" },
		{ "", "trailing", "no CERTIFICATE block" },
		{ "", "\x01", "no CERTIFICATE block" },
		{ "", "-----BEGIN CERTIFICATE-----\nAAAA\n"
		    "-----END CERTIFICATE-----\n", "malformed" },
		{ "", "-----BEGIN CERTIFICATE-----\nX: y\n\nAAAA\n"
		    "-----END CERTIFICATE-----\n", "malformed" },
		{ "", "-----BEGIN CERTIFICATE-----\n", "malformed" },
		{ "", "-----BEGIN CERTIFICATE-----", "malformed" },
		{ "", "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n"
		    "-----END TRUSTED CERTIFICATE-----\n",
		    "no CERTIFICATE block" },
	};
	struct wish w = leaf_wish();
	struct buf b;

	(void)state;
	chain_of(&b, &w);
	for (size_t i = 0; i < nitems(rows); i++) {
		char *text = join(rows[i].before, buf_str(&b), rows[i].after);

		refused(check_text(text, NULL), rows[i].words);
		free(text);
	}
	refused(check_text("", NULL), "no certificate");
	refused(check_text(" \n\n", NULL), "no certificate");
	buf_free(&b);
}

/* White space between and line ends of the other kind are no tricks. */
static void
test_harmless_text(void **state)
{
	struct wish w = leaf_wish();
	struct buf b, crlf;
	char *text;

	(void)state;
	chain_of(&b, &w);
	buf_init(&crlf, 1000000);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] == '\n')
			buf_putc(&crlf, '\r');
		buf_putc(&crlf, b.data[i]);
	}
	assert_int_equal(check_text(buf_str(&crlf), NULL), OK);
	text = join("\n\n", buf_str(&b), " \n");
	assert_int_equal(check_text(text, NULL), OK);
	free(text);
	buf_free(&b);
	buf_free(&crlf);
}

static void
test_damaged_base64(void **state)
{
	struct wish w = leaf_wish();
	struct buf b;

	(void)state;
	chain_of(&b, &w);
	b.data[100] = '=';
	refused(check_text(buf_str(&b), NULL), "malformed");
	b.data[100] = ' ';
	refused(check_text(buf_str(&b), NULL), "malformed");
	buf_free(&b);
}

static void
test_too_many(void **state)
{
	struct wish w = leaf_wish();
	struct buf b;
	char *large = xmalloc(CHAIN_MAX + 2);

	(void)state;
	chain_of(&b, &w);
	for (unsigned i = 2; i < 10; i++)
		put(&b, root);
	assert_int_equal(check_text(buf_str(&b), NULL), OK);
	put(&b, root);
	refused(check_text(buf_str(&b), NULL), "more than 10");
	memset(large, '\n', CHAIN_MAX + 1);
	large[CHAIN_MAX + 1] = '\0';
	refused(check_text(large, NULL), "longer than");
	free(large);
	buf_free(&b);
}

static void
test_anchors(void **state)
{
	char path[] = "/tmp/chain_test.XXXXXX";
	struct wish w = leaf_wish();
	const struct wish stranger = { .subject = "Root", .issuer = "Root",
		.key = other_key, .issuer_key = other_key,
		.constraints = "critical,CA:TRUE" };
	X509 *imposter = certificate(&stranger);
	struct buf chain, anchors;

	(void)state;
	close(mkstemp(path));
	buf_init(&anchors, 100000);
	chain_of(&chain, &w);
	buf_puts(&anchors, "# same name, another key\n");
	put(&anchors, imposter);
	write_file(path, anchors.data, anchors.len, 0644, &why);
	refused(check_text(buf_str(&chain), path), "anchor");
	put(&anchors, root);
	write_file(path, anchors.data, anchors.len, 0644, &why);
	assert_int_equal(check_text(buf_str(&chain), path), OK);
	put(&chain, root); /* the anchor itself */
	assert_int_equal(check_text(buf_str(&chain), path), OK);
	write_file(path, "", 0, 0644, &why);
	refused(check_text(buf_str(&chain), path), "anchor");
	unlink(path);
	assert_int_equal(check_text(buf_str(&chain), path), ERR_NOT_FOUND);
	X509_free(imposter);
	buf_free(&chain);
	buf_free(&anchors);
}

static void
test_leaf_length(void **state)
{
	struct wish w = leaf_wish();
	struct buf b, one;
	X509 *leaf = certificate(&w);

	(void)state;
	buf_init(&b, 100000);
	buf_init(&one, 100000);
	put(&b, leaf);
	put(&one, leaf);
	assert_int_equal(chain_leaf_length(buf_str(&b)), 0);
	put(&b, middle);
	assert_int_equal(chain_leaf_length(buf_str(&b)), one.len);
	assert_int_equal(chain_leaf_length(""), 0);
	X509_free(leaf);
	buf_free(&b);
	buf_free(&one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad_leaf),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_nul_in_name),
		cmocka_unit_test(test_broken_link), cmocka_unit_test(test_text),
		cmocka_unit_test(test_harmless_text),
		cmocka_unit_test(test_damaged_base64),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_anchors),
		cmocka_unit_test(test_leaf_length),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
