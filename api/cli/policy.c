#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "../route.h"
#include "output.h"

#define GROUPS_MAX 64 /* of one client, as the broker takes them */

const struct option_row policy_explain_options[] = {
	{ "operation", 0, OPTION_TEXT, true, "OPERATION",
	    "what is wanted, such as order.create", COMPLETE_WORDS,
	    OPERATION_WORDS },
	{ "uid", 0, OPTION_NUMBER, false, "UID",
	    "who asks (you)", COMPLETE_NONE, NULL },
	{ "gid", 0, OPTION_NUMBER, false, "GID",
	    "with which group (that user's)", COMPLETE_NONE, NULL },
	{ "group", 0, OPTION_NUMBERS, false, "GID",
	    "a further group (that user's); may be repeated",
	    COMPLETE_NONE, NULL },
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
	{ "ip", 0, OPTION_MANY, false, "ADDRESS",
	    "for which IP address; may be repeated", COMPLETE_NONE, NULL },
	{ "profile", 0, OPTION_TEXT, false, "PROFILE",
	    "with which of the CA's profiles", COMPLETE_NONE, NULL },
	OPTION_END
};

/* Where no rule decides there is no line. */
static void
format_line(struct buf *out, const struct json *object, const char *name)
{
	int64_t line;

	if (json_get_int(object, name, &line) && line > 0)
		format_plain(out, object, name);
	else
		buf_puts(out, "none");
}

static const struct column fields[] = {
	{ "allowed", "allow", NULL, false },
	{ "operation", "operation", NULL, false },
	{ "tenant", "tenant", NULL, false },
	{ "rule's line", "line", format_line, false },
	{ "reason", "reason", NULL, false },
};

/* A user that is named by number only comes with the groups that it has on
 * this host; one that is unknown here has none. */
static void
write_groups_of(struct json_writer *w, int64_t uid)
{
	const struct passwd *pw = getpwuid((uid_t)uid);
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (pw == NULL || pw->pw_uid != uid)
		return;
	json_put_int(w, "gid", pw->pw_gid);
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		n = GROUPS_MAX;
	json_open_array(w, "groups");
	for (int i = 0; i < n; i++)
		json_put_int(w, NULL, groups[i]);
	json_close_array(w);
}

static void
write_numbers(struct json_writer *w, const struct args *a)
{
	static const char *const names[] = { "uid", "gid" };
	const struct given *g;
	int64_t v, gid;

	for (size_t i = 0; i < nitems(names); i++)
		if (args_number(a, names[i], &v))
			json_put_int(w, names[i], v);
	if (args_number(a, "uid", &v) && !args_number(a, "gid", &gid) &&
	    !args_flag(a, "group"))
		write_groups_of(w, v);
	if (!args_flag(a, "group"))
		return;
	json_open_array(w, "groups");
	for (size_t i = 0; (g = args_nth(a, "group", i)) != NULL; i++)
		json_put_int(w, NULL, g->number);
	json_close_array(w);
}

static void
write_texts(struct json_writer *w, const struct args *a, const char *option,
    const char *member)
{
	const struct given *g;

	if (!args_flag(a, option))
		return;
	json_open_array(w, member);
	for (size_t i = 0; (g = args_nth(a, option, i)) != NULL; i++)
		json_put_string(w, NULL, g->value);
	json_close_array(w);
}

static void
write_question(struct buf *body, const struct args *a)
{
	static const char *const texts[] = { "listener", "operation", "key",
		"account", "ca", "certificate", "profile" };
	struct json_writer w;

	json_write_start(&w, body);
	json_open_object(&w, NULL);
	write_numbers(&w, a);
	for (size_t i = 0; i < nitems(texts); i++)
		json_put_string(&w, texts[i], args_text(a, texts[i]));
	write_texts(&w, a, "name", "names");
	write_texts(&w, a, "ip", "ips");
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
