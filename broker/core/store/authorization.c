#include "sql.h"

static const char *const states[] = {
	[AUTHZ_UNREAD] = "unread",
	[AUTHZ_PENDING] = "pending",
	[AUTHZ_ANSWERED] = "answered",
	[AUTHZ_VALID] = "valid",
	[AUTHZ_INVALID] = "invalid",
};
_Static_assert(nitems(states) == AUTHZ_STATE__MAX, "every state has a word");

const char *
authorization_state_name(enum authorization_state state)
{
	return (unsigned)state < AUTHZ_STATE__MAX ? states[state] : "unknown";
}

static const struct column columns[] = {
	COL_I64(authorization_row, order, "order_id"),
	COL_U32(authorization_row, index, "number"),
	COL_WORD(authorization_row, state, "state", authorization_state_name,
	    AUTHZ_STATE__MAX),
	COL_BOOL(authorization_row, sent, "sent"),
	COL_BOOL(authorization_row, provisioned, "provisioned"),
	COL_BOOL(authorization_row, wildcard, "wildcard"),
	COL_U32(authorization_row, answers, "answers"),
	COL_TEXT(authorization_row, url, "url"),
	COL_TEXT(authorization_row, identifier, "identifier"),
	COL_TEXT(authorization_row, challenge_url, "challenge_url"),
	COL_TEXT(authorization_row, token, "token"),
	COL_TEXT(authorization_row, error, "error"),
};
static const struct columns authorizations = { "authorization",
	sizeof(struct authorization_row), columns, nitems(columns) };

enum err
store_authorization_put(struct store *s, const struct authorization_row *a,
    struct fault *why)
{
	return store_put(s, SQL_AUTHORIZATION_PUT, &authorizations, a, NULL,
	    why);
}

enum err
store_authorizations(struct store *s, int64_t order,
    struct authorization_row **rows, size_t *n, struct fault *why)
{
	struct authorization_row row;
	int64_t after = -1;
	enum err err;

	*rows = NULL;
	*n = 0;
	store_lock(s);
	while ((err = store_find(s, SQL_AUTHORIZATION_NEXT, &authorizations,
	    &row, VALUES({ .number = order }, { .number = after }),
	    why)) == OK) {
		*rows = xreallocarray(*rows, *n + 1, sizeof(row));
		(*rows)[(*n)++] = row;
		after = row.index;
	}
	store_unlock(s);
	if (err == ERR_NOT_FOUND)
		return OK;
	free(*rows);
	*rows = NULL;
	*n = 0;
	return err;
}

enum err
store_authorization_by_token(struct store *s, const char *token,
    struct authorization_row *a, struct fault *why)
{
	return store_get(s, SQL_AUTHORIZATION_BY_TOKEN, &authorizations, a,
	    VALUES({ .text = token }), why);
}

enum err
store_authorizations_clear(struct store *s, int64_t order, struct fault *why)
{
	return store_run(s, SQL_AUTHORIZATIONS_CLEAR,
	    VALUES({ .number = order }), why);
}
