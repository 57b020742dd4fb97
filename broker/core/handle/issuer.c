/* The issuer's questions (broker/issuer/protocol.h), only on its channels. */
#include <stdlib.h>

#include "../../../api/route.h"
#include "../../base/mem.h"
#include "../../issuer/protocol.h"
#include "../core.h"
#include "../engine/engine.h"

enum err
handle_issuer_next(struct request *rq, struct reply *rp, struct fault *why)
{
	int64_t wait = 0;
	const struct json_member rows[] = {
		{ "wait", JSON_INT, false, &wait },
	};
	enum err e;

	e = json_read(rq->body, rows, nitems(rows), why);
	if (e != OK)
		return e;
	if (wait < 0 || wait > ISSUER_WAIT_MS)
		return fault_set(why, ERR_SYNTAX, "wait: 0 to %d",
		    ISSUER_WAIT_MS);
	return engine_next(core.engine, rq->peer->issuer, (int)wait,
	    &rp->body, why);
}

enum err
handle_issuer_jws(struct request *rq, struct reply *rp, struct fault *why)
{
	const char *url = NULL, *nonce = NULL;
	int64_t task = 0;
	const struct json_member rows[] = {
		{ "task", JSON_INT, true, &task },
		{ "url", JSON_STRING, true, &url },
		{ "nonce", JSON_STRING, true, &nonce },
	};
	enum err e;

	e = json_read(rq->body, rows, nitems(rows), why);
	if (e != OK)
		return e;
	return engine_jws(core.engine, task, url, nonce, &rp->body, why);
}

enum err
handle_issuer_result(struct request *rq, struct reply *rp, struct fault *why)
{
	const struct json *task = json_get(rq->body, "task");
	int64_t id;
	enum err e;

	if (task == NULL || !json_get_int(rq->body, "task", &id))
		return fault_set(why, ERR_SYNTAX, "task: missing");
	e = engine_result(core.engine, id, rq->body, why);
	if (e == OK)
		buf_puts(&rp->body, "{}");
	return e;
}

enum err
handle_issuer_challenge(struct request *rq, struct reply *rp,
    struct fault *why)
{
	const char *token = NULL;
	const struct json_member rows[] = {
		{ "token", JSON_STRING, true, &token },
	};
	struct json_writer w;
	char *text;
	enum err e;

	e = json_read(rq->body, rows, nitems(rows), why);
	if (e != OK)
		return e;
	text = engine_challenge(core.engine, token);
	if (text == NULL)
		return fault_set(why, ERR_NOT_FOUND, "token: not known");
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "keyAuthorization", text);
	json_close_object(&w);
	free(text);
	return OK;
}
