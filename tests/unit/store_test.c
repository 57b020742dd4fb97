/* Every row goes in and comes out; lists, pages and rules between rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../broker/base/mem.h"
#include "../../broker/core/store/store.h"

#define FILL(a, c) memset(a, c, sizeof(a) - 1)

static char folder[64];
static struct store *store;
static struct fault why;

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/kb-store-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	store = store_open(folder, &why);
	return store == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "keybroker.db",
		"keybroker.db-wal", "keybroker.db-shm" };
	char path[128];

	(void)state;
	store_close(store);
	for (size_t i = 0; i < nitems(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static void
reopen(void)
{
	store_close(store);
	store = store_open(folder, &why);
	assert_non_null(store);
}

static void
put_certificate(const char *name)
{
	struct certificate_row c = { .names = (char *)"a.example" };

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_int_equal(store_certificate_put(store, &c, &why), OK);
}

static int64_t
put_order(const char *certificate, enum order_state state)
{
	struct order_row o = { .state = state };

	snprintf(o.certificate, sizeof(o.certificate), "%s", certificate);
	assert_int_equal(store_order_put(store, &o, &why), OK);
	return o.id;
}

static void
test_private_file(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/keybroker.db", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(store_open(folder, &why));
	assert_int_equal(why.code, ERR_BUSY);
	store_close(store);
	assert_int_equal(chmod(path, 0640), 0);
	store = store_open(folder, &why);
	assert_null(store);
	assert_int_equal(why.code, ERR_CONFIG);
	assert_int_equal(chmod(path, 0600), 0);
	store = store_open(folder, &why);
	assert_non_null(store);
}

static void
test_key(void **state)
{
	struct key_row in, out;

	(void)state;
	assert_int_equal(store_key_get(store, "x", &out, &why), ERR_NOT_FOUND);
	assert_string_equal(why.text, "there is no key named \"x\"");
	memset(&in, 0, sizeof(in));
	FILL(in.name, 'n');
	assert_int_equal(store_key_put(store, &in, &why), OK);
	reopen();
	assert_int_equal(store_key_get(store, in.name, &out, &why), OK);
	assert_memory_equal(&in, &out, sizeof(in));
	FILL(in.token, 0xff);
	in.purpose = PURPOSE_AUDIT;
	in.type = KEY_ED25519;
	in.state = KEY_DESTROYED;
	in.sample = in.foreign = true;
	memset(in.id, 0, sizeof(in.id));
	in.idlen = sizeof(in.id);
	memset(in.spki, 0xa5, sizeof(in.spki));
	in.spkilen = sizeof(in.spki);
	memset(in.pin, 0xff, sizeof(in.pin));
	in.attributes = UINT32_MAX;
	in.created = INT64_MIN;
	in.retired = INT64_MAX;
	in.destroy_after = -1;
	assert_int_equal(store_key_put(store, &in, &why), OK);
	reopen();
	assert_int_equal(store_key_get(store, in.name, &out, &why), OK);
	assert_memory_equal(&in, &out, sizeof(in));
}

static void
test_enums(void **state)
{
	struct key_row k = { .name = "k" }, out;

	(void)state;
	for (unsigned i = 0; i < PURPOSE__MAX * KEY_TYPE__MAX *
	    KEY_STATE__MAX; i++) {
		k.purpose = i % PURPOSE__MAX;
		k.type = i / PURPOSE__MAX % KEY_TYPE__MAX;
		k.state = i / PURPOSE__MAX / KEY_TYPE__MAX;
		assert_int_equal(store_key_put(store, &k, &why), OK);
		assert_int_equal(store_key_get(store, "k", &out, &why), OK);
		assert_memory_equal(&k, &out, sizeof(k));
	}
	assert_string_equal(key_state_name(KEY_STATE__MAX), "unknown");
	assert_string_equal(account_state_name(ACCOUNT_STATE__MAX), "unknown");
	assert_string_equal(challenge_name(CHALLENGE__MAX), "unknown");
	assert_string_equal(order_state_name(ORDER_STATE__MAX), "unknown");
	assert_string_equal(deployment_state_name(DEPLOY_STATE__MAX),
	    "unknown");
	assert_string_equal(authorization_state_name(AUTHZ_STATE__MAX),
	    "unknown");
}

static void
test_account(void **state)
{
	struct account_row in, out;

	(void)state;
	assert_int_equal(store_account_get(store, "a", &out, &why),
	    ERR_NOT_FOUND);
	for (unsigned i = 0; i < ACCOUNT_STATE__MAX; i++) {
		memset(&in, 0, sizeof(in));
		FILL(in.name, 'a');
		FILL(in.ca, 'b');
		FILL(in.directory, 'c');
		FILL(in.key, 'd');
		in.state = i;
		FILL(in.kid, 'e');
		FILL(in.error, '\'');
		in.attempts = UINT32_MAX;
		in.next_at = INT64_MAX;
		in.updated = INT64_MIN;
		assert_int_equal(store_account_put(store, &in, &why), OK);
		assert_int_equal(store_account_get(store, in.name, &out, &why),
		    OK);
		assert_memory_equal(&in, &out, sizeof(in));
	}
}

static void
test_directory(void **state)
{
	struct buf json;
	int64_t fetched;

	(void)state;
	buf_init(&json, 1000000);
	assert_int_equal(store_directory_get(store, "https://ca/d", &json,
	    &fetched, &why), ERR_NOT_FOUND);
	assert_int_equal(store_directory_put(store, "https://ca/d", "{}", 1,
	    &why), OK);
	assert_int_equal(store_directory_put(store, "https://ca/d",
	    "{\"a\":\"\xc3\xa9\"}", INT64_MAX, &why), OK);
	assert_int_equal(store_directory_get(store, "https://ca/d", &json,
	    &fetched, &why), OK);
	assert_string_equal(buf_str(&json), "{\"a\":\"\xc3\xa9\"}");
	assert_true(fetched == INT64_MAX);
	buf_free(&json);
}

static void
compare_certificates(struct certificate_row *a, struct certificate_row *b)
{
	assert_string_equal(a->names, b->names);
	if (a->chain == NULL)
		assert_null(b->chain);
	else
		assert_string_equal(a->chain, b->chain);
	free(b->names);
	free(b->chain);
	b->names = a->names;
	b->chain = a->chain;
	assert_memory_equal(a, b, sizeof(*a));
}

static void
test_certificate(void **state)
{
	struct certificate_row in, out;

	(void)state;
	assert_int_equal(store_certificate_get(store, "c", &out, &why),
	    ERR_NOT_FOUND);
	memset(&in, 0, sizeof(in));
	FILL(in.name, 'a');
	in.names = xcalloc(1, ORDER_NAMES_MAX);
	memset(in.names, 'n', ORDER_NAMES_MAX - 1);
	assert_int_equal(store_certificate_put(store, &in, &why), OK);
	assert_int_equal(store_certificate_get(store, in.name, &out, &why),
	    OK);
	compare_certificates(&in, &out);
	in.configured = in.sample = in.deleted = true;
	FILL(in.account, 'b');
	FILL(in.token, 'c');
	in.key_type = KEY_ED25519;
	FILL(in.foreign_key, 'd');
	in.challenge = CHALLENGE_DNS_HOOK;
	FILL(in.webroot, 'e');
	FILL(in.tenant, 'f');
	FILL(in.key, 'g');
	in.chain = xcalloc(1, 102401);
	memset(in.chain, 'p', 102400);
	FILL(in.serial, 'h');
	FILL(in.issuer, 'i');
	in.not_before = INT64_MIN;
	in.not_after = INT64_MAX;
	in.issued = -1;
	in.order = INT64_MAX;
	in.updated = 5;
	assert_int_equal(store_certificate_put(store, &in, &why), OK);
	reopen();
	assert_int_equal(store_certificate_get(store, in.name, &out, &why),
	    OK);
	compare_certificates(&in, &out);
	certificate_row_free(&in);
	assert_null(in.names);
}

static void
fill_order(struct order_row *o)
{
	FILL(o->account, 'b');
	FILL(o->key, 'c');
	o->sent = true;
	FILL(o->url, 'd');
	FILL(o->finalize, 'e');
	FILL(o->certificate_url, 'f');
	o->csr = xmemdup("\0\1\2\0", 4);
	o->csrlen = 4;
	o->chain = xstrdup("PEM");
	o->alternates = xstrdup("");
	FILL(o->error, 'g');
	o->attempts = UINT32_MAX;
	o->next_at = INT64_MIN;
	o->deadline = INT64_MAX;
	o->created = -1;
	o->updated = 1;
}

static void
test_order(void **state)
{
	struct order_row in, out;

	(void)state;
	assert_int_equal(store_order_get(store, 7, &out, &why), ERR_NOT_FOUND);
	assert_string_equal(why.text, "there is no order 7");
	put_certificate("c");
	memset(&in, 0, sizeof(in));
	snprintf(in.certificate, sizeof(in.certificate), "c");
	assert_int_equal(store_order_put(store, &in, &why), OK);
	assert_int_equal(in.id, 1);
	assert_int_equal(store_order_get(store, 1, &out, &why), OK);
	assert_memory_equal(&in, &out, sizeof(in));
	fill_order(&in);
	for (unsigned i = 0; i < ORDER_STATE__MAX; i++) {
		in.state = i;
		assert_int_equal(store_order_put(store, &in, &why), OK);
		assert_int_equal(in.id, 1);
	}
	reopen();
	assert_int_equal(store_order_get(store, 1, &out, &why), OK);
	assert_int_equal(out.csrlen, 4);
	assert_memory_equal(out.csr, in.csr, 4);
	assert_string_equal(out.chain, in.chain);
	assert_string_equal(out.alternates, "");
	assert_string_equal(out.url, in.url);
	assert_string_equal(out.error, in.error);
	assert_true(out.next_at == INT64_MIN && out.deadline == INT64_MAX);
	order_row_free(&out);
	order_row_free(&in);
	assert_null(in.csr);
}

static void
test_orders_open(void **state)
{
	int64_t *ids, first, id;
	size_t n;

	(void)state;
	assert_int_equal(store_orders_open(store, &ids, &n, &why), OK);
	assert_int_equal(n, 0);
	put_certificate("a");
	put_certificate("b");
	put_order("a", ORDER_FAILED);
	put_order("b", ORDER_CANCELED);
	first = put_order("b", ORDER_KEY);
	put_order("a", ORDER_ISSUED);
	id = put_order("a", ORDER_INSTALL);
	assert_int_equal(store_orders_open(store, &ids, &n, &why), OK);
	assert_int_equal(n, 2);
	assert_int_equal(ids[0], first);
	assert_int_equal(ids[1], id);
	free(ids);
	assert_int_equal(store_order_open_of(store, "a", &first, &why), OK);
	assert_int_equal(first, id);
	assert_int_equal(store_order_open_of(store, "none", &id, &why), OK);
	assert_int_equal(id, 0);
}

/* The database itself refuses what would order twice, or dangle. */
static void
test_order_rules(void **state)
{
	struct order_row o = { .certificate = "a" };

	(void)state;
	assert_int_equal(store_order_put(store, &o, &why), ERR_CONFLICT);
	put_certificate("a");
	put_order("a", ORDER_KEY);
	assert_int_equal(store_order_put(store, &o, &why), ERR_CONFLICT);
	assert_int_equal(o.id, 0);
	o.state = ORDER_FAILED;
	assert_int_equal(store_order_put(store, &o, &why), OK);
	assert_int_equal(store_event_add(store, 99, 0, "x", &why),
	    ERR_CONFLICT);
	put_certificate("a"); /* replacing the parent keeps its orders */
	assert_int_equal(store_order_get(store, 1, &o, &why), OK);
}

