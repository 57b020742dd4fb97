#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

static const struct column summary[] = {
	{ "state", "state", format_state, false },
	{ "version", "version", NULL, false },
	{ "started", "started", format_time, false },
	{ "connections", "connections", NULL, false },
	{ "certificates", "certificates.total", NULL, false },
	{ "  issued", "certificates.issued", NULL, false },
	{ "  failing", "certificates.failing", NULL, false },
	{ "open orders", "orders.open", NULL, false },
	{ "audit lines", "audit.lines", NULL, false },
	{ "audit mode", "audit.mode", NULL, false },
	{ "audit signed", "audit.checkpoint.seq", NULL, false },
};

static const struct column process_columns[] = {
	{ "PROCESS", "role", NULL, false },
	{ "NAME", "name", NULL, false },
	{ "PID", "pid", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "RESTARTS", "restarts", NULL, false },
	{ "SANDBOX", "sandbox", NULL, false },
};

static const struct column token_columns[] = {
	{ "TOKEN", "name", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "LANES", "lanes", format_lanes, false },
	{ "WAITING", "waiting", NULL, false },
	{ "SIGNATURES", "signatures", NULL, false },
	{ "ERROR", "error", NULL, true },
};

static void
print_section(const struct cli *cli, const struct json *array,
    const struct column *columns, size_t n)
{
	if (json_count(array) == 0)
		return;
	putchar('\n');
	output_array(cli, array, columns, n);
}

/* 0 when all is well, 1 when degraded: for monitoring. */
enum err
cmd_status(struct cli *cli, struct fault *why)
{
	struct client_reply reply;
	enum err e = cli_call(cli, "GET", "/v1/status", NULL, &reply, why);
	const char *state;

	if (e != OK)
		goto out;
	state = json_get_string(reply.json, "state");
	if (state == NULL) {
		e = fault_set(why, ERR_SYNTAX, "no state in the reply");
		goto out;
	}
	cli->exit = strcmp(state, "ok") == 0 ? EXIT_GOOD : EXIT_NO;
	output_object(cli, &reply, summary, nitems(summary));
	if (cli->json)
		goto out;
	print_section(cli, json_get(reply.json, "tokens"), token_columns,
	    nitems(token_columns));
	print_section(cli, json_get(reply.json, "processes"),
	    process_columns, nitems(process_columns));
out:
	client_reply_free(&reply);
	return e;
}
