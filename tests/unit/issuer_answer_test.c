/* Objects of CAs: what comes out of good ones, and why bad ones do not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/answer.h"

#define D "{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\"," \
	  "\"newOrder\":\"https://ca/o\""
#define O "{\"status\":\"pending\",\"finalize\":\"https://ca/f\"," \
	  "\"authorizations\":[\"https://ca/z1\",\"https://ca/z2\"]," \
	  "\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]"
#define A "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\"," \
	  "\"value\":\"a.example\"}"
#define C "{\"type\":\"http-01\",\"url\":\"https://ca/c\"," \
	  "\"status\":\"pending\""

struct row {
	answer_reader *read;
	const char *text;
	const char *facts; /* NULL: refused */
	const char *why;   /* part of the reason */
};

static const struct row rows[] = {
	/* directories */
	{ answer_directory, D "}", D "}", NULL },
	{ answer_directory, D ",\"meta\":{}}", D "}", NULL },
	{ answer_directory, D ",\"meta\":null,\"keyChange\":null}", D "}",
	  NULL },
	{ answer_directory, D ",\"x4QpGdL\":\"https://forum.example/t/1\","
	  "\"newAuthz\":null,\"revokeCert\":\"https://ca/r\",\"keyChange\":"
	  "\"https://ca/k\",\"renewalInfo\":\"https://ca/i\"}",
	  D ",\"revokeCert\":\"https://ca/r\",\"keyChange\":\"https://ca/k\","
	  "\"renewalInfo\":\"https://ca/i\"}", NULL },
	{ answer_directory, D ",\"meta\":{\"termsOfService\":"
	  "\"data:text/plain,Do%20what%20thou%20wilt\",\"website\":\"w\","
	  "\"externalAccountRequired\":false,\"caaIdentities\":[\"x\"],"
	  "\"profiles\":{\"default\":\"d\",\"shortlived\":{\"x\":1}}}}",
	  D ",\"termsOfService\":\"data:text/plain,Do%20what%20thou%20wilt\","
	  "\"website\":\"w\",\"externalAccountRequired\":false,"
	  "\"profiles\":[\"default\",\"shortlived\"]}", NULL },
	{ answer_directory, "{}", NULL, "\"newNonce\" is missing" },
	{ answer_directory, "[]", NULL, "not a JSON object" },
	{ answer_directory, "\"x\"", NULL, "not a JSON object" },
	{ answer_directory, "{\"newNonce\":\"https://ca/n\",\"newAccount\":"
	  "\"https://ca/a\"}", NULL, "\"newOrder\" is missing" },
	{ answer_directory, "{\"newNonce\":1}", NULL, "\"newNonce\" is not" },
	{ answer_directory, "{\"newNonce\":null}", NULL, "is missing" },
	{ answer_directory, "{\"newNonce\":\"http://ca/n\"}", NULL,
	  "\"newNonce\" is not an absolute https URL" },
	{ answer_directory, D ",\"keyChange\":\"\"}", NULL, "keyChange" },
	{ answer_directory, D ",\"keyChange\":[]}", NULL, "keyChange" },
	{ answer_directory, D ",\"meta\":[]}", NULL, "\"meta\" is not an" },
	{ answer_directory, D ",\"meta\":{\"externalAccountRequired\":"
	  "\"no\"}}", NULL, "true or false" },
	{ answer_directory, D ",\"meta\":{\"profiles\":[\"a\"]}}", NULL,
	  "\"profiles\" is not an object" },
	{ answer_directory, D ",\"meta\":{\"website\":1}}", NULL,
	  "\"website\" is not a string" },
	/* accounts */
	{ answer_account, "{\"status\":\"valid\",\"contact\":[],\"orders\":"
	  "\"https://ca/os\"}", "{\"status\":\"valid\",\"orders\":"
	  "\"https://ca/os\"}", NULL },
	{ answer_account, "{}", "{}", NULL },
	{ answer_account, "{\"status\":true}", NULL, "\"status\"" },
	{ answer_account, "{\"status\":\"\"}", NULL, "\"status\"" },
	{ answer_account, "{\"status\":\"va\\nlid\"}", NULL, "printable" },
	/* orders */
	{ answer_new_order, O "}", O "}", NULL },
	{ answer_new_order, O ",\"expires\":\"2026-11-23T14:47:36.25Z\","
	  "\"notBefore\":null,\"error\":null,\"certificate\":null}",
	  "{\"status\":\"pending\",\"expires\":1795445256,"
	  "\"finalize\":\"https://ca/f\",\"authorizations\":"
	  "[\"https://ca/z1\",\"https://ca/z2\"],\"identifiers\":"
	  "[{\"type\":\"dns\",\"value\":\"a.example\"}]}", NULL },
	{ answer_order, "{\"status\":\"invalid\",\"error\":{\"type\":\"t\","
	  "\"detail\":\"d\",\"status\":403}}", "{\"status\":\"invalid\","
	  "\"error\":{\"type\":\"t\",\"detail\":\"d\",\"status\":403}}",
	  NULL },
	{ answer_order, "{\"status\":\"invalid\",\"error\":\"d\"}",
	  "{\"status\":\"invalid\",\"error\":{\"detail\":\"d\"}}", NULL },
	{ answer_order, "{\"status\":\"valid\",\"certificate\":"
	  "\"https://ca/crt\"}", "{\"status\":\"valid\",\"certificate\":"
	  "\"https://ca/crt\"}", NULL },
	{ answer_new_order, O ",\"authorizations\":[]}", NULL, NULL },
	{ answer_new_order, "{\"status\":\"pending\"}", NULL,
	  "\"finalize\" is missing" },
	{ answer_new_order, "{\"status\":\"pending\",\"finalize\":"
	  "\"https://ca/f\"}", NULL, "\"authorizations\" is missing" },
	{ answer_new_order, "{\"status\":\"pending\",\"finalize\":"
	  "\"https://ca/f\",\"authorizations\":[]}", NULL,
	  "\"identifiers\" is missing" },
	{ answer_order, "{}", NULL, "\"status\" is missing" },
	{ answer_order, O ",\"certificate\":\"\"}", NULL, "certificate" },
	{ answer_order, O ",\"expires\":\"tomorrow\"}", NULL, "RFC 3339" },
	{ answer_order, O ",\"expires\":1795445256}", NULL, "RFC 3339" },
	{ answer_order, "{\"status\":\"ready\",\"authorizations\":{}}", NULL,
	  "\"authorizations\" is not an array" },
	{ answer_order, "{\"status\":\"ready\",\"authorizations\":[1]}", NULL,
	  "array of URLs" },
	{ answer_order, "{\"status\":\"ready\",\"authorizations\":[\"/z\"]}",
	  NULL, "array of URLs" },
	{ answer_order, "{\"status\":\"ready\",\"identifiers\":[\"a\"]}",
	  NULL, "not an object" },
	{ answer_order, "{\"status\":\"ready\",\"identifiers\":[{\"type\":"
	  "\"dns\"}]}", NULL, "\"value\" is missing" },
	/* authorizations */
	{ answer_authorization, A "}", A "}", NULL },
	{ answer_authorization, A ",\"challenges\":[]}",
	  A ",\"challenges\":[]}", NULL },
	{ answer_authorization, A ",\"challenges\":null}", A "}", NULL },
	{ answer_authorization, A ",\"wildcard\":true,\"challenges\":[" C
	  ",\"token\":\"abc-_\"},{\"type\":\"dns-persist-01\",\"url\":"
	  "\"https://ca/p\",\"status\":\"pending\",\"x\":[]}]}",
	  A ",\"wildcard\":true,\"challenges\":[" C ",\"token\":\"abc-_\"},"
	  "{\"type\":\"dns-persist-01\",\"url\":\"https://ca/p\","
	  "\"status\":\"pending\"}]}", NULL },
	{ answer_authorization, A ",\"challenges\":[" C ",\"error\":"
	  "{\"detail\":\"d\"}}]}", A ",\"challenges\":[" C ",\"error\":"
	  "{\"detail\":\"d\"}}]}", NULL },
	{ answer_authorization, A ",\"challenges\":{}}", NULL,
	  "\"challenges\" is not an array" },
	{ answer_authorization, A ",\"challenges\":[1]}", NULL,
	  "not a JSON object" },
	{ answer_authorization, A ",\"challenges\":[{\"type\":\"x\"}]}",
	  NULL, "\"url\" is missing" },
	{ answer_authorization, A ",\"wildcard\":1}", NULL, "wildcard" },
	{ answer_authorization, "{\"status\":\"valid\"}", NULL,
	  "\"identifier\" is missing" },
	{ answer_authorization, "{\"status\":\"valid\",\"identifier\":\"a\"}",
	  NULL, "\"identifier\" is not an object" },
	/* challenges */
	{ answer_challenge, C "}", C "}", NULL },
	{ answer_challenge, C ",\"validated\":\"x\",\"token\":\"A\"}",
	  C ",\"token\":\"A\"}", NULL },
	{ answer_challenge, C ",\"token\":\"\"}", NULL, "base64url" },
	{ answer_challenge, C ",\"token\":\"../x\"}", NULL, "base64url" },
	{ answer_challenge, C ",\"token\":\"a=\"}", NULL, "base64url" },
	{ answer_challenge, C ",\"token\":5}", NULL, "base64url" },
	{ answer_challenge, "{}", NULL, "\"type\" is missing" },
};

