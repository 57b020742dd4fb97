#include <stdio.h>
#include <string.h>

#include "output.h"

#define LEFT  26 /* columns of an option in the help */
#define NAMES 20 /* of a command in the list of them */
#define RIGHT 79 /* and of a line */

/* "--account ACCOUNT" */
static void
option_text(struct buf *out, const struct option_row *o)
{
	if (o->letter != 0)
		buf_putf(out, "-%c, ", o->letter);
	buf_putf(out, "--%s%s%s", o->name, o->value != NULL ? " " : "",
	    o->value != NULL ? o->value : "");
}

/* Some global options mean something to some commands only; without a command
 * all are told. */
static bool
means_something(const struct option_row *o, const struct command *c)
{
	if (c == NULL)
		return true;
	if (strcmp(o->name, "config") == 0)
		return strcmp(c->noun, "config") == 0;
	return strcmp(o->name, "version") != 0;
}

static void
print_options(const char *title, const struct option_row *rows,
    const struct command *c)
{
	struct buf text;

	if (rows == NULL)
		return;
	printf("\n%s:\n", title);
	buf_init(&text, 256);
	EACH_OPTION(o, rows) {
		if (!means_something(o, c))
			continue;
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

/* Prints a part of the usage, in the next line when this one is full. */
static void
print_part(const char *part, size_t *column)
{
	if (*column + 1 + strlen(part) > RIGHT)
		*column = (size_t)printf("\n         ") - 1;
	*column += (size_t)printf(" %s", part);
}

static void
print_usage(const struct command *c)
{
	size_t column = (size_t)printf("usage: keybroker %s%s%s", c->noun,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
	struct buf part;

	buf_init(&part, 256);
	if (*c->operands != '\0')
		print_part(c->operands, &column);
	EACH_OPTION(o, c->options) {
		buf_reset(&part);
		buf_putf(&part, o->required ? "--%s%s%s%s" : "[--%s%s%s]%s",
		    o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "",
		    o->kind == OPTION_MANY || o->kind == OPTION_NUMBERS ?
		    " ..." : "");
		print_part(buf_str(&part), &column);
	}
	buf_free(&part);
	putchar('\n');
}

void
help_command(const struct command *c)
{
	print_usage(c);
	printf("\n%s.\n", c->summary);
	if (c->details != NULL)
		printf("%s\n", c->details);
	print_options("Options", c->options, NULL);
	print_options("Options of every command", global_options, c);
	print_indented("Examples", c->examples);
}

static void
print_line(const struct command *c)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", c->noun,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
	printf("  %-*s  %s\n", NAMES, name, c->summary);
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
	print_options("Options", global_options, NULL);
	printf("\nkeybroker COMMAND --help tells more, with examples; so does "
	    "keybroker(1).\n");
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
