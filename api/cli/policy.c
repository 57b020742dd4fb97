#include <string.h>

#include "../route.h"
#include "output.h"

/* As in policy/operation.h; a test compares the two. */
#define OPERATION_WORDS                                                       \
	"status.read token.read token.unlatch key.read key.generate "         \
	"key.retire key.destroy account.read account.register acme.read "     \
	"certificate.read certificate.declare certificate.delete order.read " \
	"order.create order.cancel audit.read policy.explain "                \
	"configuration.check"

const struct option_row policy_explain_options[] = {
	{ "operation", 0, OPTION_TEXT, true, "OPERATION",
	    "what is wanted, such as order.create", COMPLETE_WORDS,
	    OPERATION_WORDS },
	{ "uid", 0, OPTION_NUMBER, false, "UID",
	    "who asks (you)", COMPLETE_NONE, NULL },
	{ "gid", 0, OPTION_NUMBER, false, "GID",
	    "with which group (yours)", COMPLETE_NONE, NULL },
	{ "group", 0, OPTION_NUMBERS, false, "GID",
	    "a supplementary group (yours); may be repeated", COMPLETE_NONE,
	    NULL },
	{ "listener", 0, OPTION_TEXT, false, "LISTENER",
	    "on which socket (this one)", COMPLETE_NONE, NULL },
	{ "key", 0, OPTION_TEXT, false, "KEY", "with which key",
	    COMPLETE_KEY, NULL },
	{ "account", 0, OPTION_TEXT, false, "ACCOUNT", "with which account",
	    COMPLETE_ACCOUNT, NULL },
	{ "ca", 0, OPTION_TEXT, false, "CA", "at which CA", COMPLETE_NONE,
	    NULL },
	{ "certificate", 0, OPTION_TEXT, false, "CERTIFICATE",
	    "for which certificate", COMPLETE_CERTIFICATE, NULL },
	{ "name", 0, OPTION_MANY, false, "DNS-NAME",
	    "for which name; may be repeated", COMPLETE_NONE, NULL },
	OPTION_END
};

static const struct column fields[] = {
	{ "allowed", "allow", NULL, false },
	{ "operation", "operation", NULL, false },
	{ "tenant", "tenant", NULL, false },
	{ "rule's line", "line", NULL, false },
	{ "reason", "reason", NULL, false },
};

static void
write_numbers(struct json_writer *w, const struct args *a)
{
	static const char *const names[] = { "uid", "gid" };
	const struct given *g;
	int64_t v;

	for (size_t i = 0; i < nitems(names); i++)
		if (args_number(a, names[i], &v))
			json_put_int(w, names[i], v);
	if (!args_flag(a, "group"))
		return;
	json_open_array(w, "groups");
	for (size_t i = 0; (g = args_nth(a, "group", i)) != NULL; i++)
		json_put_int(w, NULL, g->number);
	json_close_array(w);
}

static void
write_question(struct buf *body, const struct args *a)
{
	static const char *const texts[] = { "listener", "operation", "key",
		"account", "ca", "certificate" };
	const struct given *g;
	struct json_writer w;

	json_write_start(&w, body);
	json_open_object(&w, NULL);
	write_numbers(&w, a);
	for (size_t i = 0; i < nitems(texts); i++)
		json_put_string(&w, texts[i], args_text(a, texts[i]));
	if (args_flag(a, "name")) {
		json_open_array(&w, "names");
		for (size_t i = 0; (g = args_nth(a, "name", i)) != NULL; i++)
			json_put_string(&w, NULL, g->value);
		json_close_array(&w);
	}
	json_close_object(&w);
}

/* 0 when the answer is yes, 1 when it is no. */
enum err
cmd_policy_explain(struct cli *cli, struct fault *why)
{
	struct client_reply reply;
	struct buf body;
	bool allow;
	enum err e;

	buf_init(&body, BODY_MAX);
	write_question(&body, &cli->args);
	e = cli_call(cli, "POST", "/v1/policy/explain", &body, &reply, why);
	if (e == OK && !json_get_bool(reply.json, "allow", &allow))
		e = fault_set(why, ERR_SYNTAX, "no decision in the reply");
	if (e == OK) {
		output_object(cli, &reply, fields, nitems(fields));
		cli->exit = allow ? EXIT_GOOD : EXIT_NO;
	}
	client_reply_free(&reply);
	buf_free(&body);
	return e;
}
