/*
 * All SQL of the broker.  The order of columns in each statement is that of
 * the struct columns in the file of the noun; row.c compares the names
 * whenever a statement runs.
 */
#include "sql.h"

/* An order that is over; the index orders_open and the queries below must
 * say it in the same words. */
#define ENDED "('issued', 'failed', 'canceled')"

#define KEY_COLUMNS                                                           \
	"name, token, purpose, type, state, sample, born_elsewhere, id, spki," \
	" pin, attributes, created, retired, destroy_after"
#define ACCOUNT_COLUMNS                                                       \
	"name, ca, directory, key, state, kid, error, attempts, next_at,"      \
	" updated"
#define CERTIFICATE_COLUMNS                                                   \
	"name, configured, account, names, token, key_type, foreign_key,"      \
	" sample, challenge, webroot, tenant, key, chain, serial, issuer,"     \
	" not_before, not_after, issued, order_id, deleted, updated"
#define ORDER_COLUMNS                                                         \
	"certificate, account, key, state, sent, url, finalize,"               \
	" certificate_url, csr, chain, alternates, error, attempts, rounds,"   \
	" next_at, deadline, created, updated"
#define AUTHORIZATION_COLUMNS                                                 \
	"order_id, number, state, sent, provisioned, wildcard, answers, url,"  \
	" identifier, challenge_url, token, error"
#define DEPLOYMENT_COLUMNS                                                    \
	"certificate, order_id, state, attempts, next_at, updated,"            \
	" exit_status, output"
#define COUNTER_COLUMNS "name, used, at, full_at"

#define REQUEST_COLUMNS                                                       \
	"account, owner, act, names, profile, replaces, url, csr, key,"        \
	" certificate, created"
#define BINDING_COLUMNS                                                       \
	"account, url, owner, place, identifier, request, created"

