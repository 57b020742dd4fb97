/* The CA's budget: what is counted, by what, until when, and that it outlives
 * a restart.  The clock is stopped; see clock_now() below. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/clock.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/ca/budget.h"
#include "../../broker/core/ca/registered.h"
#include "../../broker/core/core.h"
#include "../../broker/core/store/store.h"

#define HOUR 3600
#define DAY  86400
#define NOW  1800000000

struct core core;

static char folder[64];
static int64_t now;
static struct fault why;

/* Budgets as tight as tests like them. */
static const char text[] =
    "state \"/s\"\n"
    "token \"t\" { module \"m\" uri \"pkcs11:token=t\"\n"
    "  pin-source \"prompt\" }\n"
    "ca \"le\" { directory \"https://le/\" budget {\n"
    "  new-orders 4 per 3h duplicates 2 per 7d per-domain 3 per 7d } }\n"
    "ca \"strict\" { directory \"https://s/\" budget {\n"
    "  new-orders 1 per 3h 2 per 7d renewals counted } }\n"
    "ca \"free\" { directory \"https://f/\" }\n"
    "account \"a\" { ca \"le\" key ec-p256 { token \"t\" } }\n"
    "account \"b\" { ca \"le\" key ec-p256 { token \"t\" } }\n"
    "account \"s\" { ca \"strict\" key ec-p256 { token \"t\" } }\n"
    "account \"f\" { ca \"free\" key ec-p256 { token \"t\" } }\n";

/* In the place of broker/base/clock.c's, which the linker then leaves out
 * together with the rest of that file: what else is used of it is below. */
int64_t
clock_now(void)
{
	return now;
}

int64_t
clock_now_ms(void)
{
	return now * 1000;
}

int64_t
clock_monotonic_us(void)
{
	return now * 1000000;
}

char *
clock_rfc3339(int64_t ms, char out[static RFC3339_SIZE])
{
	snprintf(out, RFC3339_SIZE, "@%lld", (long long)(ms / 1000));
	return out;
}

