#include <stdlib.h>

#include "output.h"

/* What every noun needs: one request about one thing, and its fields. */

enum err
object_call(struct cli *cli, const struct object_call *o, struct buf *body,
    struct fault *why)
{
	struct client_reply reply = { 0 };
	char *path;
	enum err e = cli_path(&path, o->noun, o->name, o->tail, why);

	if (e == OK)
		e = cli_call_within(cli, o->method, path, body,
		    o->timeout_ms != 0 ? o->timeout_ms : cli->timeout_ms,
		    &reply, why);
	if (e == OK)
		output_object(cli, &reply, o->columns, o->ncolumns);
	client_reply_free(&reply);
	free(path);
	return e;
}

enum err
object_post(struct cli *cli, const struct object_call *o, struct fault *why)
{
	struct buf body;
	enum err e;

	buf_init(&body, 2);
	buf_puts(&body, "{}");
	e = object_call(cli, o, &body, why);
	buf_free(&body);
	return e;
}
