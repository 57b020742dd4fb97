/* What a lane refuses to sign, purpose by purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"
#include "../../pkcs11/shape.h"

static const struct view no_spki = { NULL, 0 };

#define KID "\"kid\":\"https://ca.example/acct/1\""
#define JWK \
	"\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AQ\"}"
#define ALG "\"alg\":\"ES256\""
#define NONCE "\"nonce\":\"oFvnlFP1wIhRlYS2jTaXbA\""
#define URL "\"url\":\"https://ca.example/new-order\""
#define OWN "\"https://ca.example/acct/1\""

/* Checks a JWS signing input made of a header and a raw payload. */
static enum err
check_jws(const char *header, size_t n, const char *payload,
    struct fault *why)
{
	struct buf b;
	enum err e;

	buf_init(&b, PREIMAGE_MAX + 16);
	b64_put(&b, header, n);
	buf_putc(&b, '.');
	buf_puts(&b, payload);
	e = shape_check(PURPOSE_ACCOUNT, ALG_ES256, no_spki, b.data, b.len,
	    why);
	buf_free(&b);
	return e;
}

static enum err
header(const char *text, struct fault *why)
{
	return check_jws(text, strlen(text), "e30", why);
}

static void
accepts_acme_headers(void **state)
{
	static const char *const good[] = {
		"{" ALG "," KID "," NONCE "," URL "}",
		"{" ALG "," JWK "," NONCE "," URL "}",
		"{" URL "," NONCE "," KID "," ALG "}",
		/* no base64url of anything, and what some CAs give out */
		"{" ALG "," KID ",\"nonce\":\"abcdE\"," URL "}",
		"{" ALG "," KID ",\"nonce\":\"a-Z\"," URL "}",
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(good); i++)
		assert_int_equal(header(good[i], &why), OK);
	assert_int_equal(check_jws(good[0], strlen(good[0]), "", &why), OK);
}

static void
refuses_other_headers(void **state)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "", "not a JSON object" },
		{ "[]", "not a JSON object" },
		{ "{}", "flat JSON" },
		{ "{" ALG "," NONCE "," URL "}", "one of kid and jwk" },
		{ "{" ALG "," KID "," JWK "," NONCE "," URL "}",
		    "one of kid and jwk" },
		{ "{" KID "," NONCE "," URL "}", "alg" },
		{ "{" ALG "," KID "," URL "}", "nonce" },
		{ "{" ALG "," KID "," NONCE "}", "url" },
		{ "{" ALG "," KID "," NONCE "," URL ",\"typ\":\"passport\"}",
		    "\"typ\"" },
		{ "{" ALG "," KID "," NONCE "," URL ",\"ppt\":\"shaken\"}",
		    "\"ppt\"" },
		{ "{" ALG "," KID "," NONCE "," URL ",\"x5u\":\"https://a\"}",
		    "\"x5u\"" },
		{ "{" ALG "," KID "," NONCE "," URL ",\"crit\":[\"b64\"]}",
		    "\"crit\"" },
		{ "{" ALG "," KID "," NONCE "," URL ",\"b64\":false}",
		    "\"b64\"" },
		{ "{" ALG "," ALG "," KID "," NONCE "," URL "}", "twice" },
		{ "{" ALG "," KID "," KID "," NONCE "," URL "}", "twice" },
		{ "{" ALG "," JWK "," JWK "," NONCE "," URL "}", "twice" },
		{ "{\"\\u0061lg\":\"ES256\"," KID "," NONCE "," URL "}",
		    "flat JSON" },
		{ "{\"alg\":\"ES384\"," KID "," NONCE "," URL "}", "alg" },
		{ "{\"alg\":\"none\"," KID "," NONCE "," URL "}", "alg" },
		{ "{\"alg\":\"ES2567\"," KID "," NONCE "," URL "}", "alg" },
		{ "{\"alg\":\"ES25\\u0036\"," KID "," NONCE "," URL "}",
		    "plain string" },
		{ "{\"alg\":7," KID "," NONCE "," URL "}", "plain string" },
		{ "{" ALG "," KID ",\"nonce\":\"\"," URL "}", "nonce" },
		{ "{" ALG "," KID ",\"nonce\":\"a b\"," URL "}", "nonce" },
		{ "{" ALG "," KID ",\"nonce\":\"AAAA=\"," URL "}", "nonce" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"http://ca/x\"}",
		    "url" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"https://\"}", "url" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"https:///x\"}", "url" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"https://a b\"}",
		    "url" },
		{ "{" ALG ",\"kid\":\"1\"," NONCE "," URL "}", "kid" },
		{ "{" ALG ",\"jwk\":\"x\"," NONCE "," URL "}", "jwk" },
		{ "{" ALG ",\"jwk\":{}," NONCE "," URL "}", "jwk" },
		{ "{" ALG ",\"jwk\":{\"a\":{\"b\":\"c\"}}," NONCE "," URL "}",
		    "jwk" },
		{ "{" ALG ",\"jwk\":{\"a\":\"b\",\"a\":\"c\"}," NONCE "," URL
		    "}", "jwk" },
		{ "{" ALG ",\"jwk\":{\"a\":\"\",\"b\":\"\",\"c\":\"\","
		    "\"d\":\"\",\"e\":\"\",\"f\":\"\",\"g\":\"\",\"h\":\"\","
		    "\"i\":\"\"}," NONCE "," URL "}", "jwk" },
		{ "{" ALG "," KID "," NONCE "," URL "} ", "does not end" },
		{ "{" ALG "," KID "," NONCE "," URL "}{}", "does not end" },
		{ "{" ALG "," KID "," NONCE "," URL, "does not end" },
		{ "{" ALG "," KID "," NONCE "," URL ",}", "flat JSON" },
		{ "{ " ALG "," KID "," NONCE "," URL "}", "flat JSON" },
		{ "{" ALG " ," KID "," NONCE "," URL "}", "does not end" },
		{ "{'alg':'ES256'," KID "," NONCE "," URL "}", "flat JSON" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"https://\xc3\xa4\"}",
		    "plain string" },
		{ "{" ALG "," KID "," NONCE ",\"url\":\"https://a\n\"}",
		    "plain string" },
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		assert_int_equal(header(bad[i].text, &why), ERR_SHAPE);
		if (strstr(why.text, bad[i].reason) == NULL)
			fail_msg("%s: %s", bad[i].text, why.text);
	}
}

