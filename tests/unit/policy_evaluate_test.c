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
	assert_true(policy_member(c, &f, "web"));
	assert_false(policy_member(c, &f, "ops"));
	assert_false(policy_member(c, &f, "nobody"));
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
		cmocka_unit_test(test_what_always_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
