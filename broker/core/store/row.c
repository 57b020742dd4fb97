/*
 * Between C structs and SQLite rows, by the tables of columns.  A statement
 * whose columns are not those of the table is a mistake of ours and ends the
 * process at its first run; a database whose content does not fit the struct
 * is damaged and is refused.
 */
#include "sql.h"

#include <limits.h>
#include <sqlite3.h>
#include <string.h>

static const struct column id_column[] = { COL_I64(id_row, id, "id") };
const struct columns id_columns = { "row", sizeof(struct id_row), id_column,
	nitems(id_column) };

static void *
member(const void *row, size_t at)
{
	return (unsigned char *)(uintptr_t)row + at;
}

/* Enums have the size of an unsigned, which COLUMN_WORD relies on. */
_Static_assert(sizeof(enum key_state) == sizeof(unsigned), "size of an enum");

static int
bind_text(sqlite3_stmt *st, int i, const char *text, size_t n)
{
	return sqlite3_bind_text64(st, i, text, n, SQLITE_STATIC, SQLITE_UTF8);
}

static int
bind_blob(sqlite3_stmt *st, int i, const void *p, size_t n)
{
	if (n == 0)
		return sqlite3_bind_zeroblob(st, i, 0);
	return sqlite3_bind_blob64(st, i, p, n, SQLITE_STATIC);
}

static int
bind_owned(sqlite3_stmt *st, int i, const struct column *c, const void *row)
{
	const char *p = *(char **)member(row, c->at);

	if (p == NULL)
		return sqlite3_bind_null(st, i);
	if (c->kind == COLUMN_OWNED_TEXT)
		return bind_text(st, i, p, strlen(p));
	return bind_blob(st, i, p, *(size_t *)member(row, c->length));
}

static int
bind_word(sqlite3_stmt *st, int i, const struct column *c, unsigned v)
{
	const char *word;

	if (v >= c->words)
		fatal("store: %s is %u, which is no such value", c->name, v);
	word = c->word(v);
	return bind_text(st, i, word, strlen(word));
}

static int
bind_column(sqlite3_stmt *st, int i, const struct column *c, const void *row)
{
	const void *m = member(row, c->at);
	size_t n;

	switch (c->kind) {
	case COLUMN_TEXT:
		return bind_text(st, i, m, strnlen(m, c->size - 1));
	case COLUMN_OWNED_TEXT:
	case COLUMN_OWNED_BLOB:
		return bind_owned(st, i, c, row);
	case COLUMN_BLOB:
		n = *(size_t *)member(row, c->length);
		if (n > c->size)
			fatal("store: %s has %zu bytes", c->name, n);
		return bind_blob(st, i, m, n);
	case COLUMN_FIXED:
		return bind_blob(st, i, m, c->size);
	case COLUMN_BOOL:
		return sqlite3_bind_int64(st, i, *(const bool *)m);
	case COLUMN_U32:
		return sqlite3_bind_int64(st, i, *(const uint32_t *)m);
	case COLUMN_I64:
		return sqlite3_bind_int64(st, i, *(const int64_t *)m);
	case COLUMN_WORD:
		return bind_word(st, i, c, *(const unsigned *)m);
	}
	fatal("store: column %s has no kind", c->name);
}

static int
bind_row(sqlite3_stmt *st, const struct columns *c, const void *row)
{
	const char *name;
	int rc = SQLITE_OK;

	if (sqlite3_bind_parameter_count(st) != (int)c->n)
		fatal("store: a statement for a %s has other columns", c->noun);
	for (size_t i = 0; i < c->n && rc == SQLITE_OK; i++) {
		name = sqlite3_bind_parameter_name(st, (int)i + 1);
		if (name == NULL || strcmp(name + 1, c->v[i].name) != 0)
			fatal("store: %s of a %s stands elsewhere",
			    c->v[i].name, c->noun);
		rc = bind_column(st, (int)i + 1, &c->v[i], row);
	}
	return rc;
}

static int
bind_values(sqlite3_stmt *st, const struct value *v, size_t n)
{
	int rc = SQLITE_OK;

	if (sqlite3_bind_parameter_count(st) != (int)n)
		fatal("store: a statement has other parameters");
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
		rc = v[i].text == NULL
		    ? sqlite3_bind_int64(st, (int)i + 1, v[i].number)
		    : bind_text(st, (int)i + 1, v[i].text, strlen(v[i].text));
	return rc;
}

static bool
read_text(sqlite3_stmt *st, int i, const struct column *c, char *out)
{
	const char *p = (const char *)sqlite3_column_text(st, i);
	size_t n = (size_t)sqlite3_column_bytes(st, i);

	if (p == NULL || n >= c->size || memchr(p, '\0', n) != NULL)
		return false;
	memcpy(out, p, n + 1);
	return true;
}

/* Copies a blob, and its length into length unless it must be exact. */
static bool
read_blob(sqlite3_stmt *st, int i, const struct column *c, void *out,
    size_t *length)
{
	const void *p = sqlite3_column_blob(st, i);
	size_t n = (size_t)sqlite3_column_bytes(st, i);

	if (n > c->size || (length == NULL && n != c->size))
		return false;
	if (n != 0)
		memcpy(out, p, n);
	if (length != NULL)
		*length = n;
	return true;
}

static bool
read_owned(sqlite3_stmt *st, int i, const struct column *c, void *row)
{
	char **out = member(row, c->at);
	const void *p;
	size_t n;

	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return true;
	p = sqlite3_column_blob(st, i);
	n = (size_t)sqlite3_column_bytes(st, i);
	*out = xmalloc(n + 1);
	if (n != 0)
		memcpy(*out, p, n);
	(*out)[n] = '\0';
	if (c->kind == COLUMN_OWNED_BLOB)
		*(size_t *)member(row, c->length) = n;
	return c->kind == COLUMN_OWNED_BLOB || strlen(*out) == n;
}

