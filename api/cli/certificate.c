#include <stdlib.h>
#include <string.h>

#include "../route.h"
#include "output.h"

static const struct column list_columns[] = {
	{ "NAME", "name", NULL, false },
	{ "STATE", "state", format_state, false },
	{ "LEFT", "notAfter", format_left, false },
	{ "ACCOUNT", "account", NULL, false },
	{ "DEPLOYED", "deployment.state", format_state, false },
	{ "NAMES", "names", NULL, true },
	{ "ERROR", "error", NULL, true },
};

static const struct column fields[] = {
	{ "name", "name", NULL, false },
	{ "state", "state", format_state, false },
	{ "names", "names", NULL, false },
	{ "account", "account", NULL, false },
	{ "CA", "ca", NULL, false },
	{ "declared by", "declaredBy", NULL, false },
	{ "tenant", "tenant", NULL, false },
	{ "challenge", "challenge", NULL, false },
	{ "token", "token", NULL, false },
	{ "key type", "keyType", NULL, false },
	{ "key", "key", NULL, false },
	{ "key URI", "keyUri", NULL, false },
	{ "serial", "serial", NULL, false },
	{ "issuer", "issuer", NULL, false },
	{ "not before", "notBefore", format_time, false },
	{ "not after", "notAfter", format_time, false },
	{ "left", "notAfter", format_left, false },
	{ "issued", "issued", format_time, false },
	{ "order", "order", NULL, false },
	{ "error", "error", NULL, false },
	{ "files in", "directory", NULL, false },
	{ "deployment", "deployment.state", format_state, false },
	{ "  attempts", "deployment.attempts", NULL, false },
	{ "  exit status", "deployment.exitStatus", NULL, false },
	{ "  output", "deployment.output", NULL, false },
	{ "  next attempt", "deployment.nextAttempt", format_time, false },
	{ "  updated", "deployment.updated", format_time, false },
};

#define WAIT_ROW                                                              \
	{ "wait", 'w', OPTION_FLAG, false, NULL,                              \
	    "follow the order until it has ended", COMPLETE_NONE, NULL }

const struct option_row certificate_declare_options[] = {
	{ "account", 0, OPTION_TEXT, true, "ACCOUNT",
	    "the account that orders it", COMPLETE_ACCOUNT, NULL },
	{ "name", 0, OPTION_MANY, true, "DNS-NAME",
	    "a name in the certificate; may be repeated", COMPLETE_NONE, NULL },
	{ "key-type", 0, OPTION_TEXT, false, "TYPE",
	    "of its keys (ec-p256)", COMPLETE_WORDS,
	    "ec-p256 ec-p384 rsa-2048 rsa-3072 rsa-4096 ed25519" },
	{ "token", 0, OPTION_TEXT, false, "TOKEN",
	    "the token that makes its keys (the account's)",
	    COMPLETE_TOKEN, NULL },
	{ "challenge", 0, OPTION_TEXT, false, "KIND",
	    "http-01 (unless said) or http-01-webroot", COMPLETE_WORDS,
	    "http-01 http-01-webroot dns-01" },
	{ "webroot", 0, OPTION_TEXT, false, "FOLDER",
	    "for its answers; one that the configuration has",
	    COMPLETE_FILE, NULL },
	{ "key", 0, OPTION_TEXT, false, "KEY",
	    "always for this key, which was born elsewhere",
	    COMPLETE_KEY, NULL },
	{ "order", 0, OPTION_FLAG, false, NULL,
	    "order it at once", COMPLETE_NONE, NULL },
	WAIT_ROW,
	OPTION_END
};

const struct option_row certificate_order_options[] = { WAIT_ROW, OPTION_END };

enum err
cmd_certificate_list(struct cli *cli, struct fault *why)
{
	return list_print(cli, "/v1/certificates", "", list_columns,
	    nitems(list_columns), why);
}

enum err
cmd_certificate_show(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "GET", "certificates",
	    cli->args.operands[0], NULL, fields, nitems(fields), 0 };

	return object_call(cli, &o, NULL, why);
}

