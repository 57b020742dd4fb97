/* Decisions: a table, rates, and what must hold for any configuration. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../policy/evaluate.h"
#include "policy_random.h"

#define NOW	   1800000000 /* 2027-01-15 */
#define ROUNDS	   300
#define QUESTIONS  50

static bool
somebody(const char *name, uint32_t *id)
{
	*id = (uint32_t)strlen(name);
	return true;
}

static const struct config_names names = { somebody, somebody };

static struct config *
parse(const char *text)
{
	struct config_errors e;
	struct config *c = config_parse(text, strlen(text), &names, &e);

	if (c == NULL)
		fail_msg("%u:%u %s in\n%s", e.v[0].line, e.v[0].column,
		    e.v[0].text, text);
	config_errors_free(&e);
	return c;
}

static const char rules[] =
    /* 1 */ "state \"/s\" listener \"l\" listener \"m\"\n"
    /* 2 */ "ca \"c\" { directory \"https://c/\" }\n"
    /* 3 */ "token \"t\" { module \"m\" uri \"pkcs11:token=t\" "
	    "pin-source \"prompt\" }\n"
    /* 4 */ "account \"main\" { ca \"c\" key ec-p256 { token \"t\" } }\n"
    /* 5 */ "tenant \"web\" { uid 10 gid 20 }\n"
    /* 6 */ "tenant \"ops\" { uid 11 listener \"l\" }\n"
    /* 7 */ "tenant \"local\" { listener \"m\" }\n"
    /* 8 */ "allow \"web\" { operations order.* names \"a.example\" "
	    "\".b.example\" accounts \"main\" }\n"
    /* 9 */ "allow \"web\" { operations order.* names \"*.c.example\" }\n"
    /*10 */ "allow \"web\" { operations key.read keys \"web-*\" \"x\" }\n"
    /*11 */ "allow \"ops\" { operations * names \"*\" }\n"
    /*12 */ "allow \"local\" { operations status.read }\n"
    /*13 */ "allow \"*\" { operations token.read until 2027-01-14 }\n"
    /*14 */ "allow \"*\" { operations account.read until 2027-01-15 }\n"
    /*15 */ "deny \"web\" { operations order.cancel }\n"
    /*16 */ "deny \"*\" { operations order.create "
	    "names \"secret.b.example\" }\n"
    /*17 */ "deny \"ops\" { operations key.destroy keys \"root*\" }\n"
    /*18 */ "deny \"ops\" { operations key.read until 2027-01-14 }\n"
    /*19 */ "allow \"web\" { operations certificate.read "
	    "certificates \"*\" }\n"
    /*20 */ "allow \"web\" { operations acme.order names \".p.example\" "
	    "profiles \"short*\" }\n";

