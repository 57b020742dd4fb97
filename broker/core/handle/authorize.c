#include "authorize.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../../policy/tenant.h"
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../core.h"
#include "../engine/job.h"
#include "../key/lanes.h"

#define SAVE_WITHIN    1000   /* ms that a charge may be only in memory */
#define LINE_MAX_BYTES 262144 /* of one audit line's members */

/* The request that this thread is about has its line, and what comes of it is
 * not known yet. */
static _Thread_local bool announced;

struct gatekeeper {
	pthread_mutex_t lock; /* guards limits */
	const struct config *config;
	struct limits *limits;
	bool saving; /* a job will call gatekeeper_save() */
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
facts_peer(struct facts *facts, const struct peer *peer, enum operation op)
{
	*facts = (struct facts){
		.uid = peer->uid,
		.gid = peer->gid,
		.groups = peer->groups,
		.ngroups = peer->ngroups,
		.listener = peer->listener,
		.operation = op,
	};
}

size_t
peer_tenant(const struct peer *peer)
{
	struct request rq = { .peer = peer };
	struct facts facts;

	facts_from(&facts, &rq, OP__MAX);
	return tenant_of(core.config, &facts);
}

void
facts_from(struct facts *facts, const struct request *rq, enum operation op)
{
	facts_peer(facts, rq->peer, op);
}

void
gatekeeper_save(struct gatekeeper *g, limits_give_fn *give, void *arg)
{
	pthread_mutex_lock(&g->lock);
	g->saving = false;
	limits_save(g->limits, give, arg);
	pthread_mutex_unlock(&g->lock);
}

void
gatekeeper_restore(struct gatekeeper *g, const char *name,
    const struct bucket *b)
{
	pthread_mutex_lock(&g->lock);
	limits_restore(g->limits, name, b);
	pthread_mutex_unlock(&g->lock);
}

struct decision
judge(const struct facts *facts, bool spend)
{
	struct gatekeeper *g = core.gate;
	struct decision d;
	bool save;

	pthread_mutex_lock(&g->lock);
	d = policy_evaluate(g->config, g->limits, facts, clock_now(), spend);
	save = !g->saving && limits_changed(g->limits);
	g->saving = g->saving || save;
	pthread_mutex_unlock(&g->lock);
	if (spend)
		lanes_work_for(d.number);
	if (save)
		job_add(JOB_COUNTERS, "", 0, clock_now_ms() + SAVE_WITHIN);
	return d;
}

struct decision
explain(const struct facts *facts)
{
	return judge(facts, false);
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
put_texts(struct json_writer *w, const char *name, const char *const *v,
    size_t n)
{
	if (n == 0)
		return;
	json_open_array(w, name);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, v[i]);
	json_close_array(w);
}

void
facts_tell(struct json_writer *w, const struct facts *facts)
{
	json_put_string(w, "key", facts->key);
	json_put_string(w, "account", facts->account);
	json_put_string(w, "ca", facts->ca);
	json_put_string(w, "certificate", facts->certificate);
	json_put_string(w, "profile", facts->profile);
	put_texts(w, "names", facts->names, facts->nnames);
	put_texts(w, "ips", facts->ips, facts->nips);
}

static enum err
append_decision(const char *event, const struct facts *facts, int pid,
    const struct decision *d, const char *members, size_t n,
    struct fault *why)
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
	facts_tell(&w, facts);
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
		err = audit_append(core.audit, event,
		    (const char *)line.data, line.len, why);
	buf_free(&line);
	return err;
}

enum err
no_such(const char *what, const char *name, struct fault *why)
{
	return fault_set(why, ERR_NOT_FOUND, "there is no %s named \"%.128s\"",
	    what, name);
}

enum err
audit_act(const struct facts *facts, int pid, const struct decision *d,
    const char *members, size_t n, struct fault *why)
{
	return append_decision("decision", facts, pid, d, members, n, why);
}

enum err
audit_dry_run(const struct facts *facts, int pid, const struct decision *d,
    const char *members, size_t n, struct fault *why)
{
	return append_decision("dry-run", facts, pid, d, members, n, why);
}

