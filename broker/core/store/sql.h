/*
 * Inside of the store: its statements by name, and how the columns of a table
 * and the members of a row belong together.  Only store*.c include this, and
 * the test of the migrations.
 */
#ifndef CORE_STORE_SQL_H
#define CORE_STORE_SQL_H

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "store.h"

enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_KEY_PUT,
	SQL_KEY_GET,
	SQL_KEY_NEXT,
	SQL_KEY_USER,
	SQL_ACCOUNT_PUT,
	SQL_ACCOUNT_GET,
	SQL_ACCOUNT_NEXT,
	SQL_DIRECTORY_PUT,
	SQL_DIRECTORY_GET,
	SQL_CERTIFICATE_PUT,
	SQL_CERTIFICATE_GET,
	SQL_CERTIFICATE_NEXT,
	SQL_ORDER_PUT,
	SQL_ORDER_GET,
	SQL_ORDER_BEFORE,
	SQL_ORDER_BEFORE_OF,
	SQL_ORDER_OPEN_NEXT,
	SQL_ORDER_OPEN_OF,
	SQL_AUTHORIZATION_PUT,
	SQL_AUTHORIZATION_NEXT,
	SQL_AUTHORIZATION_BY_TOKEN,
	SQL_AUTHORIZATIONS_CLEAR,
	SQL_EVENT_PUT,
	SQL_EVENT_NEXT,
	SQL_DEPLOYMENT_PUT,
	SQL_DEPLOYMENT_GET,
	SQL_DEPLOYMENT_DUE_NEXT,
	SQL_COUNTER_PUT,
	SQL_COUNTER_GET,
	SQL_COUNTER_NEXT,
	SQL_COUNTERS_CLEAR,
	SQL_COUNTS,
	SQL_SETTING_PUT,
	SQL_SETTING_GET,
	SQL_REQUEST_PUT,
	SQL_REQUEST_GET,
	SQL_REQUEST_OF_ORDER,
	SQL_REQUEST_TO_FINALIZE,
	SQL_REQUEST_NAMING,
	SQL_REQUEST_OF_KEY,
	SQL_REQUEST_OF_CERTIFICATE,
	SQL_REQUEST_BEFORE,
	SQL_REQUESTS_PRUNE,
	SQL_BINDING_PUT,
	SQL_BINDING_GET,
	SQL_BINDING_OF_OTHERS,
	SQL_BINDINGS_PRUNE,
	SQL_MANAGED_BY_URL,
	SQL_MANAGED_BY_KEY,
	SQL_KEY_BY_PIN,
	SQL__MAX
};

extern const char *const store_sql[SQL__MAX];

/* Row i brings a database of version i to version i + 1; forward only. */
extern const char *const store_migrations[];
extern const size_t store_nmigrations;

struct sqlite3;
struct sqlite3_stmt;

struct store {
	pthread_mutex_t lock; /* recursive */
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[SQL__MAX];
	bool begun; /* between store_begin() and its end */
};

/* As store_open() with another list of migrations, so that a test can be an
 * older or a newer program. */
struct store *store_open_at(const char *folder, const char *const *migrations,
    size_t n, struct fault *why);

/*
 * One column and the member of the row struct that it fills.  at is the
 * member's offset; size is the room of a fixed array, or of FIXED the exact
 * length; length is the offset of a size_t that goes with a blob.
 */
enum column_kind {
	COLUMN_TEXT,	   /* char [size] */
	COLUMN_OWNED_TEXT, /* char *; NULL as NULL */
	COLUMN_BLOB,	   /* unsigned char [size], length */
	COLUMN_OWNED_BLOB, /* unsigned char *, length; NULL as NULL */
	COLUMN_FIXED,	   /* unsigned char [size], all of it */
	COLUMN_BOOL,
	COLUMN_U32,
	COLUMN_I64,
	COLUMN_WORD,	   /* an enum, kept as its word */
};

struct column {
	const char *name;
	enum column_kind kind;
	size_t at;
	size_t size;
	size_t length;
	const char *(*word)(unsigned);
	unsigned words;
};

struct columns {
	const char *noun; /* for "there is no NOUN" */
	size_t size;	  /* of the row struct */
	const struct column *v;
	size_t n;
};

#define COL_SIZE(row, m) sizeof(((struct row *)NULL)->m)
#define COL_TEXT(row, m, column)                                              \
	{ .name = column, .kind = COLUMN_TEXT, .at = offsetof(struct row, m),  \
	  .size = COL_SIZE(row, m) }
#define COL_OWNED_TEXT(row, m, column)                                        \
	{ .name = column, .kind = COLUMN_OWNED_TEXT,                           \
	  .at = offsetof(struct row, m) }
#define COL_BLOB(row, m, len, column)                                         \
	{ .name = column, .kind = COLUMN_BLOB, .at = offsetof(struct row, m),  \
	  .size = COL_SIZE(row, m), .length = offsetof(struct row, len) }
#define COL_OWNED_BLOB(row, m, len, column)                                   \
	{ .name = column, .kind = COLUMN_OWNED_BLOB,                           \
	  .at = offsetof(struct row, m), .length = offsetof(struct row, len) }
#define COL_FIXED(row, m, column)                                             \
	{ .name = column, .kind = COLUMN_FIXED, .at = offsetof(struct row, m), \
	  .size = COL_SIZE(row, m) }
#define COL_BOOL(row, m, column)                                              \
	{ .name = column, .kind = COLUMN_BOOL, .at = offsetof(struct row, m) }
#define COL_U32(row, m, column)                                               \
	{ .name = column, .kind = COLUMN_U32, .at = offsetof(struct row, m) }
#define COL_I64(row, m, column)                                               \
	{ .name = column, .kind = COLUMN_I64, .at = offsetof(struct row, m) }
#define COL_WORD(row, m, column, fn, max)                                     \
	{ .name = column, .kind = COLUMN_WORD, .at = offsetof(struct row, m),  \
	  .word = fn, .words = max }

/* A parameter of a query: text, or number when text is NULL. */
struct value {
	const char *text;
	int64_t number;
};
#define VALUES(...)                                                           \
	(const struct value[]){ __VA_ARGS__ },                                 \
	sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)

/* A whole number that a query gives; its column is "id". */
struct id_row {
	int64_t id;
};
extern const struct columns id_columns;

void store_lock(struct store *s);
void store_unlock(struct store *s);

/* Runs a statement that gives no row. */
enum err store_run(struct store *s, enum sql sql, const struct value *v,
    size_t n, struct fault *why);

/* Runs a statement whose parameters are the columns, in their order.  id,
 * unless NULL, gets the rowid of what was inserted. */
enum err store_put(struct store *s, enum sql sql, const struct columns *c,
    const void *row, int64_t *id, struct fault *why);

/*
 * Runs a query for one row and fills row, which the caller frees by
 * store_row_free().  ERR_NOT_FOUND leaves row all zero; store_find() then
 * leaves why as it was, store_get() says what is missing.
 */
enum err store_find(struct store *s, enum sql sql, const struct columns *c,
    void *row, const struct value *v, size_t n, struct fault *why);
enum err store_get(struct store *s, enum sql sql, const struct columns *c,
    void *row, const struct value *v, size_t n, struct fault *why);

/* Frees the owned members and zeroes the row. */
void store_row_free(const struct columns *c, void *row);

/* What SQLite said, as one of our errors. */
enum err store_fault(struct store *s, int code, const char *what,
    struct fault *why);

#endif