static const struct {
	uint32_t uid, gid, group; /* group 0: none */
	const char *listener;
	enum operation op;
	const char *key, *account, *names[3];
	unsigned line; /* 0: refused by default; of a deny rule: refused */
	const char *tenant, *says;
} table[] = {
	/* Who. */
	{ 10, 0, 0, "l", OP_ORDER_READ, NULL, "main", { 0 }, 8, "web", "8" },
	{ 1, 20, 0, "l", OP_ORDER_READ, NULL, "main", { 0 }, 8, "web", "8" },
	{ 1, 1, 20, "l", OP_ORDER_READ, NULL, "main", { 0 }, 8, "web", "8" },
	{ 20, 10, 10, "l", OP_ORDER_READ, NULL, "main", { 0 }, 0, NULL,
	    "without a tenant" },
	{ 11, 1, 0, "l", OP_STATUS_READ, NULL, NULL, { 0 }, 11, "ops", "" },
	{ 11, 1, 0, "m", OP_STATUS_READ, NULL, NULL, { 0 }, 12, "local", "" },
	{ 11, 1, 0, "m", OP_KEY_READ, NULL, NULL, { 0 }, 0, "local",
	    "no rule allows key.read to the tenant local" },
	{ 11, 1, 0, NULL, OP_KEY_READ, NULL, NULL, { 0 }, 0, NULL, "" },
	{ 11, 20, 0, "l", OP_AUDIT_READ, NULL, NULL, { 0 }, 11, "ops", "" },
	{ 10, 1, 0, "m", OP_AUDIT_READ, NULL, NULL, { 0 }, 0, "web",
	    "the tenants web, local" },
	/* Names: one rule must cover all of them. */
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main", { "a.example" }, 8,
	    "web", "" },
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main",
	    { "a.example", "x.b.example" }, 8, "web", "" },
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main",
	    { "a.example", "x.c.example" }, 0, "web",
	    "line 8 leaves out the name \"x.c.example\"" },
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main",
	    { "x.c.example", "*.c.example" }, 9, "web", "" },
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main",
	    { "x.y.c.example" }, 0, "web", "name \"x.y.c.example\"" },
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "main",
	    { "A.example" }, 0, "web", "name \"A.example\"" },
	{ 11, 1, 0, "l", OP_ORDER_CREATE, NULL, NULL,
	    { "not a name" }, 0, "ops", "name \"not a name\"" },
	{ 10, 1, 0, "l", OP_CERTIFICATE_READ, NULL, NULL,
	    { "a.example" }, 19, "web", "" }, /* looking needs no names */
	{ 10, 1, 0, "l", OP_ORDER_READ, NULL, "main",
	    { "z.example" }, 0, "web", "name \"z.example\"" },
	/* Things. */
	{ 10, 1, 0, "l", OP_ORDER_CREATE, NULL, "other", { "a.example" }, 0,
	    "web", "line 9 leaves out the name \"a.example\"" },
	{ 10, 1, 0, "l", OP_ORDER_READ, NULL, "other", { 0 }, 9, "web", "" },
	{ 10, 1, 0, "l", OP_KEY_READ, "web-1", NULL, { 0 }, 10, "web", "" },
	{ 10, 1, 0, "l", OP_KEY_READ, "web-", NULL, { 0 }, 10, "web", "" },
	{ 10, 1, 0, "l", OP_KEY_READ, "x", NULL, { 0 }, 10, "web", "" },
	{ 10, 1, 0, "l", OP_KEY_READ, "xy", NULL, { 0 }, 0, "web",
	    "line 10 leaves out the key \"xy\"" },
	{ 10, 1, 0, "l", OP_KEY_READ, NULL, NULL, { 0 }, 0, "web",
	    "line 10 wants a certain key" },
	{ 10, 1, 0, "l", OP_CERTIFICATE_READ, NULL, NULL, { 0 }, 19, "web",
	    "" },
	/* When. */
	{ 1, 1, 0, "l", OP_TOKEN_READ, NULL, NULL, { 0 }, 0, NULL, "" },
	{ 1, 1, 0, "l", OP_ACCOUNT_READ, NULL, NULL, { 0 }, 14, NULL, "" },
	{ 11, 1, 0, "l", OP_KEY_READ, NULL, NULL, { 0 }, 11, "ops", "" },
	/* Denials. */
	{ 10, 1, 0, "l", OP_ORDER_CANCEL, NULL, "main", { 0 }, 15, "web",
	    "denies order.cancel to the tenant web" },
	{ 11, 1, 0, "l", OP_ORDER_CREATE, NULL, NULL,
	    { "x.example", "secret.b.example" }, 16, "ops",
	    "everybody for the name \"secret.b.example\"" },
	{ 11, 1, 0, "l", OP_ORDER_CREATE, NULL, NULL, { "*.b.example" }, 16,
	    "ops", "name \"*.b.example\"" },
	{ 11, 1, 0, "l", OP_ORDER_CREATE, NULL, NULL,
	    { "x.secret.b.example" }, 11, "ops", "" },
	{ 11, 1, 0, "l", OP_ORDER_CREATE, NULL, NULL, { 0 }, 11, "ops", "" },
	{ 11, 1, 0, "l", OP_KEY_DESTROY, "root-1", NULL, { 0 }, 17, "ops",
	    "" },
	{ 11, 1, 0, "l", OP_KEY_DESTROY, "web", NULL, { 0 }, 11, "ops", "" },
};

