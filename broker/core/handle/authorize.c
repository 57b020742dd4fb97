#include "authorize.h"

#include <pthread.h>
#include <stdlib.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../core.h"

#define LINE_MAX_BYTES 262144 /* of one audit line's members */

struct gatekeeper {
	pthread_mutex_t lock; /* guards limits */
	const struct config *config;
	struct limits *limits;
};

struct gatekeeper *
gatekeeper_new(const struct config *config)
{
	struct gatekeeper *g = xcalloc(1, sizeof(*g));

	pthread_mutex_init(&g->lock, NULL);
	g->config = config;
	g->limits = limits_new(config);
	return g;
}

void
gatekeeper_free(struct gatekeeper *g)
{
	if (g == NULL)
		return;
	limits_free(g->limits);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void
facts_from(struct facts *facts, const struct request *rq, enum operation op)
{
	*facts = (struct facts){
		.uid = rq->peer->uid,
		.gid = rq->peer->gid,
		.groups = rq->peer->groups,
		.ngroups = rq->peer->ngroups,
		.listener = rq->peer->listener,
		.operation = op,
	};
}

static struct decision
decide(const struct facts *facts, bool spend)
{
	struct gatekeeper *g = core.gate;
	struct decision d;

	pthread_mutex_lock(&g->lock);
	d = policy_evaluate(g->config, g->limits, facts, clock_now(), spend);
	pthread_mutex_unlock(&g->lock);
	return d;
}

struct decision
explain(const struct facts *facts)
{
	return decide(facts, false);
}

static void
put_peer(struct json_writer *w, uint32_t uid, uint32_t gid, int pid,
    const char *listener)
{
	json_put_int(w, "uid", uid);
	json_put_int(w, "gid", gid);
	json_put_int(w, "pid", pid);
	json_put_string(w, "listener", listener);
}

static void
put_facts(struct json_writer *w, const struct facts *facts)
{
	json_put_string(w, "key", facts->key);
	json_put_string(w, "account", facts->account);
	json_put_string(w, "ca", facts->ca);
	json_put_string(w, "certificate", facts->certificate);
	if (facts->nnames == 0)
		return;
	json_open_array(w, "names");
	for (size_t i = 0; i < facts->nnames; i++)
		json_put_string(w, NULL, facts->names[i]);
	json_close_array(w);
}

enum err
audit_act(const struct facts *facts, int pid, const struct decision *d,
    const char *members, size_t n, struct fault *why)
{
	struct json_writer w;
	struct buf line;
	enum err err;

	buf_init(&line, LINE_MAX_BYTES);
	json_write_start(&w, &line);
	json_put_string(&w, "operation", operation_name(facts->operation));
	json_put_string(&w, "decision", d->allow ? "allow" : "deny");
	json_put_int(&w, "line", d->line);
	json_put_string(&w, "tenant", d->tenant);
	put_peer(&w, facts->uid, facts->gid, pid, facts->listener);
	put_facts(&w, facts);
	if (!d->allow)
		json_put_string(&w, "reason", d->reason);
	if (n != 0) {
		buf_putc(&line, ',');
		buf_put(&line, members, n);
	}
	if (line.failed)
		err = fault_set(why, ERR_LIMIT,
		    "the audit line would be too long");
	else
		err = audit_append(core.audit, "decision",
		    (const char *)line.data, line.len, why);
	buf_free(&line);
	return err;
}

/* The client is told that it is refused even if the line of that cannot be
 * written: nothing is released either way. */
static enum err
refuse(const struct facts *facts, int pid, const struct decision *d,
    struct fault *why)
{
	struct fault ignored;

	(void)audit_act(facts, pid, d, NULL, 0, &ignored);
	fault_set(why, d->code, "%s", d->reason);
	if (why != NULL)
		why->retry_after = d->retry_after;
	return d->code;
}

enum err
authorize_act(const struct facts *facts, int pid, struct decision *decision,
    struct fault *why)
{
	*decision = decide(facts, true);
	if (!decision->allow)
		return refuse(facts, pid, decision, why);
	return OK;
}

enum err
authorize(const struct facts *facts, int pid, struct decision *decision,
    struct fault *why)
{
	enum err err;

	err = authorize_act(facts, pid, decision, why);
	if (err == OK)
		err = audit_act(facts, pid, decision, NULL, 0, why);
	return err;
}

void
audit_refusal(const struct peer *peer, const char *method,
    const char *target, const struct fault *refused)
{
	struct json_writer w;
	struct buf line;
	struct fault why;

	buf_init(&line, LINE_MAX_BYTES);
	json_write_start(&w, &line);
	json_put_string(&w, "method", method);
	json_put_string(&w, "target", target);
	json_put_string(&w, "error", err_name(refused->code));
	json_put_string(&w, "reason", refused->text);
	put_peer(&w, peer->uid, peer->gid, peer->pid, peer->listener);
	if (line.failed ||
	    audit_append(core.audit, "refused", (const char *)line.data,
		line.len, &why) != OK)
		log_error("a refused request is not in the audit log");
	buf_free(&line);
}