static void
refuses_nul_in_header(void **state)
{
	static const char text[] = "{" ALG "," KID "," NONCE "," URL "}\0";
	struct fault why;

	(void)state;
	assert_int_equal(check_jws(text, sizeof(text) - 1, "e30", &why),
	    ERR_SHAPE);
}

/* What accounts are asked to sign, with the key's URL in the header; with
 * the key itself; and at the account's own URL. */
static void
knows_payloads(void **state)
{
	static const struct {
		const char *payload;
		bool kid, jwk, own;
	} rows[] = {
		{ "", true, false, true },
		{ "{}", true, true, true },
		{ "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.b\"}],"
		    "\"profile\":\"p\",\"replaces\":\"a.b\",\"notAfter\":"
		    "\"2026-11-23T00:00:00Z\"}", true, false, false },
		{ "{\"csr\":\"MIIB\"}", true, false, false },
		{ "{\"certificate\":\"MIIB\",\"reason\":1}", true, false,
		    false },
		{ "{\"status\":\"deactivated\"}", true, false, false },
		{ "{\"status\":\"canceled\"}", false, false, false },
		{ "{\"contact\":[\"mailto:a@b\"]}", false, true, true },
		{ "{\"onlyReturnExisting\":true}", false, true, false },
		{ "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":"
		    "{\"protected\":\"e30\",\"payload\":\"e30\","
		    "\"signature\":\"e30\"}}", false, true, false },
		{ "{\"protected\":\"e30\",\"payload\":\"e30\","
		    "\"signature\":\"e30\"}", false, false, false },
		{ "{\"account\":\"https://a/1\",\"oldKey\":{}}", false, false,
		    false },
		{ "{\"csr\":\"a\",\"csr\":\"b\"}", false, false, false },
		{ "{\"csr\": \"a\"}", false, false, false },
		{ "{\"csr\":\"a\\u0062\"}", false, false, false },
		{ "{\"reason\":01}", false, false, false },
		{ "{\"reason\":1.5}", false, false, false },
		{ "{\"reason\":null}", false, false, false },
		{ "{\"csr\":\"a\"}}", false, false, false },
		{ "{\"csr\":\"a\"", false, false, false },
		{ "{\"csr\":[[[[[[[[]]]]]]]]}", false, false, false },
		{ "{,}", false, false, false },
		{ "[]", false, false, false },
		{ "{\"iss\":\"a\"}", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		static const char *const headers[] = {
			"{" ALG "," KID "," NONCE "," URL "}",
			"{" ALG "," JWK "," NONCE "," URL "}",
			"{" ALG "," KID "," NONCE ",\"url\":" OWN "}",
		};
		const bool wanted[] = { rows[i].kid, rows[i].jwk,
			rows[i].own };
		char *payload = b64_encode(rows[i].payload,
		    strlen(rows[i].payload));
		struct fault why;

		for (size_t h = 0; h < nitems(headers); h++)
			if ((check_jws(headers[h], strlen(headers[h]),
			    payload, &why) == OK) != wanted[h])
				fail_msg("%s with %s", headers[h],
				    rows[i].payload);
		free(payload);
	}
}

static void
refuses_payloads_and_frames(void **state)
{
	static const char good[] = "{" ALG "," KID "," NONCE "," URL "}";
	static const char *const payloads[] = {
		"e30=", "e30.e30", "e", "e3", "e31", "e30 ", "e3+/", "{}",
		".", "e30\n",
	};
	struct fault why;
	char *long_header;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < nitems(payloads); i++) {
		/* "e3" is one byte and stray bits, "e31" two and stray bits. */
		assert_int_equal(check_jws(good, sizeof(good) - 1, payloads[i],
		    &why), ERR_SHAPE);
	}
	assert_int_equal(shape_check(PURPOSE_ACCOUNT, ALG_ES256, no_spki, "",
	    0, &why), ERR_SHAPE);
	assert_int_equal(shape_check(PURPOSE_ACCOUNT, ALG_ES256, no_spki,
	    "e30", 3, &why), ERR_SHAPE);
	assert_int_equal(shape_check(PURPOSE_ACCOUNT, ALG_ES256, no_spki,
	    "!.e30", 5, &why), ERR_SHAPE);
	long_header = xcalloc(5000, 1);
	memset(long_header, 'A', 4999);
	assert_int_equal(check_jws(long_header, 4999, "", &why), ERR_SHAPE);
	free(long_header);
	buf_init(&b, PREIMAGE_MAX + 16);
	while (b.len <= PREIMAGE_MAX)
		buf_putc(&b, 'A');
	assert_int_equal(shape_check(PURPOSE_ACCOUNT, ALG_ES256, no_spki,
	    b.data, b.len, &why), ERR_LIMIT);
	buf_free(&b);
}