static void
test_table(void **state)
{
	struct config *c = parse(rules);

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		struct facts f = { .uid = table[i].uid, .gid = table[i].gid,
			.groups = &table[i].group,
			.ngroups = table[i].group != 0,
			.listener = table[i].listener,
			.operation = table[i].op, .key = table[i].key,
			.account = table[i].account,
			.names = table[i].names };
		bool deny = (table[i].line >= 15 && table[i].line <= 18) ||
		    table[i].line == 0;
		struct decision d;

		while (f.names[f.nnames] != NULL)
			f.nnames++;
		d = policy_evaluate(c, NULL, &f, NOW, true);
		if (d.allow == deny || d.line != table[i].line ||
		    d.code != (deny ? ERR_DENIED : OK) ||
		    (d.tenant == NULL) != (table[i].tenant == NULL) ||
		    (d.tenant != NULL && strcmp(d.tenant, table[i].tenant)) ||
		    strstr(d.reason, table[i].says) == NULL)
			fail_msg("row %zu: allow %d, line %u, tenant %s: %s",
			    i, d.allow, d.line,
			    d.tenant != NULL ? d.tenant : "none", d.reason);
	}
	config_free(c);
}

/* What ACME clients ask for besides names. */
static void
test_orders(void **state)
{
	static const char *const name[] = { "a.p.example" };
	static const char *const ip[] = { "192.0.2.1" };
	const char *tenants[2];
	struct config *c = parse(rules);
	struct facts f = { .uid = 10, .operation = OP_ACME_ORDER,
		.names = name, .nnames = 1, .profile = "shortlived" };

	(void)state;
	assert_int_equal(policy_evaluate(c, NULL, &f, NOW, true).line, 20);
	f.profile = "classic";
	assert_non_null(strstr(policy_evaluate(c, NULL, &f, NOW, true).reason,
	    "profile \"classic\""));
	f.profile = NULL;
	assert_false(policy_evaluate(c, NULL, &f, NOW, true).allow);
	f.profile = "shortlived";
	f.ips = ip;
	f.nips = 1;
	assert_non_null(strstr(policy_evaluate(c, NULL, &f, NOW, true).reason,
	    "address \"192.0.2.1\""));
	assert_int_equal(policy_tenants(c, &f, tenants, 2), 1);
	assert_string_equal(tenants[0], "web");
	f.uid = f.gid = 99;
	assert_int_equal(policy_tenants(c, &f, tenants, 2), 0);
	config_free(c);
}