static void
test_authorizations(void **state)
{
	struct authorization_row in, out, *rows;
	int64_t order;
	size_t n;

	(void)state;
	put_certificate("a");
	order = put_order("a", ORDER_KEY);
	for (uint32_t i = 0; i < 12; i++) {
		memset(&in, 0, sizeof(in));
		in.order = order;
		in.index = i == 0 ? UINT32_MAX : 12 - i;
		in.state = i % AUTHZ_STATE__MAX;
		in.sent = in.provisioned = in.wildcard = i % 2;
		in.answers = i * 100000007;
		FILL(in.url, 'a');
		FILL(in.identifier, 'b');
		FILL(in.challenge_url, 'c');
		FILL(in.token, 'd');
		FILL(in.error, 'e');
		assert_int_equal(store_authorization_put(store, &in, &why),
		    OK);
		assert_int_equal(store_authorization_put(store, &in, &why),
		    OK);
	}
	assert_int_equal(store_authorizations(store, order, &rows, &n, &why),
	    OK);
	assert_int_equal(n, 12);
	assert_memory_equal(&rows[0], &in, sizeof(in));
	assert_true(rows[11].index == UINT32_MAX);
	free(rows);
	assert_int_equal(store_authorization_by_token(store, in.token, &out,
	    &why), OK);
	assert_int_equal(store_authorizations_clear(store, order, &why), OK);
	assert_int_equal(store_authorizations(store, order, &rows, &n, &why),
	    OK);
	assert_int_equal(n, 0);
	assert_null(rows);
}

