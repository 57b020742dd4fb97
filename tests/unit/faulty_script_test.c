/* The language of tests/faulty-module: what it takes, and what it says about
 * mistakes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../faulty-module/names.c"
#include "../faulty-module/script.c"
#include "../faulty-module/words.c"

static struct script *
parse(const char *text)
{
	struct mistake m;
	struct script *s = script_parse(text, &m);

	if (s == NULL)
		fail_msg("%u: %s", m.line, m.text);
	return s;
}

static void
test_nothing(void **state)
{
	static const char *const texts[] = { "", "\n", "# only words\n",
		" \t\n\n  # C_Sign 1 crash" };

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++) {
		struct script *s = parse(texts[i]);

		assert_int_equal(s->n, 0);
		assert_false(s->absent);
		free(s);
	}
}

static void
test_calls(void **state)
{
	static const struct {
		const char *text;
		unsigned long from, to;
	} table[] = {
		{ "C_Sign 3 hang", 3, 3 },
		{ "C_Sign 2.. hang", 2, ULONG_MAX },
		{ "C_Sign 2..4 hang", 2, 4 },
		{ "C_Sign 4..4 hang", 4, 4 },
		{ "C_Sign * hang", 1, ULONG_MAX },
	};

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		struct script *s = parse(table[i].text);

		assert_int_equal(s->n, 1);
		assert_int_equal(s->rules[0].function, F_C_Sign);
		assert_int_equal(s->rules[0].action, HANG);
		assert_int_equal(s->rules[0].from, table[i].from);
		assert_int_equal(s->rules[0].to, table[i].to);
		free(s);
	}
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum action action;
		unsigned long number;
	} table[] = {
		{ "C_Sign 1 return CKR_DEVICE_ERROR", RETURN, 0x30 },
		{ "C_Sign 1 return 0x80000001", RETURN, 0x80000001 },
		{ "C_Sign 1 return 48", RETURN, 48 },
		{ "C_Sign 1 say CKR_OK", SAY, 0 },
		{ "C_Sign 1 delay 500ms", DELAY, 500 },
		{ "C_Sign 1 delay 2s", DELAY, 2000 },
		{ "C_Login 1 exit 3", EXIT, 3 },
		{ "C_GetTokenInfo 1 max-sessions 16", MAX_SESSIONS, 16 },
		{ "C_GetMechanismList 1 without CKM_ECDSA", WITHOUT, 0x1041 },
		{ "C_FindObjectsInit 1 hide CKO_PUBLIC_KEY", HIDE, 2 },
		{ "C_Sign 1 signature length 63", SIGNATURE, 63 },
		{ "C_GetAttributeValue 1 attribute CKA_EC_POINT raw",
		    ATTRIBUTE, 0x181 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		struct script *s = parse(table[i].text);

		assert_int_equal(s->rules[0].action, table[i].action);
		assert_int_equal(s->rules[0].number, table[i].number);
		free(s);
	}
}

static void
test_forms(void **state)
{
	struct script *s = parse(
	    "C_GetTokenInfo * flags +CKF_USER_PIN_LOCKED -CKF_RNG +0x10000\n"
	    "C_GetTokenInfo * label \"two words # no comment\" # a comment\n"
	    "C_GetAttributeValue * attribute CKA_EXTRACTABLE true\n"
	    "C_GetAttributeValue * attribute CKA_ID 00ff1A\n"
	    "C_GetAttributeValue * attribute 0x202 missing\n"
	    "C_Sign * signature other-key");

	(void)state;
	assert_int_equal(s->n, 6);
	assert_int_equal(s->rules[0].set, 0x50000);
	assert_int_equal(s->rules[0].clear, 1);
	assert_string_equal(s->rules[1].text, "two words # no comment");
	assert_int_equal(s->rules[2].form, BYTES);
	assert_int_equal(s->rules[2].n, 1);
	assert_memory_equal(s->rules[2].text, "\1", 1);
	assert_int_equal(s->rules[3].n, 3);
	assert_memory_equal(s->rules[3].text, "\0\377\32", 3);
	assert_int_equal(s->rules[4].form, MISSING);
	assert_int_equal(s->rules[4].number, 0x202);
	assert_int_equal(s->rules[5].form, OTHER_KEY);
	free(s);
}

static void
test_settings(void **state)
{
	struct script *s = parse("module /opt/vendor.so\ntoken absent\n"
	    "token pin-tries 3\ntoken pin-pad 4711\ntoken sessions 1\n"
	    "token always-authenticate\n");

	(void)state;
	assert_int_equal(s->n, 0);
	assert_string_equal(s->module, "/opt/vendor.so");
	assert_true(s->absent);
	assert_int_equal(s->pin_tries, 3);
	assert_string_equal(s->pin_pad, "4711");
	assert_int_equal(s->sessions, 1);
	assert_true(s->always_authenticate);
	free(s);
}

/* Each line alone is wrong, for a reason of its own. */
static void
test_mistakes(void **state)
{
	static const struct {
		const char *line, *why;
	} table[] = {
		{ "C_Signe 1 hang", "neither a function nor" },
		{ "c_sign 1 hang", "neither a function nor" },
		{ "C_Sign", "which call is missing" },
		{ "C_Sign 0 hang", "no call such as" },
		{ "C_Sign -1 hang", "no call such as" },
		{ "C_Sign 1x hang", "no call such as" },
		{ "C_Sign ..3 hang", "no call such as" },
		{ "C_Sign 3..2 hang", "ends before it begins" },
		{ "C_Sign 3..x hang", "ends before it begins" },
		{ "C_Sign 99999999999999999999 hang", "no call such as" },
		{ "C_Sign 1", "what happens is missing" },
		{ "C_Sign 1 explode", "nothing is called \"explode\"" },
		{ "C_Sign 1 hang 2", "\"2\" is too much" },
		{ "C_Sign 1 return", "CKR_ is missing" },
		{ "C_Sign 1 return CKR_NONE", "nor a CKR_ name" },
		{ "C_Sign 1 return CKA_ID", "nor a CKR_ name" },
		{ "C_Sign 1 return 0x", "nor a CKR_ name" },
		{ "C_Sign 1 delay 5", "no time such as" },
		{ "C_Sign 1 delay s", "no time such as" },
		{ "C_Sign 1 delay 2h", "no time such as" },
		{ "C_Sign 1 delay 3600001ms", "no time such as" },
		{ "C_Login 1 exit 256", "no exit code" },
		{ "C_Sign 1 signature", "a form is missing" },
		{ "C_Sign 1 signature pretty", "no form of a signature" },
		{ "C_Sign 1 signature length", "a number is missing" },
		{ "C_Sign 1 signature length 4097", "above 4096" },
		{ "C_Login 1 signature der", "for C_Sign only" },
		{ "C_Sign 1 flags +CKF_RNG", "for C_GetTokenInfo only" },
		{ "C_GetTokenInfo 1 flags", "a flag is missing" },
		{ "C_GetTokenInfo 1 flags CKF_RNG", "not + or -" },
		{ "C_GetTokenInfo 1 flags +CKF_NONE", "not + or -" },
		{ "C_GetTokenInfo 1 label \"\"", "is empty" },
		{ "C_GetTokenInfo 1 label "
		    "123456789012345678901234567890123", "32 bytes" },
		{ "C_GetAttributeValue 1 attribute", "CKA_ is missing" },
		{ "C_GetAttributeValue 1 attribute CKA_ID", "value is miss" },
		{ "C_GetAttributeValue 1 attribute CKA_ID 012", "no value" },
		{ "C_GetAttributeValue 1 attribute CKA_ID yes", "no value" },
		{ "module", "a path is missing" },
		{ "module a b", "\"b\" is too much" },
		{ "token", "what of the token is missing" },
		{ "token present", "nothing of the token is called" },
		{ "token pin-tries", "a number is missing" },
		{ "token pin-tries many", "is not a number" },
		{ "C_Sign 1 return \"CKR_OK", "a quote does not end" },
		{ "C_Sign 1 \"hang\"2", "no blank behind" },
		{ "C_Sign 1 hang\r", "a control character" },
		{ "1 2 3 4 5 6 7 8 9 a b c d e f g h", "more than 16 words" },
	};
	struct mistake m;
	char text[256];

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		snprintf(text, sizeof(text), "# before\n\n%s\nC_Sign 1 hang\n",
		    table[i].line);
		if (script_parse(text, &m) != NULL)
			fail_msg("taken: %s", table[i].line);
		if (m.line != 3 || strstr(m.text, table[i].why) == NULL)
			fail_msg("%s: %u: %s", table[i].line, m.line, m.text);
	}
}

static void
test_sizes(void **state)
{
	char *text = calloc(RULES_MAX + 1, 16), word[400];
	struct mistake m;
	struct script *s;

	(void)state;
	for (unsigned i = 0; i < RULES_MAX; i++)
		strcpy(text + strlen(text), "C_Sign 1 hang\n");
	s = parse(text);
	assert_int_equal(s->n, RULES_MAX);
	free(s);
	strcpy(text + strlen(text), "C_Sign 1 hang\n");
	assert_null(script_parse(text, &m));
	assert_int_equal(m.line, RULES_MAX + 1);
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_null(script_parse(word, &m));
	assert_non_null(strstr(m.text, "too long"));
	word[WORD_MAX - 1] = '\0';
	assert_null(script_parse(word, &m));
	assert_non_null(strstr(m.text, "neither"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
