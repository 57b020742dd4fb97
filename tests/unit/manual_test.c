/*
 * keybroker(1) against the table of commands: each command and each of its
 * options stands in the manual, and nothing else does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/cli/command.h"
#include "../../broker/base/io.h"

#define MANUAL "contrib/man/keybroker.1"

static struct buf manual;

/* Where the entry of a command starts: ".It Ic noun verb", or the same behind
 * ".It Xo". */
static const char *
entry(const struct command *c)
{
	char *name = xasprintf("%s%s%s", c->noun, c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb : "");
	char *forms[] = { xasprintf("\n.It Ic %s\n", name),
		xasprintf("\n.It Ic %s ", name),
		xasprintf("\n.It Xo\n.Ic %s ", name),
		xasprintf("\n.It Xo\n.Ic %s\n", name) };
	const char *found = NULL;

	for (size_t i = 0; i < nitems(forms); i++) {
		const char *p = strstr(buf_str(&manual), forms[i]);

		if (found == NULL && p != NULL)
			found = p + strlen(".It") + 2;
		free(forms[i]);
	}
	if (found == NULL)
		fail_msg("%s is not in the manual", name);
	free(name);
	return found;
}

/* The entry up to the next one, owned. */
static char *
entry_text(const struct command *c)
{
	const char *p = entry(c), *end = strstr(p, "\n.It Ic "), *other;

	other = strstr(p, "\n.It Xo\n");
	if (end == NULL || (other != NULL && other < end))
		end = other;
	other = strstr(p, "\n.Ss ");
	if (end == NULL || (other != NULL && other < end))
		end = other;
	return end != NULL ? xstrndup(p, (size_t)(end - p)) : xstrdup(p);
}

static void
expect_option(const char *text, const struct option_row *o, const char *where)
{
	char *form = xasprintf("Fl -%s", o->name);
	const char *p = text;

	for (; (p = strstr(p, form)) != NULL; p += strlen(form))
		if (strchr(" \n", p[strlen(form)]) != NULL)
			break;
	if (p == NULL)
		fail_msg("%s: --%s is not in the manual", where, o->name);
	free(form);
}

static void
test_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < ncommands; i++) {
		char *text = entry_text(&commands[i]);

		EACH_OPTION(o, commands[i].options)
			expect_option(text, o, commands[i].verb != NULL ?
			    commands[i].verb : commands[i].noun);
		free(text);
	}
	EACH_OPTION(o, global_options)
		expect_option(buf_str(&manual), o, "every command");
}

/* Nothing in the manual that is no command. */
static void
test_entries(void **state)
{
	static const char *const forms[] = { "\n.It Ic ", "\n.It Xo\n.Ic " };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < nitems(forms); i++)
		for (const char *p = buf_str(&manual);
		    (p = strstr(p, forms[i])) != NULL; n++) {
			char noun[32] = "", verb[32] = "", rest[32] = "";

			p += strlen(forms[i]);
			sscanf(p, "%31[a-z]%*[ ]%31[a-z]%31[ \n]", noun, verb,
			    rest);
			if (command_find(noun, NULL) == NULL &&
			    command_find(noun, verb) == NULL)
				fail_msg("%s %s is no command", noun, verb);
		}
	assert_int_equal(n, ncommands);
}

static void
test_exit_codes(void **state)
{
	(void)state;
	assert_non_null(strstr(buf_str(&manual), ".Sh EXIT STATUS"));
	for (int code = 0; code <= 9; code++) {
		char form[32];

		snprintf(form, sizeof(form), "\n.It %d\n", code);
		if (strstr(buf_str(&manual), form) == NULL)
			fail_msg("exit status %d is not in the manual", code);
	}
	assert_non_null(strstr(buf_str(&manual), "\n.It 130\n"));
	assert_non_null(strstr(buf_str(&manual), CLI_SOCKET));
	assert_non_null(strstr(buf_str(&manual), "KEYBROKER_SOCKET"));
}

/* The table itself: what help, completion and dispatch rely on. */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ncommands; i++) {
		const struct command *c = &commands[i];
		char *example = xasprintf("keybroker %s%s%s", c->noun,
		    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb :
		    "");

		assert_non_null(c->run);
		assert_non_null(c->summary);
		assert_true(c->min <= c->max);
		assert_int_equal(c->max != 0, *c->operands != '\0');
		assert_ptr_equal(command_find(c->noun, c->verb), c);
		if (c->examples == NULL || (strstr(c->examples, example) ==
		    NULL && strstr(c->examples, "keybroker --json") == NULL))
			fail_msg("%s has no example", example);
		for (size_t k = i + 1; k < ncommands; k++)
			if (strcmp(commands[k].noun, c->noun) == 0)
				assert_string_equal(commands[k - 1].noun,
				    c->noun);
		EACH_OPTION(o, c->options) {
			assert_non_null(o->help);
			assert_int_equal(o->kind == OPTION_FLAG,
			    o->value == NULL);
			assert_int_equal(o->complete == COMPLETE_WORDS,
			    o->words != NULL);
		}
		free(example);
	}
}

static int
setup(void **state)
{
	(void)state;
	buf_init(&manual, 1 << 20);
	return read_file(MANUAL, &manual, NULL) == OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&manual);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