enum err
cmd_certificate_delete(struct cli *cli, struct fault *why)
{
	const struct object_call o = { "DELETE", "certificates",
	    cli->args.operands[0], NULL, fields, nitems(fields), 0 };

	return object_call(cli, &o, NULL, why);
}

/* PEM text, as it is; with --json as the one member of an object. */
enum err
cmd_certificate_chain(struct cli *cli, struct fault *why)
{
	struct client_reply reply = { 0 };
	struct json_writer w;
	struct buf out;
	char *path;
	enum err e = cli_path(&path, "certificates", cli->args.operands[0],
	    "chain", why);

	buf_init(&out, CLIENT_REPLY_MAX);
	if (e == OK)
		e = cli_call(cli, "GET", path, NULL, &reply, why);
	if (e == OK && !cli->json)
		output_reply(&reply);
	if (e == OK && cli->json) {
		json_write_start(&w, &out);
		json_open_object(&w, NULL);
		json_put_stringn(&w, "chain", reply.text, reply.length);
		json_close_object(&w);
		puts(buf_str(&out));
	}
	client_reply_free(&reply);
	buf_free(&out);
	free(path);
	return e;
}

/* Orders, and follows the order when that is wanted. */
static enum err
order(struct cli *cli, struct fault *why)
{
	struct client_reply reply = { 0 };
	struct buf body;
	int64_t id = 0;
	char *path;
	enum err e = cli_path(&path, "certificates", cli->args.operands[0],
	    "orders", why);

	buf_init(&body, 2);
	buf_puts(&body, "{}");
	if (e == OK)
		e = cli_call(cli, "POST", path, &body, &reply, why);
	if (e == OK && !json_get_int(reply.json, "id", &id))
		e = fault_set(why, ERR_SYNTAX, "no order id in the reply");
	if (e == OK && !args_flag(&cli->args, "wait")) {
		if (cli->json)
			output_reply(&reply);
		else
			printf("order %lld is running; follow it with: "
			    "keybroker order watch %lld\n", (long long)id,
			    (long long)id);
	}
	client_reply_free(&reply);
	buf_free(&body);
	free(path);
	if (e == OK && args_flag(&cli->args, "wait"))
		e = watch_order(cli, id, why);
	return e;
}

enum err
cmd_certificate_order(struct cli *cli, struct fault *why)
{
	return order(cli, why);
}

static void
write_declaration(struct buf *body, const struct args *a)
{
	const struct given *g;
	struct json_writer w;

	json_write_start(&w, body);
	json_open_object(&w, NULL);
	json_put_string(&w, "account", args_text(a, "account"));
	json_open_array(&w, "names");
	for (size_t i = 0; (g = args_nth(a, "name", i)) != NULL; i++)
		json_put_string(&w, NULL, g->value);
	json_close_array(&w);
	json_put_string(&w, "keyType", args_text(a, "key-type"));
	json_put_string(&w, "token", args_text(a, "token"));
	json_put_string(&w, "challenge", args_text(a, "challenge"));
	json_put_string(&w, "webroot", args_text(a, "webroot"));
	json_put_string(&w, "key", args_text(a, "key"));
	json_close_object(&w);
}

/* With --order --json one document is printed: that of the order. */
enum err
cmd_certificate_declare(struct cli *cli, struct fault *why)
{
	bool ordering = args_flag(&cli->args, "order");
	struct client_reply reply = { 0 };
	struct buf body;
	char *path;
	enum err e;

	if (args_flag(&cli->args, "wait") && !ordering)
		return fault_set(why, ERR_USAGE, "--wait needs --order");
	buf_init(&body, BODY_MAX);
	write_declaration(&body, &cli->args);
	e = cli_path(&path, "certificates", cli->args.operands[0], NULL, why);
	if (e == OK)
		e = cli_call(cli, "PUT", path, &body, &reply, why);
	if (e == OK && !(cli->json && ordering))
		output_object(cli, &reply, fields, nitems(fields));
	client_reply_free(&reply);
	buf_free(&body);
	free(path);
	return e == OK && ordering ? order(cli, why) : e;
}
