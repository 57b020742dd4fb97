#include "sql.h"

#include <stdio.h>

static const struct column columns[] = {
	COL_TEXT(counter_row, name, "name"),
	COL_I64(counter_row, used, "used"),
	COL_I64(counter_row, at, "at"),
	COL_I64(counter_row, full_at, "full_at"),
};
static const struct columns counters = { "counter",
	sizeof(struct counter_row), columns, nitems(columns) };

enum err
store_counter_put(struct store *s, const struct counter_row *c,
    struct fault *why)
{
	return store_put(s, SQL_COUNTER_PUT, &counters, c, NULL, why);
}

enum err
store_counter_get(struct store *s, const char *name, struct counter_row *c,
    struct fault *why)
{
	return store_find(s, SQL_COUNTER_GET, &counters, c,
	    VALUES({ .text = name }), why);
}

enum err
store_counters_clear(struct store *s, int64_t now, struct fault *why)
{
	return store_run(s, SQL_COUNTERS_CLEAR, VALUES({ .number = now }),
	    why);
}

enum err
store_counters(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct counter_row *, void *), void *arg,
    struct fault *why)
{
	char cursor[STORE_COUNTER];
	struct counter_row c;
	enum err err = OK;

	snprintf(cursor, sizeof(cursor), "%s", after);
	for (; max > 0 && err == OK; max--) {
		err = store_find(s, SQL_COUNTER_NEXT, &counters, &c,
		    VALUES({ .text = cursor }), why);
		if (err == OK && !visit(&c, arg))
			break;
		memcpy(cursor, c.name, sizeof(cursor));
	}
	return err == ERR_NOT_FOUND ? OK : err;
}