/* A reason is one printable sentence whatever it is about. */
static void
test_reason_is_bounded(void **state)
{
	struct config *c;
	struct facts f = { .uid = 10, .operation = OP_ORDER_CREATE };
	struct decision d;
	struct buf text;
	char name[2000];
	const char *one = name;

	(void)state;
	buf_init(&text, CONFIG_MAX);
	buf_puts(&text, "state \"/s\"\n");
	for (unsigned i = 0; i < 100; i++)
		buf_putf(&text, "tenant \"%060u\" { uid 10 }\n", i);
	buf_puts(&text, "allow \"*\" { operations * names \".x\" }\n");
	c = parse(buf_str(&text));
	memset(name, '\n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	f.names = &one;
	f.nnames = 1;
	d = policy_evaluate(c, NULL, &f, NOW, true);
	assert_false(d.allow);
	assert_null(strchr(d.reason, '\n'));
	assert_non_null(strstr(d.reason, "..."));
	assert_non_null(strstr(d.reason, "the name \"???"));
	f.operation = OP__MAX;
	assert_false(policy_evaluate(c, NULL, &f, NOW, true).allow);
	config_free(c);
	buf_free(&text);
}

/* Asks for a rated operation as that uid. */
static struct decision
ask(const struct config *c, struct limits *l, uint32_t uid, int64_t now,
    bool spend)
{
	struct facts f = { .uid = uid, .operation = OP_ORDER_READ };

	return policy_evaluate(c, l, &f, now, spend);
}

static void
assert_wait(struct decision d, uint32_t seconds)
{
	assert_int_equal(d.retry_after, seconds);
	assert_int_equal(d.allow, seconds == 0);
	assert_int_equal(d.code, seconds == 0 ? OK : ERR_RATE);
	assert_int_not_equal(d.line, 0);
}

static void
test_rate(void **state)
{
	struct config *c = parse("state \"/s\" tenant \"w\" { uid 10 }\n"
	    "allow \"w\" { operations order.read rate 3 per 100s }\n"
	    "allow \"w\" { operations order.read }\n");
	struct limits *l = limits_new(c);

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		assert_wait(ask(c, l, 10, NOW, false), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_wait(ask(c, l, 10, NOW, true), 0);
	/* A third of 100 seconds, rounded up; the next rule does not help. */
	assert_wait(ask(c, l, 10, NOW, true), 34);
	assert_wait(ask(c, l, 10, NOW + 33, false), 1);
	assert_wait(ask(c, l, 10, NOW + 33, true), 1);
	assert_wait(ask(c, l, 10, NOW + 34, false), 0);
	assert_wait(ask(c, l, 10, NOW + 34, true), 0);
	/* 34 s made 1.02 tokens; 0.02 is still there: 66 s to two. */
	assert_wait(ask(c, l, 10, NOW + 34, true), 33);
	assert_wait(ask(c, l, 10, NOW + 66, true), 1);
	assert_wait(ask(c, l, 10, NOW + 67, true), 0);
	/* Never more than the rate's count, however long it rests. */
	for (unsigned i = 0; i < 3; i++)
		assert_wait(ask(c, l, 10, NOW + 1000000, true), 0);
	assert_wait(ask(c, l, 10, NOW + 1000000, true), 34);
	/* Without limits there is no rate. */
	assert_wait(ask(c, NULL, 10, NOW, true), 0);
	limits_free(l);
	config_free(c);
}

static void
test_rate_and_clock_steps(void **state)
{
	struct config *c = parse("state \"/s\" tenant \"w\" { uid 10 }\n"
	    "allow \"w\" { operations order.read rate 1 per 1h }\n");
	struct limits *l = limits_new(c);

	(void)state;
	assert_wait(ask(c, l, 10, NOW, true), 0);
	assert_wait(ask(c, l, 10, NOW + 10, true), 3590);
	/* Back by a day: nothing is won, and nobody waits a day longer. */
	assert_wait(ask(c, l, 10, NOW - 86400, true), 3590);
	assert_wait(ask(c, l, 10, NOW - 86400 + 3589, true), 1);
	assert_wait(ask(c, l, 10, NOW - 86400 + 3590, true), 0);
	/* The ends of time do no harm. */
	assert_wait(ask(c, l, 10, INT64_MIN, true), 3600);
	assert_wait(ask(c, l, 10, INT64_MAX, true), 0);
	assert_wait(ask(c, l, 10, INT64_MAX, true), 3600);
	limits_free(l);
	config_free(c);
}

/* All of a rule's rates must have room; a refusal is charged to none. */
static void
test_rates(void **state)
{
	struct config *c = parse("state \"/s\" tenant \"w\" { uid 10 }\n"
	    "allow \"w\" { operations order.read\n"
	    "rate 2 per 1s 3 per 1h 4 per 7d }\n");
	struct limits *l = limits_new(c);

	(void)state;
	assert_wait(ask(c, l, 10, NOW, true), 0);
	assert_wait(ask(c, l, 10, NOW, true), 0);
	for (unsigned i = 0; i < 9; i++)
		assert_wait(ask(c, l, 10, NOW, true), 1);
	assert_wait(ask(c, l, 10, NOW + 1, true), 0);
	assert_wait(ask(c, l, 10, NOW + 2, true), 1198);
	assert_wait(ask(c, l, 10, NOW + 1200, true), 0);
	assert_wait(ask(c, l, 10, NOW + 86400, true), 7 * 86400 / 4 - 86400);
	limits_free(l);
	config_free(c);
}

struct kept {
	char names[8][LIMITS_NAME_MAX];
	struct bucket buckets[8];
	size_t n;
};

static void
keep(const char *name, const struct bucket *b, uint32_t seconds, void *arg)
{
	struct kept *k = arg;

	assert_true(seconds >= LIMITS_KEPT);
	snprintf(k->names[k->n], LIMITS_NAME_MAX, "%s", name);
	k->buckets[k->n++] = *b;
}

static struct limits *
restore(const struct config *c, const struct kept *k)
{
	struct limits *l = limits_new(c);

	for (size_t i = 0; i < k->n; i++)
		limits_restore(l, k->names[i], &k->buckets[i]);
	limits_restore(l, "", &k->buckets[0]);
	limits_restore(l, "0123", &k->buckets[0]);
	return l;
}

#define KEPT(more)                                                        \
	"state \"/s\" tenant \"w\" { uid 10 } tenant \"x\" { uid 11 }\n" more
#define KEPT_RULE(rates)                                                  \
	"allow \"*\" { operations order.read rate " rates " }\n"

/* What is to be kept goes on in another process, also behind another rule
 * and with another number; other rules begin anew. */
static void
test_rates_are_kept(void **state)
{
	struct config *c = parse(KEPT(KEPT_RULE("9 per 1m 2 per 1h 4 per 7d")));
	struct config *moved = parse(KEPT("allow \"w\" { operations key.* "
	    "rate 1 per 1h }\n" KEPT_RULE("5 per 7d 3 per 1h")));
	struct config *other = parse(KEPT("allow \"*\" { operations order.* "
	    "rate 2 per 1h }\n"));
	struct limits *l = limits_new(c);
	struct kept k = { .n = 0 };

	(void)state;
	assert_false(limits_changed(l));
	assert_wait(ask(c, l, 10, NOW, false), 0);
	assert_false(limits_changed(l));
	assert_wait(ask(c, l, 10, NOW, true), 0);
	assert_wait(ask(c, l, 10, NOW, true), 0);
	assert_wait(ask(c, l, 11, NOW, true), 0);
	assert_wait(ask(c, l, 10, NOW, true), 1800);
	assert_true(limits_changed(l));
	limits_save(l, keep, &k);
	assert_int_equal(k.n, 4);
	assert_false(limits_changed(l));
	limits_save(l, keep, &k);
	assert_int_equal(k.n, 4);
	limits_free(l);

	l = restore(c, &k);
	assert_wait(ask(c, l, 10, NOW, true), 1800);
	assert_wait(ask(c, l, 11, NOW, true), 0);
	assert_wait(ask(c, l, 11, NOW, true), 1800);
	limits_free(l);
	l = restore(moved, &k);
	assert_wait(ask(moved, l, 10, NOW, true), 0);
	assert_wait(ask(moved, l, 10, NOW, true), 1200);
	limits_free(l);
	l = restore(other, &k);
	assert_wait(ask(other, l, 10, NOW, true), 0);
	assert_wait(ask(other, l, 10, NOW, true), 0);
	limits_free(l);
	config_free(c);
	config_free(moved);
	config_free(other);
}

/* ------------------------------------------------------------- identifiers */

static const char identifiers[] =
    /* 1 */ "state \"/s\" tenant \"w\" { uid 10 }\n"
    /* 2 */ "allow \"w\" { operations order.create names \".a.example\" "
	    "ips \"192.0.2.0/24\" \"2001:db8::/33\" }\n"
    /* 3 */ "allow \"w\" { operations order.create names \"*\" "
	    "profiles \"tls*\" }\n"
    /* 4 */ "allow \"w\" { operations order.read names \".a.example\" }\n"
    /* 5 */ "deny \"*\" { operations * ips \"192.0.2.64/26\" "
	    "\"2001:db8::1\" }\n"
    /* 6 */ "allow \"w\" { operations order.cancel ips \"*\" }\n"
    /* 7 */ "deny \"*\" { operations * names \"x.a.example\" "
	    "profiles \"tlsold\" }\n";

static const struct {
	enum operation op;
	const char *name, *ip, *profile;
	unsigned line;
	bool allow;
} identifier_table[] = {
	{ OP_ORDER_CREATE, "b.a.example", "192.0.2.1", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "192.0.2.63", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "192.0.2.64", NULL, 5, false },
	{ OP_ORDER_CREATE, NULL, "192.0.2.127", NULL, 5, false },
	{ OP_ORDER_CREATE, NULL, "::ffff:192.0.2.127", NULL, 5, false },
	{ OP_ORDER_CREATE, NULL, "192.0.2.128", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "::ffff:192.0.2.128", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "192.0.3.1", NULL, 0, false },
	{ OP_ORDER_CREATE, "b.a.example", "192.0.3.1", NULL, 0, false },
	{ OP_ORDER_CREATE, NULL, "192.0.2.1.", NULL, 0, false },
	{ OP_ORDER_CREATE, NULL, "2001:db8:7fff::1", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "2001:DB8::2", NULL, 2, true },
	{ OP_ORDER_CREATE, NULL, "2001:db8:8000::1", NULL, 0, false },
	{ OP_ORDER_CREATE, NULL, "2001:db8::1", NULL, 5, false },
	{ OP_ORDER_CREATE, NULL, "2001:db8:0:0::1", NULL, 5, false },
	/* "*" of names is no address. */
	{ OP_ORDER_CREATE, NULL, "192.0.3.1", "tlsserver", 0, false },
	{ OP_ORDER_CREATE, "z.example", NULL, "tlsserver", 3, true },
	{ OP_ORDER_CREATE, "z.example", NULL, "classic", 0, false },
	{ OP_ORDER_CREATE, "z.example", NULL, NULL, 0, false },
	{ OP_ORDER_CREATE, "x.a.example", NULL, "tlsold", 7, false },
	{ OP_ORDER_CREATE, "x.a.example", NULL, "tlsnew", 2, true },
	/* Who looks needs no list of a kind, but what is listed counts. */
	{ OP_ORDER_READ, "b.a.example", "192.0.3.1", NULL, 4, true },
	{ OP_ORDER_READ, "b.example", "192.0.3.1", NULL, 0, false },
	{ OP_ORDER_CANCEL, NULL, "203.0.113.9", NULL, 6, true },
	{ OP_ORDER_CANCEL, NULL, "not an address", NULL, 0, false },
	{ OP_ORDER_CANCEL, "b.a.example", NULL, NULL, 0, false },
};

static void
test_identifiers(void **state)
{
	struct config *c = parse(identifiers);

	(void)state;
	for (size_t i = 0; i < nitems(identifier_table); i++) {
		struct facts f = { .uid = 10,
			.operation = identifier_table[i].op,
			.profile = identifier_table[i].profile,
			.names = &identifier_table[i].name,
			.nnames = identifier_table[i].name != NULL,
			.ips = &identifier_table[i].ip,
			.nips = identifier_table[i].ip != NULL };
		struct decision d = policy_evaluate(c, NULL, &f, NOW, true);

		if (d.allow != identifier_table[i].allow ||
		    d.line != identifier_table[i].line)
			fail_msg("row %zu: allow %d, line %u: %s", i, d.allow,
			    d.line, d.reason);
	}
	config_free(c);
}

/* --------------------------------------------------------------- namespaces */

static const char namespaces[] =
    "state \"/s\"\n"
    "tenant \"a\" { uid 1 owns \"a-*\" \"alone\" }\n"
    "tenant \"b\" { uid 2 owns \"b-*\" }\n"
    "tenant \"c\" { uid 3 }\n"
    "tenant \"ops\" { uid 4 sees \"*\" owns \"ops-*\" }\n"
    "tenant \"half\" { uid 5 sees \"b\" }\n"
    "allow \"*\" { operations * names \"*\" }\n";

#define GONE ERR_NOT_FOUND
#define NO   ERR_DENIED

static const struct {
	uint32_t uid;
	enum operation op;
	const char *key, *account, *certificate;
	enum err code;
} namespace_table[] = {
	{ 1, OP_KEY_READ, "a-1", NULL, NULL, OK },
	{ 2, OP_KEY_READ, "a-1", NULL, NULL, GONE },
	{ 3, OP_KEY_READ, "a-1", NULL, NULL, GONE },
	{ 4, OP_KEY_READ, "a-1", NULL, NULL, OK },
	{ 5, OP_KEY_READ, "a-1", NULL, NULL, GONE },
	{ 5, OP_KEY_READ, "b-1", NULL, NULL, OK },
	{ 6, OP_KEY_READ, "b-1", NULL, NULL, GONE },
	{ 6, OP_KEY_READ, "b", NULL, NULL, OK },
	/* Keys that the broker names after what they are for. */
	{ 2, OP_KEY_READ, "account-a-main", NULL, NULL, GONE },
	{ 1, OP_KEY_READ, "account-a-main", NULL, NULL, OK },
	{ 2, OP_KEY_READ, "account-main", NULL, NULL, OK },
	{ 2, OP_KEY_READ, "alone-17", NULL, NULL, GONE },
	{ 2, OP_KEY_READ, "alone-x", NULL, NULL, OK },
	{ 2, OP_KEY_READ, "a-www-17", NULL, NULL, GONE },
	/* Everything that a request is about. */
	{ 2, OP_ACME_READ, NULL, "a-main", NULL, GONE },
	{ 2, OP_ACME_READ, NULL, "main", NULL, OK },
	{ 2, OP_ORDER_READ, NULL, "main", "a-www", GONE },
	{ 2, OP_ORDER_READ, NULL, "main", "www", OK },
	{ 2, OP_ORDER_CREATE, NULL, "a-main", "b-www", GONE },
	/* New names are the owners' only, and owned ones at that. */
	{ 2, OP_KEY_GENERATE, "b-1", NULL, NULL, OK },
	{ 2, OP_KEY_GENERATE, "a-1", NULL, NULL, NO },
	{ 2, OP_KEY_GENERATE, "www", NULL, NULL, NO },
	{ 3, OP_KEY_GENERATE, "www", NULL, NULL, NO },
	{ 4, OP_KEY_GENERATE, "a-1", NULL, NULL, NO },
	{ 4, OP_KEY_GENERATE, "ops-1", NULL, NULL, OK },
	{ 2, OP_CERTIFICATE_DECLARE, NULL, "main", "b-www", OK },
	{ 2, OP_CERTIFICATE_DECLARE, NULL, "main", "a-www", NO },
	{ 2, OP_CERTIFICATE_DECLARE, NULL, "a-main", "b-www", GONE },
	{ 2, OP_CERTIFICATE_DECLARE, "a-1", "main", "b-www", GONE },
	{ 2, OP_CERTIFICATE_DELETE, NULL, "main", "www", OK },
};

static void
test_namespaces(void **state)
{
	struct config *c = parse(namespaces);

	(void)state;
	for (size_t i = 0; i < nitems(namespace_table); i++) {
		struct facts f = { .uid = namespace_table[i].uid,
			.operation = namespace_table[i].op,
			.key = namespace_table[i].key,
			.account = namespace_table[i].account,
			.certificate = namespace_table[i].certificate };
		struct decision d = policy_evaluate(c, NULL, &f, NOW, true);

		if (d.code != namespace_table[i].code ||
		    d.allow != (d.code == OK) ||
		    (d.foreign != NULL) != (d.code == GONE))
			fail_msg("row %zu: %s: %s", i, err_name(d.code),
			    d.reason);
	}
	config_free(c);
}

/* A rule for everybody counts each tenant by itself. */
static void
test_rate_of_everybody(void **state)
{
	struct config *c = parse("state \"/s\" tenant \"w\" { uid 10 }\n"
	    "tenant \"x\" { uid 11 }\n"
	    "allow \"*\" { operations order.read rate 1 per 1m }\n");
	struct limits *l = limits_new(c);

	(void)state;
	for (uint32_t uid = 10; uid <= 12; uid++) {
		assert_wait(ask(c, l, uid, NOW, true), 0);
		assert_wait(ask(c, l, uid, NOW, true), 60);
	}
	assert_wait(ask(c, l, 99, NOW, true), 60);
	limits_free(l);
	config_free(c);
}

/* Facts out of the words that random configurations use. */
static void
random_facts(struct random_config *g, struct facts *f, const char **list)
{
	static const char *const things[] = { NULL, "x0", "x-1", "y" };
	static const char *const listeners[] = { NULL, "x0", "x1" };

	memset(f, 0, sizeof(*f));
	f->uid = pick(g, 2) ? 2000 + pick(g, 4) : pick(g, 9);
	f->gid = pick(g, 9);
	f->listener = listeners[pick(g, 3)];
	f->operation = (enum operation)pick(g, OP__MAX);
	f->key = things[pick(g, 4)];
	f->account = things[pick(g, 4)];
	f->ca = things[pick(g, 4)];
	f->certificate = things[pick(g, 4)];
	f->names = list;
	f->nnames = pick(g, 3);
	for (size_t i = 0; i < f->nnames; i++)
		list[i] = random_text(g, check_dns_name);
}

static bool
allowed(const struct config *c, const struct facts *f)
{
	return policy_evaluate(c, NULL, f, NOW, true).allow;
}

/* The same configuration with further text behind it. */
static struct config *
parse_more(struct random_config *g, const char *more)
{
	size_t n = g->text.len;
	struct config *c;

	buf_puts(&g->text, more);
	c = parse(buf_str(&g->text));
	g->text.len = n;
	g->text.data[n] = '\0';
	return c;
}

/* The text of a random rule for a tenant. */
static char *
random_rule(struct random_config *g, const char *keyword, const char *tenant)
{
	struct random_config h = { .seed = g->seed };
	char *text;

	buf_init(&h.text, CONFIG_MAX);
	random_block(&h, keyword[0] == 'a' ? BLOCK_ALLOW : BLOCK_DENY, NULL);
	text = xasprintf("%s \"%s\" {\n%s}\n", keyword, tenant,
	    buf_str(&h.text));
	buf_free(&h.text);
	return text;
}

static void
print_again(const struct config *c, struct config **again)
{
	struct buf out;

	buf_init(&out, CONFIG_MAX);
	config_print(c, &out);
	*again = parse(buf_str(&out));
	buf_free(&out);
}

/*
 * For random configurations and questions: a further deny rule permits
 * nothing that was refused, a further rule of any kind leaves another tenant's
 * clients alone, and printing keeps every decision.
 */
static void
test_what_always_holds(void **state)
{
	unsigned count[2] = { 0, 0 }, denied = 0;
	struct random_config g;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct config *c, *deny, *other, *again;
		char *rule;

		random_config(&g, i);
		c = parse(buf_str(&g.text));
		rule = random_rule(&g, "deny", pick(&g, 2) ? "*" : "x0");
		deny = parse_more(&g, rule);
		free(rule);
		buf_puts(&g.text, "tenant \"alien\" { uid 77777 }\n");
		rule = random_rule(&g, pick(&g, 2) ? "allow" : "deny",
		    "alien");
		other = parse_more(&g, rule);
		free(rule);
		print_again(c, &again);
		for (unsigned q = 0; q < QUESTIONS; q++) {
			const char *list[3];
			struct facts f;
			bool yes;

			random_facts(&g, &f, list);
			yes = allowed(c, &f);
			count[yes]++;
			denied += yes && !allowed(deny, &f);
			assert_false(!yes && allowed(deny, &f));
			assert_int_equal(allowed(other, &f), yes);
			assert_int_equal(allowed(again, &f), yes);
		}
		config_free(c);
		config_free(deny);
		config_free(other);
		config_free(again);
		buf_free(&g.text);
	}
	/* The questions were worth asking. */
	if (count[false] < 1000 || count[true] < 500 || denied < 50)
		fail_msg("refused %u, allowed %u, newly denied %u", count[0],
		    count[1], denied);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_reason_is_bounded),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_and_clock_steps),
		cmocka_unit_test(test_rate_of_everybody),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_rates_are_kept),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_what_always_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