/* ERR_SYNTAX of the gate counts as a refusal too. */
static enum err
run(answer_reader *read, const char *text, struct buf *out, struct fault *why)
{
	struct json *v = json_parse(text, strlen(text), why);
	struct json_writer w;
	enum err e = ERR_SYNTAX;

	buf_init(out, 1048576);
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	if (v != NULL)
		e = read(&w, v, why);
	json_close_object(&w);
	json_free(v);
	return e;
}

static void
objects(void **state)
{
	struct fault why;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		enum err e = run(rows[i].read, rows[i].text, &out, &why);

		if (rows[i].facts != NULL && e != OK)
			fail_msg("%s: %s", rows[i].text, why.text);
		if (rows[i].facts != NULL)
			assert_string_equal(buf_str(&out), rows[i].facts);
		else if (e != ERR_SYNTAX)
			fail_msg("%s is taken", rows[i].text);
		else if (rows[i].why != NULL &&
		    strstr(why.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
		buf_free(&out);
	}
}

/* start, then count times item with commas, then end. */
static enum err
repeat(answer_reader *read, const char *start, const char *item,
    const char *end, unsigned count)
{
	struct buf text, out;
	struct fault why;
	enum err e;

	buf_init(&text, 1048576);
	buf_puts(&text, start);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			buf_puts(&text, ",");
		for (const char *p = item; *p != '\0'; p++)
			if (*p == '#')
				buf_putf(&text, "%u", i);
			else
				buf_putc(&text, (unsigned char)*p);
	}
	buf_puts(&text, end);
	e = run(read, buf_str(&text), &out, &why);
	buf_free(&text);
	buf_free(&out);
	return e;
}

