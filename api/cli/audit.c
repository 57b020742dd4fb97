#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pages.h"

#define TAIL_LINES  10
#define TAIL_MOST   500
#define FOLLOW_WAIT 25	/* seconds that the broker waits for lines */
#define REST_VALUE  160 /* bytes shown of one member in a table */

static format_fn format_rest;

static const struct column columns[] = {
	{ "SEQ", "seq", NULL, false },
	{ "TIME", "time", format_time, false },
	{ "EVENT", "event", NULL, false },
	{ "DETAILS", "", format_rest, true },
};

const struct option_row audit_list_options[] = {
	{ "after", 0, OPTION_NUMBER, false, "SEQ",
	    "begin behind this line", COMPLETE_NONE, NULL },
	AUDIT_FILTERS,
	OPTION_END
};

const struct option_row audit_tail_options[] = {
	{ "lines", 'n', OPTION_NUMBER, false, "N",
	    "how many of the last lines (10), at most 500", COMPLETE_NONE,
	    NULL },
	{ "follow", 'f', OPTION_FLAG, false, NULL,
	    "go on printing lines as they are written", COMPLETE_NONE, NULL },
	AUDIT_FILTERS,
	OPTION_END
};

/* Every member that has no column of its own. */
static void
format_rest(struct buf *out, const struct json *object, const char *name)
{
	static const char *const shown[] = { "seq", "time", "prev", "event" };

	(void)name;
	for (size_t i = 0; i < json_count(object); i++) {
		const char *member = json_name_at(object, i);
		size_t before = out->len;
		bool own = false;

		for (size_t k = 0; k < nitems(shown); k++)
			own = own || strcmp(member, shown[k]) == 0;
		if (own)
			continue;
		buf_putf(out, "%s%s=", before != 0 ? " " : "", member);
		before = out->len;
		format_plain(out, object, member);
		if (out->len > before + REST_VALUE) {
			out->len = before + REST_VALUE;
			buf_puts(out, "...");
		}
	}
}

static bool
add_row(const struct json *item, void *arg)
{
	table_add(arg, item);
	return true;
}

static enum err
each_line(struct cli *cli, list_visit *visit, void *arg, struct fault *why)
{
	struct pages p;
	int64_t after = 0;
	char *first;
	enum err e;

	args_number(&cli->args, "after", &after);
	first = xasprintf("after=%" PRId64, after);
	e = pages_open(&p, &cli->args, why);
	if (e == OK)
		e = pages_get(cli, &p, first, -1, visit, arg, why);
	while (e == OK && p.more)
		e = pages_get(cli, &p, NULL, -1, visit, arg, why);
	pages_close(&p);
	free(first);
	return e;
}

enum err
cmd_audit_list(struct cli *cli, struct fault *why)
{
	struct document d = { false };
	struct table *t;
	enum err e;

	if (cli->json) {
		e = each_line(cli, document_add, &d, why);
		if (e == OK)
			document_end(&d);
		return e;
	}
	t = table_new(columns, nitems(columns));
	e = each_line(cli, add_row, t, why);
	if (e == OK && table_rows(t) != 0)
		table_print(t, stdout, cli->width, cli->color);
	table_free(t);
	return e;
}

/* Looking at the log leaves a line in it. */
static bool
is_own(const struct json *item)
{
	const char *operation = json_get_string(item, "operation");
	int64_t pid;

	return operation != NULL && json_get_int(item, "pid", &pid) &&
	    pid == getpid() && (strcmp(operation, "audit.read") == 0 ||
	    strcmp(operation, "audit.own") == 0);
}

/* One line of a tail: no table, because more may come. */
static bool
print_line(const struct json *item, void *arg)
{
	const struct cli *cli = arg;
	struct buf raw, clean;

	if (is_own(item))
		return true;
	if (cli->json) {
		output_item(item);
		putchar('\n');
		return !ferror(stdout);
	}
	buf_init(&raw, 65536);
	buf_init(&clean, 65536);
	for (size_t i = 0; i < nitems(columns); i++) {
		struct buf cell;

		buf_init(&cell, 65536);
		column_put(&cell, &columns[i], item);
		if (cell.len != 0)
			buf_putf(&raw, "%s%s", raw.len != 0 ? "  " : "",
			    buf_str(&cell));
		buf_free(&cell);
	}
	text_put(&clean, buf_str(&raw));
	puts(buf_str(&clean));
	buf_free(&raw);
	buf_free(&clean);
	return !ferror(stdout);
}

/* Waits where a broker says that too many wait already. */
static enum err
follow(struct cli *cli, struct pages *p, struct fault *why)
{
	enum err e = OK;

	while (e == OK) {
		e = pages_get(cli, p, NULL, FOLLOW_WAIT, print_line, cli,
		    why);
		if (e == ERR_BUSY && why->retry_after != 0) {
			const struct timespec wait = {
				.tv_sec = why->retry_after };

			nanosleep(&wait, NULL);
			e = OK;
		}
		if (e == OK)
			e = output_flush(why);
	}
	return e;
}

enum err
cmd_audit_tail(struct cli *cli, struct fault *why)
{
	int64_t n = TAIL_LINES;
	struct pages p;
	char *first;
	enum err e;

	args_number(&cli->args, "lines", &n);
	if (n < 1 || n > TAIL_MOST)
		return fault_set(why, ERR_USAGE, "--lines: from 1 to %d",
		    TAIL_MOST);
	first = xasprintf("tail=%" PRId64, n);
	e = pages_open(&p, &cli->args, why);
	if (e == OK)
		e = pages_get(cli, &p, first, 0, print_line, cli, why);
	if (e == OK)
		e = output_flush(why);
	if (e == OK && args_flag(&cli->args, "follow"))
		e = follow(cli, &p, why);
	pages_close(&p);
	free(first);
	return e;
}

enum err
cmd_audit_rotate(struct cli *cli, struct fault *why)
{
	static const struct column fields[] = {
		{ "full file", "file", NULL, false },
		{ "last line", "last", NULL, false },
	};
	struct client_reply reply = { 0 };
	struct buf body;
	enum err e;

	buf_init(&body, 2);
	buf_puts(&body, "{}");
	e = cli_call(cli, "POST", "/v1/audit/rotate", &body, &reply, why);
	if (e == OK)
		output_object(cli, &reply, fields, nitems(fields));
	client_reply_free(&reply);
	buf_free(&body);
	return e;
}