static void
put_authorization(int64_t order, const char *token,
    enum authorization_state state)
{
	struct authorization_row a = { .order = order, .state = state };

	snprintf(a.token, sizeof(a.token), "%s", token);
	assert_int_equal(store_authorization_put(store, &a, &why), OK);
}

static enum err
by_token(const char *token)
{
	struct authorization_row a;

	return store_authorization_by_token(store, token, &a, &why);
}

static void
test_by_token(void **state)
{
	struct certificate_row c = { .name = "dns", .names = (char *)"a.b",
		.challenge = CHALLENGE_DNS_HOOK };
	int64_t order, dns;

	(void)state;
	put_certificate("a");
	order = put_order("a", ORDER_ANSWER);
	assert_int_equal(store_certificate_put(store, &c, &why), OK);
	dns = put_order("dns", ORDER_ANSWER);
	put_authorization(order, "t", AUTHZ_PENDING);
	assert_int_equal(by_token("t"), OK);
	assert_int_equal(by_token("T"), ERR_NOT_FOUND);
	put_authorization(order, "t", AUTHZ_ANSWERED);
	assert_int_equal(by_token("t"), OK);
	put_authorization(order, "t", AUTHZ_VALID);
	assert_int_equal(by_token("t"), ERR_NOT_FOUND);
	put_authorization(dns, "d", AUTHZ_PENDING);
	assert_int_equal(by_token("d"), ERR_NOT_FOUND);
	put_authorization(order, "", AUTHZ_PENDING);
	assert_int_equal(by_token(""), ERR_NOT_FOUND);
	order = put_order("a", ORDER_FAILED);
	put_authorization(order, "old", AUTHZ_PENDING);
	assert_int_equal(by_token("old"), ERR_NOT_FOUND);
}