/* A CertificationRequestInfo with an SPKI of five bytes. */
#define SPKI "\x30\x03\x02\x01\x2a"
static const struct view spki = { (const unsigned char *)SPKI, 5 };
#define CSR "\x30\x0c\x02\x01\x00\x30\x00" SPKI "\xa0\x00"

static enum err
csr(const char *der, size_t n, struct fault *why)
{
	return shape_check(PURPOSE_CERTIFICATE, ALG_ES256, spki, der, n, why);
}

static void
accepts_csr_of_its_key(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(csr(CSR, sizeof(CSR) - 1, &why), OK);
}

/* A subject of one part; the attribute that requests have, with an extension
 * of each kind. */
#define PART "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61"
#define REQUEST "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define ATTRIBUTE "\x30\x21" REQUEST "\x31\x14\x30\x12" EXTENSION CRITICAL
#define EXTENSION "\x30\x06\x06\x02\x55\x1d\x04\x00"
#define CRITICAL "\x30\x08\x06\x01\x2a\x01\x01\xff\x04\x00"

#define IN(text) { (const unsigned char *)text, sizeof(text) - 1 }

static void
reads_subject_and_attributes(void **state)
{
	static const struct {
		struct view name, attributes;
		enum err e;
	} table[] = {
		{ { NULL, 0 }, { NULL, 0 }, OK },
		{ IN(PART), IN(ATTRIBUTE), OK },
		{ IN(PART PART), IN(ATTRIBUTE), OK },
		{ IN("\x31\x14\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x62"
		    "\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61"), { NULL, 0 },
		    ERR_SHAPE },
		{ { NULL, 0 }, IN(ATTRIBUTE ATTRIBUTE), ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x1f" REQUEST "\x31\x12\x30\x10" EXTENSION
		        EXTENSION),
		    ERR_SHAPE },
		{ IN(PART "\x05"), { NULL, 0 }, ERR_SHAPE },
		{ IN("\x30\x02\x06\x00"), { NULL, 0 }, ERR_SHAPE },
		{ IN("\x06\x03\x55\x04\x03"), { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x00"), { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x80"),
		    { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x04\x01\x61"),
		    { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x0a\x30\x08\x06\x03\x80\x04\x03\x0c\x01\x61"),
		    { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x0a\x30\x08\x06\x03\x55\x04\x83\x0c\x01\x61"),
		    { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x02\x30\x00"), { NULL, 0 }, ERR_SHAPE },
		{ IN("\x31\x07\x30\x05\x06\x03\x55\x04\x03"), { NULL, 0 },
		    ERR_SHAPE },
		{ { NULL, 0 }, IN(ATTRIBUTE "\x05\x00"), ERR_SHAPE },
		{ { NULL, 0 }, IN("\x31\x02\x05\x00"), ERR_SHAPE },
		{ { NULL, 0 }, IN("\x30\x0b" REQUEST), ERR_SHAPE },
		{ { NULL, 0 }, IN("\x30\x0d" REQUEST "\x31\x00"), ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x0f" REQUEST "\x31\x02\x30\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x0f" REQUEST "\x30\x02\x30\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x17" REQUEST "\x31\x0a\x30"
		        "\x08" EXTENSION "\x31\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x19" REQUEST "\x31\x0c\x30"
		        "\x08" EXTENSION "\x30\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x0c\x06\x02\x2a\x03\x31\x06\x30\x04"
		        "\x30\x02\x04\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x19" REQUEST "\x31\x0c\x30\x0a\x30"
		        "\x08\x06\x01\x2a\x01\x01\x01\x04\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x19" REQUEST "\x31\x0c\x30\x0a\x30"
		        "\x08\x06\x01\x2a\x04\x01\xff\x04\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x81\x15" REQUEST "\x31\x08\x30\x06"
		        "\x30\x04\x06\x00\x04\x00"),
		    ERR_SHAPE },
		{ { NULL, 0 },
		    IN("\x30\x80" REQUEST "\x31\x0a\x30"
		        "\x08" EXTENSION "\x00\x00"),
		    ERR_SHAPE },
	};
	struct fault why;
	struct buf der;

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		const struct view *name = &table[i].name;
		const struct view *attributes = &table[i].attributes;

		buf_init(&der, 127);
		buf_put(&der, "\x30\x00\x02\x01\x00\x30", 6);
		buf_putc(&der, (unsigned char)name->n);
		buf_put(&der, name->p, name->n);
		buf_put(&der, SPKI "\xa0", 6);
		buf_putc(&der, (unsigned char)attributes->n);
		buf_put(&der, attributes->p, attributes->n);
		der.data[1] = (unsigned char)(der.len - 2);
		assert_false(der.failed);
		if (csr((char *)der.data, der.len, &why) != table[i].e)
			fail_msg("%zu: %s", i, why.text);
		buf_free(&der);
	}
}

static void
refuses_other_der(void **state)
{
#define BAD(text, reason) { text, sizeof(text) - 1, reason }
	static const struct {
		const char *der;
		size_t n;
		const char *reason;
	} bad[] = {
		BAD("", "sequence"),
		BAD("\x30", "sequence"),
		BAD("\x30\x80", "sequence"),
		BAD("\x31\x0c\x02\x01\x00\x30\x00" SPKI "\xa0\x00", "sequence"),
		BAD(CSR "\x00", "sequence"),
		BAD("\x30\x0d\x02\x01\x00\x30\x00" SPKI "\xa0\x00", "sequence"),
		BAD("\x30\x81\x0c\x02\x01\x00\x30\x00" SPKI "\xa0\x00",
		    "sequence"),
		BAD("\x30\x82\x00\x0c\x02\x01\x00\x30\x00" SPKI "\xa0\x00",
		    "sequence"),
		BAD("\x30\x84\xff\xff\xff\xff\x02\x01\x00", "sequence"),
		BAD("\x30\x0c\x02\x01\x01\x30\x00" SPKI "\xa0\x00", "version"),
		BAD("\x30\x0d\x02\x02\x00\x00\x30\x00" SPKI "\xa0\x00",
		    "version"),
		BAD("\x30\x00", "version"),
		BAD("\x30\x0c\x02\x01\x00\x31\x00" SPKI "\xa0\x00", "subject"),
		BAD("\x30\x03\x02\x01\x00", "subject"),
		BAD("\x30\x0c\x02\x01\x00\x30\x00\x30\x03\x02\x01\x2b\xa0\x00",
		    "not for the key"),
		BAD("\x30\x0d\x02\x01\x00\x30\x00\x30\x04\x02\x01\x2a\x00"
		    "\xa0\x00", "not for the key"),
		BAD("\x30\x0a\x02\x01\x00\x30\x00" SPKI, "attributes"),
		BAD("\x30\x0c\x02\x01\x00\x30\x00" SPKI "\xa1\x00",
		    "attributes"),
		BAD("\x30\x0e\x02\x01\x00\x30\x00" SPKI "\xa0\x00\x05\x00",
		    "goes on"),
		BAD("\x30\x0c\x02\x01\x00\x30\x00" SPKI "\xa0\x01",
		    "attributes"),
	};
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		assert_int_equal(csr(bad[i].der, bad[i].n, &why), ERR_SHAPE);
		if (strstr(why.text, bad[i].reason) == NULL)
			fail_msg("%zu: %s", i, why.text);
	}
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void
audit_keys_sign_checkpoints_only(void **state)
{
	static const char *const bad[] = {
		"", AUDIT_PREIMAGE, AUDIT_PREIMAGE "1\n", "1\n" ZEROS "\n",
		"K" AUDIT_SAMPLE, AUDIT_SAMPLE "\n", AUDIT_SAMPLE AUDIT_SAMPLE,
		AUDIT_PREIMAGE "01\n" ZEROS "\n",
		AUDIT_PREIMAGE "0\n" ZEROS "\n",
		AUDIT_PREIMAGE "\n" ZEROS "\n",
		AUDIT_PREIMAGE "-1\n" ZEROS "\n",
		AUDIT_PREIMAGE "1 \n" ZEROS "\n",
		AUDIT_PREIMAGE "12345678901234567\n" ZEROS "\n",
		AUDIT_PREIMAGE "1\n" ZEROS, AUDIT_PREIMAGE "1\n" ZEROS "\r\n",
		AUDIT_PREIMAGE "1\n0" ZEROS "\n",
		AUDIT_PREIMAGE "1\nA" ZEROS "\n",
		AUDIT_PREIMAGE "1\n\n" ZEROS "\n",
		AUDIT_PREIMAGE "1\n2\n" ZEROS "\n",
	};
	struct fault why;

	(void)state;
#define AUDIT(text, n)                                                        \
	shape_check(PURPOSE_AUDIT, ALG_ES256, no_spki, text, n, &why)
	assert_int_equal(AUDIT(AUDIT_SAMPLE, sizeof(AUDIT_SAMPLE) - 1), OK);
	assert_int_equal(AUDIT(AUDIT_SAMPLE, sizeof(AUDIT_SAMPLE)), ERR_SHAPE);
	for (size_t i = 0; i < nitems(bad); i++)
		if (AUDIT(bad[i], strlen(bad[i])) != ERR_SHAPE)
			fail_msg("signed: %s", bad[i]);
}

/* No preimage of one purpose passes for another. */
static void
purposes_do_not_overlap(void **state)
{
	struct fault why;
	struct buf jws;
	struct view in[PURPOSE__MAX] = {
		[PURPOSE_CERTIFICATE] = { (const unsigned char *)CSR,
		    sizeof(CSR) - 1 },
		[PURPOSE_AUDIT] = { (const unsigned char *)AUDIT_SAMPLE,
		    sizeof(AUDIT_SAMPLE) - 1 },
	};

	(void)state;
	buf_init(&jws, 1000);
	b64_put(&jws, "{" ALG "," KID "," NONCE "," URL "}",
	    sizeof("{" ALG "," KID "," NONCE "," URL "}") - 1);
	buf_putc(&jws, '.');
	in[PURPOSE_ACCOUNT] = (struct view){ jws.data, jws.len };
	for (unsigned key = 0; key < PURPOSE__MAX; key++)
		for (unsigned of = 0; of < PURPOSE__MAX; of++)
			assert_int_equal(shape_check((enum key_purpose)key,
			    ALG_ES256, spki, in[of].p, in[of].n, &why),
			    key == of ? OK : ERR_SHAPE);
	assert_int_equal(shape_check(PURPOSE__MAX, ALG_ES256, spki, in[0].p,
	    in[0].n, &why), ERR_SHAPE);
	buf_free(&jws);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_acme_headers),
		cmocka_unit_test(refuses_other_headers),
		cmocka_unit_test(refuses_nul_in_header),
		cmocka_unit_test(knows_payloads),
		cmocka_unit_test(refuses_payloads_and_frames),
		cmocka_unit_test(accepts_csr_of_its_key),
		cmocka_unit_test(reads_subject_and_attributes),
		cmocka_unit_test(refuses_other_der),
		cmocka_unit_test(audit_keys_sign_checkpoints_only),
		cmocka_unit_test(purposes_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
