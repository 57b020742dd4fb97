/* One configuration mistake of each kind: where it is said to stand, and what
 * is said.  Each text has exactly that one mistake. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../broker/base/mem.h"
#include "../../policy/config.h"

/* Line 1 of each text that does not start with '!'. */
#define PRELUDE                                                             \
	"state \"/s\" token \"t\" { module \"m\" uri \"pkcs11:token=t\" "   \
	"pin-source \"prompt\" key \"old\" { uri \"pkcs11:object=o\" "      \
	"purpose cert } } ca \"c\" { directory \"https://c/d\" } "          \
	"account \"a\" { ca \"c\" key ec-p256 { token \"t\" } } "           \
	"tenant \"w\" { uid 1 }\n"

#define TOKEN(body) "token \"x\" { module \"m\" pin-source \"prompt\" \
uri \"pkcs11:token=x\"\n" body " }"
#define KEYURI(uri) TOKEN("key \"k\" { purpose cert\nuri \"" uri "\" }")
#define CA(body) "ca \"x\" {\n" body " }"
#define ACCOUNT(body) "account \"x\" { ca \"c\"\n" body " }"
#define CERT(names, rest)                                          \
	"certificate \"x\" { account \"a\" key ec-p256 { token "   \
	"\"t\" }\nnames " names "\n" rest " }"
