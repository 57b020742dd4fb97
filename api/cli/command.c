#include "command.h"

#include <string.h>

/* Every command, one row each; rows of one noun stand together. */

const struct option_row global_options[] = {
	{ "socket", 's', OPTION_TEXT, false, "PATH",
	    "the broker's socket (" CLI_SOCKET ")", COMPLETE_FILE, NULL },
	{ "json", 0, OPTION_FLAG, false, NULL,
	    "print the broker's reply as it is", COMPLETE_NONE, NULL },
	{ "config", 'c', OPTION_TEXT, false, "FILE",
	    "configuration, for config check and config print",
	    COMPLETE_FILE, NULL },
	{ "help", 'h', OPTION_FLAG, false, NULL, "tell about the command",
	    COMPLETE_NONE, NULL },
	{ "version", 0, OPTION_FLAG, false, NULL, "print the version",
	    COMPLETE_NONE, NULL },
	OPTION_END
};

/* Most commands take one name, or nothing. */
#define NOTHING	       .operands = ""
#define ONE(what, of)  .operands = what, .min = 1, .max = 1,                  \
	.complete = COMPLETE_##of
#define ORDER_DETAILS                                                         \
	"The order runs in the broker; --wait follows it until it has ended, "\
	"and then\nthe exit code tells how.  Ctrl-C leaves it running."

