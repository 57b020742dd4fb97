#include <stdio.h>
#include <string.h>

#include "output.h"

#define LEFT 26 /* columns of an option in the help */

/* "--account ACCOUNT" */
static void
option_text(struct buf *out, const struct option_row *o)
{
	if (o->letter != 0)
		buf_putf(out, "-%c, ", o->letter);
	buf_putf(out, "--%s%s%s", o->name, o->value != NULL ? " " : "",
	    o->value != NULL ? o->value : "");
}

static void
print_options(const char *title, const struct option_row *rows)
{
	struct buf text;

	if (rows == NULL)
		return;
	printf("\n%s:\n", title);
	buf_init(&text, 256);
	EACH_OPTION(o, rows) {
		buf_reset(&text);
		option_text(&text, o);
		printf("  %-*s  %s\n", LEFT, buf_str(&text), o->help);
	}
	buf_free(&text);
}

static void
print_indented(const char *title, const char *lines)
{
	printf("\n%s:\n", title);
	for (const char *p = lines; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		printf("  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void
print_usage(const struct command *c)
{
	printf("usage: keybroker %s%s%s", c->noun, c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb : "");
	if (*c->operands != '\0')
		printf(" %s", c->operands);
	EACH_OPTION(o, c->options) {
		printf(o->required ? " --%s%s%s" : " [--%s%s%s]", o->name,
		    o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
		if (o->kind == OPTION_MANY || o->kind == OPTION_NUMBERS)
			printf(" ...");
	}
	putchar('\n');
}

void
help_command(const struct command *c)
{
	print_usage(c);
	printf("\n%s.\n", c->summary);
	if (c->details != NULL)
		printf("%s\n", c->details);
	print_options("Options", c->options);
	print_options("Options of every command", global_options);
	print_indented("Examples", c->examples);
}

static void
print_line(const struct command *c)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s%s%s%s", c->noun,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
	    *c->operands != '\0' ? " " : "", c->operands);
	printf("  %-*s  %s\n", LEFT, name, c->summary);
}

void
help_noun(const char *noun)
{
	printf("usage: keybroker %s COMMAND ...\n\nCommands:\n", noun);
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(commands[i].noun, noun) == 0)
			print_line(&commands[i]);
	printf("\nkeybroker %s COMMAND --help tells more.\n", noun);
}

void
help_all(void)
{
	printf("usage: keybroker [OPTION ...] COMMAND ...\n\n"
	    "Asks the broker of keys, accounts and certificates on its "
	    "socket.\n\nCommands:\n");
	for (size_t i = 0; i < ncommands; i++)
		print_line(&commands[i]);
	print_options("Options", global_options);
	printf("\nkeybroker COMMAND --help tells more, with examples; the "
	    "manual is keybroker(1).\n");
}

enum err
cmd_help(struct cli *cli, struct fault *why)
{
	const struct args *a = &cli->args;
	const char *noun = a->noperands > 0 ? a->operands[0] : NULL;
	const char *verb = a->noperands > 1 ? a->operands[1] : NULL;
	const struct command *c;

	if (noun == NULL) {
		help_all();
		return OK;
	}
	c = command_find(noun, verb);
	if (c != NULL)
		help_command(c);
	else if (verb == NULL && noun_known(noun))
		help_noun(noun);
	else
		return fault_set(why, ERR_USAGE, "no command \"%s%s%s\"",
		    noun, verb != NULL ? " " : "", verb != NULL ? verb : "");
	return OK;
}

enum err
cmd_version(struct cli *cli, struct fault *why)
{
	(void)why;
	if (cli->json)
		puts("{\"version\":\"" VERSION "\"}");
	else
		puts("keybroker " VERSION);
	return OK;
}