#define DNS "challenge dns-01 { program \"/p\" }"
#define ALLOW(body) "allow \"w\" { operations *\n" body " }"
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *text;
	unsigned line, column;
	const char *says;
} mistakes[] = {
	/* Bytes and tokens. */
	{ "!state \"/s\nlog info", 1, 7, "unterminated" },
	{ "!state \"/s", 1, 7, "unterminated" },
	{ "ca \"x\" { directory \"https://a/\\n\" }", 2, 31, "escape" },
	{ "# \x80", 2, 3, "UTF-8" },
	{ "# \xc0\xaf", 2, 3, "UTF-8" },
	{ "# \xed\xa0\x80", 2, 3, "UTF-8" },
	{ "# \xf4\x90\x80\x80", 2, 3, "UTF-8" },
	{ "# a\rb", 2, 4, "carriage return" },
	{ "# a\x01", 2, 4, "0x01" },
	{ "# \xc2\x85", 2, 3, "0x85" },
	{ "# \xe2\x80\xae", 2, 3, "U+202E" },
	{ "log = info", 2, 5, "'='" },
	{ "log info;", 2, 9, "';'" },
	{ "log info#x", 2, 9, "space" },
	{ "listener \"l\"\"m\"", 2, 13, "space" },
	{ "listener \"l\"x", 2, 13, "space" },
	{ CERT("\"a.b\"", DNS) "\ndeny \"w\" { operations * keys \xc3\xa9 }",
	    5, 30, "quotes" },
	/* Statements. */
	{ "wrong 1", 2, 1, "unknown statement \"wrong\"" },
	{ "wrong { a b { } }", 2, 1, "unknown statement" },
	{ "Log info", 2, 1, "unknown statement \"Log\"" },
	{ "limits { conections 3 }", 2, 10, "in limits" },
	{ CERT("\"a.b\"", "challenge dns-01 { webroot \"/w\" program "
	    "\"/p\" }"), 4, 20, "in challenge dns-01" },
	{ "deny \"w\" { operations * rate 1 per 1h }", 2, 25, "in deny" },
	{ "\"text\"", 2, 1, "begins with a keyword" },
	{ "log info 7", 2, 10, "log takes one value" },
	{ "limits { idle 1s conections 3 }", 2, 18,
	    "unknown statement \"conections\" in limits" },
	{ "log info log debug", 2, 10, "twice" },
	{ "limits { idle 1s idle 2s }", 2, 18, "twice in limits" },
	{ "log", 2, 1, "needs a value" },
	{ "log info debug", 2, 10, "takes one" },
	{ "limits x { }", 2, 8, "limits takes no value" },
	{ "log info { }", 2, 10, "no block" },
	{ "limits", 2, 1, "needs a block" },
	{ "deny \"w\"", 2, 1, "needs a block" },
	{ "{ log info }", 2, 1, "without a statement" },
	{ "}", 2, 1, "without an opening" },
	{ "limits { idle 1s", 2, 17, "missing" },
	{ "!log info", 1, 1, "\"state\" is missing" },
	{ ACCOUNT("terms agreed"), 2, 1, "\"key\" is missing in account" },
	{ "deny \"w\" { keys \"*\" }", 2, 1, "\"operations\" is missing" },
	{ CERT("\"a.b\"", "challenge dns-01"), 4, 1, "\"program\"" },
	/* Quotes where none belong, and the other way round. */
	{ "log \"info\"", 2, 5, "without quotes" },
	{ "listener api", 2, 10, "double quotes" },
	/* Words and names. */
	{ "log loud", 2, 5, "error warning info debug" },
	{ "sandbox tight", 2, 9, "off available seccomp full" },
	{ "sandbox full sandbox off", 2, 14, "twice" },
	{ "sandbox", 2, 1, "needs a value" },
	{ "audit often", 2, 7, "durable relaxed" },
	{ ACCOUNT("key ec-p512 { token \"t\" }"), 3, 5, "one of" },
	{ ACCOUNT("key rsa-2048 { token \"t\" verify never }"), 3, 33,
	    "always sample" },
	{ "listener \"Api\"", 2, 10, "not a name" },
	{ "listener \"\"", 2, 10, "not a name" },
	{ "listener \"a" L63 "\"", 2, 10, "not a name" },
	{ "listener \"-a\"", 2, 10, "not a name" },
	/* Numbers. */
	{ "limits { connections 0 }", 2, 22, "1 to 65535" },
	{ "limits { connections 65536 }", 2, 22, "1 to 65535" },
	{ "limits { connections 07 }", 2, 22, "whole number" },
	{ "limits { connections 7x }", 2, 22, "whole number" },
	{ "limits { connections 18446744073709551617 }", 2, 22, "whole" },
	{ TOKEN("lanes 65"), 3, 7, "1 to 64" },
	{ "key-grace 7", 2, 11, "needs a unit" },
	{ "key-grace 7w", 2, 11, "unknown unit" },
	{ "key-grace 1h30m", 2, 11, "unknown unit" },
	{ "key-grace 07d", 2, 11, "leading zero" },
	{ "key-grace d", 2, 11, "not a time" },
	{ "key-grace 1.5d", 2, 11, "unknown unit" },
	{ "key-grace 99999999999999999999d", 2, 11, "out of range" },
	{ "limits { idle 0s }", 2, 15, "out of range" },
	{ "limits { body 64 }", 2, 15, "needs a unit" },
	{ "limits { body 64kB }", 2, 15, "unknown unit" },
	{ "limits { body 1B }", 2, 15, "out of range" },
	{ "limits { body 99999999999999999MiB }", 2, 15, "out of range" },
	{ "listener \"l\" { mode 660 }", 2, 21, "octal" },
	{ "listener \"l\" { mode 0668 }", 2, 21, "octal" },
	/* Texts. */
	{ "!state \"var\"", 1, 7, "absolute" },
	{ "!state \"/var/\"", 1, 7, "slash" },
	{ "!state \"/a/../b\"", 1, 7, ".." },
	{ "listener \"l\" { path \"/" L63 L63 "\" }", 2, 21, "socket" },
	{ "http-listen \"localhost:80\"", 2, 13, "address" },
	{ "http-listen \"127.0.0.1\"", 2, 13, "port" },
	{ "http-listen \"[::1]:65536\"", 2, 13, "port" },
	{ "http-listen \"[::1]:080\"", 2, 13, "port" },
	{ CA("directory \"http://c/d\""), 3, 11, "https://" },
	{ CA("directory \"https://u@c/d\""), 3, 11, "host" },
	{ CA("directory \"https:///d\""), 3, 11, "host" },
	{ CA("directory \"https://c:0/d\""), 3, 11, "port" },
	{ CA("directory \"https://c/d e\""), 3, 11, "character" },
	{ CA("directory \"https://c/%4\""), 3, 11, "hex" },
	{ CA("directory \"https://c/d#f\""), 3, 11, "character" },
	{ CA("directory \"https://c/d\" preferred-chain \"\""), 3, 41,
	    "empty" },
	{ ACCOUNT("key ec-p256 { token \"t\" } contact \"a@b.c\""), 3, 35,
	    "mailto:" },
	{ ACCOUNT("key ec-p256 { token \"t\" } contact "
	    "\"mailto:a@b,c@d\""), 3, 35, "single" },
	{ ACCOUNT("key ec-p256 { token \"t\" } contact "
	    "\"mailto:a@b?cc=d\""), 3, 35, "character" },
	{ ACCOUNT("key ec-p256 { token \"t\" } eab { kid \"k\" "
	    "key-file \"/k\" algorithm RS256 }"), 3, 65, "HS256" },
	/* Tokens and their URIs. */
	{ "token \"x\" { module \"m\" uri \"pkcs11:token=x\"\n"
	    "pin-source \"1234\" }", 3, 12, "credential:NAME" },
	{ "token \"x\" { module \"m\" uri \"pkcs11:token=x\"\n"
	    "pin-source \"file:pin\" }", 3, 12, "absolute" },
	{ "token \"x\" { uri \"pkcs11:token=x\" pin-source \"prompt\"\n"
	    "module \"lib/m.so\" }", 3, 8, "module" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs12:token=x\" }", 3, 5, "pkcs11:" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:\" }", 3, 5, "attribute=value" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:model=x\" }", 3, 5, "serial=" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:slot-id=1\" }", 3, 5, "no place" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:token=x?pin-value=1\" }", 3, 5, "PIN" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:token=x;pin-value=1\" }", 3, 5, "PIN" },
	{ "token \"x\" { module \"m\" pin-source \"prompt\"\n"
	    "uri \"pkcs11:token=x?module-name=y\" }", 3, 5, "path" },
	{ KEYURI("pkcs11:token=x"), 4, 5, "object=" },
	{ KEYURI("pkcs11:object=x;colour=red"), 4, 5, "unknown attribute" },
	{ KEYURI("pkcs11:object=x;object=y"), 4, 5, "twice" },
	{ KEYURI("pkcs11:object=%4"), 4, 5, "hex" },
	{ KEYURI("pkcs11:object=%zz"), 4, 5, "hex" },
	{ KEYURI("pkcs11:object=%00"), 4, 5, "NUL" },
	{ KEYURI("pkcs11:object=a b"), 4, 5, "%XX" },
	{ KEYURI("pkcs11:object="), 4, 5, "without a value" },
	{ KEYURI("pkcs11:object=x;type=public"), 4, 5, "private" },
	{ KEYURI("pkcs11:id=%01;serial=01234567890123456"), 4, 5, "longer" },
	{ TOKEN("key \"k\" { uri \"pkcs11:id=%01\" purpose tls }"), 3, 39,
	    "account cert audit" },
	{ TOKEN("key \"k\" { uri \"pkcs11:id=%01\" purpose cert "
	    "spki-sha256 \"00\" }"), 3, 56, "64 digits" },
	/* DNS names. */
	{ CERT("\"A.example\"", DNS), 3, 7, "lower case" },
	{ CERT("\"a.example.\"", DNS), 3, 7, "empty label" },
	{ CERT("\"a..b\"", DNS), 3, 7, "empty label" },
	{ CERT("\"\"", DNS), 3, 7, "empty label" },
	{ CERT("\"example\"", DNS), 3, 7, "two labels" },
	{ CERT("\"*.example\"", DNS), 3, 7, "two labels" },
	{ CERT("\"a.*.example\"", DNS), 3, 7, "character" },
	{ CERT("\"b\xc3\xbc" "cher.example\"", DNS), 3, 7, "A-labels" },
	{ CERT("\"a" L63 ".example\"", DNS), 3, 7, "63 bytes" },
	{ CERT("\"" L63 "." L63 "." L63 "." L63 "\"", DNS), 3, 7, "253" },
	{ CERT("\"192.0.2.1\"", DNS), 3, 7, "address" },
	{ CERT("\"2001:db8::1\"", DNS), 3, 7, "character" },
	{ CERT("\"-a.example\"", DNS), 3, 7, "hyphen" },
	{ CERT("\"a.example\" \"b.example\" \"a.example\"", DNS), 3, 31,
	    "duplicate" },
	/* Users and groups. */
	{ "core { user \"nobody-here\" }", 2, 13, "no user" },
	{ "core { user \"33\" }", 2, 13, "write uid" },
	{ "core { user \"a\" uid 3 }", 2, 17, "by number" },
	{ "core { uid 4294967295 }", 2, 12, "4294967294" },
	{ "core { uid -1 }", 2, 12, "not a number" },
	{ "listener \"l\" { group \"nobody-here\" }", 2, 22, "no group" },
	{ "tenant \"x\" { user \"a\" \"a\" }", 2, 23, "duplicate" },
	{ "tenant \"x\" { gid 7 gid 07 }", 2, 24, "not a number" },
	/* Rules. */
	{ "allow \"w\" { operations key.sing }", 2, 24, "unknown operation" },
	{ "allow \"w\" { operations key.r* }", 2, 24, "unknown operation" },
	{ "allow \"w\" { operations key.read key.read }", 2, 33,
	    "duplicate" },
	{ ALLOW("names \"www.*.org\""), 3, 7, "character" },
	{ ALLOW("keys \"a*b\""), 3, 6, "prefix" },
	{ ALLOW("rate 10"), 3, 1, "three values" },
	{ ALLOW("rate 10 each 1h"), 3, 9, "per" },
	{ ALLOW("rate 0 per 1h"), 3, 6, "from 1" },
	{ ALLOW("rate 10 per 1"), 3, 13, "unit" },
	{ ALLOW("rate 1 per 1s 2 per"), 3, 1, "three values" },
	{ ALLOW("rate 1 per 1m 2 per 60s"), 3, 21, "another rate" },
	{ ALLOW("rate 1 per 367d"), 3, 12, "range" },
	{ ALLOW("rate 1 per 1s 1 per 2s 1 per 3s 1 per 4s 1 per 5s "
	    "1 per 6s 1 per 7s 1 per 8s 1 per 9s"), 3, 1, "at most 8" },
	{ ALLOW("ips \"192.0.2.0/24\" \"192.0.2.1/24\""), 3, 20, "bits" },
	{ ALLOW("ips \"192.0.2.0/33\""), 3, 5, "prefix" },
	{ ALLOW("ips \"192.0.2.0/08\""), 3, 5, "prefix" },
	{ ALLOW("ips \"192.0.2\""), 3, 5, "no IP address" },
	{ ALLOW("ips \"::ffff:192.0.2.1\""), 3, 5, "version 4" },
	{ ALLOW("ips \"www.example.org\""), 3, 5, "no IP address" },
	{ ALLOW("profiles \"a*b\""), 3, 10, "character" },
	{ ALLOW("profiles \"\""), 3, 10, "63 characters" },
	{ "tenant \"x\" { owns \"x*\" share 2 sees \"*\" }", 2, 1,
	    "needs user" },
	{ "tenant \"x\" { uid 2 owns \"*\" }", 2, 25, "\"prefix*\"" },
	{ "tenant \"x\" { uid 2 owns \"a-*\" }\n"
	    "tenant \"y\" { uid 3 owns \"b\" \"a-b-*\" }", 3, 29,
	    "tenant \"x\" has names" },
	{ "tenant \"x\" { uid 2 owns \"a-b\" }\n"
	    "tenant \"y\" { uid 3 owns \"a-*\" }", 3, 25, "\"x\"" },
	{ "tenant \"x\" { uid 2 owns \"a-*\" }\n"
	    "tenant \"y\" { uid 3 owns \"a-b\" }", 3, 25, "\"x\"" },
	{ "tenant \"x\" { uid 2 owns \"a\" }\n"
	    "tenant \"y\" { uid 3 owns \"ab\" \"a\" }", 3, 30, "\"x\"" },
	{ "tenant \"x\" { uid 2 sees \"y\" }", 2, 25, "no tenant \"y\"" },
	{ "tenant \"x\" { uid 2 share 0 }", 2, 26, "1 to 1000" },
	{ CA("directory \"https://c/\" budget { per-domain 1 }"), 3, 33,
	    "three values" },
	{ ALLOW("until 2027-02-29"), 3, 7, "calendar" },
	{ ALLOW("until 2027-13-01"), 3, 7, "calendar" },
	{ ALLOW("until 31.1.2027"), 3, 7, "not a date" },
	{ ALLOW("until 2027-1-31"), 3, 7, "not a date" },
	/* What must exist, differ, or come together. */
	{ ALLOW("accounts \"b\""), 3, 10, "no account \"b\"" },
	{ ALLOW("cas \"c\" \"d\""), 3, 9, "no ca \"d\"" },
	{ "allow \"x\" { operations * }", 2, 7, "no tenant \"x\"" },
	{ "account \"x\" { ca \"z\" key ec-p256 { token \"t\" } }", 2, 18,
	    "no ca \"z\"" },
	{ ACCOUNT("key ec-p256 { token \"z\" }"), 3, 21, "no token" },
	{ "audit relaxed { token \"z\" }", 2, 23, "no token" },
	{ "tenant \"x\" { listener \"z\" }", 2, 23, "no listener" },
	{ "tenant \"x\" { }", 2, 1, "user, uid" },
	{ ACCOUNT("key foreign { token \"t\" name \"new\" }"), 3, 30,
	    "no key \"new\"" },
	{ ACCOUNT("key foreign { token \"t\" name \"old\" }"), 3, 30,
	    "purpose cert, not account" },
	{ ACCOUNT("key foreign { token \"t\" }"), 3, 1, "\"name\"" },
	{ "ca \"c\" { directory \"https://e/d\" }", 2, 4, "exists already" },
	{ "tenant \"w\" { uid 2 }", 2, 8, "exists already" },
	{ TOKEN("key \"old\" { uri \"pkcs11:id=%01\" purpose cert }"), 3, 5,
	    "exists already" },
	{ "listener \"l\" { path \"/l\" }\nlistener \"m\" { path \"/l\" }",
	    3, 21, "has it already" },
	{ "listener \"l\" { protocol lacme-accountd }", 2, 16, "\"account\"" },
	{ "listener \"l\" { protocol http { } }", 2, 30, "block" },
	{ "listener \"l\" { protocol lacme-accountd { account \"z\" } }", 2,
	    50, "no account" },
	{ "listener \"l\" { protocol gopher }", 2, 25, "http" },
	{ CERT("\"a.b\"", "challenge http-01"), 4, 11, "http-listen" },
	{ CERT("\"a.b\" \"*.a.b\"", "challenge http-01 { webroot \"/w\" }"),
	    3, 13, "dns-01" },
	{ CERT("\"a.b\"", "challenge tls-alpn-01"), 4, 11, "one of" },
};

