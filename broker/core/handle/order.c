#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../engine/engine.h"
#include "handle.h"

static void
put_authorizations(struct json_writer *w, int64_t order)
{
	struct authorization_row *rows;
	size_t n;

	if (store_authorizations(core.store, order, &rows, &n, NULL) != OK)
		return;
	json_open_array(w, "authorizations");
	for (size_t i = 0; i < n; i++) {
		json_open_object(w, NULL);
		json_put_string(w, "identifier", rows[i].identifier);
		json_put_bool(w, "wildcard", rows[i].wildcard);
		json_put_string(w, "state",
		    authorization_state_name(rows[i].state));
		put_some(w, "error", rows[i].error);
		json_close_object(w);
	}
	json_close_array(w);
	free(rows);
}

static bool
see_event(int64_t at_ms, const char *text, void *arg)
{
	struct json_writer *w = arg;

	json_open_object(w, NULL);
	put_time_ms(w, "time", at_ms);
	json_put_string(w, "text", text);
	json_close_object(w);
	return true;
}

static void
put_events(struct json_writer *w, int64_t order)
{
	json_open_array(w, "events");
	store_events(core.store, order, see_event, w, NULL);
	json_close_array(w);
}

void
put_order(struct json_writer *w, const struct order_row *o,
    const struct certificate_row *c, bool whole)
{
	json_open_object(w, NULL);
	json_put_int(w, "id", o->id);
	json_put_string(w, "certificate", o->certificate);
	json_put_string(w, "account", o->account);
	json_put_string(w, "state", order_state_name(o->state));
	put_words(w, "names", c->names);
	put_some(w, "url", o->url);
	put_some(w, "error", o->error);
	json_put_int(w, "attempts", o->attempts);
	if (o->state < ORDER_ISSUED)
		put_time_ms(w, "nextAttempt", o->next_at);
	put_time(w, "created", o->created);
	put_time(w, "updated", o->updated);
	put_time(w, "deadline", o->deadline);
	json_put_bool(w, "ended", o->state >= ORDER_ISSUED);
	if (whole) {
		put_authorizations(w, o->id);
		put_events(w, o->id);
	}
	json_close_object(w);
}

/* An order is its certificate's, also after that was deleted. */
static enum err
order_subject(const struct order_row *o, struct subject *s,
    struct facts *facts, struct fault *why)
{
	enum err err;

	*s = (struct subject){ .found = false };
	err = store_certificate_get(core.store, o->certificate, &s->row, why);
	if (err != OK)
		return err;
	words_split(&s->names, s->row.names);
	subject_facts(s, facts);
	facts_account(facts, o->account);
	return OK;
}

static bool
see_order(const struct order_row *o, void *arg)
{
	struct listing *l = arg;
	struct subject s;
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)o->id);
	l->err = order_subject(o, &s, &l->facts, l->why);
	if (l->err == OK && listing_shows(l, id))
		put_order(&l->w, o, &s.row, false);
	l->facts.certificate = l->facts.account = l->facts.ca = NULL;
	l->facts.names = NULL;
	l->facts.nnames = 0;
	subject_free(&s);
	return listing_goes_on(l);
}

enum err
handle_orders_list(struct request *rq, struct reply *rp, struct fault *why)
{
	static const char *const fields[] = { "certificate", "after",
		"limit" };
	char certificate[PARAM_MAX + 1];
	struct listing l;
	int64_t before = 0;
	bool one;
	enum err err;

	err = query_check(rq->query, fields, nitems(fields), why);
	if (err == OK)
		err = listing_start(&l, rq, rp, OP_ORDER_READ, why);
	if (err != OK)
		return err;
	if (l.after[0] != '\0' && (!number_read(l.after, &before) ||
		before == 0))
		return fault_set(why, ERR_SYNTAX,
		    "query: \"after\" is not an order's id");
	one = query_get(rq->query, "certificate", certificate,
	    sizeof(certificate));
	err = store_orders(core.store, one ? certificate : NULL, before,
	    LIST_SCAN, see_order, &l, why);
	return listing_end(&l, err);
}

/* Gives the order in the path to a client that may do op.  One that may not
 * learns nothing from that number, not even whose it is. */
static enum err
admit(struct request *rq, enum operation op, struct order_row *o,
    struct subject *s, struct fault *why)
{
	struct facts facts, asked;
	struct decision d;
	int64_t id = 0;
	enum err err, found;

