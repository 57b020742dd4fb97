#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../broker/base/clock.h"

/*
 * One option parser for all commands.  It looks a word up among the options
 * of the command, once that is known, and among the global ones.
 */

static const struct option_row *
find_in(const struct option_row *rows, const char *name, size_t len)
{
	EACH_OPTION(o, rows)
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct option_row *
find_long(const struct args *a, const char *name, size_t len)
{
	const struct option_row *row = NULL;

	if (a->command != NULL)
		row = find_in(a->command->options, name, len);
	return row != NULL ? row : find_in(global_options, name, len);
}

static const struct option_row *
find_letter(const struct args *a, char letter)
{
	EACH_OPTION(o, a->command != NULL ? a->command->options : NULL)
		if (o->letter == letter)
			return o;
	EACH_OPTION(o, global_options)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* Digits only, within what JSON carries.  Gives where the digits end. */
static const char *
read_digits(const char *text, int64_t *out)
{
	int64_t v = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (v > (JSON_INT_MAX - 9) / 10)
			return NULL;
		v = v * 10 + (*text - '0');
	}
	*out = v;
	return text;
}

static bool
read_number(const char *text, int64_t *out)
{
	const char *end = read_digits(text, out);

	return end != NULL && *end == '\0';
}

static bool
read_duration(const char *text, int64_t *out)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	const char *end = read_digits(text, out);

	if (end == NULL || *end == '\0')
		return end != NULL;
	for (size_t i = 0; i < nitems(units); i++)
		if (end[0] == units[i].unit && end[1] == '\0' &&
		    *out <= JSON_INT_MAX / units[i].seconds) {
			*out *= units[i].seconds;
			return true;
		}
	return false;
}

/* A date, a time of RFC 3339 in UTC, or how long ago; in seconds since the
 * epoch. */
static bool
read_time(const char *text, int64_t *out)
{
	static const char *const forms[] = { "%Y-%m-%d",
		"%Y-%m-%dT%H:%M:%SZ" };

	for (size_t i = 0; i < nitems(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && *end == '\0' && tm.tm_year >= 70) {
			*out = timegm(&tm);
			return true;
		}
	}
	if (!read_duration(text, out) || *out > clock_now())
		return false;
	*out = clock_now() - *out;
	return true;
}

/* Values that are numbers, by the kind of the option. */
static const struct {
	bool (*read)(const char *text, int64_t *out);
	const char *wanted;
} readers[] = {
	[OPTION_NUMBER] = { read_number, "a whole number" },
	[OPTION_NUMBERS] = { read_number, "a whole number" },
	[OPTION_DURATION] = { read_duration,
	    "a time such as 90s, 15m, 2h or 7d" },
	[OPTION_TIME] = { read_time, "a time such as 2h (ago), 2026-11-23 or "
	    "2026-11-23T14:30:02Z" },
};

static bool
repeatable(const struct option_row *row)
{
	return row->kind == OPTION_FLAG || row->kind == OPTION_MANY ||
	    row->kind == OPTION_NUMBERS;
}

static enum err
give(struct args *a, const struct option_row *row, const char *value,
    struct fault *why)
{
	struct given *g = &a->given[a->ngiven];

	if (!repeatable(row) && args_nth(a, row->name, 0) != NULL)
		return fault_set(why, ERR_USAGE, "--%s is given twice",
		    row->name);
	*g = (struct given){ .option = row, .value = value };
	if (row->kind < nitems(readers) && readers[row->kind].read != NULL &&
	    !readers[row->kind].read(value, &g->number))
		return fault_set(why, ERR_USAGE, "--%s wants %s, not \"%s\"",
		    row->name, readers[row->kind].wanted, value);
	a->ngiven++;
	return OK;
}

const struct option_row *
args_option(const struct args *a, const char *word)
{
	if (word[0] != '-' || word[1] == '\0')
		return NULL;
	return word[1] == '-' ?
	    find_long(a, word + 2, strcspn(word + 2, "=")) :
	    find_letter(a, word[1]);
}