static bool
see_event(int64_t at_ms, const char *text, void *arg)
{
	struct buf *seen = arg;

	buf_putf(seen, "%lld %s;", (long long)at_ms, text);
	return seen->len < 20;
}

static bool
count_event(int64_t at_ms, const char *text, void *arg)
{
	(void)at_ms;
	(void)text;
	++*(unsigned *)arg;
	return true;
}

/* An order that never ends does not become too long to be read. */
static void
test_many_events(void **state)
{
	unsigned n = 0;
	int64_t order;

	(void)state;
	put_certificate("many");
	order = put_order("many", ORDER_KEY);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(store_event_add(store, order, i, "again",
		    &why), OK);
	assert_int_equal(store_events(store, order, count_event, &n, &why),
	    OK);
	assert_int_equal(n, 900);
}

static void
test_events(void **state)
{
	int64_t order;
	struct buf seen;

	(void)state;
	buf_init(&seen, 1000);
	put_certificate("a");
	order = put_order("a", ORDER_KEY);
	assert_int_equal(store_event_add(store, order, 5, "five", &why), OK);
	assert_int_equal(store_event_add(store, order, 3, "three", &why), OK);
	assert_int_equal(store_event_add(store, order, -1, "third", &why), OK);
	assert_int_equal(store_event_add(store, order, 0, "unseen", &why), OK);
	assert_int_equal(store_events(store, order, see_event, &seen, &why),
	    OK);
	assert_string_equal(buf_str(&seen), "5 five;3 three;-1 third;");
	buf_reset(&seen);
	assert_int_equal(store_events(store, 77, see_event, &seen, &why), OK);
	assert_int_equal(seen.len, 0);
	buf_free(&seen);
}