void
decision_tell(struct json_writer *w, const struct facts *facts,
    const struct decision *d)
{
	json_put_bool(w, "allow", d->allow);
	json_put_int(w, "line", d->line);
	json_put_string(w, "tenant", d->tenant);
	if (d->reason[0] != '\0')
		json_put_string(w, "reason", d->reason);
	json_put_string(w, "operation", operation_name(facts->operation));
}

/* What a client is told of a thing that it must not know of. */
static enum err
deny_existence(const struct facts *asked, const struct decision *d,
    struct fault *why)
{
	const struct {
		const char *what, *name;
	} things[] = {
		{ "key", asked->key },
		{ "account", asked->account },
		{ "certificate", asked->certificate },
	};

	for (size_t i = 0; i < nitems(things); i++)
		if (things[i].name != NULL && (d->foreign == NULL ||
			strcmp(d->foreign, things[i].what) == 0))
			return no_such(things[i].what, things[i].name, why);
	return fault_set(why, ERR_NOT_FOUND, "there is no such thing");
}

enum err
decision_fault(const struct facts *asked, const struct decision *d,
    struct fault *why)
{
	if (d->allow || d->foreign != NULL)
		return deny_existence(asked, d, why);
	fault_set(why, d->code, "%s", d->reason);
	if (why != NULL)
		why->retry_after = d->retry_after;
	return d->code;
}

/*
 * The line has the true reason, and the client the one that it would be given
 * if the store knew nothing of what it asks for.  It is told even if the line
 * cannot be written: nothing is released either way.
 */
static enum err
refuse(const struct facts *known, const struct facts *asked, int pid,
    const struct decision *d, struct fault *why)
{
	struct decision told = *d;
	struct fault ignored;

	if (asked != known && d->code != ERR_RATE)
		told = judge(asked, true);
	(void)audit_act(known, pid, d, NULL, 0, &ignored);
	return decision_fault(asked, &told, why);
}

enum err
authorize_act(const struct facts *facts, int pid, struct decision *decision,
    struct fault *why)
{
	*decision = judge(facts, true);
	if (!decision->allow)
		return refuse(facts, facts, pid, decision, why);
	return OK;
}

enum err
authorize_known(const struct facts *known, const struct facts *asked,
    int pid, struct decision *decision, struct fault *why)
{
	enum err err;

	announced = false;
	*decision = judge(known, true);
	if (!decision->allow)
		return refuse(known, asked, pid, decision, why);
	err = audit_act(known, pid, decision, NULL, 0, why);
	announced = err == OK;
	return err;
}

enum err
authorize(const struct facts *facts, int pid, struct decision *decision,
    struct fault *why)
{
	return authorize_known(facts, facts, pid, decision, why);
}

/* The client's first tenant, as decisions name it. */
static const char *
first_tenant(const struct peer *peer)
{
	size_t number = peer_tenant(peer);

	return number != 0 ? core.config->tenants[number - 1].name : NULL;
}

static void
append_request(const char *event, const struct peer *peer,
    const char *method, const char *target, const struct fault *told)
{
	struct json_writer w;
	struct buf line;
	struct fault why;

	buf_init(&line, LINE_MAX_BYTES);
	json_write_start(&w, &line);
	json_put_string(&w, "method", method);
	json_put_string(&w, "target", target);
	json_put_string(&w, "error", err_name(told->code));
	json_put_string(&w, "reason", told->text);
	json_put_string(&w, "tenant", first_tenant(peer));
	put_peer(&w, peer->uid, peer->gid, peer->pid, peer->listener);
	if (line.failed ||
	    audit_append(core.audit, event, (const char *)line.data,
		line.len, &why) != OK)
		log_error("a request that was %s is not in the audit log",
		    event);
	buf_free(&line);
}

void
audit_refusal(const struct peer *peer, const char *method,
    const char *target, const struct fault *refused)
{
	append_request("refused", peer, method, target, refused);
}

/* Who only looks changes nothing, whatever comes of it; and what does not
 * parse is told as a refusal. */
void
audit_outcome(const struct peer *peer, const char *method,
    const char *target, enum err result, const struct fault *why)
{
	if (announced && result != OK && result != ERR_SYNTAX &&
	    strcmp(method, "GET") != 0)
		append_request("failed", peer, method, target, why);
	announced = false;
}
