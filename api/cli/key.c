#include "output.h"

static const struct column list_columns[] = {
	{ "NAME", "name", NULL, false },
	{ "TOKEN", "token", NULL, false },
	{ "PURPOSE", "purpose", NULL, false },
	{ "TYPE", "type", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "CREATED", "created", format_time, false },
	{ "SPKI SHA-256", "spkiSha256", NULL, true },
};

static const struct column fields[] = {
	{ "name", "name", NULL, false },
	{ "token", "token", NULL, false },
	{ "purpose", "purpose", NULL, false },
	{ "type", "type", NULL, false },
	{ "state", "state", format_state, false },
	{ "verify", "verify", NULL, false },
	{ "born elsewhere", "foreign", NULL, false },
	{ "created", "created", format_time, false },
	{ "retired", "retired", format_time, false },
	{ "destroyed after", "destroyAfter", format_time, false },
	{ "URI", "uri", NULL, false },
	{ "SPKI SHA-256", "spkiSha256", NULL, false },
	{ "sensitive", "attributes.sensitive", NULL, false },
	{ "  always", "attributes.alwaysSensitive", NULL, false },
	{ "extractable", "attributes.extractable", NULL, false },
	{ "  never", "attributes.neverExtractable", NULL, false },
	{ "local", "attributes.local", NULL, false },
	{ "modifiable", "attributes.modifiable", NULL, false },
	{ "private", "attributes.private", NULL, false },
	{ "on token", "attributes.token", NULL, false },
	{ "public key", "publicKey", NULL, false },
};

#define KEY_TYPES "ec-p256 ec-p384 rsa-2048 rsa-3072 rsa-4096 ed25519"

const struct option_row key_generate_options[] = {
	{ "token", 0, OPTION_TEXT, true, "TOKEN",
	    "the token that makes and keeps the key", COMPLETE_TOKEN, NULL },
	{ "type", 0, OPTION_TEXT, true, "TYPE",
	    "ec-p256 or -p384, rsa-2048, -3072 or -4096, ed25519",
	    COMPLETE_WORDS, KEY_TYPES },
	{ "purpose", 0, OPTION_TEXT, true, "PURPOSE",
	    "account or cert; it can never be changed",
	    COMPLETE_WORDS, "account cert" },
	{ "verify", 0, OPTION_TEXT, false, "HOW",
	    "each signature (always) or some (sample)",
	    COMPLETE_WORDS, "always sample" },
	OPTION_END
};

const struct option_row key_retire_options[] = {
	{ "grace", 0, OPTION_DURATION, false, "TIME",
	    "until it is destroyed, such as 7d (key-grace)",
	    COMPLETE_NONE, NULL },
	OPTION_END
};

enum err
cmd_key_list(struct cli *cli, struct fault *why)
{
	return list_print(cli, "/v1/keys", NULL, list_columns,
	    nitems(list_columns), why);
}

enum err
cmd_key_show(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "GET", "keys", cli->args.operands[0],
	    NULL, fields, nitems(fields), 0 };

	return object_call(cli, &o, NULL, why);
}

enum err
cmd_key_generate(struct cli *cli, struct fault *why)
{
	struct client_reply reply;
	struct json_writer w;
	struct buf body;
	enum err e;

	buf_init(&body, 4096);
	json_write_start(&w, &body);
	json_open_object(&w, NULL);
	json_put_string(&w, "name", cli->args.operands[0]);
	json_put_string(&w, "token", args_text(&cli->args, "token"));
	json_put_string(&w, "type", args_text(&cli->args, "type"));
	json_put_string(&w, "purpose", args_text(&cli->args, "purpose"));
	json_put_string(&w, "verify", args_text(&cli->args, "verify"));
	json_close_object(&w);
	e = cli_call_within(cli, "POST", "/v1/keys", &body, CLI_GENERATE_MS,
	    &reply, why);
	if (e == OK)
		output_object(cli, &reply, fields, nitems(fields));
	client_reply_free(&reply);
	buf_free(&body);
	return e;
}

enum err
cmd_key_retire(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "POST", "keys", cli->args.operands[0],
	    "retire", fields, nitems(fields), 0 };
	struct json_writer w;
	struct buf body;
	int64_t grace;
	enum err e;

	buf_init(&body, 64);
	json_write_start(&w, &body);
	json_open_object(&w, NULL);
	if (args_number(&cli->args, "grace", &grace))
		json_put_int(&w, "grace", grace);
	json_close_object(&w);
	e = object_call(cli, &o, &body, why);
	buf_free(&body);
	return e;
}

enum err
cmd_key_destroy(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "DELETE", "keys",
	    cli->args.operands[0], NULL, fields, nitems(fields),
	    CLI_GENERATE_MS };

	return object_call(cli, &o, NULL, why);
}
