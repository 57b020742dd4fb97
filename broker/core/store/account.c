/* ACME accounts, and the directories of the CAs that they are with. */
#include "sql.h"

#include <stdio.h>

static const char *const states[] = {
	[ACCOUNT_NEW] = "new",
	[ACCOUNT_FIND] = "find",
	[ACCOUNT_CREATE] = "create",
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_FAILED] = "failed",
	[ACCOUNT_DEACTIVATED] = "deactivated",
};
_Static_assert(nitems(states) == ACCOUNT_STATE__MAX, "every state has a word");

const char *
account_state_name(enum account_state state)
{
	return (unsigned)state < ACCOUNT_STATE__MAX ? states[state] : "unknown";
}

static const struct column account_column[] = {
	COL_TEXT(account_row, name, "name"),
	COL_TEXT(account_row, ca, "ca"),
	COL_TEXT(account_row, directory, "directory"),
	COL_TEXT(account_row, key, "key"),
	COL_WORD(account_row, state, "state", account_state_name,
	    ACCOUNT_STATE__MAX),
	COL_TEXT(account_row, kid, "kid"),
	COL_TEXT(account_row, error, "error"),
	COL_U32(account_row, attempts, "attempts"),
	COL_I64(account_row, next_at, "next_at"),
	COL_I64(account_row, updated, "updated"),
};
static const struct columns accounts = { "account",
	sizeof(struct account_row), account_column, nitems(account_column) };

enum err
store_account_put(struct store *s, const struct account_row *a,
    struct fault *why)
{
	return store_put(s, SQL_ACCOUNT_PUT, &accounts, a, NULL, why);
}

enum err
store_account_get(struct store *s, const char *name, struct account_row *a,
    struct fault *why)
{
	return store_get(s, SQL_ACCOUNT_GET, &accounts, a,
	    VALUES({ .text = name }), why);
}

enum err
store_accounts(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct account_row *, void *), void *arg,
    struct fault *why)
{
	char cursor[STORE_NAME];
	struct account_row a;
	enum err err = OK;

	snprintf(cursor, sizeof(cursor), "%s", after);
	for (; max > 0 && err == OK; max--) {
		err = store_find(s, SQL_ACCOUNT_NEXT, &accounts, &a,
		    VALUES({ .text = cursor }), why);
		if (err == OK && !visit(&a, arg))
			break;
		memcpy(cursor, a.name, sizeof(cursor));
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

struct directory_row {
	const char *url;
	const char *json;
	int64_t fetched;
};

static const struct column directory_column[] = {
	COL_OWNED_TEXT(directory_row, url, "url"),
	COL_OWNED_TEXT(directory_row, json, "json"),
	COL_I64(directory_row, fetched, "fetched"),
};
static const struct columns directories = { "directory",
	sizeof(struct directory_row), directory_column,
	nitems(directory_column) };

enum err
store_directory_put(struct store *s, const char *url, const char *json,
    int64_t fetched, struct fault *why)
{
	const struct directory_row d = { url, json, fetched };

	return store_put(s, SQL_DIRECTORY_PUT, &directories, &d, NULL, why);
}

enum err
store_directory_get(struct store *s, const char *url, struct buf *json,
    int64_t *fetched, struct fault *why)
{
	struct directory_row d;
	enum err err;

	err = store_get(s, SQL_DIRECTORY_GET, &directories, &d,
	    VALUES({ .text = url }), why);
	if (err != OK)
		return err;
	buf_puts(json, d.json);
	*fetched = d.fetched;
	store_row_free(&directories, &d);
	return OK;
}
