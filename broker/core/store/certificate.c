#include "sql.h"

#include <stdio.h>

static const char *const challenges[] = {
	[CHALLENGE_HTTP_LISTENER] = "http-01",
	[CHALLENGE_HTTP_WEBROOT] = "http-01-webroot",
	[CHALLENGE_DNS_HOOK] = "dns-01",
};
_Static_assert(nitems(challenges) == CHALLENGE__MAX,
    "every challenge has a word");

const char *
challenge_name(unsigned challenge)
{
	return challenge < CHALLENGE__MAX ? challenges[challenge] : "unknown";
}

static const struct column columns[] = {
	COL_TEXT(certificate_row, name, "name"),
	COL_BOOL(certificate_row, configured, "configured"),
	COL_TEXT(certificate_row, account, "account"),
	COL_OWNED_TEXT(certificate_row, names, "names"),
	COL_TEXT(certificate_row, token, "token"),
	COL_WORD(certificate_row, key_type, "key_type", key_type_name,
	    KEY_TYPE__MAX),
	COL_TEXT(certificate_row, foreign_key, "foreign_key"),
	COL_BOOL(certificate_row, sample, "sample"),
	COL_WORD(certificate_row, challenge, "challenge", challenge_name,
	    CHALLENGE__MAX),
	COL_TEXT(certificate_row, webroot, "webroot"),
	COL_TEXT(certificate_row, tenant, "tenant"),
	COL_TEXT(certificate_row, key, "key"),
	COL_OWNED_TEXT(certificate_row, chain, "chain"),
	COL_TEXT(certificate_row, serial, "serial"),
	COL_TEXT(certificate_row, issuer, "issuer"),
	COL_I64(certificate_row, not_before, "not_before"),
	COL_I64(certificate_row, not_after, "not_after"),
	COL_I64(certificate_row, issued, "issued"),
	COL_I64(certificate_row, order, "order_id"),
	COL_BOOL(certificate_row, deleted, "deleted"),
	COL_I64(certificate_row, updated, "updated"),
};
static const struct columns certificates = { "certificate",
	sizeof(struct certificate_row), columns, nitems(columns) };

void
certificate_row_free(struct certificate_row *c)
{
	store_row_free(&certificates, c);
}

enum err
store_certificate_put(struct store *s, const struct certificate_row *c,
    struct fault *why)
{
	return store_put(s, SQL_CERTIFICATE_PUT, &certificates, c, NULL, why);
}

enum err
store_certificate_get(struct store *s, const char *name,
    struct certificate_row *c, struct fault *why)
{
	return store_get(s, SQL_CERTIFICATE_GET, &certificates, c,
	    VALUES({ .text = name }), why);
}

enum err
store_certificates(struct store *s, const char *after, size_t max,
    bool (*visit)(const struct certificate_row *, void *), void *arg,
    struct fault *why)
{
	char cursor[STORE_NAME];
	struct certificate_row c;
	enum err err = OK;
	bool more = true;

	snprintf(cursor, sizeof(cursor), "%s", after);
	for (; max > 0 && err == OK && more; max--) {
		err = store_find(s, SQL_CERTIFICATE_NEXT, &certificates, &c,
		    VALUES({ .text = cursor }), why);
		more = err == OK && visit(&c, arg);
		memcpy(cursor, c.name, sizeof(cursor));
		certificate_row_free(&c);
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

static const struct column counts_column[] = {
	COL_I64(store_counts, certificates, "certificates"),
	COL_I64(store_counts, issued, "issued"),
	COL_I64(store_counts, failing, "failing"),
	COL_I64(store_counts, open_orders, "open_orders"),
};
static const struct columns counts = { "count", sizeof(struct store_counts),
	counts_column, nitems(counts_column) };

enum err
store_counts(struct store *s, int64_t now, struct store_counts *out,
    struct fault *why)
{
	return store_find(s, SQL_COUNTS, &counts, out,
	    VALUES({ .number = now }), why);
}
