/* The tree, the strict reader and the writer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/json.h"
#include "../../broker/base/mem.h"

static struct json *
parse(const char *text)
{
	struct fault why;
	struct json *v = json_parse(text, strlen(text), &why);

	if (v == NULL)
		fail_msg("%s: %s", text, why.text);
	return v;
}

static void
test_getters(void **state)
{
	struct json *v = parse("{\"s\":\"x\\u00e9\\ud83d\\ude00\\n\",\"i\":-7,"
	    "\"b\":true,\"n\":null,\"a\":[\"p\",\"q\"],\"o\":{}}");
	int64_t i = 5;
	bool b = false;

	(void)state;
	assert_string_equal(json_get_string(v, "s"),
	    "x\xc3\xa9\xf0\x9f\x98\x80\n");
	assert_true(json_get_int(v, "i", &i));
	assert_int_equal(i, -7);
	assert_true(json_get_bool(v, "b", &b));
	assert_true(b);
	assert_true(json_is_null(json_get(v, "n")));
	assert_true(json_is_array(json_get(v, "a")));
	assert_true(json_is_object(json_get(v, "o")));
	assert_int_equal(json_count(v), 6);
	assert_int_equal(json_count(json_get(v, "a")), 2);
	assert_string_equal(json_string(json_at(json_get(v, "a"), 1)), "q");
	assert_null(json_at(json_get(v, "a"), 2));
	assert_string_equal(json_name_at(v, 1), "i");
	assert_null(json_name_at(v, 6));
	assert_true(json_is_null(json_value_at(v, 3)));
	json_free(v);
}

static void
test_wrong_types(void **state)
{
	struct json *v = parse("{\"s\":\"x\",\"i\":1}");
	int64_t i = 5;
	bool b = true;

	(void)state;
	assert_null(json_get_string(v, "i"));
	assert_null(json_get_string(v, "absent"));
	assert_false(json_get_int(v, "s", &i));
	assert_false(json_get_bool(v, "i", &b));
	assert_int_equal(i, 5);
	assert_true(b);
	assert_null(json_get(NULL, "s"));
	assert_null(json_get(json_get(v, "s"), "s"));
	assert_null(json_string(NULL));
	assert_int_equal(json_count(NULL), 0);
	assert_null(json_first(json_get(v, "s")));
	assert_null(json_next(NULL));
	assert_null(json_name(NULL));
	json_free(v);
	json_free(NULL);
}

/* The hostile documents that are legal: see gate_test.c. */
static void
test_legal_but_tricky(void **state)
{
	struct json *v = parse("{\"Url\":\"a\",\"url\":\"b\"}");
	int64_t i = 0;
	struct fault why;

	(void)state;
	assert_string_equal(json_get_string(v, "url"), "b");
	assert_null(json_get_string(v, "URL"));
	json_free(v);
	v = parse("[2147483648,9007199254740991,-9007199254740991]");
	assert_true(json_int(json_at(v, 0), &i));
	assert_int_equal(i, 2147483648LL);
	assert_true(json_int(json_at(v, 1), &i));
	assert_true(i == JSON_INT_MAX);
	assert_true(json_int(json_at(v, 2), &i));
	assert_true(i == -JSON_INT_MAX);
	json_free(v);
	v = parse("\"scalar\"");
	assert_int_equal(json_read(v, NULL, 0, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "object"));
	json_free(v);
}

struct wanted {
	const char *name;
	int64_t count;
	bool flag;
	const struct json *names, *any, *object, *array;
};

static enum err
read_wanted(const char *text, struct wanted *w, struct json **v,
    struct fault *why)
{
	const struct json_member rows[] = {
		{ "name", JSON_STRING, true, &w->name },
		{ "count", JSON_INT, false, &w->count },
		{ "flag", JSON_BOOL, false, &w->flag },
		{ "names", JSON_STRINGS, false, &w->names },
		{ "any", JSON_ANY, false, &w->any },
		{ "object", JSON_OBJECT, false, &w->object },
		{ "array", JSON_ARRAY, false, &w->array },
		{ "checked", JSON_STRING, false, NULL },
	};

