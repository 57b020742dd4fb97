/*
 * Reading the audit log.  Who may read it all gets lines as they stand in the
 * file.  Who may read the lines of his own tenant gets these without what
 * tells of others (audit/filter.h).
 */
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../audit/filter.h"
#include "../audit/segment.h"
#include "handle.h"

#define LINES_BYTES 4000000 /* of one page; a client accepts 4 MiB */
#define WAIT_MOST   30	    /* seconds */

/* Words of a query; "" when not given. */
struct words_of {
	char after[PARAM_MAX + 1];
	char event[PARAM_MAX + 1], operation[PARAM_MAX + 1];
	char decision[PARAM_MAX + 1], tenant[PARAM_MAX + 1];
	char key[PARAM_MAX + 1];
};

struct reading {
	struct words_of words;
	int64_t limit, tail, since, wait; /* wait -1: no waiting */
	bool own;
	struct facts facts;
	struct decision decision;
	struct audit_filter filter;
	struct audit_query query;
	struct audit_page page;
};

static const struct text_field {
	const char *name;
	size_t offset; /* in struct words_of */
} texts[] = {
#define TEXT(name) { #name, offsetof(struct words_of, name) }
	TEXT(after), TEXT(event), TEXT(operation), TEXT(decision),
	TEXT(tenant), TEXT(key),
#undef TEXT
};