static bool
somebody(const char *name, uint32_t *id)
{
	*id = (uint32_t)strlen(name);
	return strcmp(name, "nobody-here") != 0;
}

static const struct config_names names = { somebody, somebody };

/* Parses the text of a row; the result is thrown away. */
static void
parse_row(const char *row, struct config_errors *errors)
{
	char *text = row[0] == '!' ? xstrdup(row + 1) :
	    xasprintf("%s%s", PRELUDE, row);

	config_free(config_parse(text, strlen(text), &names, errors));
	free(text);
}

static void
test_each_mistake(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < nitems(mistakes); i++) {
		struct config_errors e;
		bool right;

		parse_row(mistakes[i].text, &e);
		right = e.n == 1 && e.v[0].code == ERR_CONFIG &&
		    e.v[0].line == mistakes[i].line &&
		    e.v[0].column == mistakes[i].column &&
		    strstr(e.v[0].text, mistakes[i].says) != NULL;
		if (!right) {
			wrong++;
			print_message("%s\n  wanted %u:%u %s\n",
			    mistakes[i].text, mistakes[i].line,
			    mistakes[i].column, mistakes[i].says);
			for (size_t j = 0; j < e.n; j++)
				print_message("  got %u:%u %s\n", e.v[j].line,
				    e.v[j].column, e.v[j].text);
		}
		config_errors_free(&e);
	}
	assert_int_equal(wrong, 0);
	assert_true(nitems(mistakes) >= 60);
}

