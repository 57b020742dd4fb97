/* What other ACME clients asked for, and the URLs that came of it. */
#include "sql.h"

static const struct column request_column[] = {
	COL_I64(request_row, id, "id"),
	COL_TEXT(request_row, account, "account"),
	COL_TEXT(request_row, owner, "owner"),
	COL_TEXT(request_row, act, "act"),
	COL_OWNED_TEXT(request_row, names, "names"),
	COL_TEXT(request_row, profile, "profile"),
	COL_TEXT(request_row, replaces, "replaces"),
	COL_TEXT(request_row, url, "url"),
	COL_TEXT(request_row, csr, "csr"),
	COL_TEXT(request_row, key, "key"),
	COL_TEXT(request_row, certificate, "certificate"),
	COL_I64(request_row, created, "created"),
};
static const struct columns requests = { "request",
	sizeof(struct request_row), request_column, nitems(request_column) };

static const struct column binding_column[] = {
	COL_TEXT(binding_row, account, "account"),
	COL_TEXT(binding_row, url, "url"),
	COL_TEXT(binding_row, owner, "owner"),
	COL_TEXT(binding_row, place, "place"),
	COL_TEXT(binding_row, identifier, "identifier"),
	COL_I64(binding_row, request, "request"),
	COL_I64(binding_row, created, "created"),
};
static const struct columns bindings = { "binding",
	sizeof(struct binding_row), binding_column, nitems(binding_column) };

void
request_row_free(struct request_row *r)
{
	store_row_free(&requests, r);
}

enum err
store_request_put(struct store *s, struct request_row *r, struct fault *why)
{
	return store_put(s, SQL_REQUEST_PUT, &requests, r,
	    r->id == 0 ? &r->id : NULL, why);
}

enum err
store_request_get(struct store *s, int64_t id, struct request_row *r,
    struct fault *why)
{
	return store_get(s, SQL_REQUEST_GET, &requests, r,
	    VALUES({ .number = id }), why);
}

enum err
store_request_of_order(struct store *s, const struct requester *by,
    const char *names, const char *url, int64_t since, struct request_row *r,
    struct fault *why)
{
	return store_find(s, SQL_REQUEST_OF_ORDER, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = names }, { .text = url }, { .number = since }), why);
}

enum err
store_request_to_finalize(struct store *s, const struct requester *by,
    const char *names, const char *csr, int64_t since, struct request_row *r,
    struct fault *why)
{
	return store_find(s, SQL_REQUEST_TO_FINALIZE, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = names }, { .text = csr }, { .number = since }), why);
}

enum err
store_request_naming(struct store *s, const struct requester *by,
    const char *name, int64_t since, struct request_row *r,
    struct fault *why)
{
	return store_find(s, SQL_REQUEST_NAMING, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = name }, { .number = since }), why);
}

enum err
store_request_of_key(struct store *s, const struct requester *by,
    const char *key, struct request_row *r, struct fault *why)
{
	return store_find(s, SQL_REQUEST_OF_KEY, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = key }), why);
}

enum err
store_request_of_certificate(struct store *s, const struct requester *by,
    const char *certificate, struct request_row *r, struct fault *why)
{
	return store_find(s, SQL_REQUEST_OF_CERTIFICATE, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = certificate }), why);
}

enum err
store_request_before(struct store *s, const struct requester *by,
    const char *names, struct request_row *r, struct fault *why)
{
	return store_find(s, SQL_REQUEST_BEFORE, &requests, r,
	    VALUES({ .text = by->account }, { .text = by->owner },
	    { .text = names }), why);
}

enum err
store_binding_put(struct store *s, const struct binding_row *b,
    struct fault *why)
{
	return store_put(s, SQL_BINDING_PUT, &bindings, b, NULL, why);
}

enum err
store_binding_get(struct store *s, const struct requester *by,
    const char *url, struct binding_row *b, struct fault *why)
{
	return store_find(s, SQL_BINDING_GET, &bindings, b,
	    VALUES({ .text = by->account }, { .text = url },
	    { .text = by->owner }), why);
}

enum err
store_binding_of_others(struct store *s, const struct requester *by,
    const char *url, struct binding_row *b, struct fault *why)
{
	return store_find(s, SQL_BINDING_OF_OTHERS, &bindings, b,
	    VALUES({ .text = by->account }, { .text = url },
	    { .text = by->owner }), why);
}

enum err
store_requests_prune(struct store *s, int64_t before, struct fault *why)
{
	enum err err;

	err = store_run(s, SQL_REQUESTS_PRUNE, VALUES({ .number = before }),
	    why);
	return err != OK ? err : store_run(s, SQL_BINDINGS_PRUNE,
	    VALUES({ .number = before }), why);
}

struct name_row {
	char name[STORE_NAME];
};

static const struct column name_column[] = {
	COL_TEXT(name_row, name, "name"),
};
static const struct columns names = { "certificate",
	sizeof(struct name_row), name_column, nitems(name_column) };

enum err
store_managed_by_url(struct store *s, const char *url,
    char name[static STORE_NAME], struct fault *why)
{
	struct name_row row;
	enum err err;

	err = store_find(s, SQL_MANAGED_BY_URL, &names, &row,
	    VALUES({ .text = url }), why);
	memcpy(name, row.name, sizeof(row.name));
	return err;
}

enum err
store_managed_by_key(struct store *s, const struct requester *by,
    const char *key, char name[static STORE_NAME], struct fault *why)
{
	struct name_row row;
	enum err err;

	err = store_find(s, SQL_MANAGED_BY_KEY, &names, &row,
	    VALUES({ .text = key }, { .text = by->account },
	    { .text = by->owner }), why);
	memcpy(name, row.name, sizeof(row.name));
	return err;
}