	*w = (struct wanted){ .count = 42, .flag = true };
	*v = parse(text);
	return json_read(*v, rows, nitems(rows), why);
}

static void
test_read(void **state)
{
	struct wanted w;
	struct json *v;
	struct fault why;

	(void)state;
	assert_int_equal(read_wanted("{\"checked\":\"\",\"array\":[1],"
	    "\"object\":{},\"any\":null,\"names\":[\"a\",\"b\"],"
	    "\"flag\":false,\"count\":7,\"name\":\"n\"}", &w, &v, &why), OK);
	assert_string_equal(w.name, "n");
	assert_int_equal(w.count, 7);
	assert_false(w.flag);
	assert_int_equal(json_count(w.names), 2);
	assert_true(json_is_null(w.any));
	assert_true(json_is_object(w.object));
	assert_int_equal(json_count(w.array), 1);
	json_free(v);
	assert_int_equal(read_wanted("{\"name\":\"n\"}", &w, &v, &why), OK);
	assert_int_equal(w.count, 42);
	assert_true(w.flag);
	assert_null(w.names);
	json_free(v);
}

static void
test_read_refuses(void **state)
{
	static const struct { const char *text, *word; } bad[] = {
		{ "{}", "\"name\" is missing" },
		{ "{\"name\":\"n\",\"more\":1}", "unknown member \"more\"" },
		{ "{\"Name\":\"n\"}", "unknown member \"Name\"" },
		{ "{\"name\":1}", "\"name\" must be a string" },
		{ "{\"name\":null}", "\"name\" must be a string" },
		{ "{\"name\":\"n\",\"count\":\"1\"}", "an integer" },
		{ "{\"name\":\"n\",\"count\":null}", "an integer" },
		{ "{\"name\":\"n\",\"flag\":0}", "true or false" },
		{ "{\"name\":\"n\",\"names\":[\"a\",1]}", "of strings" },
		{ "{\"name\":\"n\",\"names\":\"a\"}", "of strings" },
		{ "{\"name\":\"n\",\"object\":[]}", "an object" },
		{ "{\"name\":\"n\",\"array\":{}}", "an array" },
		{ "[]", "an object must be given" },
	};
	struct wanted w;
	struct json *v;
	struct fault why;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		assert_int_equal(read_wanted(bad[i].text, &w, &v, &why),
		    ERR_SYNTAX);
		if (strstr(why.text, bad[i].word) == NULL)
			fail_msg("%s: %s", bad[i].text, why.text);
		json_free(v);
	}
}

/* What the writer makes of one string, without the quotes. */
static void
check_string(const char *in, size_t n, const char *want)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, 1000);
	json_write_start(&w, &b);
	json_put_stringn(&w, NULL, in, n);
	assert_string_equal(buf_str(&b), want);
	assert_int_equal(json_gate(buf_str(&b), b.len, 16, NULL), OK);
	buf_free(&b);
}

static void
test_write_strings(void **state)
{
	(void)state;
	check_string("", 0, "\"\"");
	check_string("a/b", 3, "\"a/b\"");
	check_string("\"\\", 2, "\"\\\"\\\\\"");
	check_string("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	check_string("\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\"");
	check_string("\xc3\xa9\xf0\x9f\x98\x80", 6,
	    "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	check_string("a\0b", 3, "\"a\xef\xbf\xbd" "b\"");
	check_string("\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	check_string("\xed\xa0\x80", 3,
	    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	check_string("\xef\xbf\xbf!", 4, "\"\xef\xbf\xbd!\"");
}

static void
test_write(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_write_start(&w, &b);
	json_open_object(&w, NULL);
	json_put_string(&w, "s", "x");
	json_put_string(&w, "absent", NULL);
	json_open_array(&w, "a");
	json_put_int(&w, NULL, -1);
	json_put_int(&w, NULL, JSON_INT_MAX);
	json_put_bool(&w, NULL, false);
	json_open_object(&w, NULL);
	json_close_object(&w);
	json_close_array(&w);
	json_put_null(&w, "n");
	json_put_raw(&w, "r", "[1]", 3);
	json_close_object(&w);
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), "{\"s\":\"x\",\"a\":[-1,"
	    "9007199254740991,false,{}],\"n\":null,\"r\":[1]}");
	buf_free(&b);
}

