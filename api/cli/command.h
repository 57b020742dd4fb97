/*
 * The command line: one row a command, and what all commands share.  A row
 * says everything about its command; the dispatcher, the option parser, the
 * help, the completion and the test of the manual read nothing else.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../broker/base/buf.h"
#include "../../broker/base/err.h"
#include "../../broker/base/mem.h"
#include "../client.h"
#include "../json.h"

#ifndef VERSION
#define VERSION "development"
#endif

#define CLI_SOCKET	"/run/keybroker/api.sock"
#define CLI_TIMEOUT_MS	30000  /* of one request */
#define CLI_GENERATE_MS 360000 /* of one that makes the token work */

/*
 * Exit codes besides those of problem_exit_code(); the manual has the table.
 * EXIT_NO is an answer, not an error: degraded, denied by policy explain, a
 * log that does not verify.
 */
#define EXIT_GOOD	 0
#define EXIT_NO		 1
#define EXIT_USAGE	 2
#define EXIT_UNREACHABLE 3
#define EXIT_INTERRUPTED 130

/* What the shell offers for a value: files, fixed words, or names that the
 * broker knows. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_WORDS,
	COMPLETE_COMMAND,
	COMPLETE_TOKEN,
	COMPLETE_KEY,
	COMPLETE_ACCOUNT,
	COMPLETE_CERTIFICATE,
	COMPLETE_ORDER,
	COMPLETE__MAX
};

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_MANY,	 /* may be repeated */
	OPTION_NUMBER,	 /* 0 to JSON_INT_MAX */
	OPTION_NUMBERS,	 /* may be repeated */
	OPTION_DURATION, /* "90", "90s", "15m", "2h", "7d"; in seconds */
	OPTION_TIME,	 /* so long ago, or a date; since the epoch */
};

struct option_row {
	const char *name; /* without the two hyphens */
	char letter;	  /* 0: none */
	enum option_kind kind;
	bool required;
	const char *value; /* what the help calls its value */
	const char *help;
	enum complete complete;
	const char *words; /* for COMPLETE_WORDS, separated by one space */
};

#define OPTION_END { 0 }
#define EACH_OPTION(o, rows)                                                  \
	for (const struct option_row *o = (rows); o != NULL &&                \
	    o->name != NULL; o++)

/* As in policy/operation.h; a test compares the two. */
#define OPERATION_WORDS                                                       \
	"status.read token.read token.unlatch key.read key.generate "         \
	"key.request key.extend key.retire key.destroy account.read "         \
	"account.register acme.read acme.find acme.order "                    \
	"acme.validity acme.replace acme.authorize acme.answer "              \
	"acme.deactivate acme.finalize acme.revoke acme.update "              \
	"certificate.read certificate.declare certificate.delete "            \
	"order.read order.create order.cancel audit.read audit.own "          \
	"audit.rotate policy.explain configuration.check"

struct cli;

/* Runs a command.  A command that answers "no" returns OK and sets
 * cli->exit. */
typedef enum err command_run(struct cli *cli, struct fault *why);

struct command {
	const char *noun;
	const char *verb;     /* NULL: the noun is the command */
	const char *operands; /* as the help shows them, or "" */
	unsigned min, max;    /* number of operands */
	enum complete complete; /* of the operands */
	const char *words;	/* for COMPLETE_WORDS */
	const struct option_row *options; /* up to OPTION_END, or NULL */
	const char *summary;  /* one line, no full stop */
	const char *details;  /* further lines, or NULL */
	const char *examples; /* lines */
	command_run *run;
};

extern const struct command commands[];
extern const size_t ncommands;
extern const struct option_row global_options[];

/* The row; verb NULL matches a noun that is a command itself.  NULL when
 * there is none. */
const struct command *command_find(const char *noun, const char *verb);

/* True when some command has this noun. */
bool noun_known(const char *noun);

/* ------------------------------------------------------------- arguments */

struct given {
	const struct option_row *option;
	const char *value; /* NULL for a flag */
	int64_t number;	   /* of a number or a duration */
};

struct args {
	const char *noun;	       /* NULL: none was given */
	const struct command *command; /* NULL: the noun lacks its verb */
	struct given *given;	       /* owned, in the order of argv */
	size_t ngiven;
	const char **operands;	       /* owned array; strings of argv */
	size_t noperands;
};

