/* The gate: what it refuses, by name, and what it must not refuse. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../api/json.h"
#include "../../broker/base/mem.h"

struct sample {
	const char *name;
	const char *text;
	size_t n;
	const char *check; /* word that the fault must contain */
	size_t at;	   /* byte that it must name */
};

#define S(name, text, check, at) { name, text, sizeof(text) - 1, check, at }

static const struct sample hostile[] = {
	S("duplicate", "{\"url\":\"a\",\"url\":\"b\"}", "duplicate", 11),
	S("escaped-nul", "\"a.example\\u0000.evil\"", "NUL", 10),
	S("raw-nul", "\"a\0b\"", "control", 2),
	S("invalid-utf8", "\"\xff\"", "UTF-8", 1),
	S("overlong-utf8", "\"\xc0\xaf\"", "UTF-8", 1),
	S("raw-control", "\"a\nb\"", "control", 2),
	S("trailing-garbage", "{} x", "bytes after", 3),
	S("byte-order-mark", "\xef\xbb\xbf{}", "byte order mark", 0),
	S("vertical-tab", "\v{}", "not a value", 0),
	S("leading-zero", "01", "leading zero", 0),
	S("bare-point", "1.", "not an integer", 0),
	S("beyond-2^53", "9007199254740993", "2^53", 0),
	S("beyond-double", "1e400", "not an integer", 0),
	S("lone-surrogate", "\"\\ud800\"", "surrogate", 1),
	S("escaped-duplicate", "{\"a\":1,\"\\u0061\":2}", "duplicate", 7),
	S("deep", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "deeply", 16),
	/* Three more of the list are legal JSON: a scalar at the top, an
	 * integer beyond INT_MAX and names that differ in case only.
	 * json_test.c shows that nobody misreads them. */
};

static const struct sample refused[] = {
	S("empty", "", "value must follow", 0),
	S("spaces", "  ", "value must follow", 2),
	S("open-object", "{", "name must follow", 1),
	S("open-array", "[", "value must follow", 1),
	S("open-string", "\"abc", "without an end", 0),
	S("open-escape", "\"abc\\", "escape", 4),
	S("half-escape", "\"\\u12", "escape", 1),
	S("bad-hex", "\"\\u12g4\"", "escape", 1),
	S("bad-escape", "\"\\x41\"", "escape", 1),
	S("escaped-zero-byte", "\"\\\0\"", "escape", 1),
	S("comma-end", "[1,]", "not a value", 3),
	S("comma-end-object", "{\"a\":1,}", "name must follow", 7),
	S("comma-start", "[,1]", "not a value", 1),
	S("no-comma", "[1 2]", "comma", 3),
	S("no-colon", "{\"a\" 1}", "colon", 5),
	S("number-name", "{1:2}", "name must follow", 1),
	S("wrong-bracket", "[1}", "comma or ]", 2),
	S("wrong-brace", "{\"a\":1]", "comma or }", 6),
	S("extra-bracket", "[]]", "bytes after", 2),
	S("two-values", "1 2", "bytes after", 2),
	S("nul-behind", "{}\0", "bytes after", 2),
	S("minus-zero", "-0", "minus zero", 0),
	S("minus", "-", "without digits", 0),
	S("minus-leading-zero", "-01", "leading zero", 0),
	S("plus", "+1", "not a value", 0),
	S("fraction", "[1.5]", "not an integer", 1),
	S("exponent", "1E2", "not an integer", 0),
	S("beyond-minus", "-9007199254740992", "2^53", 0),
	S("very-long-number", "99999999999999999999999999999999", "2^53", 0),
	S("nan", "NaN", "not a value", 0),
	S("cut-word", "tru", "not a value", 0),
	S("upper-word", "TRUE", "not a value", 0),
	S("long-word", "truex", "bytes after", 4),
	S("single-quotes", "'a'", "not a value", 0),
	S("comment", "/**/{}", "not a value", 0),
	S("low-surrogate", "\"\\udc00\"", "surrogate", 1),
	S("surrogates-swapped", "\"\\udc00\\ud800\"", "surrogate", 1),
	S("surrogate-then-text", "\"\\ud800x\"", "surrogate", 1),
	S("raw-surrogate", "\"\xed\xa0\x80\"", "UTF-8", 1),
	S("overlong-3", "\"\xe0\x80\xaf\"", "UTF-8", 1),
	S("overlong-4", "\"\xf0\x80\x80\xaf\"", "UTF-8", 1),
	S("beyond-unicode", "\"\xf4\x90\x80\x80\"", "UTF-8", 1),
	S("cut-utf8", "\"\xe2\x82\"", "UTF-8", 1),
	S("cut-utf8-at-end", "\"\xe2\x82", "UTF-8", 1),
	S("noncharacter", "\"\xef\xbf\xbf\"", "noncharacter", 1),
	S("escaped-noncharacter", "\"\\ufdd0\"", "noncharacter", 1),
	S("high-noncharacter", "\"\\ud83f\\udffe\"", "noncharacter", 1),
	S("form-feed", "[1,\f2]", "not a value", 3),
	S("no-break-space", "\xc2\xa0{}", "not a value", 0),
	S("inner-duplicate", "[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]",
	    "duplicate", 19),
	S("duplicate-pair", "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}",
	    "duplicate", 10),
	S("duplicate-empty", "{\"\":1,\"\":2}", "duplicate", 6),
};