static void
test_write_fails(void **state)
{
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_write_start(&w, &b);
	json_put_int(&w, NULL, JSON_INT_MAX + 1);
	assert_true(b.failed);
	buf_reset(&b);
	json_write_start(&w, &b);
	for (int i = 0; i < JSON_DEPTH; i++)
		json_open_array(&w, NULL);
	assert_false(b.failed);
	for (int i = 0; i < JSON_DEPTH; i++) {
		json_open_array(&w, NULL);
		json_put_int(&w, NULL, i);
	}
	assert_true(b.failed);
	for (int i = 0; i < 2 * JSON_DEPTH; i++)
		json_close_array(&w);
	assert_int_equal(w.depth, 0);
	buf_free(&b);
}

/* A random value: numbers, words, strings of all kinds, containers. */
static void
put_random(struct json_writer *w, const char *name, unsigned depth)
{
	static const int64_t edges[] = { 0, 1, -1, INT_MAX, INT_MIN,
		2147483648LL, JSON_INT_MAX, -JSON_INT_MAX };
	char text[40], member[16];
	int kind = rand() % (depth < JSON_DEPTH ? 7 : 4);
	int n = rand() % 6;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(rand() % 3 == 0 ? rand() : ' ' + rand() % 95);
	if (kind == 0) {
		json_put_int(w, name, edges[rand() % nitems(edges)]);
	} else if (kind == 1) {
		json_put_bool(w, name, n & 1);
	} else if (kind == 2) {
		json_put_null(w, name);
	} else if (kind == 3) {
		json_put_stringn(w, name, text, (size_t)rand() % 40);
	} else if (kind == 4) {
		json_open_array(w, name);
		while (n-- > 0)
			put_random(w, NULL, depth + 1);
		json_close_array(w);
	} else {
		json_open_object(w, name);
		while (n-- > 0) {
			snprintf(member, sizeof(member), "%d\n\"%d", n, kind);
			put_random(w, member, depth + 1);
		}
		json_close_object(w);
	}
}

/* write(parse(t)) == t for whatever the writer wrote. */
static void
test_round_trip(void **state)
{
	struct json_writer w;
	struct buf a, b;
	struct fault why;
	struct json *v;

	(void)state;
	buf_init(&a, 10000000);
	buf_init(&b, 10000000);
	srand(4711);
	for (int i = 0; i < 3000; i++) {
		buf_reset(&a);
		buf_reset(&b);
		json_write_start(&w, &a);
		put_random(&w, NULL, 0);
		assert_false(a.failed);
		v = json_parse(buf_str(&a), a.len, &why);
		if (v == NULL)
			fail_msg("%s in %s", why.text, buf_str(&a));
		json_write_start(&w, &b);
		json_put_value(&w, NULL, v);
		assert_string_equal(buf_str(&a), buf_str(&b));
		json_free(v);
	}
	buf_free(&a);
	buf_free(&b);
}

/* Other spellings of a document become the one spelling. */
static void
test_canonical(void **state)
{
	struct json *v = parse(" { \"\\u0061\" : \"\\/\\u00e9\\u000a\" ,"
	    "\"b\" : [ ] } ");
	struct json_writer w;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_write_start(&w, &b);
	json_put_value(&w, NULL, v);
	assert_string_equal(buf_str(&b),
	    "{\"a\":\"/\xc3\xa9\\n\",\"b\":[]}");
	buf_free(&b);
	json_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_legal_but_tricky),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_refuses),
		cmocka_unit_test(test_write_strings),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
