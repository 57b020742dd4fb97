/* Text, tables and arguments of the command line, one by one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/cli/output.h"

static char *
clean(const char *s)
{
	struct buf out;

	buf_init(&out, 4096);
	text_put(&out, s);
	return (char *)buf_take(&out, NULL);
}

static void
test_text(void **state)
{
	static const struct { const char *from, *to; } rows[] = {
		{ "", "" },
		{ "plain ?", "plain ?" },
		{ "a\nb\tc\rd", "a b c d" },
		{ "\033[31mred\a\x7f", "?[31mred??" },
		{ "b\xc3\xbc" "cher \xe6\x97\xa5\xf0\x9f\x98\x80",
		    "b\xc3\xbc" "cher \xe6\x97\xa5\xf0\x9f\x98\x80" },
		{ "\xc2\x9b" "31m", "?31m" },		     /* C1 */
		{ "a\xe2\x80\xae" "b", "a?b" },		     /* U+202E */
		{ "a\xe2\x80\x8b" "b\xef\xbb\xbf", "a?b?" }, /* U+200B, BOM */
		{ "\xf3\xa0\x80\xa0", "?" },		     /* U+E0020 */
		{ "\xc0\xaf\xff", "???" },
		{ "\xe0\x80\xaf", "???" },		     /* too long */
		{ "\xed\xa0\x80", "???" },		     /* surrogate */
		{ "\xf4\x90\x80\x80", "????" },		     /* U+110000 */
		{ "\xf0\x8f\xbf\xbf", "????" },
		{ "\xe6\x97", "??" },			     /* cut */
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char *got = clean(rows[i].from);

		if (strcmp(got, rows[i].to) != 0)
			fail_msg("row %zu: \"%s\"", i, got);
		free(got);
	}
}

static void
test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width("b\xc3\xbc" "cher"), 6);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_fit("\xe6\x97\xa5\xe6\x9c\xac", 3), 3);
	assert_int_equal(text_fit("abc", 2), 2);
	assert_int_equal(text_fit("abc", 9), 3);
	assert_int_equal(text_fit("abc", 0), 0);
}

/* What a table of these items looks like, owned. */
static char *
draw(const char *json, const struct column *columns, size_t n, unsigned width)
{
	struct json *root = json_parse(json, strlen(json), NULL);
	struct table *t = table_new(columns, n);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(root);
	for (size_t i = 0; i < json_count(root); i++)
		table_add(t, json_at(root, i));
	table_print(t, f, width, false);
	fclose(f);
	table_free(t);
	json_free(root);
	return text;
}

static void
test_table(void **state)
{
	static const struct column columns[] = {
		{ "ID", "id", NULL, false },
		{ "INNER", "a.b", NULL, false },
		{ "TEXT", "text", NULL, true },
	};
	static const char json[] = "[{\"id\":1,\"a\":{\"b\":true},\"text\":"
	    "\"b\xc3\xbc" "cher und mehr davon\"},{\"id\":12345,\"text\":"
	    "[\"x\",\"y\"]}]";
	char *text = draw(json, columns, nitems(columns), 0);

	(void)state;
	assert_string_equal(text,
	    "ID     INNER  TEXT\n"
	    "1      yes    b\xc3\xbc" "cher und mehr davon\n"
	    "12345  -      x, y\n");
	free(text);
	text = draw(json, columns, nitems(columns), 25);
	assert_string_equal(text,
	    "ID     INNER  TEXT\n"
	    "1      yes    b\xc3\xbc" "cher und\xe2\x80\xa6\n"
	    "12345  -      x, y\n");
	free(text);
	text = draw(json, columns, nitems(columns), 1); /* its least */
	assert_non_null(strstr(text, "b\xc3\xbc" "cher \xe2\x80\xa6\n"));
	free(text);
}

static enum err
parse(struct args *a, const char *line, struct fault *why)
{
	static char copy[1024];
	static char *argv[64];
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[n++] = w;
	return args_parse(a, n, argv, why);
}

static void
test_args(void **state)
{
	struct fault why;
	struct args a;
	int64_t n = -1;

	(void)state;
	assert_int_equal(parse(&a, "keybroker -s /x key --json generate k "
	    "--token=t --type ec-p256 --purpose=a=b", &why), OK);
	assert_string_equal(args_text(&a, "socket"), "/x");
	assert_true(args_flag(&a, "json"));
	assert_false(args_flag(&a, "help"));
	assert_string_equal(args_text(&a, "purpose"), "a=b");
	assert_null(args_text(&a, "verify"));
	assert_string_equal(a.operands[0], "k");
	args_free(&a);

	assert_int_equal(parse(&a, "keybroker key retire -- --odd", &why),
	    OK);
	assert_string_equal(a.operands[0], "--odd");
	assert_false(args_number(&a, "grace", &n));
	assert_int_equal(n, -1);
	args_free(&a);

	assert_int_equal(parse(&a, "keybroker policy explain --operation o "
	    "--name a --name b --uid 9007199254740989", &why), OK);
	assert_string_equal(args_nth(&a, "name", 1)->value, "b");
	assert_null(args_nth(&a, "name", 2));
	assert_true(args_number(&a, "uid", &n));
	assert_int_equal(n, 9007199254740989);
	args_free(&a);

	assert_int_equal(parse(&a, "keybroker", &why), OK);
	assert_null(a.noun);
	args_free(&a);
	assert_int_equal(parse(&a, "keybroker key generate --help", &why),
	    OK);
	args_free(&a);
}

static void
test_durations(void **state)
{
	static const struct { const char *text; int64_t seconds; } rows[] = {
		{ "0", 0 }, { "90", 90 }, { "90s", 90 }, { "15m", 900 },
		{ "2h", 7200 }, { "7d", 604800 }, { "d", -1 }, { "7dd", -1 },
		{ "7w", -1 }, { "+7", -1 }, { "-7", -1 }, { "7.5h", -1 },
		{ "9007199254740992", -1 }, { "9007199254740000d", -1 },
		{ "99999999999999999999", -1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		char *line = xasprintf("keybroker key retire k --grace=%s",
		    rows[i].text);
		struct fault why;
		struct args a;
		int64_t n = -1;
		enum err e = parse(&a, line, &why);

		args_number(&a, "grace", &n);
		assert_int_equal(e, rows[i].seconds < 0 ? ERR_USAGE : OK);
		assert_int_equal(n, rows[i].seconds);
		args_free(&a);
		free(line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_durations),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