/* Takes the value of an option: inline, or the next word. */
static enum err
take_value(struct args *a, const struct option_row *row, const char *inside,
    char *const *argv, int argc, int *i, struct fault *why)
{
	if (row->kind == OPTION_FLAG) {
		if (inside != NULL)
			return fault_set(why, ERR_USAGE,
			    "--%s takes no value", row->name);
		return give(a, row, NULL, why);
	}
	if (inside == NULL && *i + 1 >= argc)
		return fault_set(why, ERR_USAGE, "--%s wants a value: %s",
		    row->name, row->value);
	return give(a, row, inside != NULL ? inside : argv[++*i], why);
}

static enum err
take_option(struct args *a, char *const *argv, int argc, int *i,
    struct fault *why)
{
	const char *word = argv[*i], *inside = NULL;
	const struct option_row *row = args_option(a, word);

	if (word[1] != '-')
		inside = word[2] != '\0' ? word + 2 : NULL;
	else if ((inside = strchr(word, '=')) != NULL)
		inside++;
	if (row == NULL)
		return fault_set(why, ERR_USAGE, "no option %s%s", word,
		    a->command == NULL ? " before the command" : "");
	return take_value(a, row, inside, argv, argc, i, why);
}

static enum err
take_word(struct args *a, const char *word, struct fault *why)
{
	if (a->noun == NULL) {
		if (!noun_known(word))
			return fault_set(why, ERR_USAGE, "no command \"%s\"",
			    word);
		a->noun = word;
		a->command = command_find(word, NULL);
		return OK;
	}
	if (a->command == NULL) {
		a->command = command_find(a->noun, word);
		return a->command != NULL ? OK : fault_set(why, ERR_USAGE,
		    "no command \"%s %s\"", a->noun, word);
	}
	if (a->noperands == a->command->max)
		return fault_set(why, ERR_USAGE, "unexpected \"%s\"", word);
	a->operands[a->noperands++] = word;
	return OK;
}

enum err
args_read(struct args *a, int argc, char *const *argv, struct fault *why)
{
	bool options = true;
	enum err e = OK;

	*a = (struct args){ 0 };
	a->given = xcalloc((size_t)argc, sizeof(*a->given));
	a->operands = xcalloc((size_t)argc, sizeof(*a->operands));
	for (int i = 1; i < argc && e == OK; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
			e = take_option(a, argv, argc, &i, why);
		else
			e = take_word(a, argv[i], why);
	}
	return e;
}

static enum err
check_required(const struct args *a, struct fault *why)
{
	const struct command *c = a->command;

	if (c == NULL || args_flag(a, "help"))
		return OK;
	if (a->noperands < c->min)
		return fault_set(why, ERR_USAGE, "%s is missing", c->operands);
	EACH_OPTION(o, c->options)
		if (o->required && args_nth(a, o->name, 0) == NULL)
			return fault_set(why, ERR_USAGE, "--%s %s is missing",
			    o->name, o->value);
	return OK;
}

enum err
args_parse(struct args *a, int argc, char *const *argv, struct fault *why)
{
	enum err e = args_read(a, argc, argv, why);

	return e != OK ? e : check_required(a, why);
}

void
args_free(struct args *a)
{
	free(a->given);
	free(a->operands);
	*a = (struct args){ 0 };
}

const struct given *
args_nth(const struct args *a, const char *name, size_t i)
{
	for (size_t k = 0; k < a->ngiven; k++)
		if (strcmp(a->given[k].option->name, name) == 0 && i-- == 0)
			return &a->given[k];
	return NULL;
}

bool
args_flag(const struct args *a, const char *name)
{
	return args_nth(a, name, 0) != NULL;
}

const char *
args_text(const struct args *a, const char *name)
{
	const struct given *g = args_nth(a, name, 0);

	return g != NULL ? g->value : NULL;
}

bool
args_number(const struct args *a, const char *name, int64_t *out)
{
	const struct given *g = args_nth(a, name, 0);

	if (g != NULL)
		*out = g->number;
	return g != NULL;
}