static const struct sample accepted[] = {
	S("object", "{}", NULL, 0),
	S("array", "[]", NULL, 0),
	S("spaces", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n", NULL, 0),
	S("integers", "[0,-1,9007199254740991,-9007199254740991]", NULL, 0),
	S("words", "[true,false,null]", NULL, 0),
	S("escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", NULL, 0),
	S("pair", "\"\\ud83d\\ude00\"", NULL, 0),
	S("utf8", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"", NULL, 0),
	S("same-name-elsewhere", "{\"a\":{\"a\":1},\"b\":[{\"a\":2}]}", NULL,
	    0),
	S("case", "{\"a\":1,\"A\":2}", NULL, 0),
	S("prefix", "{\"a\":1,\"ab\":2,\"\":3}", NULL, 0),
	S("depth-16", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", NULL, 0),
};

/* Runs on an exact copy, so that a sanitizer sees a read behind the end. */
static enum err
gate(const char *text, size_t n, struct fault *why)
{
	char *copy = xmemdup(text, n);
	enum err e = json_gate(copy, n, JSON_DEPTH, why);

	free(copy);
	return e;
}

static void
check_refused(const struct sample *samples, size_t n)
{
	char place[32];
	struct fault why;

	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &samples[i];

		if (gate(s->text, s->n, &why) == OK)
			fail_msg("%s: accepted", s->name);
		snprintf(place, sizeof(place), " at byte %zu", s->at);
		if (strstr(why.text, s->check) == NULL ||
		    strstr(why.text, place) == NULL)
			fail_msg("%s: said \"%s\", not \"%s%s\"", s->name,
			    why.text, s->check, place);
	}
}

static void
test_hostile(void **state)
{
	(void)state;
	check_refused(hostile, nitems(hostile));
}

static void
test_refused(void **state)
{
	(void)state;
	check_refused(refused, nitems(refused));
}

static void
test_accepted(void **state)
{
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(accepted); i++)
		if (gate(accepted[i].text, accepted[i].n, &why) != OK)
			fail_msg("%s: %s", accepted[i].name, why.text);
}

/* No beginning of a document is a document. */
static void
test_every_cut(void **state)
{
	static const char text[] = "{\"a\":[1,-2,\"\\u00e9\xc3\xa9\",true,"
	    "false,null,{}],\"b\":{\"c\":\"\\ud83d\\ude00\"}}";

	(void)state;
	assert_int_equal(gate(text, sizeof(text) - 1, NULL), OK);
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		if (gate(text, n, NULL) == OK)
			fail_msg("accepted the first %zu bytes", n);
}

static void
test_codes(void **state)
{
	struct fault why;

	(void)state;
	assert_int_equal(json_gate("[[1]]", 5, 1, &why), ERR_LIMIT);
	assert_int_equal(json_gate("[[1]]", 5, 2, &why), OK);
	assert_int_equal(json_gate("1", 1, 0, &why), OK);
	assert_int_equal(json_gate("[]", 2, 0, &why), ERR_LIMIT);
	assert_int_equal(json_gate("x", 1, 16, &why), ERR_SYNTAX);
	assert_int_equal(why.code, ERR_SYNTAX);
	assert_int_equal(json_gate("x", 1, 16, NULL), ERR_SYNTAX);
}

/* An object of count members with hexadecimal names, the last one given. */
static char *
many(size_t count, size_t last, size_t *n)
{
	char *text = xmalloc(count * 16 + 3), *p = text;

	*p++ = '{';
	for (size_t i = 0; i < count; i++)
		p += sprintf(p, "%s\"%zx\":0", i != 0 ? "," : "",
		    i == count - 1 ? last : i);
	*p++ = '}';
	*n = (size_t)(p - text);
	return text;
}

static void
check_many(size_t count, size_t last, enum err want, const char *word)
{
	struct fault why = { 0 };
	size_t n;
	char *text = many(count, last, &n);

	assert_int_equal(gate(text, n, &why), want);
	assert_non_null(strstr(why.text, word));
	free(text);
}

/* Duplicates are found among as many members as one object may have, and
 * comparing each with each would take this loop minutes. */
static void
test_many_members(void **state)
{
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 100; i++) {
		check_many(JSON_ELEMENTS, JSON_ELEMENTS, OK, "");
		check_many(JSON_ELEMENTS, 4711, ERR_SYNTAX, "duplicate");
	}
	check_many(JSON_ELEMENTS + 1, JSON_ELEMENTS, ERR_LIMIT, "too many");
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20.0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_many_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