	*s = (struct subject){ .found = false };
	memset(o, 0, sizeof(*o));
	facts_from(&facts, rq, op);
	asked = facts;
	if (!number_read(rq->params[0], &id))
		id = 0;
	found = err = store_order_get(core.store, id, o, why);
	if (err == OK)
		err = order_subject(o, s, &facts, why);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	err = authorize_known(&facts, &asked, rq->peer->pid, &d, why);
	if (err == ERR_NOT_FOUND || (err == OK && found != OK))
		err = fault_set(why, ERR_NOT_FOUND, "there is no order %s",
		    rq->params[0]);
	return err;
}

enum err
handle_order_get(struct request *rq, struct reply *rp, struct fault *why)
{
	struct json_writer w;
	struct order_row o;
	struct subject s;
	enum err err;

	err = admit(rq, OP_ORDER_READ, &o, &s, why);
	if (err == OK) {
		json_write_start(&w, &rp->body);
		put_order(&w, &o, &s.row, true);
		err = reply_done(rp, why);
	}
	order_row_free(&o);
	subject_free(&s);
	return err;
}

static enum err
reply_order(struct reply *rp, int64_t id, const struct subject *s,
    struct fault *why)
{
	struct json_writer w;
	struct order_row o;
	enum err err;

	err = store_order_get(core.store, id, &o, why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	put_order(&w, &o, &s->row, false);
	order_row_free(&o);
	return reply_done(rp, why);
}

enum err
handle_order_cancel(struct request *rq, struct reply *rp, struct fault *why)
{
	struct order_row o;
	struct subject s;
	enum err err;

	err = admit(rq, OP_ORDER_CANCEL, &o, &s, why);
	if (err == OK && o.state >= ORDER_ISSUED)
		err = fault_set(why, ERR_CONFLICT, "order %lld has ended: %s",
		    (long long)o.id, order_state_name(o.state));
	if (err == OK)
		err = engine_cancel(core.engine, o.id, why);
	if (err == OK)
		err = reply_order(rp, o.id, &s, why);
	order_row_free(&o);
	subject_free(&s);
	return err;
}

/* Decides and tells, and orders nothing.  What a certificate has is told to
 * those only who may order it; see authorize_known(). */
static enum err
try_order(const struct request *rq, const struct facts *facts,
    const struct facts *asked, bool found, struct reply *rp,
    struct fault *why)
{
	struct decision d = explain(facts), told = d;
	struct json_writer w;
	enum err err;

	err = audit_dry_run(facts, rq->peer->pid, &d, NULL, 0, why);
	if (err != OK)
		return err;
	if (!d.allow)
		told = explain(asked);
	if (!d.allow && (told.allow || told.foreign != NULL))
		return decision_fault(asked, &told, why);
	if (d.allow && !found)
		return no_such("certificate", rq->params[0], why);
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	decision_tell(&w, facts, &told);
	facts_tell(&w, d.allow ? facts : asked);
	json_close_object(&w);
	return reply_done(rp, why);
}

static enum err
create_order(const struct request *rq, const struct facts *facts,
    const struct facts *asked, const struct subject *s, struct reply *rp,
    struct fault *why)
{
	struct decision d;
	int64_t id = 0;
	enum err err;

	err = authorize_known(facts, asked, rq->peer->pid, &d, why);
	if (err == OK && !s->found)
		err = no_such("certificate", rq->params[0], why);
	if (err == OK)
		err = engine_order(core.engine, s->row.name, &id, why);
	if (err != OK)
		return err;
	rp->status = 202;
	snprintf(rp->location, sizeof(rp->location), "/v1/orders/%lld",
	    (long long)id);
	return reply_order(rp, id, s, why);
}

enum err
handle_order_create(struct request *rq, struct reply *rp, struct fault *why)
{
	struct subject s = { .found = false };
	struct facts facts, asked;
	bool dry_run;
	enum err err;

	err = body_empty(rq, why);
	if (err == OK)
		err = query_dry_run(rq, &dry_run, why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_ORDER_CREATE);
	asked = facts;
	asked.certificate = rq->params[0];
	certificates_lock();
	err = subject_load(&s, rq->params[0], &facts, why);
	if (err == OK)
		err = dry_run ? try_order(rq, &facts, &asked, s.found, rp,
			why) :
		    create_order(rq, &facts, &asked, &s, rp, why);
	certificates_unlock();
	subject_free(&s);
	return err;
}
