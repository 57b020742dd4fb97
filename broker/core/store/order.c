/* Orders and what happened to them. */
#include "sql.h"

static const char *const states[] = {
	[ORDER_KEY] = "key",
	[ORDER_NEW] = "new-order",
	[ORDER_AUTHORIZATIONS] = "authorizations",
	[ORDER_PROVISION] = "provision",
	[ORDER_ANSWER] = "answer",
	[ORDER_VALIDATE] = "validate",
	[ORDER_READY] = "ready",
	[ORDER_FINALIZE] = "finalize",
	[ORDER_PROCESSING] = "processing",
	[ORDER_DOWNLOAD] = "download",
	[ORDER_ALTERNATES] = "alternates",
	[ORDER_INSTALL] = "install",
	[ORDER_ISSUED] = "issued",
	[ORDER_FAILED] = "failed",
	[ORDER_CANCELED] = "canceled",
};
_Static_assert(nitems(states) == ORDER_STATE__MAX, "every state has a word");

const char *
order_state_name(enum order_state state)
{
	return (unsigned)state < ORDER_STATE__MAX ? states[state] : "unknown";
}

static const struct column order_column[] = {
	COL_I64(order_row, id, "id"),
	COL_TEXT(order_row, certificate, "certificate"),
	COL_TEXT(order_row, account, "account"),
	COL_TEXT(order_row, key, "key"),
	COL_WORD(order_row, state, "state", order_state_name, ORDER_STATE__MAX),
	COL_BOOL(order_row, sent, "sent"),
	COL_TEXT(order_row, url, "url"),
	COL_TEXT(order_row, finalize, "finalize"),
	COL_TEXT(order_row, certificate_url, "certificate_url"),
	COL_OWNED_BLOB(order_row, csr, csrlen, "csr"),
	COL_OWNED_TEXT(order_row, chain, "chain"),
	COL_OWNED_TEXT(order_row, alternates, "alternates"),
	COL_TEXT(order_row, error, "error"),
	COL_U32(order_row, attempts, "attempts"),
	COL_U32(order_row, rounds, "rounds"),
	COL_I64(order_row, next_at, "next_at"),
	COL_I64(order_row, deadline, "deadline"),
	COL_I64(order_row, created, "created"),
	COL_I64(order_row, updated, "updated"),
};
static const struct columns orders = { "order", sizeof(struct order_row),
	order_column, nitems(order_column) };

void
order_row_free(struct order_row *o)
{
	store_row_free(&orders, o);
}

enum err
store_order_put(struct store *s, struct order_row *o, struct fault *why)
{
	int64_t id;
	enum err err;

	err = store_put(s, SQL_ORDER_PUT, &orders, o, &id, why);
	if (err == OK && o->id == 0)
		o->id = id;
	return err;
}

enum err
store_order_get(struct store *s, int64_t id, struct order_row *o,
    struct fault *why)
{
	return store_get(s, SQL_ORDER_GET, &orders, o,
	    VALUES({ .number = id }), why);
}

enum err
store_orders_open(struct store *s, int64_t **ids, size_t *n,
    struct fault *why)
{
	struct id_row row = { 0 };
	enum err err;

	*ids = NULL;
	*n = 0;
	store_lock(s);
	while ((err = store_find(s, SQL_ORDER_OPEN_NEXT, &id_columns, &row,
	    VALUES({ .number = *n == 0 ? 0 : (*ids)[*n - 1] }), why)) == OK) {
		*ids = xreallocarray(*ids, *n + 1, sizeof(**ids));
		(*ids)[(*n)++] = row.id;
	}
	store_unlock(s);
	if (err == ERR_NOT_FOUND)
		return OK;
	free(*ids);
	*ids = NULL;
	*n = 0;
	return err;
}

enum err
store_order_open_of(struct store *s, const char *certificate, int64_t *id,
    struct fault *why)
{
	struct id_row row;
	enum err err;

	err = store_find(s, SQL_ORDER_OPEN_OF, &id_columns, &row,
	    VALUES({ .text = certificate }), why);
	*id = row.id;
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err
order_before(struct store *s, const char *certificate, int64_t before,
    struct order_row *o, struct fault *why)
{
	if (certificate == NULL)
		return store_find(s, SQL_ORDER_BEFORE, &orders, o,
		    VALUES({ .number = before }), why);
	return store_find(s, SQL_ORDER_BEFORE_OF, &orders, o,
	    VALUES({ .number = before }, { .text = certificate }), why);
}

enum err
store_orders(struct store *s, const char *certificate, int64_t before,
    size_t max, bool (*visit)(const struct order_row *, void *), void *arg,
    struct fault *why)
{
	struct order_row o;
	enum err err = OK;
	bool more = true;

	if (before <= 0)
		before = INT64_MAX;
	for (; max > 0 && err == OK && more; max--) {
		err = order_before(s, certificate, before, &o, why);
		more = err == OK && visit(&o, arg);
		before = o.id;
		order_row_free(&o);
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

struct event_row {
	int64_t id;
	int64_t order;
	int64_t at_ms;
	const char *text;
};

static const struct column event_column[] = {
	COL_I64(event_row, id, "id"),
	COL_I64(event_row, order, "order_id"),
	COL_I64(event_row, at_ms, "at_ms"),
	COL_OWNED_TEXT(event_row, text, "text"),
};
static const struct columns events = { "event", sizeof(struct event_row),
	event_column, nitems(event_column) };

enum err
store_event_add(struct store *s, int64_t order, int64_t at_ms,
    const char *text, struct fault *why)
{
	const struct event_row e = { 0, order, at_ms, text };

	return store_put(s, SQL_EVENT_PUT, &events, &e, NULL, why);
}

enum err
store_events(struct store *s, int64_t order,
    bool (*visit)(int64_t at_ms, const char *text, void *), void *arg,
    struct fault *why)
{
	struct event_row e;
	int64_t after = 0;
	enum err err = OK;
	bool more = true;

	while (err == OK && more) {
		err = store_find(s, SQL_EVENT_NEXT, &events, &e,
		    VALUES({ .number = order }, { .number = after }), why);
		more = err == OK && visit(e.at_ms, e.text, arg);
		after = e.id;
		store_row_free(&events, &e);
	}
	return err == ERR_NOT_FOUND ? OK : err;
}
