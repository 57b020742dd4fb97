/* Pages of lists, and what of them a client may see. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "handle.h"

/* Index of the name before "=" in a field of n bytes; count when unknown. */
static size_t
field_index(const char *field, size_t n, const char *const *names,
    size_t count)
{
	const char *equals = memchr(field, '=', n);
	size_t length = equals != NULL ? (size_t)(equals - field) : n;
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == length &&
		    memcmp(names[i], field, length) == 0)
			break;
	return i;
}

enum err
query_check(const char *query, const char *const *names, size_t n,
    struct fault *why)
{
	char value[PARAM_MAX + 1];
	unsigned seen = 0;
	size_t i, length;

	if (query[0] == '\0')
		return OK;
	for (;; query++) {
		length = strcspn(query, "&");
		i = field_index(query, length, names, n);
		if (i == n)
			return fault_set(why, ERR_SYNTAX,
			    "query: unknown field \"%.*s\"",
			    length < 64 ? (int)length : 64, query);
		if (seen & 1u << i)
			return fault_set(why, ERR_SYNTAX,
			    "query: \"%s\" is given twice", names[i]);
		if (!query_get(query, names[i], value, sizeof(value)) ||
		    value[0] == '\0')
			return fault_set(why, ERR_SYNTAX,
			    "query: \"%s\" has no proper value", names[i]);
		seen |= 1u << i;
		query += length;
		if (*query == '\0')
			return OK;
	}
}

enum err
query_dry_run(const struct request *rq, bool *dry_run, struct fault *why)
{
	static const char *const field = "dry-run";
	char value[PARAM_MAX + 1];
	enum err err = query_check(rq->query, &field, 1, why);

	*dry_run = false;
	if (err != OK || rq->query[0] == '\0')
		return err;
	*dry_run = query_get(rq->query, field, value, sizeof(value)) &&
	    strcmp(value, "1") == 0;
	return *dry_run ? OK : fault_set(why, ERR_SYNTAX,
	    "query: \"dry-run\" is not 1");
}

enum err
page_check(const struct request *rq, struct fault *why)
{
	static const char *const fields[] = { "after", "limit" };

	return query_check(rq->query, fields, nitems(fields), why);
}

/* Routes without a query give everything that fits. */
static enum err
read_page(struct listing *l, struct fault *why)
{
	char text[24];
	int64_t limit = LIST_LIMIT;

	if (!l->rq->route->query) {
		l->limit = LIST_SCAN;
		return OK;
	}
	if (query_get(l->rq->query, "limit", text, sizeof(text)) &&
	    (!number_read(text, &limit) || limit < 1 || limit > LIST_MOST))
		return fault_set(why, ERR_SYNTAX,
		    "query: \"limit\" is not from 1 to %d", LIST_MOST);
	l->limit = (size_t)limit;
	if (!query_get(l->rq->query, "after", l->after, sizeof(l->after)))
		l->after[0] = '\0';
	return OK;
}

/* A rate is charged for the list, not for its items: here it does not
 * count. */
static bool
permitted(const struct listing *l)
{
	enum err code = explain(&l->facts).code;

	return code == OK || code == ERR_RATE;
}

static enum err
admit(struct listing *l)
{
	struct decision d;

	l->authorized = true;
	return authorize(&l->facts, l->rq->peer->pid, &d, l->why);
}

enum err
listing_start(struct listing *l, struct request *rq, struct reply *rp,
    enum operation op, struct fault *why)
{
	enum err err;

	*l = (struct listing){ .rq = rq, .rp = rp, .why = why };
	err = read_page(l, why);
	if (err != OK)
		return err;
	facts_from(&l->facts, rq, op);
	if (permitted(l))
		err = admit(l);
	json_write_start(&l->w, &rp->body);
	json_open_object(&l->w, NULL);
	json_open_array(&l->w, "items");
	return err;
}

/* What is not shown leaves no trace: neither the cursor nor whether there is
 * more depends on it. */
bool
listing_shows(struct listing *l, const char *cursor)
{
	if (!permitted(l))
		return false;
	if (l->shown == l->limit || l->rp->body.len > LIST_BYTES) {
		l->more = true;
		return false;
	}
	snprintf(l->last, sizeof(l->last), "%s", cursor);
	if (!l->authorized)
		l->err = admit(l);
	if (l->err != OK)
		return false;
	l->shown++;
	return true;
}

bool
listing_goes_on(const struct listing *l)
{
	return l->err == OK && !l->more;
}

enum err
listing_end(struct listing *l, enum err err)
{
	if (err != OK)
		return err;
	if (l->err == OK && !l->authorized) {
		facts_from(&l->facts, l->rq, l->facts.operation);
		l->err = admit(l);
	}
	if (l->err != OK)
		return l->err;
	json_close_array(&l->w);
	if (l->more)
		json_put_string(&l->w, "next", l->last);
	json_close_object(&l->w);
	return reply_done(l->rp, l->why);
}
