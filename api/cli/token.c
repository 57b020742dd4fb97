#include "output.h"

static const struct column list_columns[] = {
	{ "NAME", "name", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "LANES", "lanes", format_lanes, false },
	{ "LABEL", "label", NULL, false },
	{ "MODEL", "model", NULL, false },
	{ "SIGNATURES", "signatures", NULL, false },
	{ "ERROR", "error", NULL, true },
};

static const struct column fields[] = {
	{ "name", "name", NULL, false },
	{ "state", "state", format_state, false },
	{ "lanes", "lanes", format_lanes, false },
	{ "waiting", "waiting", NULL, false },
	{ "signatures", "signatures", NULL, false },
	{ "label", "label", NULL, false },
	{ "serial", "serial", NULL, false },
	{ "manufacturer", "manufacturer", NULL, false },
	{ "model", "model", NULL, false },
	{ "key types", "keyTypes", NULL, false },
	{ "algorithms", "algorithms", NULL, false },
	{ "error", "error", NULL, false },
};

enum err
cmd_token_list(struct cli *cli, struct fault *why)
{
	return list_print(cli, "/v1/tokens", NULL, list_columns,
	    nitems(list_columns), why);
}

enum err
cmd_token_show(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "GET", "tokens",
	    cli->args.operands[0], NULL, fields, nitems(fields), 0 };

	return object_call(cli, &o, NULL, why);
}

enum err
cmd_token_unlatch(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "POST", "tokens",
	    cli->args.operands[0], "unlatch", fields, nitems(fields), 0 };

	return object_post(cli, &o, why);
}
