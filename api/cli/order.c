#include <stdlib.h>
#include <string.h>

#include "../route.h"
#include "output.h"

static const struct column list_columns[] = {
	{ "ID", "id", NULL, false },
	{ "CERTIFICATE", "certificate", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "CREATED", "created", format_time, false },
	{ "UPDATED", "updated", format_time, false },
	{ "NAMES", "names", NULL, true },
	{ "ERROR", "error", NULL, true },
};

static const struct column fields[] = {
	{ "id", "id", NULL, false },
	{ "certificate", "certificate", NULL, false },
	{ "account", "account", NULL, false },
	{ "state", "state", format_state, false },
	{ "ended", "ended", NULL, false },
	{ "names", "names", NULL, false },
	{ "URL", "url", NULL, false },
	{ "error", "error", NULL, false },
	{ "attempts", "attempts", NULL, false },
	{ "next attempt", "nextAttempt", format_time, false },
	{ "created", "created", format_time, false },
	{ "updated", "updated", format_time, false },
	{ "deadline", "deadline", format_time, false },
};

static const struct column authorization_columns[] = {
	{ "IDENTIFIER", "identifier", NULL, false },
	{ "WILDCARD", "wildcard", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "ERROR", "error", NULL, true },
};

static const struct column event_columns[] = {
	{ "TIME", "time", format_time, false },
	{ "EVENT", "text", NULL, true },
};

const struct option_row order_list_options[] = {
	{ "certificate", 0, OPTION_TEXT, false, "CERTIFICATE",
	    "only orders of this certificate", COMPLETE_CERTIFICATE, NULL },
	OPTION_END
};

/* Reads an order's id; ERR_USAGE when it is no number. */
static enum err
read_id(const char *text, int64_t *id, struct fault *why)
{
	char *end;
	long long v = strtoll(text, &end, 10);

	if (*text < '1' || *text > '9' || *end != '\0' || v > JSON_INT_MAX)
		return fault_set(why, ERR_USAGE,
		    "\"%s\" is no order: give its number", text);
	*id = v;
	return OK;
}

enum err
cmd_order_list(struct cli *cli, struct fault *why)
{
	const char *of = args_text(&cli->args, "certificate");
	char *checked = NULL, *query;
	enum err e = OK;

	if (of != NULL) /* the same characters as in a path */
		e = cli_path(&checked, "certificates", of, NULL, why);
	free(checked);
	if (e != OK)
		return e;
	query = of != NULL ? xasprintf("certificate=%s", of) : xstrdup("");
	e = list_print(cli, "/v1/orders", query, list_columns,
	    nitems(list_columns), why);
	free(query);
	return e;
}

static void
print_parts(const struct cli *cli, const struct json *order)
{
	const struct json *authorizations = json_get(order, "authorizations");
	const struct json *events = json_get(order, "events");

	if (json_count(authorizations) != 0) {
		putchar('\n');
		output_array(cli, authorizations, authorization_columns,
		    nitems(authorization_columns));
	}
	if (json_count(events) != 0) {
		putchar('\n');
		output_array(cli, events, event_columns,
		    nitems(event_columns));
	}
}

enum err
cmd_order_show(struct cli *cli, struct fault *why)
{
	struct client_reply reply = { 0 };
	char *path = NULL;
	int64_t id;
	enum err e = read_id(cli->args.operands[0], &id, why);

	if (e == OK)
		e = cli_path(&path, "orders", cli->args.operands[0], NULL,
		    why);
	if (e == OK)
		e = cli_call(cli, "GET", path, NULL, &reply, why);
	if (e == OK) {
		output_object(cli, &reply, fields, nitems(fields));
		if (!cli->json)
			print_parts(cli, reply.json);
	}
	client_reply_free(&reply);
	free(path);
	return e;
}

enum err
cmd_order_watch(struct cli *cli, struct fault *why)
{
	int64_t id;
	enum err e = read_id(cli->args.operands[0], &id, why);

	return e != OK ? e : watch_order(cli, id, why);
}

enum err
cmd_order_cancel(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "DELETE", "orders",
	    cli->args.operands[0], NULL, fields, nitems(fields), 0 };
	int64_t id;
	enum err e = read_id(o.name, &id, why);

	return e != OK ? e : object_call(cli, &o, NULL, why);
}