static bool
see_deployment(const struct deployment_row *d, void *arg)
{
	struct deployment_row changed = *d;

	buf_puts(arg, d->certificate);
	changed.state = DEPLOY_RUNNING;
	changed.next_at = INT64_MAX;
	return store_deployment_put(store, &changed, &why) == OK;
}

static void
test_deployment(void **state)
{
	struct deployment_row in, out;
	struct buf seen;

	(void)state;
	buf_init(&seen, 1000);
	memset(&in, 0, sizeof(in));
	snprintf(in.certificate, sizeof(in.certificate), "d");
	assert_int_equal(store_deployment_get(store, "d", &out, &why),
	    ERR_NOT_FOUND);
	for (char name[] = "a"; name[0] <= 'f'; name[0]++) {
		put_certificate(name);
		snprintf(in.certificate, sizeof(in.certificate), "%s", name);
		in.order = INT64_MAX;
		in.state = name[0] - 'a' < DEPLOY_STATE__MAX ?
		    name[0] - 'a' : DEPLOY_PENDING;
		in.attempts = in.exit_status = UINT32_MAX;
		in.next_at = name[0] == 'f' ? 101 : 100;
		in.updated = INT64_MIN;
		FILL(in.output, 'o');
		assert_int_equal(store_deployment_put(store, &in, &why), OK);
		assert_int_equal(store_deployment_get(store, name, &out, &why),
		    OK);
		assert_memory_equal(&in, &out, sizeof(in));
	}
	assert_int_equal(store_deployments_due(store, 99, see_deployment,
	    &seen, &why), OK);
	assert_string_equal(buf_str(&seen), "");
	assert_int_equal(store_deployments_due(store, 100, see_deployment,
	    &seen, &why), OK);
	assert_string_equal(buf_str(&seen), "abe");
	buf_free(&seen);
}

static void
test_setting(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(store_setting_get(store, "k", &out, &why),
	    ERR_NOT_FOUND);
	assert_int_equal(store_setting_put(store, "k", "", &why), OK);
	assert_int_equal(store_setting_get(store, "k", &out, &why), OK);
	assert_int_equal(out.len, 0);
	assert_int_equal(store_setting_put(store, "k", "v\n", &why), OK);
	assert_int_equal(store_setting_get(store, "k", &out, &why), OK);
	assert_string_equal(buf_str(&out), "v\n");
	buf_free(&out);
}

static void
expect_user(const char *key, const char *expected)
{
	char user[STORE_TEXT];

	assert_int_equal(store_key_user(store, key, user, &why),
	    expected != NULL ? OK : ERR_NOT_FOUND);
	assert_string_equal(user, expected != NULL ? expected : "");
}

