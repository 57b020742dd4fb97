/* May this client do that?  The answer is the one that the gate would give,
 * with the same facts, and without charging anybody's rate. */
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../../policy/tenant.h"
#include "handle.h"

#define NAMES_MAX 1000
#define NOT_GIVEN INT64_MIN /* no number of JSON */
#define NO_GROUP  UINT32_MAX /* nobody is in it */

struct question {
	int64_t uid, gid;
	const struct json *groups, *names, *ips; /* NULL: not given */
	const char *operation;
	const char *listener, *key, *account, *ca, *certificate, *profile;
};

static bool
is_id(int64_t v)
{
	return v >= 0 && v <= UINT32_MAX;
}

static enum err
read_question(const struct request *rq, struct question *q,
    struct fault *why)
{
	const struct json_member rows[] = {
		{ "uid", JSON_INT, false, &q->uid },
		{ "gid", JSON_INT, false, &q->gid },
		{ "groups", JSON_ARRAY, false, &q->groups },
		{ "listener", JSON_STRING, false, &q->listener },
		{ "operation", JSON_STRING, true, &q->operation },
		{ "key", JSON_STRING, false, &q->key },
		{ "account", JSON_STRING, false, &q->account },
		{ "ca", JSON_STRING, false, &q->ca },
		{ "certificate", JSON_STRING, false, &q->certificate },
		{ "profile", JSON_STRING, false, &q->profile },
		{ "names", JSON_STRINGS, false, &q->names },
		{ "ips", JSON_STRINGS, false, &q->ips },
	};
	enum err err;

	*q = (struct question){ .uid = rq->peer->uid, .gid = NOT_GIVEN,
		.listener = rq->peer->listener };
	err = json_read(rq->body, rows, nitems(rows), why);
	if (err != OK)
		return err;
	if (!is_id(q->uid) || (q->gid != NOT_GIVEN && !is_id(q->gid)))
		return fault_set(why, ERR_SYNTAX,
		    "\"uid\" or \"gid\" is out of range");
	if (operation_parse(q->operation) == OP__MAX)
		return fault_set(why, ERR_SYNTAX, "\"operation\": none is"
		    " named \"%.64s\"", q->operation);
	if (json_count(q->names) > NAMES_MAX || json_count(q->ips) > NAMES_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"names\" or \"ips\" has more than %d", NAMES_MAX);
	return OK;
}

/*
 * The asker's own groups when it asks about itself; somebody else has those
 * that are given and no others.
 */
static enum err
read_peer(const struct request *rq, const struct question *q,
    struct peer *peer, struct fault *why)
{
	const struct json *v;
	int64_t group;

	*peer = *rq->peer;
	peer->uid = (uint32_t)q->uid;
	peer->listener = q->listener;
	if (q->gid != NOT_GIVEN)
		peer->gid = (uint32_t)q->gid;
	else if (peer->uid != rq->peer->uid)
		peer->gid = NO_GROUP;
	if (q->groups != NULL || peer->uid != rq->peer->uid)
		peer->ngroups = 0;
	if (json_count(q->groups) > nitems(peer->groups))
		return fault_set(why, ERR_SYNTAX,
		    "\"groups\" has more than %zu groups",
		    nitems(peer->groups));
	for (v = json_first(q->groups); v != NULL; v = json_next(v)) {
		if (!json_int(v, &group) || !is_id(group))
			return fault_set(why, ERR_SYNTAX,
			    "\"groups\" has something else than gids");
		peer->groups[peer->ngroups++] = (uint32_t)group;
	}
	return OK;
}

/* The texts of an array, which list owns. */
static const char *const *
take_texts(const struct json *array, struct words *list, size_t *n)
{
	list->v = xcalloc(json_count(array) + 1, sizeof(*list->v));
	for (const struct json *v = json_first(array); v != NULL;
	    v = json_next(v))
		list->v[list->n++] = json_string(v);
	*n = list->n;
	return list->v;
}

/* The answer may come from the certificate's names: who must not know of it is
 * answered as if there were none. */
static bool
may_know(const struct request *rq, const char *certificate)
{
	struct trespass trespass;
	struct facts asker;

	facts_from(&asker, rq, OP_CERTIFICATE_READ);
	asker.certificate = certificate;
	return !tenant_trespasses(core.config, &asker, &trespass);
}

/* What the question leaves open about a certificate or an account that there
 * is, the handlers of the real request would fill in. */
static enum err
complete(const struct request *rq, struct facts *facts,
    const struct question *q, struct subject *s, struct words lists[2],
    struct fault *why)
{
	enum err err = OK;

	facts->certificate = q->certificate;
	if (q->certificate != NULL && may_know(rq, q->certificate))
		err = subject_load(s, q->certificate, facts, why);
	if (err != OK)
		return err;
	if (q->account != NULL)
		facts_account(facts, q->account);
	if (q->ca != NULL)
		facts->ca = q->ca;
	facts->key = q->key;
	facts->profile = q->profile;
	if (q->names != NULL)
		facts->names = take_texts(q->names, &lists[0],
		    &facts->nnames);
	facts->ips = take_texts(q->ips, &lists[1], &facts->nips);
	return OK;
}

static enum err
answer(const struct facts *facts, struct reply *rp, struct fault *why)
{
	struct decision d = explain(facts);
	struct json_writer w;

	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	decision_tell(&w, facts, &d);
	json_close_object(&w);
	return reply_done(rp, why);
}

enum err
handle_policy_explain(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct subject s = { .found = false };
	struct words lists[2] = { { .n = 0 } }; /* names, addresses */
	struct request as;
	struct decision d;
	struct facts facts;
	struct question q;
	struct peer peer;
	enum err err;

	err = read_question(rq, &q, why);
	if (err == OK)
		err = read_peer(rq, &q, &peer, why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_POLICY_EXPLAIN);
	err = authorize(&facts, rq->peer->pid, &d, why);
	if (err != OK)
		return err;
	as = (struct request){ .peer = &peer };
	facts_from(&facts, &as, operation_parse(q.operation));
	err = complete(rq, &facts, &q, &s, lists, why);
	if (err == OK)
		err = answer(&facts, rp, why);
	words_free(&lists[0]);
	words_free(&lists[1]);
	subject_free(&s);
	return err;
}