static const struct number_field {
	const char *name;
	size_t offset; /* in struct reading */
	int64_t least, most;
} numbers[] = {
#define NUMBER(name, least, most)                                             \
	{ #name, offsetof(struct reading, name), least, most }
	NUMBER(limit, 1, LIST_MOST), NUMBER(tail, 1, LIST_MOST),
	NUMBER(since, 0, 253402300799), /* until the end of year 9999 */
	NUMBER(wait, 0, WAIT_MOST),
#undef NUMBER
};

static enum err
read_query(const char *query, struct reading *r, struct fault *why)
{
	const char *names[nitems(texts) + nitems(numbers)];
	char text[24];
	enum err err;

	for (size_t i = 0; i < nitems(texts); i++)
		names[i] = texts[i].name;
	for (size_t i = 0; i < nitems(numbers); i++)
		names[nitems(texts) + i] = numbers[i].name;
	err = query_check(query, names, nitems(names), why);
	if (err != OK)
		return err;
	for (size_t i = 0; i < nitems(texts); i++)
		query_get(query, texts[i].name,
		    (char *)&r->words + texts[i].offset, PARAM_MAX + 1);
	for (size_t i = 0; i < nitems(numbers); i++) {
		const struct number_field *f = &numbers[i];
		int64_t *out = (int64_t *)(void *)((char *)r + f->offset);

		if (query_get(query, f->name, text, sizeof(text)) &&
		    (!number_read(text, out) || *out < f->least ||
			*out > f->most))
			return fault_set(why, ERR_SYNTAX,
			    "query: \"%s\" is not from %lld to %lld", f->name,
			    (long long)f->least, (long long)f->most);
	}
	return OK;
}

/* A number, or for a reader of his own lines what an earlier reply gave. */
static enum err
read_after(struct reading *r, struct fault *why)
{
	const char *after = r->words.after;
	int64_t seq = 0;

	if (after[0] == '\0')
		return OK;
	if (r->tail != 0)
		return fault_set(why, ERR_SYNTAX,
		    "query: \"after\" and \"tail\" exclude one another");
	if (r->own)
		return cursor_read(after, &r->query.from.after) ? OK :
		    fault_set(why, ERR_SYNTAX, "query: \"after\" is no "
		    "\"next\" of an earlier reply");
	if (!number_read(after, &seq))
		return fault_set(why, ERR_SYNTAX,
		    "query: \"after\" is not a line's number");
	r->query.from.after = (uint64_t)seq;
	return OK;
}

static const char *
given(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void
set_filter(struct reading *r)
{
	const struct words_of *w = &r->words;
	const char *tenant = r->decision.tenant;

	r->filter = (struct audit_filter){
		.event = given(w->event), .operation = given(w->operation),
		.decision = given(w->decision), .tenant = given(w->tenant),
		.key = given(w->key),
		.only = !r->own ? NULL : tenant != NULL ? tenant : "",
	};
	r->query.show = audit_show;
	r->query.arg = &r->filter;
	r->query.max = (size_t)r->limit;
	r->query.tail = (size_t)r->tail;
	if (r->tail > r->limit)
		r->query.max = (size_t)r->tail;
	if (r->since != 0)
		clock_rfc3339(r->since * 1000, r->query.from.since);
}

/* Asks for all lines if policy allows that, else for his own. */
static enum err
admit(struct request *rq, struct reading *r, struct fault *why)
{
	facts_from(&r->facts, rq, OP_AUDIT_READ);
	if (explain(&r->facts).code == ERR_DENIED) {
		r->facts.operation = OP_AUDIT_OWN;
		r->own = explain(&r->facts).code != ERR_DENIED;
		if (!r->own)
			r->facts.operation = OP_AUDIT_READ;
	}
	return authorize_act(&r->facts, rq->peer->pid, &r->decision, why);
}

/* The line about this reading stands behind what was read.  A connection that
 * waits for lines leaves one, not one for each time. */
static enum err
tell(struct request *rq, const struct reading *r, struct fault *why)
{
	bool once = r->wait >= 0 && rq->told != NULL;
	enum err err;

	if (once && *rq->told)
		return OK;
	err = audit_act(&r->facts, rq->peer->pid, &r->decision, NULL, 0, why);
	if (once && err == OK)
		*rq->told = true;
	return err;
}

static enum err
read_lines(struct reading *r, struct buf *lines, struct fault *why)
{
	buf_reset(lines);
	return audit_read(core.audit, &r->query, lines, &r->page, why);
}

/* Reads again and again until there is something to show. */
static enum err
wait_for_lines(struct request *rq, struct reading *r, struct buf *lines,
    struct fault *why)
{
	int64_t until = clock_monotonic_us() + r->wait * 1000000;
	enum err err;

	err = audit_follow(core.audit, rq->peer->uid, why);
	if (err != OK)
		return err;
	while (err == OK && r->page.shown == 0 &&
	    audit_wait(core.audit, r->page.next, until)) {
		r->query.from.after = r->page.next;
		r->query.tail = 0;
		err = read_lines(r, lines, why);
	}
	audit_unfollow(core.audit, rq->peer->uid);
	return err;
}

static void
write_page(const struct reading *r, const struct buf *lines,
    struct reply *rp)
{
	char next[CURSOR_SIZE];
	struct json_writer w;

	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_raw(&w, "items", (const char *)lines->data, lines->len);
	if (r->own) {
		cursor_write(r->page.next, next);
	} else {
		json_put_int(&w, "last", (int64_t)audit_last(core.audit));
		snprintf(next, sizeof(next), "%llu",
		    (unsigned long long)r->page.next);
	}
	json_put_string(&w, "next", next);
	json_put_bool(&w, "more", r->page.more);
	json_close_object(&w);
}

enum err
handle_audit_list(struct request *rq, struct reply *rp, struct fault *why)
{
	struct reading r = { .limit = LIST_LIMIT, .wait = -1 };
	struct buf lines;
	enum err err;

	err = read_query(rq->query, &r, why);
	if (err == OK)
		err = admit(rq, &r, why);
	if (err == OK)
		err = read_after(&r, why);
	if (err != OK)
		return err;
	set_filter(&r);
	buf_init(&lines, LINES_BYTES);
	err = read_lines(&r, &lines, why);
	if (err == OK)
		err = tell(rq, &r, why);
	if (err == OK && r.wait > 0 && r.page.shown == 0 && !r.page.more)
		err = wait_for_lines(rq, &r, &lines, why);
	if (err == OK) {
		write_page(&r, &lines, rp);
		err = reply_done(rp, why);
	}
	buf_free(&lines);
	return err;
}

enum err
handle_audit_rotate(struct request *rq, struct reply *rp, struct fault *why)
{
	char name[SEGMENT_NAME];
	struct json_writer w;
	struct decision d;
	struct facts facts;
	enum err err;

	err = body_empty(rq, why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_AUDIT_ROTATE);
	err = authorize(&facts, rq->peer->pid, &d, why);
	if (err == OK)
		err = audit_rotate(core.audit, name, why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "file", name);
	json_put_int(&w, "last", (int64_t)audit_last(core.audit));
	json_close_object(&w);
	return reply_done(rp, why);
}
