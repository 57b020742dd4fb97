/*
 * keybroker: the command line of the broker.
 *
 * Everything is said through the API by the same rules as for any other
 * client: this program has no rights of its own.  The exceptions read files
 * only: audit verify, and config, which runs keybrokerd.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "../../broker/base/crypto.h"
#include "../../broker/base/process.h"
#include "../problem.h"
#include "output.h"

/* Global options, wherever they stood. */
static void
settle(struct cli *cli)
{
	const char *path = args_text(&cli->args, "socket");

	if (path != NULL)
		cli->socket = path;
	cli->json = args_flag(&cli->args, "json");
}

/* A noun without its verb. */
static enum err
which_verb(const char *noun, struct fault *why)
{
	struct buf verbs;
	enum err e;

	buf_init(&verbs, FAULT_MAX);
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(commands[i].noun, noun) == 0)
			buf_putf(&verbs, "%s%s", verbs.len != 0 ? ", " : "",
			    commands[i].verb);
	e = fault_set(why, ERR_USAGE, "%s what?  One of: %s", noun,
	    buf_str(&verbs));
	buf_free(&verbs);
	return e;
}

static enum err
dispatch(struct cli *cli, struct fault *why)
{
	const struct args *a = &cli->args;

	if (args_flag(a, "help")) {
		if (a->command != NULL)
			help_command(a->command);
		else if (a->noun != NULL)
			help_noun(a->noun);
		else
			help_all();
		return OK;
	}
	if (args_flag(a, "version"))
		return cmd_version(cli, why);
	if (a->noun == NULL)
		return fault_set(why, ERR_USAGE, "no command");
	if (a->command == NULL)
		return which_verb(a->noun, why);
	return a->command->run(cli, why);
}

static int
usage(const struct cli *cli, const struct fault *why)
{
	const struct command *c = cli->args.command;
	int code = cli_report(cli, why);

	fprintf(stderr, "See: keybroker %s%s%s%s--help\n",
	    cli->args.noun != NULL ? cli->args.noun : "",
	    cli->args.noun != NULL ? " " : "",
	    c != NULL && c->verb != NULL ? c->verb : "",
	    c != NULL && c->verb != NULL ? " " : "");
	return code;
}

static int
run(struct cli *cli, int argc, char *const *argv)
{
	struct fault why = { 0 };
	enum err e = args_parse(&cli->args, argc, argv, &why);

	settle(cli);
	if (e != OK)
		return usage(cli, &why);
	e = dispatch(cli, &why);
	if (e == OK)
		e = output_flush(&why);
	if (e == ERR_USAGE)
		return usage(cli, &why);
	return e == OK ? cli->exit : cli_report(cli, &why);
}

int
main(int argc, char **argv)
{
	struct cli cli;
	int code = EXIT_GOOD;

	process_start("keybroker", LOG_LEVEL_WARNING);
	crypto_start();
	setlocale(LC_CTYPE, "C.UTF-8");
	cli_init(&cli);
	if (argc >= 2 && strcmp(argv[1], "--complete") == 0)
		cli_complete(&cli, argc - 2, argv + 2);
	else
		code = run(&cli, argc, argv);
	cli_free(&cli);
	return code;
}