static bool
read_number(sqlite3_stmt *st, int i, const struct column *c, void *m)
{
	int64_t v = sqlite3_column_int64(st, i);

	if (c->kind == COLUMN_I64)
		*(int64_t *)m = v;
	else if (c->kind == COLUMN_BOOL)
		*(bool *)m = v != 0;
	else
		*(uint32_t *)m = (uint32_t)v;
	return c->kind == COLUMN_I64 ||
	    (v >= 0 && v <= (c->kind == COLUMN_BOOL ? 1 : UINT32_MAX));
}

static bool
read_word(sqlite3_stmt *st, int i, const struct column *c, unsigned *out)
{
	const char *p = (const char *)sqlite3_column_text(st, i);

	for (unsigned v = 0; p != NULL && v < c->words; v++)
		if (strcmp(c->word(v), p) == 0) {
			*out = v;
			return true;
		}
	return false;
}

static bool
read_column(sqlite3_stmt *st, int i, const struct column *c, void *row)
{
	void *m = member(row, c->at);

	switch (c->kind) {
	case COLUMN_TEXT:
		return read_text(st, i, c, m);
	case COLUMN_OWNED_TEXT:
	case COLUMN_OWNED_BLOB:
		return read_owned(st, i, c, row);
	case COLUMN_BLOB:
		return read_blob(st, i, c, m, member(row, c->length));
	case COLUMN_FIXED:
		return read_blob(st, i, c, m, NULL);
	case COLUMN_BOOL:
	case COLUMN_U32:
	case COLUMN_I64:
		return read_number(st, i, c, m);
	case COLUMN_WORD:
		return read_word(st, i, c, m);
	}
	return false;
}

static enum err
read_row(sqlite3_stmt *st, const struct columns *c, void *row,
    struct fault *why)
{
	if (sqlite3_column_count(st) != (int)c->n)
		fatal("store: a query for a %s has other columns", c->noun);
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(sqlite3_column_name(st, (int)i), c->v[i].name) != 0)
			fatal("store: %s of a %s is read elsewhere",
			    c->v[i].name, c->noun);
		if (read_column(st, (int)i, &c->v[i], row))
			continue;
		store_row_free(c, row);
		return fault_set(why, ERR_IO, "the database is damaged: the %s"
		    " of a %s is out of range", c->v[i].name, c->noun);
	}
	return OK;
}

void
store_row_free(const struct columns *c, void *row)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].kind == COLUMN_OWNED_TEXT ||
		    c->v[i].kind == COLUMN_OWNED_BLOB)
			free(*(void **)member(row, c->v[i].at));
	memset(row, 0, c->size);
}

/*
 * The prepared statement, with the lock held.  Within a transaction that
 * SQLite has given up by itself (a full disk does that) nothing may run any
 * more: it would take effect outside of it.
 */
static enum err
statement(struct store *s, enum sql sql, sqlite3_stmt **st, struct fault *why)
{
	int rc = SQLITE_OK;

	if (s->begun && sqlite3_get_autocommit(s->db))
		return fault_set(why, ERR_CONFLICT,
		    "the transaction was given up after an error");
	if (s->statements[sql] == NULL)
		rc = sqlite3_prepare_v3(s->db, store_sql[sql], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->statements[sql], NULL);
	if (rc != SQLITE_OK)
		return store_fault(s, rc, "prepare a statement", why);
	*st = s->statements[sql];
	return OK;
}

static void
finish(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

enum err
store_run(struct store *s, enum sql sql, const struct value *v, size_t n,
    struct fault *why)
{
	sqlite3_stmt *st;
	enum err err;
	int rc;

	store_lock(s);
	err = statement(s, sql, &st, why);
	if (err != OK)
		goto out;
	rc = bind_values(st, v, n);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		err = store_fault(s, rc, "write", why);
	finish(st);
out:
	store_unlock(s);
	return err;
}

enum err
store_put(struct store *s, enum sql sql, const struct columns *c,
    const void *row, int64_t *id, struct fault *why)
{
	sqlite3_stmt *st;
	enum err err;
	int rc;

	store_lock(s);
	err = statement(s, sql, &st, why);
	if (err != OK)
		goto out;
	rc = bind_row(st, c, row);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		err = store_fault(s, rc, c->noun, why);
	else if (id != NULL)
		*id = sqlite3_last_insert_rowid(s->db);
	finish(st);
out:
	store_unlock(s);
	return err;
}

enum err
store_find(struct store *s, enum sql sql, const struct columns *c, void *row,
    const struct value *v, size_t n, struct fault *why)
{
	sqlite3_stmt *st;
	enum err err;
	int rc;

	memset(row, 0, c->size);
	store_lock(s);
	err = statement(s, sql, &st, why);
	if (err != OK)
		goto out;
	rc = bind_values(st, v, n);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		err = read_row(st, c, row, why);
	else if (rc == SQLITE_DONE)
		err = ERR_NOT_FOUND;
	else
		err = store_fault(s, rc, "read", why);
	finish(st);
out:
	store_unlock(s);
	return err;
}

enum err
store_get(struct store *s, enum sql sql, const struct columns *c, void *row,
    const struct value *v, size_t n, struct fault *why)
{
	enum err err = store_find(s, sql, c, row, v, n, why);

	if (err != ERR_NOT_FOUND)
		return err;
	if (n > 0 && v[0].text != NULL)
		return fault_set(why, err, "there is no %s named \"%.128s\"",
		    c->noun, v[0].text);
	return fault_set(why, err, "there is no %s %lld", c->noun,
	    n > 0 ? (long long)v[0].number : 0LL);
}