const char *const store_sql[] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",

	[SQL_KEY_PUT] =
	    "INSERT INTO keys (" KEY_COLUMNS ")"
	    " VALUES (:name, :token, :purpose, :type, :state, :sample,"
	    " :born_elsewhere, :id, :spki, :pin, :attributes, :created,"
	    " :retired, :destroy_after)"
	    " ON CONFLICT (name) DO UPDATE SET token = excluded.token,"
	    " purpose = excluded.purpose, type = excluded.type,"
	    " state = excluded.state, sample = excluded.sample,"
	    " born_elsewhere = excluded.born_elsewhere, id = excluded.id,"
	    " spki = excluded.spki, pin = excluded.pin,"
	    " attributes = excluded.attributes, created = excluded.created,"
	    " retired = excluded.retired,"
	    " destroy_after = excluded.destroy_after",
	[SQL_KEY_GET] =
	    "SELECT " KEY_COLUMNS " FROM keys WHERE name = ?",
	[SQL_KEY_NEXT] =
	    "SELECT " KEY_COLUMNS " FROM keys WHERE name > ?"
	    " ORDER BY name LIMIT 1",

	[SQL_KEY_USER] =
	    "SELECT 'account \"' || name || '\"' AS user FROM accounts"
	    " WHERE key = ?1 AND state <> 'deactivated'"
	    " UNION ALL SELECT 'certificate \"' || name || '\"'"
	    " FROM certificates WHERE (key = ?1 OR foreign_key = ?1)"
	    " AND NOT deleted"
	    " UNION ALL SELECT 'order ' || id FROM orders"
	    " WHERE key = ?1 AND state NOT IN " ENDED " LIMIT 1",

	[SQL_ACCOUNT_PUT] =
	    "INSERT INTO accounts (" ACCOUNT_COLUMNS ")"
	    " VALUES (:name, :ca, :directory, :key, :state, :kid, :error,"
	    " :attempts, :next_at, :updated)"
	    " ON CONFLICT (name) DO UPDATE SET ca = excluded.ca,"
	    " directory = excluded.directory, key = excluded.key,"
	    " state = excluded.state, kid = excluded.kid,"
	    " error = excluded.error, attempts = excluded.attempts,"
	    " next_at = excluded.next_at, updated = excluded.updated",
	[SQL_ACCOUNT_GET] =
	    "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name = ?",
	[SQL_ACCOUNT_NEXT] =
	    "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name > ?"
	    " ORDER BY name LIMIT 1",

	[SQL_DIRECTORY_PUT] =
	    "INSERT INTO directories (url, json, fetched)"
	    " VALUES (:url, :json, :fetched)"
	    " ON CONFLICT (url) DO UPDATE SET json = excluded.json,"
	    " fetched = excluded.fetched",
	[SQL_DIRECTORY_GET] =
	    "SELECT url, json, fetched FROM directories WHERE url = ?",

	[SQL_CERTIFICATE_PUT] =
	    "INSERT INTO certificates (" CERTIFICATE_COLUMNS ")"
	    " VALUES (:name, :configured, :account, :names, :token, :key_type,"
	    " :foreign_key, :sample, :challenge, :webroot, :tenant, :key,"
	    " :chain, :serial, :issuer, :not_before, :not_after, :issued,"
	    " :order_id, :deleted, :updated)"
	    " ON CONFLICT (name) DO UPDATE SET"
	    " configured = excluded.configured, account = excluded.account,"
	    " names = excluded.names, token = excluded.token,"
	    " key_type = excluded.key_type,"
	    " foreign_key = excluded.foreign_key, sample = excluded.sample,"
	    " challenge = excluded.challenge, webroot = excluded.webroot,"
	    " tenant = excluded.tenant, key = excluded.key,"
	    " chain = excluded.chain, serial = excluded.serial,"
	    " issuer = excluded.issuer, not_before = excluded.not_before,"
	    " not_after = excluded.not_after, issued = excluded.issued,"
	    " order_id = excluded.order_id, deleted = excluded.deleted,"
	    " updated = excluded.updated",
	[SQL_CERTIFICATE_GET] =
	    "SELECT " CERTIFICATE_COLUMNS " FROM certificates WHERE name = ?",
	[SQL_CERTIFICATE_NEXT] =
	    "SELECT " CERTIFICATE_COLUMNS " FROM certificates"
	    " WHERE name > ? AND NOT deleted ORDER BY name LIMIT 1",

	[SQL_ORDER_PUT] =
	    "INSERT INTO orders (id, " ORDER_COLUMNS ")"
	    " VALUES (nullif(:id, 0), :certificate, :account, :key, :state,"
	    " :sent, :url, :finalize, :certificate_url, :csr, :chain,"
	    " :alternates, :error, :attempts, :rounds, :next_at, :deadline,"
	    " :created, :updated)"
	    " ON CONFLICT (id) DO UPDATE SET"
	    " certificate = excluded.certificate,"
	    " account = excluded.account, key = excluded.key,"
	    " state = excluded.state, sent = excluded.sent,"
	    " url = excluded.url, finalize = excluded.finalize,"
	    " certificate_url = excluded.certificate_url, csr = excluded.csr,"
	    " chain = excluded.chain, alternates = excluded.alternates,"
	    " error = excluded.error, attempts = excluded.attempts,"
	    " rounds = excluded.rounds,"
	    " next_at = excluded.next_at, deadline = excluded.deadline,"
	    " created = excluded.created, updated = excluded.updated",
	[SQL_ORDER_GET] =
	    "SELECT id, " ORDER_COLUMNS " FROM orders WHERE id = ?",
	[SQL_ORDER_BEFORE] =
	    "SELECT id, " ORDER_COLUMNS " FROM orders WHERE id < ?"
	    " ORDER BY id DESC LIMIT 1",
	[SQL_ORDER_BEFORE_OF] =
	    "SELECT id, " ORDER_COLUMNS " FROM orders"
	    " WHERE id < ? AND certificate = ? ORDER BY id DESC LIMIT 1",
	[SQL_ORDER_OPEN_NEXT] =
	    "SELECT id FROM orders WHERE id > ?"
	    " AND state NOT IN " ENDED " ORDER BY id LIMIT 1",
	[SQL_ORDER_OPEN_OF] =
	    "SELECT id FROM orders WHERE certificate = ?"
	    " AND state NOT IN " ENDED,

	[SQL_AUTHORIZATION_PUT] =
	    "INSERT INTO authorizations (" AUTHORIZATION_COLUMNS ")"
	    " VALUES (:order_id, :number, :state, :sent, :provisioned,"
	    " :wildcard, :answers, :url, :identifier, :challenge_url, :token,"
	    " :error)"
	    " ON CONFLICT (order_id, number) DO UPDATE SET"
	    " state = excluded.state, sent = excluded.sent,"
	    " provisioned = excluded.provisioned,"
	    " wildcard = excluded.wildcard, answers = excluded.answers,"
	    " url = excluded.url,"
	    " identifier = excluded.identifier,"
	    " challenge_url = excluded.challenge_url, token = excluded.token,"
	    " error = excluded.error",
	[SQL_AUTHORIZATION_NEXT] =
	    "SELECT " AUTHORIZATION_COLUMNS " FROM authorizations"
	    " WHERE order_id = ? AND number > ? ORDER BY number LIMIT 1",
	[SQL_AUTHORIZATION_BY_TOKEN] =
	    "SELECT " AUTHORIZATION_COLUMNS " FROM authorizations AS a"
	    " WHERE token = ? AND token <> '' AND state IN"
	    " ('pending', 'answered') AND EXISTS (SELECT 1 FROM orders AS o"
	    " JOIN certificates AS c ON c.name = o.certificate"
	    " WHERE o.id = a.order_id AND o.state NOT IN " ENDED
	    " AND c.challenge <> 'dns-01') ORDER BY order_id DESC LIMIT 1",
	[SQL_AUTHORIZATIONS_CLEAR] =
	    "DELETE FROM authorizations WHERE order_id = ?",

	/* So many that an order with all of them still fits into a reply: a
	 * CA that is never done and has new words each time shall not make
	 * its order unreadable. */
	[SQL_EVENT_PUT] =
	    "INSERT INTO events (id, order_id, at_ms, text)"
	    " SELECT nullif(:id, 0), :order_id, :at_ms, :text WHERE"
	    " (SELECT count(*) FROM events WHERE order_id = :order_id) < 900",
	[SQL_EVENT_NEXT] =
	    "SELECT id, order_id, at_ms, text FROM events"
	    " WHERE order_id = ? AND id > ? ORDER BY id LIMIT 1",

	[SQL_DEPLOYMENT_PUT] =
	    "INSERT INTO deployments (" DEPLOYMENT_COLUMNS ")"
	    " VALUES (:certificate, :order_id, :state, :attempts, :next_at,"
	    " :updated, :exit_status, :output)"
	    " ON CONFLICT (certificate) DO UPDATE SET"
	    " order_id = excluded.order_id, state = excluded.state,"
	    " attempts = excluded.attempts, next_at = excluded.next_at,"
	    " updated = excluded.updated,"
	    " exit_status = excluded.exit_status, output = excluded.output",
	[SQL_DEPLOYMENT_GET] =
	    "SELECT " DEPLOYMENT_COLUMNS " FROM deployments"
	    " WHERE certificate = ?",
	[SQL_DEPLOYMENT_DUE_NEXT] =
	    "SELECT " DEPLOYMENT_COLUMNS " FROM deployments"
	    " WHERE certificate > ? AND state IN ('pending', 'running')"
	    " AND next_at <= ? ORDER BY certificate LIMIT 1",

	[SQL_COUNTER_PUT] =
	    "INSERT INTO counters (" COUNTER_COLUMNS ")"
	    " VALUES (:name, :used, :at, :full_at)"
	    " ON CONFLICT (name) DO UPDATE SET used = excluded.used,"
	    " at = excluded.at, full_at = excluded.full_at",
	[SQL_COUNTER_GET] =
	    "SELECT " COUNTER_COLUMNS " FROM counters WHERE name = ?",
	[SQL_COUNTER_NEXT] =
	    "SELECT " COUNTER_COLUMNS " FROM counters WHERE name > ?"
	    " ORDER BY name LIMIT 1",
	[SQL_COUNTERS_CLEAR] =
	    "DELETE FROM counters WHERE full_at <= ?",

	[SQL_COUNTS] =
	    "SELECT count(*) AS certificates,"
	    " count(*) FILTER (WHERE there AND not_after > ?1) AS issued,"
	    " count(*) FILTER (WHERE (there AND not_after <= ?1)"
	    " OR last = 'failed') AS failing,"
	    " (SELECT count(*) FROM orders WHERE state NOT IN " ENDED ")"
	    " AS open_orders"
	    " FROM (SELECT chain IS NOT NULL AS there, not_after,"
	    " (SELECT state FROM orders WHERE certificate = c.name"
	    " ORDER BY id DESC LIMIT 1) AS last"
	    " FROM certificates AS c WHERE NOT deleted)",

	[SQL_SETTING_PUT] =
	    "INSERT INTO settings (name, value) VALUES (:name, :value)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	[SQL_SETTING_GET] =
	    "SELECT name, value FROM settings WHERE name = ?",

	[SQL_REQUEST_PUT] =
	    "INSERT INTO requests (id, " REQUEST_COLUMNS ")"
	    " VALUES (nullif(:id, 0), :account, :owner, :act, :names,"
	    " :profile, :replaces, :url, :csr, :key, :certificate, :created)"
	    " ON CONFLICT (id) DO UPDATE SET url = excluded.url,"
	    " csr = excluded.csr, key = excluded.key,"
	    " certificate = excluded.certificate",
	[SQL_REQUEST_GET] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests WHERE id = ?",
	[SQL_REQUEST_OF_ORDER] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND names = ?3"
	    " AND act = 'new-order' AND url IN ('', ?4) AND created > ?5"
	    " ORDER BY url DESC, csr DESC, id LIMIT 1",
	[SQL_REQUEST_TO_FINALIZE] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND names = ?3"
	    " AND act = 'new-order' AND csr IN ('', ?4) AND created > ?5"
	    " ORDER BY csr DESC, url DESC, id LIMIT 1",
	[SQL_REQUEST_NAMING] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND created > ?4"
	    " AND instr(' ' || names || ' ', ' ' || ?3 || ' ') > 0"
	    " ORDER BY id DESC LIMIT 1",
	[SQL_REQUEST_OF_KEY] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND key = ?3 AND key <> ''"
	    " ORDER BY id DESC LIMIT 1",
	[SQL_REQUEST_OF_CERTIFICATE] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND certificate = ?3"
	    " AND certificate <> '' ORDER BY id DESC LIMIT 1",
	[SQL_REQUEST_BEFORE] =
	    "SELECT id, " REQUEST_COLUMNS " FROM requests"
	    " WHERE account = ?1 AND owner = ?2 AND names = ?3"
	    " AND certificate <> '' ORDER BY id DESC LIMIT 1",
	[SQL_REQUESTS_PRUNE] = "DELETE FROM requests WHERE created < ?",

	[SQL_BINDING_PUT] =
	    "INSERT INTO bindings (" BINDING_COLUMNS ")"
	    " VALUES (:account, :url, :owner, :place, :identifier, :request,"
	    " :created)"
	    " ON CONFLICT (account, url, owner) DO UPDATE SET"
	    " place = excluded.place, identifier = excluded.identifier,"
	    " request = excluded.request",
	[SQL_BINDING_GET] =
	    "SELECT " BINDING_COLUMNS " FROM bindings"
	    " WHERE account = ? AND url = ? AND owner = ?",
	[SQL_BINDING_OF_OTHERS] =
	    "SELECT " BINDING_COLUMNS " FROM bindings"
	    " WHERE account = ? AND url = ? AND owner <> ? LIMIT 1",
	[SQL_BINDINGS_PRUNE] = "DELETE FROM bindings WHERE created < ?",

	[SQL_MANAGED_BY_URL] =
	    "SELECT certificate AS name FROM orders"
	    " WHERE url = ?1 OR finalize = ?1 OR certificate_url = ?1"
	    " UNION ALL SELECT o.certificate FROM authorizations AS a"
	    " JOIN orders AS o ON o.id = a.order_id"
	    " WHERE a.url = ?1 OR a.challenge_url = ?1 LIMIT 1",
	[SQL_MANAGED_BY_KEY] =
	    "SELECT c.name FROM keys AS k JOIN orders AS o ON o.key = k.name"
	    " JOIN certificates AS c ON c.name = o.certificate"
	    " WHERE hex(k.pin) = upper(?1) AND c.account = ?2"
	    " AND c.tenant = ?3 LIMIT 1",
	[SQL_KEY_BY_PIN] =
	    "SELECT " KEY_COLUMNS " FROM keys"
	    " WHERE hex(pin) = upper(?) ORDER BY state LIMIT 1",
};
_Static_assert(nitems(store_sql) == SQL__MAX, "every statement has its text");

