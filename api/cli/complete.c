#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/*
 * What a shell offers.  The scripts in contrib/completion know nothing: they
 * hand over the words and print what comes back, so the command table is the
 * only place where commands are known.  A line ":file" asks the shell for
 * the names of files.
 */

#define ASK_MS	  1000 /* for a broker to answer while a person waits */
#define NAMES_MAX 1000

struct offer {
	const char *typed;  /* what stands there already */
	const char *before; /* "--option=" within the word, or "" */
	size_t before_len;
	unsigned n;
};

static void
offer(struct offer *o, const char *word)
{
	if (strncmp(word, o->typed, strlen(o->typed)) == 0)
		printf("%.*s%s\n", (int)o->before_len, o->before, word);
	o->n++;
}

static void
offer_words(struct offer *o, const char *words)
{
	while (words != NULL && *words != '\0') {
		size_t n = strcspn(words, " ");
		char *word = xstrndup(words, n);

		offer(o, word);
		free(word);
		words += n + (words[n] == ' ');
	}
}

static bool
offer_item(const struct json *item, void *arg)
{
	const char *name = json_get_string(item, "name");
	struct offer *o = arg;
	char number[32];
	int64_t id;

	if (name == NULL && json_get_int(item, "id", &id)) {
		snprintf(number, sizeof(number), "%lld", (long long)id);
		name = number;
	}
	if (name != NULL && name[strcspn(name, " \n\t\\\"'`$")] == '\0')
		offer(o, name);
	return o->n < NAMES_MAX;
}

/* Names that the broker knows; silence when it does not answer. */
static void
offer_names(struct cli *cli, struct offer *o, enum complete what)
{
	static const struct { const char *path, *query; } lists[] = {
		[COMPLETE_TOKEN] = { "/v1/tokens", NULL },
		[COMPLETE_KEY] = { "/v1/keys", NULL },
		[COMPLETE_ACCOUNT] = { "/v1/accounts", NULL },
		[COMPLETE_CERTIFICATE] = { "/v1/certificates", "" },
		[COMPLETE_ORDER] = { "/v1/orders", "" },
	};
	struct fault why;

	cli->timeout_ms = ASK_MS;
	(void)list_each(cli, lists[what].path, lists[what].query, offer_item,
	    o, &why);
}

static void
offer_verbs(struct offer *o, const char *noun)
{
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(commands[i].noun, noun) == 0 &&
		    commands[i].verb != NULL)
			offer(o, commands[i].verb);
}

static void
offer_nouns(struct offer *o)
{
	for (size_t i = 0; i < ncommands; i++)
		if (i == 0 ||
		    strcmp(commands[i].noun, commands[i - 1].noun) != 0)
			offer(o, commands[i].noun);
}

static void
offer_kind(struct cli *cli, struct offer *o, enum complete what,
    const char *words)
{
	const struct args *a = &cli->args;

	if (what == COMPLETE_FILE)
		puts(":file");
	else if (what == COMPLETE_WORDS)
		offer_words(o, words);
	else if (what == COMPLETE_COMMAND && a->noperands == 0)
		offer_nouns(o);
	else if (what == COMPLETE_COMMAND)
		offer_verbs(o, a->operands[0]);
	else if (what != COMPLETE_NONE)
		offer_names(cli, o, what);
}

static void
offer_options(struct offer *o, const struct args *a,
    const struct option_row *rows)
{
	EACH_OPTION(row, rows) {
		bool again = row->kind == OPTION_MANY ||
		    row->kind == OPTION_NUMBERS;
		char *word;

		if (!again && args_flag(a, row->name))
			continue;
		word = xasprintf("--%s", row->name);
		offer(o, word);
		free(word);
	}
}

static void
offer_next(struct cli *cli, struct offer *o)
{
	const struct args *a = &cli->args;
	const struct command *c = a->command;

	if (*o->typed == '-') {
		if (c != NULL)
			offer_options(o, a, c->options);
		offer_options(o, a, global_options);
	} else if (a->noun == NULL) {
		offer_nouns(o);
	} else if (c == NULL) {
		offer_verbs(o, a->noun);
	} else if (a->noperands < c->max) {
		offer_kind(cli, o, c->complete, c->words);
	}
}

/* The option whose value is being typed, or NULL: the word before, or the
 * same word up to its "=". */
static const struct option_row *
pending(const struct args *a, struct offer *o, const char *before)
{
	const char *equals = strchr(o->typed, '=');
	const struct option_row *row = NULL;

	if (before != NULL && strchr(before, '=') == NULL)
		row = args_option(a, before);
	else if (before == NULL && strncmp(o->typed, "--", 2) == 0 &&
	    equals != NULL) {
		row = args_option(a, o->typed);
		o->before = o->typed;
		o->before_len = (size_t)(equals + 1 - o->typed);
		o->typed = equals + 1;
	}
	return row != NULL && row->kind != OPTION_FLAG ? row : NULL;
}

/* The words without the "=" that bash makes words of their own; gives their
 * number.  The first is the program's name, the last is being typed. */
static int
collect(char **out, int argc, char *const *argv)
{
	int n = 0;

	out[n++] = (char *)"keybroker";
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "=") != 0)
			out[n++] = argv[i];
	if (argc == 0 || strcmp(argv[argc - 1], "=") == 0)
		out[n++] = (char *)"";
	return n;
}

void
cli_complete(struct cli *cli, int argc, char *const *argv)
{
	char **words = xcalloc((size_t)argc + 2, sizeof(*words));
	int n = collect(words, argc, argv);
	struct offer o = { .typed = words[n - 1], .before = "" };
	const struct option_row *row;
	const char *path;
	enum err e;

	e = args_read(&cli->args, n - 2 > 1 ? n - 2 : 1, words, NULL);
	row = n > 2 ? pending(&cli->args, &o, words[n - 2]) : NULL;
	if (row == NULL) {
		args_free(&cli->args);
		e = args_read(&cli->args, n - 1, words, NULL);
		row = pending(&cli->args, &o, NULL);
	}
	path = args_text(&cli->args, "socket");
	if (path != NULL)
		cli->socket = path;
	if (e == OK && row != NULL)
		offer_kind(cli, &o, row->complete, row->words);
	else if (e == OK)
		offer_next(cli, &o);
	free(words);
}