static void
arrays_are_bounded(void **state)
{
	static const struct {
		answer_reader *read;
		const char *start, *item, *end;
		unsigned most;
	} cases[] = {
		{ answer_order, "{\"status\":\"x\",\"authorizations\":[",
		  "\"https://ca/#\"", "]}", 100 },
		{ answer_order, "{\"status\":\"x\",\"identifiers\":[",
		  "{\"type\":\"dns\",\"value\":\"#\"}", "]}", 100 },
		{ answer_authorization, A ",\"challenges\":[", C "}", "]}",
		  20 },
		{ answer_directory, D ",\"meta\":{\"profiles\":{",
		  "\"#\":\"\"", "}}}", 50 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		assert_int_equal(repeat(cases[i].read, cases[i].start,
		    cases[i].item, cases[i].end, cases[i].most), OK);
		assert_int_equal(repeat(cases[i].read, cases[i].start,
		    cases[i].item, cases[i].end, cases[i].most + 1),
		    ERR_LIMIT);
	}
}

static void
urls(void **state)
{
	static const struct {
		const char *url;
		bool ok;
	} cases[] = {
		{ "https://ca.example", true },
		{ "https://ca.example/", true },
		{ "https://ca.example:14000/dir?x=1&y=%2f", true },
		{ "https://[::1]:14000/dir", true },
		{ "https://ca.example/a@b", true },
		{ "https://", false },
		{ "https:///x", false },
		{ "https://:443/", false },
		{ "https://?x", false },
		{ "https://user@ca.example/", false },
		{ "https://ca.example/#x", false },
		{ "https://ca.example/ x", false },
		{ "https://ca.example/\"", false },
		{ "https://ca.example/{id}", false },
		{ "https://ca.example/a|b", false },
		{ "https://ca.example/^", false },
		{ "https://ca.example/`", false },
		{ "https://ca.example/\\", false },
		{ "https://ca.example/\x7f", false },
		{ "https://ca.example/\xc3\xa4", false },
		{ "https://ca.example/\r\nX: y", false },
		{ "HTTPS://ca.example/", false },
		{ "http://ca.example/", false },
		{ "file:///etc/passwd", false },
		{ "//ca.example/", false },
		{ "/x", false },
		{ "", false },
	};
	char longest[URL_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		if (url_valid(cases[i].url) != cases[i].ok)
			fail_msg("%s", cases[i].url);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "https://", 8);
	longest[URL_SIZE] = '\0';
	assert_false(url_valid(longest));
	longest[URL_SIZE - 1] = '\0';
	assert_true(url_valid(longest));
}

static void
tokens(void **state)
{
	char longest[258];

	(void)state;
	assert_true(token_ok("azAZ09-_"));
	assert_false(token_ok(""));
	assert_false(token_ok("a.b"));
	assert_false(token_ok("a/b"));
	assert_false(token_ok("a="));
	assert_false(token_ok("a "));
	memset(longest, 'x', sizeof(longest));
	longest[257] = '\0';
	assert_false(token_ok(longest));
	longest[256] = '\0';
	assert_true(token_ok(longest));
}

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"
#define ONE   BEGIN "\nMIIB\nAA==\n" END "\n"

static void
chains(void **state)
{
	static const struct {
		const char *pem;
		bool ok;
	} cases[] = {
		{ ONE, true },
		{ ONE ONE, true },
		{ ONE "\n" ONE "\n", true },
		{ BEGIN "\r\nMIIB\r\n" END "\r\n", true },
		{ BEGIN "\nMIIB\n" END, true },
		{ "", false },
		{ "\n\n", false },
		{ BEGIN "\nMIIB\n", false },
		{ BEGIN "\nMI B\n" END "\n", false },
		{ BEGIN "\n\n" END "\n", false },
		{ "subject=CN\n" ONE, false },
		{ ONE "trailing\n", false },
		{ " " ONE, false },
		{ ONE "-----BEGIN PRIVATE KEY-----\nMIIB\n"
		  "-----END PRIVATE KEY-----\n", false },
		{ BEGIN "\nMIIB\n-----END PRIVATE KEY-----\n", false },
		{ BEGIN "\n" BEGIN "\nMIIB\n" END "\n", false },
		{ "-----BEGIN X509 CERTIFICATE-----\nMIIB\n"
		  "-----END X509 CERTIFICATE-----\n", false },
		{ END "\n", false },
		{ "<html>", false },
	};
	struct headers h;
	struct json_writer w;
	struct fault why;
	struct buf out;

	(void)state;
	headers_init(&h);
	for (size_t i = 0; i < nitems(cases); i++) {
		buf_init(&out, 65536);
		json_write_start(&w, &out);
		if ((answer_certificate(&w, cases[i].pem,
		    strlen(cases[i].pem), &h, &why) == OK) != cases[i].ok)
			fail_msg("%s: %s", cases[i].pem, why.text);
		buf_free(&out);
	}
	buf_init(&out, 65536);
	json_write_start(&w, &out);
	assert_int_equal(answer_certificate(&w, ONE "\0x", sizeof(ONE) + 1,
	    &h, &why), ERR_SYNTAX);
	assert_int_equal(answer_certificate(&w, ONE, 102401, &h, &why),
	    ERR_LIMIT);
	h.alternates[h.nalternates++] = strdup("https://ca/1");
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	assert_int_equal(answer_certificate(&w, ONE, sizeof(ONE) - 1, &h,
	    &why), OK);
	json_close_object(&w);
	assert_string_equal(buf_str(&out), "{\"pem\":\"" BEGIN
	    "\\nMIIB\\nAA==\\n" END "\\n\",\"alternates\":"
	    "[\"https://ca/1\"]}");
	buf_free(&out);
	headers_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(arrays_are_bounded),
		cmocka_unit_test(urls),
		cmocka_unit_test(tokens),
		cmocka_unit_test(chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
