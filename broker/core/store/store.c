#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/io.h"

/* "Keyb": says that a database is ours (PRAGMA application_id). */
#define APPLICATION_ID 0x4b657962
#define DATABASE "keybroker.db"

void
store_lock(struct store *s)
{
	pthread_mutex_lock(&s->lock);
}

void
store_unlock(struct store *s)
{
	pthread_mutex_unlock(&s->lock);
}

/* ENOSPC comes as SQLITE_FULL; a quota only as a failed write. */
static enum err
err_of(struct store *s, int code)
{
	int number = sqlite3_system_errno(s->db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_CONSTRAINT:
		return ERR_CONFLICT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_IOERR:
		return number == ENOSPC || number == EDQUOT ? ERR_FULL : ERR_IO;
	default:
		return ERR_IO;
	}
}

enum err
store_fault(struct store *s, int code, const char *what, struct fault *why)
{
	if ((code & 0xff) == SQLITE_NOMEM)
		fatal("out of memory");
	return fault_set(why, err_of(s, code), "database (%s): %s", what,
	    sqlite3_errmsg(s->db));
}

static enum err
execute(struct store *s, const char *sql, struct fault *why)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? OK : store_fault(s, rc, "set up", why);
}

/* The one number that a pragma or a query gives. */
static enum err
number_of(struct store *s, const char *sql, int64_t *out, struct fault *why)
{
	sqlite3_stmt *st = NULL;
	enum err err = OK;
	int rc;

	rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else
		err = store_fault(s, rc, "set up", why);
	sqlite3_finalize(st);
	return err;
}

/*
 * Creates the file itself, so that there is no moment at which others may
 * read it.  This is before SQLite opens it: closing a second descriptor later
 * would drop SQLite's locks.
 */
static enum err
make_private(const char *path, struct fault *why)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd >= 0) {
		close(fd);
		return OK;
	}
	if (errno != EEXIST)
		return fault_errno(why, ERR_IO, "cannot create %s", path);
	if (lstat(path, &st) != 0)
		return fault_errno(why, ERR_IO, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		return fault_set(why, ERR_CONFIG,
		    "%s is not a regular file that only we can open", path);
	return OK;
}

/*
 * Exclusive locking: no other process opens the file while we have it, and
 * no shared memory file is needed.
 */
static enum err
set_up(struct store *s, struct fault *why)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	};
	int rc, now;

	sqlite3_extended_result_codes(s->db, 1);
	for (size_t i = 0; i < nitems(options); i++) {
		rc = sqlite3_db_config(s->db, options[i].option,
		    options[i].value, &now);
		if (rc != SQLITE_OK || now != options[i].value)
			return fault_set(why, ERR_UNSUPPORTED,
			    "SQLite refuses option %d", options[i].option);
	}
	return execute(s,
	    "PRAGMA locking_mode = EXCLUSIVE;"
	    "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA cell_size_check = ON;"
	    "PRAGMA temp_store = MEMORY;", why);
}

/* Settings that SQLite may ignore in silence. */
static enum err
check_set_up(struct store *s, struct fault *why)
{
	int64_t foreign_keys = 0, synchronous = 0, wal = 0;
	enum err err;

	err = number_of(s, "PRAGMA foreign_keys", &foreign_keys, why);
	if (err == OK)
		err = number_of(s, "PRAGMA synchronous", &synchronous, why);
	if (err == OK)
		err = number_of(s, "SELECT journal_mode = 'wal'"
		    " FROM pragma_journal_mode", &wal, why);
	if (err != OK)
		return err;
	if (foreign_keys != 1 || synchronous != 2 || wal != 1)
		return fault_set(why, ERR_UNSUPPORTED,
		    "SQLite does not keep foreign keys, full synchronisation"
		    " and a write-ahead log");
	return OK;
}

/* One step: the new schema and its number appear together or not at all. */
static enum err
migrate_to(struct store *s, const char *sql, size_t version,
    struct fault *why)
{
	char *pragma = xasprintf("PRAGMA application_id = %d;"
	    " PRAGMA user_version = %zu", APPLICATION_ID, version);
	enum err err;

	err = execute(s, "BEGIN IMMEDIATE", why);
	if (err == OK)
		err = execute(s, sql, why);
	if (err == OK)
		err = execute(s, pragma, why);
	if (err == OK)
		err = execute(s, "COMMIT", why);
	if (err != OK && !sqlite3_get_autocommit(s->db))
		execute(s, "ROLLBACK", NULL);
	free(pragma);
	return err;
}

static enum err
migrate(struct store *s, const char *const *migrations, size_t n,
    struct fault *why)
{
	int64_t version = 0, id = 0, tables = 0;
	enum err err;

	err = number_of(s, "PRAGMA user_version", &version, why);
	if (err == OK)
		err = number_of(s, "PRAGMA application_id", &id, why);
	if (err == OK)
		err = number_of(s, "SELECT count(*) FROM sqlite_schema",
		    &tables, why);
	if (err != OK)
		return err;
	if (id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
		return fault_set(why, ERR_CONFIG,
		    "the database is not a keybroker's");
	if (version < 0 || (uint64_t)version > n)
		return fault_set(why, ERR_UNSUPPORTED, "the database has"
		    " schema %lld, this program knows up to %zu: a newer"
		    " keybroker has used it", (long long)version, n);
	for (size_t i = (size_t)version; i < n && err == OK; i++)
		err = migrate_to(s, migrations[i], i + 1, why);
	return err;
}

static void
init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

struct store *
store_open_at(const char *folder, const char *const *migrations, size_t n,
    struct fault *why)
{
	char *path = xasprintf("%s/" DATABASE, folder);
	struct store *s = xcalloc(1, sizeof(*s));
	enum err err;
	int rc;

	init_lock(&s->lock);
	err = make_private(path, why);
	if (err != OK)
		goto out;
	rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc != SQLITE_OK) {
		err = store_fault(s, rc, "open", why);
		goto out;
	}
	err = set_up(s, why);
	if (err == OK)
		err = check_set_up(s, why);
	if (err == OK)
		err = migrate(s, migrations, n, why);
	if (err == OK)
		err = sync_folder(folder, why);
out:
	free(path);
	if (err == OK)
		return s;
	store_close(s);
	return NULL;
}

struct store *
store_open(const char *folder, struct fault *why)
{
	return store_open_at(folder, store_migrations, store_nmigrations, why);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < nitems(s->statements); i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

enum err
store_begin(struct store *s, struct fault *why)
{
	enum err err;

	store_lock(s);
	if (s->begun)
		fatal("store: a transaction within a transaction");
	err = store_run(s, SQL_BEGIN, NULL, 0, why);
	if (err != OK)
		store_unlock(s);
	else
		s->begun = true;
	return err;
}

enum err
store_commit(struct store *s, struct fault *why)
{
	enum err err;

	store_lock(s);
	if (!s->begun)
		fatal("store: no transaction to commit");
	err = store_run(s, SQL_COMMIT, NULL, 0, why);
	if (err != OK) {
		store_rollback(s);
	} else {
		s->begun = false;
		store_unlock(s);
	}
	store_unlock(s);
	return err;
}

void
store_rollback(struct store *s)
{
	store_lock(s);
	if (s->begun) {
		if (!sqlite3_get_autocommit(s->db))
			store_run(s, SQL_ROLLBACK, NULL, 0, NULL);
		s->begun = false;
		store_unlock(s);
	}
	store_unlock(s);
}
