/* DNS names, patterns over them, names of things, and operations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../broker/base/mem.h"
#include "../../policy/evaluate.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define N253 L63 "." L63 "." L63 "." \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	bool valid, as_wildcard;
} dns_names[] = {
	{ "a.b", true, true },
	{ "www.example.org", true, true },
	{ "xn--bcher-kva.example", true, true },
	{ "a-b.c--d.e", true, true },
	{ "1.example", true, true },
	{ "example.1a", true, true },
	{ L63 ".example", true, true },
	{ N253, true, true },
	{ "*.example.org", false, true },
	{ "*.org", false, false },
	{ "*", false, false },
	{ "*.", false, false },
	{ "**.example.org", false, false },
	{ "a.*.example.org", false, false },
	{ "*a.example.org", false, false },
	{ "*.*.example.org", false, false },
	{ "", false, false },
	{ ".", false, false },
	{ "example", false, false },
	{ "localhost", false, false },
	{ "example.org.", false, false },
	{ ".example.org", false, false },
	{ "a..b", false, false },
	{ "A.example", false, false },
	{ "example.ORG", false, false },
	{ "a_b.example", false, false },
	{ "-a.example", false, false },
	{ "a-.example", false, false },
	{ "a.b-", false, false },
	{ "a b.example", false, false },
	{ "a.example\n", false, false },
	{ "b\xc3\xbc" "cher.example", false, false },
	{ "a" L63 ".example", false, false },
	{ "a" N253, false, false },
	{ "192.0.2.1", false, false },
	{ "1.2", false, false },
	{ "0x7f.1", false, false },
	{ "2001:db8::1", false, false },
	{ "[::1]", false, false },
	{ "example.org:80", false, false },
	{ "a/b.example", false, false },
	{ "a@b.example", false, false },
};

static void
test_dns_names(void **state)
{
	(void)state;
	assert_int_equal(strlen(N253), 253);
	for (size_t i = 0; i < nitems(dns_names); i++)
		if (dns_name_valid(dns_names[i].name, false) !=
		    dns_names[i].valid ||
		    dns_name_valid(dns_names[i].name, true) !=
		    dns_names[i].as_wildcard)
			fail_msg("wrong about %s", dns_names[i].name);
}

static const struct {
	const char *pattern, *name;
	bool matches;
} matches[] = {
	{ "www.example.org", "www.example.org", true },
	{ "www.example.org", "ww.example.org", false },
	{ "www.example.org", "a.www.example.org", false },
	{ "www.example.org", "xwww.example.org", false },
	{ "www.example.org", "*.example.org", false },
	{ "www.example.org", "WWW.example.org", false },
	{ "www.example.org", "www.example.org.", false },
	{ ".example.org", "example.org", false },
	{ ".example.org", "a.example.org", true },
	{ ".example.org", "a.b.c.example.org", true },
	{ ".example.org", "*.example.org", true },
	{ ".example.org", "*.a.example.org", true },
	{ ".example.org", "aexample.org", false },
	{ ".example.org", "example.org.evil.net", false },
	{ ".example.org", ".example.org", false },
	{ ".example.org", "..example.org", false },
	{ ".example.org", "*.*.example.org", false },
	{ ".org", "a.org", true },
	{ "*.example.org", "*.example.org", true },
	{ "*.example.org", "a.example.org", true },
	{ "*.example.org", "a.b.example.org", false },
	{ "*.example.org", "*.b.example.org", false },
	{ "*.example.org", "example.org", false },
	{ "*.example.org", "aexample.org", false },
	{ "*.example.org", ".example.org", false },
	{ "*.example.org", "A.example.org", false },
	{ "*", "a.example", true },
	{ "*", "*.a.example", true },
	{ "*", "example", false },
	{ "*", "192.0.2.1", false },
	{ "*", "", false },
	{ "*", "a.b\xc3\xbc", false },
	{ "*", "a" N253, false },
};

static void
test_name_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(matches); i++)
		if (name_matches(matches[i].pattern, matches[i].name) !=
		    matches[i].matches)
			fail_msg("wrong about %s and %s", matches[i].pattern,
			    matches[i].name);
}

static void
test_names(void **state)
{
	(void)state;
	assert_true(name_valid("a"));
	assert_true(name_valid("0a._-"));
	assert_true(name_valid(L63));
	assert_false(name_valid("a" L63));
	assert_false(name_valid(""));
	assert_false(name_valid("-a"));
	assert_false(name_valid(".a"));
	assert_false(name_valid("A"));
	assert_false(name_valid("a/b"));
	assert_false(name_valid("a*"));
	assert_false(name_valid("a\n"));
	assert_false(name_valid("\xc3\xbc"));
}

static void
test_operations(void **state)
{
	(void)state;
	for (enum operation op = 0; op < OP__MAX; op++) {
		assert_int_equal(operation_parse(operation_name(op)), op);
		assert_true(strlen(operation_text(op)) > 5);
	}
	assert_int_equal(operation_parse("key.sing"), OP__MAX);
	assert_int_equal(operation_parse(""), OP__MAX);
	assert_string_equal(operation_name(OP_KEY_GENERATE), "key.generate");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dns_names),
		cmocka_unit_test(test_name_matches),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