const struct command commands[] = {
	{ "status", NULL, NOTHING,
	    .summary = "Show the state of the broker and its tokens",
	    .details = "Exit code 0: all is well; 1: degraded.",
	    .examples = "keybroker status\nkeybroker status --json",
	    .run = cmd_status },

	{ "token", "list", NOTHING,
	    .summary = "List tokens",
	    .examples = "keybroker token list", .run = cmd_token_list },
	{ "token", "show", ONE("TOKEN", TOKEN),
	    .summary = "Show a token and what it can do",
	    .examples = "keybroker token show main", .run = cmd_token_show },
	{ "token", "unlatch", ONE("TOKEN", TOKEN),
	    .summary = "Allow the PIN of a token to be tried again",
	    .details = "A PIN that was refused is not tried again by itself, "
	    "because a token locks\nafter a few tries.  Correct the PIN, then "
	    "unlatch.",
	    .examples = "keybroker token unlatch main",
	    .run = cmd_token_unlatch },

	{ "key", "list", NOTHING,
	    .summary = "List keys",
	    .examples = "keybroker key list", .run = cmd_key_list },
	{ "key", "show", ONE("KEY", KEY),
	    .summary = "Show a key and its public half",
	    .examples = "keybroker key show main-account\n"
	    "keybroker --json key show main-account | jq -r .publicKey",
	    .run = cmd_key_show },
	{ "key", "generate", ONE("KEY", NONE),
	    .options = key_generate_options,
	    .summary = "Generate a key in a token",
	    .examples = "keybroker key generate spare --token main "
	    "--type ec-p256 --purpose account",
	    .run = cmd_key_generate },
	{ "key", "retire", ONE("KEY", KEY), .options = key_retire_options,
	    .summary = "Take a key out of use; it never signs again",
	    .details = "After the grace it is destroyed in its token.  A key "
	    "in use cannot be retired.",
	    .examples = "keybroker key retire old --grace 7d",
	    .run = cmd_key_retire },
	{ "key", "destroy", ONE("KEY", KEY),
	    .summary = "Destroy a retired key in its token now",
	    .details = "This cannot be undone.  Only a retired key can be "
	    "destroyed.",
	    .examples = "keybroker key retire old\nkeybroker key destroy old",
	    .run = cmd_key_destroy },

	{ "account", "list", NOTHING,
	    .summary = "List ACME accounts",
	    .examples = "keybroker account list", .run = cmd_account_list },
	{ "account", "show", ONE("ACCOUNT", ACCOUNT),
	    .summary = "Show an account",
	    .examples = "keybroker account show main",
	    .run = cmd_account_show },
	{ "account", "register", ONE("ACCOUNT", ACCOUNT),
	    .summary = "Find or register an account at its CA now",
	    .examples = "keybroker account register main",
	    .run = cmd_account_register },
	{ "account", "sign", ONE("ACCOUNT", ACCOUNT),
	    .options = account_sign_options,
	    .summary = "Have a POST-as-GET signed, for another ACME client",
	    .details = "Prints the JWS as JSON, ready to be sent.",
	    .examples = "keybroker account sign main --nonce "
	    "oFvnlFP1wIhRlYS2 \\\n    --url https://ca.example/acme/order/1",
	    .run = cmd_account_sign },

	{ "certificate", "list", NOTHING,
	    .summary = "List managed certificates",
	    .examples = "keybroker certificate list",
	    .run = cmd_certificate_list },
	{ "certificate", "show", ONE("CERTIFICATE", CERTIFICATE),
	    .summary = "Show a certificate, what is wanted and what is there",
	    .examples = "keybroker certificate show www",
	    .run = cmd_certificate_show },
	{ "certificate", "declare", ONE("CERTIFICATE", CERTIFICATE),
	    .options = certificate_declare_options,
	    .summary = "Declare a certificate to be managed, or change one",
	    .details = "It is for a new key of the broker's, unless --key is "
	    "given.  What needs dns-01,\nsuch as a wildcard, is for the "
	    "configuration, which names the program.\nWith --json and "
	    "--order the order is printed.\n" ORDER_DETAILS,
	    .examples = "keybroker certificate declare www --account main "
	    "\\\n    --name www.example.org --name example.org\n"
	    "keybroker certificate declare www --account main "
	    "\\\n    --name www.example.org --challenge http-01-webroot "
	    "\\\n    --webroot /var/www/html --order --wait",
	    .run = cmd_certificate_declare },
	{ "certificate", "delete", ONE("CERTIFICATE", CERTIFICATE),
	    .summary = "Stop managing a certificate that the API declared",
	    .details = "What stands in the configuration is deleted there.",
	    .examples = "keybroker certificate delete www",
	    .run = cmd_certificate_delete },
	{ "certificate", "chain", ONE("CERTIFICATE", CERTIFICATE),
	    .summary = "Print the issued chain as PEM, leaf first",
	    .examples = "keybroker certificate chain www > www.pem",
	    .run = cmd_certificate_chain },
	{ "certificate", "order", ONE("CERTIFICATE", CERTIFICATE),
	    .options = certificate_order_options,
	    .summary = "Order a certificate now, whether it is due or not",
	    .details = ORDER_DETAILS,
	    .examples = "keybroker certificate order www --wait",
	    .run = cmd_certificate_order },
	{ "certificate", "renew", ONE("CERTIFICATE", CERTIFICATE),
	    .options = certificate_order_options,
	    .summary = "The same as certificate order",
	    .details = ORDER_DETAILS,
	    .examples = "keybroker certificate renew www --wait",
	    .run = cmd_certificate_order },

	{ "order", "list", NOTHING, .options = order_list_options,
	    .summary = "List orders, newest first",
	    .examples = "keybroker order list --certificate www",
	    .run = cmd_order_list },
	{ "order", "show", ONE("ORDER", ORDER),
	    .summary = "Show an order, its authorizations and its events",
	    .examples = "keybroker order show 7", .run = cmd_order_show },
	{ "order", "watch", ONE("ORDER", ORDER),
	    .summary = "Follow an order until it has ended",
	    .details = "Prints each event once.  With --json only the order "
	    "as it ended is printed.\nCtrl-C leaves it running.",
	    .examples = "keybroker order watch 7", .run = cmd_order_watch },
	{ "order", "cancel", ONE("ORDER", ORDER),
	    .summary = "Give an order up",
	    .details = "A managed certificate is ordered again later, as "
	    "after a failure.",
	    .examples = "keybroker order cancel 7", .run = cmd_order_cancel },

	{ "audit", "list", NOTHING, .options = audit_list_options,
	    .summary = "List the lines of the audit log",
	    .examples = "keybroker audit list --after 1000",
	    .run = cmd_audit_list },
	{ "audit", "tail", NOTHING, .options = audit_tail_options,
	    .summary = "Print the last lines of the audit log",
	    .details = "With --json one object a line.  The line that this "
	    "very look at the log leaves\nin it is not shown.",
	    .examples = "keybroker audit tail --follow\n"
	    "keybroker audit tail -n 100 --decision deny --json",
	    .run = cmd_audit_tail },
	{ "audit", "rotate", NOTHING,
	    .summary = "Begin a new file of the audit log now",
	    .details = "The full file gets the name that is printed and is "
	    "never touched again.  The log\ngoes on where it ends.",
	    .examples = "keybroker audit rotate", .run = cmd_audit_rotate },
	{ "audit", "export", .operands = "[FILE...]", .max = ~0U,
	    .complete = COMPLETE_FILE, .options = audit_export_options,
	    .summary = "Print a range of the audit log with its proof",
	    .details = "Prints the lines as they stand in the log, up to the "
	    "checkpoint that covers the\nlast one, for audit verify --from.  "
	    "Without files the broker is asked.  Exit code\n1: no checkpoint "
	    "covers them yet.",
	    .examples = "keybroker audit export --from 1200 --to 1300 > "
	    "range.log\n"
	    "keybroker audit export --since 2026-11-23 --until 2026-11-24 "
	    "\\\n    /var/lib/keybroker/audit > day.log",
	    .run = cmd_audit_export },
	{ "audit", "verify", .operands = "FILE...", .min = 1, .max = ~0U,
	    .complete = COMPLETE_FILE, .options = audit_verify_options,
	    .summary = "Prove that an audit log is complete, offline",
	    .details = "Checks the chain of hashes, the numbers and the "
	    "signed checkpoints.  A folder\nstands for all files of a log in "
	    "it; several files are one log in that order.\nExit code 0: good; "
	    "1: damaged.  Lines behind the last checkpoint are not proved,\n"
	    "and a log that was cut there shows it only to who remembers one "
	    "of them: --last,\n--expect, --unproved.  A key beside the log "
	    "proves nothing against who can write\nthere: name a copy with "
	    "--key, or its digest with --pin.",
	    .examples = "keybroker audit verify /var/lib/keybroker/audit\n"
	    "keybroker audit verify --key audit.pub --unproved 2000 audit.log"
	    "\nkeybroker audit verify --key audit.pub --from 1200 range.log",
	    .run = cmd_audit_verify },

	{ "policy", "explain", NOTHING, .options = policy_explain_options,
	    .summary = "Ask whether a client may do something, and why",
	    .details = "Exit code 0: allowed; 1: denied.  Without --uid it "
	    "is about you; with --uid\nalone, that user has the groups of "
	    "this host.",
	    .examples = "keybroker policy explain --operation order.create "
	    "--certificate www\n"
	    "keybroker policy explain --operation certificate.declare "
	    "--uid 33 \\\n    --account main --name www.example.org",
	    .run = cmd_policy_explain },

	{ "config", "check", .operands = "[FILE]", .max = 1,
	    .complete = COMPLETE_FILE,
	    .summary = "Check a configuration",
	    .details = "Each mistake is printed with its line and column, and "
	    "the exit code is then 78.\nNothing is printed when there is "
	    "none.  It is keybrokerd --check that looks.",
	    .examples = "keybroker config check /etc/keybroker/keybroker.conf",
	    .run = cmd_config_check },
	{ "config", "print", .operands = "[FILE]", .max = 1,
	    .complete = COMPLETE_FILE,
	    .summary = "Print the configuration with all defaults",
	    .details = "Runs keybrokerd --print.",
	    .examples = "keybroker config print",
	    .run = cmd_config_print },

	{ "help", NULL, .operands = "[COMMAND]", .max = 2,
	    .complete = COMPLETE_COMMAND,
	    .summary = "Tell about all commands, or one",
	    .examples = "keybroker help certificate declare",
	    .run = cmd_help },
	{ "version", NULL, NOTHING,
	    .summary = "Print the version of this program",
	    .examples = "keybroker version", .run = cmd_version },
};
const size_t ncommands = nitems(commands);

const struct command *
command_find(const char *noun, const char *verb)
{
	for (size_t i = 0; i < ncommands; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->noun, noun) != 0 ||
		    (c->verb == NULL) != (verb == NULL))
			continue;
		if (verb == NULL || strcmp(c->verb, verb) == 0)
			return c;
	}
	return NULL;
}

bool
noun_known(const char *noun)
{
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(commands[i].noun, noun) == 0)
			return true;
	return false;
}