static void
test_key_user(void **state)
{
	struct account_row a = { .name = "main", .key = "ka" };
	struct certificate_row c = { .name = "www", .key = "kc",
		.foreign_key = "kf", .names = (char *)"a.b" };
	struct order_row o = { .certificate = "www", .key = "ko" };

	(void)state;
	assert_int_equal(store_account_put(store, &a, &why), OK);
	assert_int_equal(store_certificate_put(store, &c, &why), OK);
	assert_int_equal(store_order_put(store, &o, &why), OK);
	expect_user("ka", "account \"main\"");
	expect_user("kc", "certificate \"www\"");
	expect_user("kf", "certificate \"www\"");
	expect_user("ko", "order 1");
	expect_user("k", NULL);
	a.state = ACCOUNT_DEACTIVATED;
	c.deleted = true;
	o.state = ORDER_FAILED;
	assert_int_equal(store_account_put(store, &a, &why), OK);
	assert_int_equal(store_certificate_put(store, &c, &why), OK);
	assert_int_equal(store_order_put(store, &o, &why), OK);
	expect_user("ka", NULL);
	expect_user("kc", NULL);
	expect_user("kf", NULL);
	expect_user("ko", NULL);
}

static void
put_issued(const char *name, int64_t not_after, bool deleted)
{
	struct certificate_row c = { .names = (char *)"a.b",
		.chain = (char *)"PEM", .not_after = not_after,
		.deleted = deleted };

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_int_equal(store_certificate_put(store, &c, &why), OK);
}

static void
test_counts(void **state)
{
	struct store_counts n;

	(void)state;
	assert_int_equal(store_counts(store, 0, &n, &why), OK);
	assert_true(n.certificates == 0 && n.issued == 0 && n.failing == 0 &&
	    n.open_orders == 0);
	put_certificate("none");
	put_certificate("failed");
	put_order("failed", ORDER_FAILED);
	put_certificate("again"); /* failed, but then begun anew */
	put_order("again", ORDER_FAILED);
	put_order("again", ORDER_KEY);
	put_issued("good", 101, false);
	put_issued("over", 100, false);
	put_issued("gone", 50, true);
	assert_int_equal(store_counts(store, 100, &n, &why), OK);
	assert_int_equal(n.certificates, 5);
	assert_int_equal(n.issued, 1);
	assert_int_equal(n.failing, 2);
	assert_int_equal(n.open_orders, 1);
}

struct page {
	char last[STORE_NAME];
	int64_t id;
	unsigned n;
	unsigned stop; /* end after this many; 0: never */
};

static bool
see(struct page *p, const char *name)
{
	assert_true(p->n == 0 || p->last[0] == '\0' ||
	    strcmp(name, p->last) > 0);
	snprintf(p->last, sizeof(p->last), "%s", name);
	return ++p->n != p->stop;
}

static bool
see_key(const struct key_row *k, void *arg)
{
	return see(arg, k->name);
}

static bool
see_account(const struct account_row *a, void *arg)
{
	return see(arg, a->name);
}

static bool
see_certificate(const struct certificate_row *c, void *arg)
{
	assert_string_equal(c->names, "a.example");
	return see(arg, c->name);
}

static bool
see_order(const struct order_row *o, void *arg)
{
	struct page *p = arg;

	assert_true(p->id == 0 || o->id < p->id);
	p->id = o->id;
	return ++p->n != p->stop;
}

static void
put_many(unsigned n)
{
	struct key_row k = { .name = "" };
	struct account_row a = { .name = "" };
	struct certificate_row c = { .names = (char *)"a.example" };

	assert_int_equal(store_begin(store, &why), OK);
	for (unsigned i = 0; i < n; i++) {
		snprintf(k.name, sizeof(k.name), "n%03u", i * 7 % n);
		memcpy(a.name, k.name, sizeof(a.name));
		memcpy(c.name, k.name, sizeof(c.name));
		c.deleted = i % 2 != 0;
		assert_int_equal(store_key_put(store, &k, &why), OK);
		assert_int_equal(store_account_put(store, &a, &why), OK);
		assert_int_equal(store_certificate_put(store, &c, &why), OK);
		put_order(k.name, ORDER_FAILED);
		put_order("n000", ORDER_FAILED);
	}
	assert_int_equal(store_commit(store, &why), OK);
}

