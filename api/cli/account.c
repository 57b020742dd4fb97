#include <stdlib.h>

#include "output.h"

static const struct column list_columns[] = {
	{ "NAME", "name", NULL, false },
	{ "CA", "ca", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "KEY", "key", NULL, false },
	{ "URL", "url", NULL, true },
	{ "ERROR", "error", NULL, true },
};

static const struct column fields[] = {
	{ "name", "name", NULL, false },
	{ "CA", "ca", NULL, false },
	{ "directory", "directory", NULL, false },
	{ "state", "state", format_state, false },
	{ "URL", "url", NULL, false },
	{ "key", "key", NULL, false },
	{ "thumbprint", "thumbprint", NULL, false },
	{ "contacts", "contacts", NULL, false },
	{ "error", "error", NULL, false },
	{ "attempts", "attempts", NULL, false },
	{ "next attempt", "nextAttempt", format_time, false },
};


const struct option_row account_sign_options[] = {
	{ "url", 0, OPTION_TEXT, true, "URL",
	    "the resource of the CA that is to be read", COMPLETE_NONE, NULL },
	{ "nonce", 0, OPTION_TEXT, true, "NONCE",
	    "a fresh nonce of that CA", COMPLETE_NONE, NULL },
	OPTION_END
};

enum err
cmd_account_list(struct cli *cli, struct fault *why)
{
	return list_print(cli, "/v1/accounts", NULL, list_columns,
	    nitems(list_columns), why);
}

enum err
cmd_account_show(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "GET", "accounts",
	    cli->args.operands[0], NULL, fields, nitems(fields), 0 };

	return object_call(cli, &o, NULL, why);
}

enum err
cmd_account_register(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "POST", "accounts",
	    cli->args.operands[0], "register", fields, nitems(fields), 0 };

	return object_post(cli, &o, why);
}

/* A JWS is for a program, so it comes as JSON whether asked for or not. */
enum err
cmd_account_sign(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "POST", "accounts",
	    cli->args.operands[0], "jws", NULL, 0, 0 };
	struct json_writer w;
	struct buf body;
	enum err e;

	buf_init(&body, 65536);
	json_write_start(&w, &body);
	json_open_object(&w, NULL);
	json_put_string(&w, "url", args_text(&cli->args, "url"));
	json_put_string(&w, "nonce", args_text(&cli->args, "nonce"));
	json_close_object(&w);
	cli->json = true;
	e = object_call(cli, &o, &body, why);
	buf_free(&body);
	return e;
}
