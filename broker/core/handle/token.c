#include <stdlib.h>
#include <string.h>

#include "../../../api/problem.h"
#include "../../base/mem.h"
#include "../control.h"
#include "handle.h"

static const char *
token_state(const struct lanes_status *t)
{
	if (t->up > 0)
		return "up";
	return t->down.code == ERR_PIN ? "latched" : "down";
}

static void
put_abilities(struct json_writer *w, const struct lane_token *info)
{
	json_put_string(w, "label", info->label);
	json_put_string(w, "serial", info->serial);
	json_put_string(w, "manufacturer", info->manufacturer);
	json_put_string(w, "model", info->model);
	json_open_array(w, "keyTypes");
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++)
		if (info->key_types & 1u << i)
			json_put_string(w, NULL, key_type_name(i));
	json_close_array(w);
	json_open_array(w, "algorithms");
	for (unsigned i = 0; i < ALG__MAX; i++)
		if (info->algs & 1u << i)
			json_put_string(w, NULL, alg_name(i));
	json_close_array(w);
}

void
put_token(struct json_writer *w, const char *name,
    const struct lanes_status *t)
{
	json_open_object(w, name);
	json_put_string(w, "name", t->token);
	json_put_string(w, "state", token_state(t));
	json_open_object(w, "lanes");
	json_put_int(w, "configured", t->configured);
	json_put_int(w, "up", t->up);
	json_close_object(w);
	json_put_int(w, "waiting", t->waiting);
	if (t->known)
		put_abilities(w, &t->info);
	json_put_int(w, "signatures", (int64_t)t->signatures);
	if (t->up == 0 && t->down.code != OK) {
		json_open_object(w, "error");
		json_put_string(w, "type", err_name(t->down.code));
		json_put_string(w, "detail", t->down.text);
		json_close_object(w);
	}
	json_close_object(w);
}

static enum err
allowed(struct request *rq, enum operation op, struct fault *why)
{
	struct decision d;
	struct facts facts;

	facts_from(&facts, rq, op);
	return authorize(&facts, rq->peer->pid, &d, why);
}

enum err
handle_tokens_list(struct request *rq, struct reply *rp, struct fault *why)
{
	struct lanes_status *tokens;
	struct json_writer w;
	size_t n = core.config->ntokens;
	enum err err;

	err = allowed(rq, OP_TOKEN_READ, why);
	if (err != OK)
		return err;
	tokens = xcalloc(n + 1, sizeof(*tokens));
	n = lanes_list(core.lanes, tokens, n);
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_open_array(&w, "items");
	for (size_t i = 0; i < n; i++)
		put_token(&w, NULL, &tokens[i]);
	json_close_array(&w);
	json_close_object(&w);
	free(tokens);
	return reply_done(rp, why);
}

enum err
handle_token_get(struct request *rq, struct reply *rp, struct fault *why)
{
	struct lanes_status token;
	struct json_writer w;
	enum err err;

	err = allowed(rq, OP_TOKEN_READ, why);
	if (err != OK)
		return err;
	if (!lanes_status(core.lanes, rq->params[0], &token))
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no token named \"%s\"", rq->params[0]);
	json_write_start(&w, &rp->body);
	put_token(&w, NULL, &token);
	return reply_done(rp, why);
}

enum err
handle_token_unlatch(struct request *rq, struct reply *rp, struct fault *why)
{
	struct lanes_status token;
	struct json_writer w;
	enum err err;

	err = body_empty(rq, why);
	if (err == OK)
		err = allowed(rq, OP_TOKEN_UNLATCH, why);
	if (err != OK)
		return err;
	if (config_token(core.config, rq->params[0]) == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no token named \"%s\"", rq->params[0]);
	err = control_unlatch(core.control, rq->params[0], why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "name", rq->params[0]);
	if (lanes_status(core.lanes, rq->params[0], &token))
		json_put_string(&w, "state", token_state(&token));
	json_close_object(&w);
	return reply_done(rp, why);
}