static void
test_pages(void **state)
{
	struct page keys = { .n = 0 }, accounts = keys, certificates = keys,
	    orders = keys, all = keys;
	unsigned before;

	(void)state;
	put_certificate("n000");
	put_many(100);
	do { /* pages of 7, until one comes back empty */
		before = keys.n;
		assert_int_equal(store_keys(store, keys.last, 7, see_key,
		    &keys, &why), OK);
		assert_int_equal(store_accounts(store, accounts.last, 7,
		    see_account, &accounts, &why), OK);
		assert_int_equal(store_certificates(store, certificates.last,
		    7, see_certificate, &certificates, &why), OK);
		assert_int_equal(store_orders(store, NULL, all.id, 14,
		    see_order, &all, &why), OK);
		assert_int_equal(store_orders(store, "n000", orders.id, 14,
		    see_order, &orders, &why), OK);
	} while (keys.n != before);
	assert_int_equal(keys.n, 100);
	assert_int_equal(accounts.n, 100);
	assert_int_equal(certificates.n, 50);
	assert_int_equal(all.n, 200);
	assert_int_equal(orders.n, 101);
	keys = (struct page){ .stop = 3 };
	assert_int_equal(store_keys(store, "n050", 50, see_key, &keys, &why),
	    OK);
	assert_string_equal(keys.last, "n053");
	keys = (struct page){ .stop = 0 };
	assert_int_equal(store_keys(store, "", 0, see_key, &keys, &why), OK);
	assert_int_equal(keys.n, 0);
}

static void
test_transaction(void **state)
{
	struct key_row k = { .name = "k" }, out;

	(void)state;
	store_rollback(store); /* none open: nothing happens */
	assert_int_equal(store_begin(store, &why), OK);
	assert_int_equal(store_key_put(store, &k, &why), OK);
	assert_int_equal(store_key_get(store, "k", &out, &why), OK);
	store_rollback(store);
	assert_int_equal(store_key_get(store, "k", &out, &why), ERR_NOT_FOUND);
	assert_int_equal(store_begin(store, &why), OK);
	assert_int_equal(store_key_put(store, &k, &why), OK);
	assert_int_equal(store_commit(store, &why), OK);
	store_rollback(store);
	assert_int_equal(store_key_get(store, "k", &out, &why), OK);
}

/* Each thread moves 1 between two counters that must always sum to 1000. */
static int64_t
counter(const char *name)
{
	struct account_row a;

	return store_account_get(store, name, &a, NULL) == OK ? a.next_at :
	    INT64_MIN;
}

static bool
set_counter(const char *name, int64_t value)
{
	struct account_row a = { .next_at = value };

	snprintf(a.name, sizeof(a.name), "%s", name);
	return store_account_put(store, &a, NULL) == OK;
}

static void *
hammer(void *arg)
{
	struct fault own;
	bool good = true;

	for (unsigned i = 0; i < 60 && good; i++) {
		good = store_begin(store, &own) == OK;
		good = good && counter("a") + counter("b") == 1000;
		good = good && set_counter("a", counter("a") + 1);
		good = good && set_counter("b", counter("b") - 1);
		if (i % 3 == 0)
			store_rollback(store);
		else
			good = good && store_commit(store, &own) == OK;
	}
	*(bool *)arg = good;
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[4];
	bool good[4] = { false };

	(void)state;
	assert_true(set_counter("a", 0) && set_counter("b", 1000));
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer,
		    &good[i]), 0);
	for (size_t i = 0; i < nitems(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(good[i]);
	}
	assert_int_equal(counter("a"), 160);
	assert_int_equal(counter("b"), 840);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_private_file),
		TEST(test_key),
		TEST(test_enums),
		TEST(test_account),
		TEST(test_directory),
		TEST(test_certificate),
		TEST(test_order),
		TEST(test_orders_open),
		TEST(test_order_rules),
		TEST(test_authorizations),
		TEST(test_by_token),
		TEST(test_events),
		TEST(test_many_events),
		TEST(test_deployment),
		TEST(test_setting),
		TEST(test_key_user),
		TEST(test_counts),
		TEST(test_pages),
		TEST(test_transaction),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
