#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../problem.h"
#include "../route.h"
#include "output.h"

/* One run of the program: its terminal, its connection, its last words. */

static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

void
cli_init(struct cli *cli)
{
	const char *path = getenv("KEYBROKER_SOCKET");
	struct winsize size;

	*cli = (struct cli){ .exit = EXIT_GOOD, .timeout_ms = CLI_TIMEOUT_MS };
	cli->socket = path != NULL && *path != '\0' ? path : CLI_SOCKET;
	cli->terminal = isatty(STDOUT_FILENO);
	cli->color = cli->terminal && wants_color();
	if (cli->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		cli->width = size.ws_col;
}

void
cli_free(struct cli *cli)
{
	if (cli->client != NULL)
		client_close(cli->client);
	args_free(&cli->args);
}

enum err
cli_call_within(struct cli *cli, const char *method, const char *path,
    struct buf *body, int timeout_ms, struct client_reply *reply,
    struct fault *why)
{
	enum err e;

	memset(reply, 0, sizeof(*reply));
	if (body != NULL && body->failed)
		return fault_set(why, ERR_LIMIT,
		    "the request would be larger than %zu bytes", body->max);
	if (cli->client == NULL)
		cli->client = client_open(cli->socket, why);
	if (cli->client == NULL)
		e = why->code;
	else
		e = client_call(cli->client, method, path,
		    body != NULL ? buf_str(body) : NULL,
		    body != NULL ? body->len : 0, timeout_ms, reply, why);
	cli->unreachable = e == ERR_CLOSED && reply->status == 0;
	return e;
}

enum err
cli_call(struct cli *cli, const char *method, const char *path,
    struct buf *body, struct client_reply *reply, struct fault *why)
{
	return cli_call_within(cli, method, path, body, cli->timeout_ms, reply,
	    why);
}

enum err
cli_path(char **path, const char *noun, const char *name, const char *tail,
    struct fault *why)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-";

	*path = NULL;
	if (*name == '\0' || strlen(name) > PARAM_MAX ||
	    name[strspn(name, alphabet)] != '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return fault_set(why, ERR_USAGE, "\"%s\" is no name: 1 to %d "
		    "letters, digits, \".\", \"_\" or \"-\"", name, PARAM_MAX);
	*path = xasprintf("/v1/%s/%s%s%s", noun, name,
	    tail != NULL ? "/" : "", tail != NULL ? tail : "");
	return OK;
}

/* "keybroker: certificate order: denied: ..." */
int
cli_report(const struct cli *cli, const struct fault *why)
{
	const struct command *c = cli->args.command;
	struct buf clean;

	buf_init(&clean, 4 * FAULT_MAX);
	text_put(&clean, why->text);
	fputs("keybroker: ", stderr);
	if (c != NULL)
		fprintf(stderr, "%s%s%s: ", c->noun,
		    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
	fprintf(stderr, "%s: %s", err_name(why->code), buf_str(&clean));
	if (why->line != 0)
		fprintf(stderr, " (line %u, column %u)", why->line,
		    why->column);
	if (why->retry_after != 0)
		fprintf(stderr, " (try again in %u s)", why->retry_after);
	putc('\n', stderr);
	buf_free(&clean);
	if (cli->unreachable)
		return EXIT_UNREACHABLE;
	return problem_exit_code(why->code);
}
