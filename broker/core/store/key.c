#include "sql.h"

#include <stdio.h>

static const char *const states[] = {
	[KEY_GENERATING] = "generating",
	[KEY_ACTIVE] = "active",
	[KEY_RETIRED] = "retired",
	[KEY_DESTROYED] = "destroyed",
};
_Static_assert(nitems(states) == KEY_STATE__MAX, "every state has a word");

const char *
key_state_name(enum key_state state)
{
	return (unsigned)state < KEY_STATE__MAX ? states[state] : "unknown";
}

static const struct column columns[] = {
	COL_TEXT(key_row, name, "name"),
	COL_TEXT(key_row, token, "token"),
	COL_WORD(key_row, purpose, "purpose", purpose_name, PURPOSE__MAX),
	COL_WORD(key_row, type, "type", key_type_name, KEY_TYPE__MAX),
	COL_WORD(key_row, state, "state", key_state_name, KEY_STATE__MAX),
	COL_BOOL(key_row, sample, "sample"),
	COL_BOOL(key_row, foreign, "born_elsewhere"),
	COL_BLOB(key_row, id, idlen, "id"),
	COL_BLOB(key_row, spki, spkilen, "spki"),
	COL_FIXED(key_row, pin, "pin"),
	COL_U32(key_row, attributes, "attributes"),
	COL_I64(key_row, created, "created"),
	COL_I64(key_row, retired, "retired"),
	COL_I64(key_row, destroy_after, "destroy_after"),
};
static const struct columns keys = { "key", sizeof(struct key_row), columns,
	nitems(columns) };

enum err
store_key_put(struct store *s, const struct key_row *k, struct fault *why)
{
	return store_put(s, SQL_KEY_PUT, &keys, k, NULL, why);
}

enum err
store_key_get(struct store *s, const char *name, struct key_row *k,
    struct fault *why)
{
	return store_get(s, SQL_KEY_GET, &keys, k,
	    VALUES({ .text = name }), why);
}

enum err
store_key_by_pin(struct store *s, const char *hex, struct key_row *k,
    struct fault *why)
{
	return store_get(s, SQL_KEY_BY_PIN, &keys, k,
	    VALUES({ .text = hex }), why);
}

struct user_row {
	char user[STORE_TEXT];
};

static const struct column user_column[] = {
	COL_TEXT(user_row, user, "user"),
};
static const struct columns users = { "user", sizeof(struct user_row),
	user_column, nitems(user_column) };

enum err
store_key_user(struct store *s, const char *name,
    char user[static STORE_TEXT], struct fault *why)
{
	struct user_row row;
	enum err err;

	err = store_find(s, SQL_KEY_USER, &users, &row,
	    VALUES({ .text = name }), why);
	memcpy(user, row.user, sizeof(row.user));
	return err;
}

/*
 * Like every iterator here: one query a row, and none running while the
 * visitor is called, so that it may use the store as it likes.
 */
enum err
store_keys(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct key_row *, void *), void *arg,
    struct fault *why)
{
	char cursor[STORE_NAME];
	struct key_row k;
	enum err err = OK;

	snprintf(cursor, sizeof(cursor), "%s", after);
	for (; max > 0 && err == OK; max--) {
		err = store_find(s, SQL_KEY_NEXT, &keys, &k,
		    VALUES({ .text = cursor }), why);
		if (err == OK && !visit(&k, arg))
			break;
		memcpy(cursor, k.name, sizeof(cursor));
	}
	return err == ERR_NOT_FOUND ? OK : err;
}