static int
set_up(void **state)
{
	struct config_errors errors;

	(void)state;
	now = NOW;
	snprintf(folder, sizeof(folder), "/tmp/kb-budget-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	core.config = config_parse(text, strlen(text), NULL, &errors);
	core.store = store_open(folder, &why);
	return core.config != NULL && core.store != NULL ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(core.store);
	config_free((struct config *)(uintptr_t)core.config);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static enum err
ask(budget_fn *fn, const char *account, enum budget_act act,
    enum budget_kind kind, const char *a, const char *b)
{
	const char *const identifiers[] = { a, b };
	const struct budget_wish wish = { .account = account, .act = act,
		.kind = kind, .identifiers = identifiers,
		.n = b != NULL ? 2 : 1 };

	why = (struct fault){ .code = OK };
	return fn(&wish, &why);
}

static enum err
order(const char *a, const char *b)
{
	return ask(budget_take, "a", BUDGET_NEW_ORDER, BUDGET_NEW, a, b);
}

static enum err
finalize(const char *a, const char *b)
{
	return ask(budget_take, "a", BUDGET_FINALIZE, BUDGET_NEW, a, b);
}

static void
assert_refused(enum err e, uint32_t seconds, const char *words)
{
	assert_int_equal(e, ERR_RATE);
	assert_int_equal(why.retry_after, seconds);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void
test_new_orders(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(ask(budget_check, "a", BUDGET_NEW_ORDER,
		    BUDGET_NEW, "x.test", NULL), OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(order("x.test", NULL), OK);
	assert_refused(order("y.test", NULL), 2700,
	    "account \"a\" has used up its CA's new-orders 4 per 3h until "
	    "@1800002700");
	assert_refused(ask(budget_check, "a", BUDGET_NEW_ORDER, BUDGET_NEW,
	    "y.test", NULL), 2700, "new-orders");
	/* Another account has its own; orders that cost nothing go on. */
	assert_int_equal(ask(budget_take, "b", BUDGET_NEW_ORDER, BUDGET_NEW,
	    "x.test", NULL), OK);
	for (unsigned kind = BUDGET_RENEWAL; kind <= BUDGET_REPLACES; kind++)
		assert_int_equal(ask(budget_take, "a", BUDGET_NEW_ORDER, kind,
		    "x.test", NULL), OK);
	now += 2699;
	assert_refused(order("y.test", NULL), 1, "new-orders");
	now += 1;
	assert_int_equal(order("y.test", NULL), OK);
	assert_refused(order("y.test", NULL), 2700, "new-orders");
}

static void
test_duplicates(void **state)
{
	(void)state;
	assert_int_equal(finalize("a.test", "b.test"), OK);
	assert_int_equal(finalize("b.test", "a.test"), OK);
	assert_refused(finalize("a.test", "b.test"), 7 * DAY / 2,
	    "duplicates 2 per 7d until");
	/* An order is not begun whose certificate is not to be had. */
	assert_refused(order("b.test", "a.test"), 7 * DAY / 2, "duplicates");
	/* A renewal is a duplicate, and what it replaces is none. */
	assert_refused(ask(budget_take, "a", BUDGET_FINALIZE, BUDGET_RENEWAL,
	    "a.test", "b.test"), 7 * DAY / 2, "duplicates");
	assert_int_equal(ask(budget_take, "a", BUDGET_FINALIZE,
	    BUDGET_REPLACES, "a.test", "b.test"), OK);
	assert_int_equal(finalize("a.test", NULL), OK);
	now += 7 * DAY / 2;
	assert_int_equal(finalize("a.test", "b.test"), OK);
}

/* A refusal charges nothing, not even what had room. */
static void
test_per_domain(void **state)
{
	(void)state;
	assert_int_equal(finalize("a.example.co.uk", "b.example.co.uk"), OK);
	assert_int_equal(finalize("*.example.co.uk", "example.co.uk"), OK);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(order("example.co.uk", NULL), i < 4 ? OK :
		    ERR_RATE);
	assert_int_equal(finalize("x.y.example.co.uk", "a.test"), OK);
	assert_refused(finalize("b.test", "c.example.co.uk"), 7 * DAY / 3,
	    "per-domain 3 per 7d for example.co.uk until");
	assert_int_equal(finalize("b.test", NULL), OK);
	assert_int_equal(finalize("b.test", NULL), OK);
	assert_int_equal(finalize("c.b.test", "c.other.co.uk"), OK);
	assert_refused(finalize("d.b.test", NULL), 7 * DAY / 3, "b.test");
}

static void
assert_domain(const char *identifier, const char *domain)
{
	char out[REGISTERED_SIZE];

	registered_domain(identifier, out);
	assert_string_equal(out, domain);
}

static void
test_registered_domain(void **state)
{
	(void)state;
	assert_domain("www.example.org", "example.org");
	assert_domain("*.example.org", "example.org");
	assert_domain("example.org", "example.org");
	assert_domain("a.b.example.co.uk", "example.co.uk");
	assert_domain("co.uk", "co.uk");
	assert_domain("x.github.io", "x.github.io");
	assert_domain("a.x.github.io", "x.github.io");
	assert_domain("www.ck", "www.ck");
	assert_domain("a.b.host.internal", "host.internal");
	assert_domain("xn--85x722f.xn--55qx5d.cn",
	    "xn--85x722f.xn--55qx5d.cn");
	assert_domain("192.0.2.7", "192.0.2.7");
	assert_domain("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	assert_domain("::1", "::/64");
}

static void
test_several_rates(void **state)
{
	(void)state;
	assert_int_equal(ask(budget_take, "s", BUDGET_NEW_ORDER,
	    BUDGET_REPLACES, "x.test", NULL), OK);
	assert_refused(ask(budget_take, "s", BUDGET_NEW_ORDER,
	    BUDGET_RENEWAL, "x.test", NULL), 3 * HOUR, "1 per 3h");
	now += 3 * HOUR;
	assert_int_equal(ask(budget_take, "s", BUDGET_NEW_ORDER, BUDGET_NEW,
	    "x.test", NULL), OK);
	now += 3 * HOUR;
	assert_refused(ask(budget_take, "s", BUDGET_NEW_ORDER, BUDGET_NEW,
	    "x.test", NULL), 7 * DAY / 2 - 6 * HOUR, "2 per 7d");
}

static void
test_no_budget(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(ask(budget_take, "f", BUDGET_NEW_ORDER,
		    BUDGET_NEW, "x.test", NULL), OK);
		assert_int_equal(ask(budget_take, "gone", BUDGET_NEW_ORDER,
		    BUDGET_NEW, "x.test", NULL), OK);
		assert_int_equal(ask(budget_take, "a", BUDGET_NOTHING,
		    BUDGET_NEW, "x.test", NULL), OK);
	}
}

static bool
count_rows(const struct counter_row *c, void *arg)
{
	(void)c;
	++*(unsigned *)arg;
	return true;
}

static unsigned
rows(void)
{
	unsigned n = 0;

	assert_int_equal(store_counters(core.store, "", SIZE_MAX, count_rows,
	    &n, &why), OK);
	return n;
}

static void
test_outlives_a_restart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(order("x.test", NULL), OK);
	assert_int_equal(finalize("x.test", NULL), OK);
	assert_int_equal(rows(), 3);
	store_close(core.store);
	core.store = store_open(folder, &why);
	assert_non_null(core.store);
	assert_refused(order("x.test", NULL), 2700, "new-orders");
	/* What is full again is forgotten, and nothing else. */
	now += 3 * HOUR;
	assert_int_equal(store_counters_clear(core.store, now, &why), OK);
	assert_int_equal(rows(), 2);
	assert_int_equal(store_counters_clear(core.store, now + 7 * DAY,
	    &why), OK);
	assert_int_equal(rows(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new_orders), TEST(test_duplicates),
		TEST(test_per_domain), TEST(test_registered_domain),
		TEST(test_several_rates), TEST(test_no_budget),
		TEST(test_outlives_a_restart),
	};
	int failed;

	registered_start();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	registered_stop();
	return failed;
}