/*
 * Reads a command line.  Options may stand anywhere, values behind "=" or in
 * the next word, and "--" ends them.  ERR_USAGE names what is wrong; the
 * arguments read until then stay valid.  With --help nothing is required.
 */
enum err args_parse(struct args *a, int argc, char *const *argv,
    struct fault *why);
/* The same of a command line that is not complete: nothing is required. */
enum err args_read(struct args *a, int argc, char *const *argv,
    struct fault *why);
void args_free(struct args *a);

/* The option that a word beginning with "-" names here, or NULL. */
const struct option_row *args_option(const struct args *a, const char *word);

bool args_flag(const struct args *a, const char *name);
/* The value given, or NULL. */
const char *args_text(const struct args *a, const char *name);
/* The i-th value given, or NULL behind the last. */
const struct given *args_nth(const struct args *a, const char *name,
    size_t i);
/* False when not given; out is then left as it was. */
bool args_number(const struct args *a, const char *name, int64_t *out);

/* ---------------------------------------------------------- one run of it */

struct cli {
	struct args args;
	const char *socket;
	bool json;
	bool terminal; /* standard output is one */
	bool color;
	unsigned width; /* columns of the terminal; 0: no limit */
	int timeout_ms; /* of one request, unless it asks for more */
	bool unreachable; /* the broker could not be reached */
	int exit;	  /* when the command itself returns OK */
	struct client *client; /* NULL until the first request */
};

void cli_init(struct cli *cli);
void cli_free(struct cli *cli);

/*
 * One request to the broker, connecting first when needed.  body may be
 * NULL.  The reply is to be freed whatever comes back.
 */
enum err cli_call(struct cli *cli, const char *method, const char *path,
    struct buf *body, struct client_reply *reply, struct fault *why);
enum err cli_call_within(struct cli *cli, const char *method,
    const char *path, struct buf *body, int timeout_ms,
    struct client_reply *reply, struct fault *why);

/*
 * Builds "/v1/NOUN/NAME/TAIL" (tail may be NULL), owned.  A name that is no
 * path segment of the API is ERR_USAGE, so that nothing typed here can reach
 * another route.
 */
enum err cli_path(char **path, const char *noun, const char *name,
    const char *tail, struct fault *why);

/* Prints an error as one sentence on standard error; gives the exit code. */
int cli_report(const struct cli *cli, const struct fault *why);

/* -------------------------------------------------------------- commands */

command_run cmd_status, cmd_token_list, cmd_token_show, cmd_token_unlatch,
    cmd_key_list, cmd_key_show, cmd_key_generate, cmd_key_retire,
    cmd_key_destroy, cmd_account_list, cmd_account_show,
    cmd_account_register, cmd_account_sign, cmd_certificate_list,
    cmd_certificate_show, cmd_certificate_declare, cmd_certificate_delete,
    cmd_certificate_chain, cmd_certificate_order, cmd_order_list,
    cmd_order_show, cmd_order_watch, cmd_order_cancel, cmd_audit_list,
    cmd_audit_tail, cmd_audit_rotate, cmd_audit_export, cmd_audit_verify,
    cmd_policy_explain, cmd_config_check, cmd_config_print, cmd_help,
    cmd_version;

extern const struct option_row key_generate_options[],
    key_retire_options[], account_sign_options[],
    certificate_declare_options[], certificate_order_options[],
    order_list_options[], audit_list_options[], audit_tail_options[],
    audit_export_options[], audit_verify_options[], policy_explain_options[];

/*
 * Follows an order until it has ended: prints each of its events once, then
 * the result.  Any end but "issued" is an error.  Ctrl-C leaves the order
 * running and sets cli->exit.
 */
enum err watch_order(struct cli *cli, int64_t id, struct fault *why);

/* Prints the help of one command, of a noun, or (both NULL) of all. */
void help_command(const struct command *command);
void help_noun(const char *noun);
void help_all(void);

/* The hidden "keybroker --complete WORD...": what could stand in place of
 * the last word, one a line. */
void cli_complete(struct cli *cli, int argc, char *const *argv);

#endif
