#include "exchange.h"

#include <stdio.h>
#include <string.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/mem.h"
#include "../problem.h"

#define KEEP_MAX 65536 /* a larger buffer is freed after its request */

void
exchange_init(struct exchange *x, const struct route *table, size_t n,
    size_t body_max, http_refusal_fn *on_refusal)
{
	x->table = table;
	x->ntable = n;
	x->on_refusal = on_refusal;
	buf_init(&x->body, body_max);
	buf_init(&x->reply.body, REPLY_MAX);
}

void
exchange_free(struct exchange *x)
{
	buf_free(&x->body);
	buf_free(&x->reply.body);
}

static void
empty(struct buf *b)
{
	if (b->cap > KEEP_MAX)
		buf_free(b);
	buf_reset(b);
}

void
exchange_start(struct exchange *x, const char *target)
{
	x->start_us = clock_monotonic_us();
	snprintf(x->target, sizeof(x->target), "%s", target);
	x->method[0] = '\0';
	x->reply.location[0] = '\0';
	x->reply.retry_after = 0;
}

void
exchange_end(struct exchange *x)
{
	empty(&x->body);
	empty(&x->reply.body);
}

static void
reply_problem(struct reply *reply, const struct fault *why)
{
	buf_reset(&reply->body);
	problem_write(&reply->body, why);
	reply->status = problem_status(why->code);
	reply->type = PROBLEM_TYPE;
	reply->location[0] = '\0';
	reply->retry_after = why->retry_after;
}

/* Here, where nobody waits for anything that this thread holds. */
static void
pace(const struct exchange *x)
{
	if (x->pace != NULL)
		pace_refused(x->pace, x->peer.uid, x->peer.issuer);
}

void
exchange_report(const struct exchange *x, const struct fault *why)
{
	if (x->on_refusal != NULL)
		x->on_refusal(&x->peer, x->method, x->target, why);
	pace(x);
}

void
exchange_refuse(struct exchange *x, const struct fault *why)
{
	exchange_report(x, why);
	reply_problem(&x->reply, why);
}

/* Finds the route and reads query and body; *body is then the caller's. */
static enum err
prepare(struct exchange *x, struct request *q, struct json **body,
    struct fault *why)
{
	char *query = strchr(x->target, '?');
	enum err e;

	q->query = "";
	if (query != NULL) {
		*query = '\0';
		q->query = query + 1;
	}
	e = route_match(x->table, x->ntable, x->method, x->target, q->params,
	    &q->route, why);
	if (e != OK)
		return e;
	if (query != NULL && !q->route->query)
		return fault_set(why, ERR_SYNTAX, "query: none is taken here");
	if (x->method[0] != 'P')
		return OK;
	if (x->body.len == 0 && strcmp(x->method, "POST") == 0)
		buf_puts(&x->body, "{}");
	*body = json_parse(buf_str(&x->body), x->body.len, why);
	q->body = *body;
	return *body != NULL ? OK : why->code;
}

/* Runs the handler; why is filled whenever the result is not OK. */
static enum err
run(struct request *q, struct reply *reply, struct fault *why)
{
	enum err e;

	reply->status = 200;
	reply->type = "application/json";
	e = q->route->handler(q, reply, why);
	if (e == OK && reply->body.failed)
		e = fault_set(why, ERR_INTERNAL, "the reply to %s does not "
		    "fit", q->route->id);
	if (e != OK && why->code != e)
		fault_set(why, e, "%s failed", q->route->id);
	return e;
}

static void
outcome(const struct exchange *x, enum err e, const struct fault *why)
{
	if (x->on_outcome != NULL)
		x->on_outcome(&x->peer, x->method, x->target, e, why);
}

void
exchange_serve(struct exchange *x)
{
	struct request q = { .peer = &x->peer, .start_us = x->start_us,
		.told = &x->told };
	struct json *body = NULL;
	struct fault why;
	enum err e;

	why.code = OK;
	if (prepare(x, &q, &body, &why) != OK) {
		exchange_refuse(x, &why);
		json_free(body);
		return;
	}
	e = run(&q, &x->reply, &why);
	outcome(x, e, &why);
	if (e != OK) {
		reply_problem(&x->reply, &why);
		if (why.code == ERR_SYNTAX)
			exchange_report(x, &why);
		else if (why.code == ERR_DENIED || why.code == ERR_RATE)
			pace(x); /* policy has told of it */
	}
	json_free(body);
}

void
exchange_allow(const struct exchange *x, char out[static ALLOW_SIZE])
{
	static const char *const methods[] = { "GET", "POST", "PUT",
		"DELETE" };
	char params[ROUTE_PARAMS][PARAM_MAX + 1];
	const struct route *route;
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < nitems(methods); i++)
		if (route_match(x->table, x->ntable, methods[i], x->target,
		    params, &route, NULL) == OK)
			n += (size_t)snprintf(out + n, ALLOW_SIZE - n, "%s%s",
			    n != 0 ? ", " : "", methods[i]);
}