/*
 * At most one open order for a certificate is a rule of the database itself
 * (orders_open), so that no mistake above it can order twice.
 */
static const char first_schema[] =
    "CREATE TABLE keys ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " token TEXT NOT NULL,"
    " purpose TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " sample INTEGER NOT NULL,"
    " born_elsewhere INTEGER NOT NULL,"
    " id BLOB NOT NULL,"
    " spki BLOB NOT NULL,"
    " pin BLOB NOT NULL,"
    " attributes INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " retired INTEGER NOT NULL,"
    " destroy_after INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE accounts ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " ca TEXT NOT NULL,"
    " directory TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " kid TEXT NOT NULL,"
    " error TEXT NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL,"
    " updated INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE directories ("
    " url TEXT PRIMARY KEY NOT NULL,"
    " json TEXT NOT NULL,"
    " fetched INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE certificates ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " configured INTEGER NOT NULL,"
    " account TEXT NOT NULL,"
    " names TEXT NOT NULL,"
    " token TEXT NOT NULL,"
    " key_type TEXT NOT NULL,"
    " foreign_key TEXT NOT NULL,"
    " sample INTEGER NOT NULL,"
    " challenge TEXT NOT NULL,"
    " webroot TEXT NOT NULL,"
    " tenant TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " chain TEXT,"
    " serial TEXT NOT NULL,"
    " issuer TEXT NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " issued INTEGER NOT NULL,"
    " order_id INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL,"
    " updated INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE orders ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " certificate TEXT NOT NULL REFERENCES certificates (name),"
    " account TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " sent INTEGER NOT NULL,"
    " url TEXT NOT NULL,"
    " finalize TEXT NOT NULL,"
    " certificate_url TEXT NOT NULL,"
    " csr BLOB,"
    " chain TEXT,"
    " alternates TEXT,"
    " error TEXT NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " rounds INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL,"
    " deadline INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX orders_certificate ON orders (certificate);"
    "CREATE UNIQUE INDEX orders_open ON orders (certificate)"
    " WHERE state NOT IN " ENDED ";"

    "CREATE TABLE authorizations ("
    " order_id INTEGER NOT NULL REFERENCES orders (id),"
    " number INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " sent INTEGER NOT NULL,"
    " provisioned INTEGER NOT NULL,"
    " wildcard INTEGER NOT NULL,"
    " answers INTEGER NOT NULL,"
    " url TEXT NOT NULL,"
    " identifier TEXT NOT NULL,"
    " challenge_url TEXT NOT NULL,"
    " token TEXT NOT NULL,"
    " error TEXT NOT NULL,"
    " PRIMARY KEY (order_id, number)"
    ") STRICT;"
    "CREATE INDEX authorizations_token ON authorizations (token)"
    " WHERE token <> '';"

    "CREATE TABLE events ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " order_id INTEGER NOT NULL REFERENCES orders (id),"
    " at_ms INTEGER NOT NULL,"
    " text TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX events_order ON events (order_id, id);"

    "CREATE TABLE deployments ("
    " certificate TEXT PRIMARY KEY NOT NULL REFERENCES certificates (name),"
    " order_id INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL,"
    " updated INTEGER NOT NULL,"
    " exit_status INTEGER NOT NULL,"
    " output TEXT NOT NULL"
    ") STRICT;"

    "CREATE TABLE settings ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " value TEXT NOT NULL"
    ") STRICT;";