static void
test_prelude_is_right(void **state)
{
	struct config_errors e;

	(void)state;
	parse_row("", &e);
	assert_int_equal(e.n, 0);
	config_errors_free(&e);
}

static void
test_depth(void **state)
{
	static const char text[] = "!state \"/s\"\n"
	    "no { a { b { c { d { e { f { g { h { } } } } } } } } }";
	struct config_errors e;

	(void)state;
	parse_row(text, &e);
	assert_int_equal(e.n, 2);
	assert_non_null(strstr(e.v[0].text, "unknown statement"));
	assert_non_null(strstr(e.v[1].text, "deeper than 8"));
	assert_int_equal(e.v[1].column, strchr(text, 'h') - text - 11 + 2);
	config_errors_free(&e);
}

static void
test_nul_byte(void **state)
{
	static const char text[] = "state \"/s\"\nlog\0info\n";
	struct config_errors e;

	(void)state;
	assert_null(config_parse(text, sizeof(text) - 1, &names, &e));
	assert_int_equal(e.n, 1);
	assert_int_equal(e.v[0].line, 2);
	assert_int_equal(e.v[0].column, 4);
	assert_non_null(strstr(e.v[0].text, "0x00"));
	config_errors_free(&e);
}

static void
test_size(void **state)
{
	char *text = xmalloc(CONFIG_MAX + 1);
	struct config_errors e;
	struct config *c;

	(void)state;
	memset(text, '\n', CONFIG_MAX + 1);
	memcpy(text, "state \"/s\"", 10);
	c = config_parse(text, CONFIG_MAX, &names, &e);
	assert_non_null(c);
	config_free(c);
	config_errors_free(&e);
	assert_null(config_parse(text, CONFIG_MAX + 1, &names, &e));
	assert_int_equal(e.n, 1);
	config_errors_free(&e);
	free(text);
}

/* All mistakes come at once, in order of place although they are found in
 * several passes, and the first 64 of them. */
static void
test_order_and_number(void **state)
{
	struct config_errors e;
	struct buf text;

	(void)state;
	parse_row("!allow \"nobody\" { operations * }\nlog loud\nwrong", &e);
	assert_int_equal(e.n, 4);
	assert_non_null(strstr(e.v[0].text, "\"state\" is missing"));
	assert_non_null(strstr(e.v[1].text, "no tenant"));
	assert_int_equal(e.v[2].line, 2);
	assert_int_equal(e.v[3].line, 3);
	config_errors_free(&e);

	buf_init(&text, CONFIG_MAX);
	buf_puts(&text, "!state \"/s\"\n");
	for (unsigned i = 0; i < 50; i++)
		buf_putf(&text, "wrong\nallow \"x%u\" { operations * }\n", i);
	parse_row(buf_str(&text), &e);
	assert_int_equal(e.n, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(e.v[i].line, i + 2);
	config_errors_free(&e);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prelude_is_right),
		cmocka_unit_test(test_each_mistake),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_order_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