static const char counters_schema[] =
    "CREATE TABLE counters ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " used INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " full_at INTEGER NOT NULL"
    ") STRICT;";

/* What other ACME clients had signed, and which of the CA's URLs are whose.
 * Managed orders are looked up by the URLs that such clients come with. */
static const char clients_schema[] =
    "CREATE TABLE requests ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " act TEXT NOT NULL,"
    " names TEXT NOT NULL,"
    " profile TEXT NOT NULL,"
    " replaces TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " csr TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " certificate TEXT NOT NULL,"
    " created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX requests_names ON requests (account, owner, names);"
    "CREATE INDEX requests_key ON requests (key) WHERE key <> '';"
    "CREATE INDEX requests_certificate ON requests (certificate)"
    " WHERE certificate <> '';"
    "CREATE INDEX requests_created ON requests (created);"

    "CREATE TABLE bindings ("
    " account TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " place TEXT NOT NULL,"
    " identifier TEXT NOT NULL,"
    " request INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY (account, url, owner)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX bindings_created ON bindings (created);"

    "CREATE INDEX orders_url ON orders (url);"
    "CREATE INDEX orders_finalize ON orders (finalize);"
    "CREATE INDEX orders_certificate_url ON orders (certificate_url);"
    "CREATE INDEX authorizations_url ON authorizations (url);"
    "CREATE INDEX authorizations_challenge ON authorizations (challenge_url);"
    "CREATE INDEX orders_key ON orders (key);"
    "CREATE INDEX keys_pin ON keys (hex(pin));";

const char *const store_migrations[] = {
	first_schema,
	counters_schema,
	clients_schema,
};
const size_t store_nmigrations = nitems(store_migrations);
