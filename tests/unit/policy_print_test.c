/* Printing: canonical, complete, and with every default spelled out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../policy/tree.h"
#include "policy_random.h"

#define ROUNDS 400

static bool
somebody(const char *name, uint32_t *id)
{
	*id = (uint32_t)strlen(name);
	return true;
}

static const struct config_names names = { somebody, somebody };

/* Parses what must be right. */
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

/* The owned text of a configuration's print. */
static char *
print(const struct config *c)
{
	struct buf out;

	buf_init(&out, 4 * CONFIG_MAX);
	config_print(c, &out);
	assert_false(out.failed);
	return (char *)buf_take(&out, NULL);
}

static void
assert_canonical(const char *text)
{
	struct config *c = parse(text), *again;
	char *first = print(c), *second;

	again = parse(first);
	second = print(again);
	assert_string_equal(first, second);
	free(first);
	free(second);
	config_free(c);
	config_free(again);
}

static void
test_defaults(void **state)
{
	struct config *c = parse("state \"/s\"");
	char *text = print(c);

	(void)state;
	assert_string_equal(text,
	    "state \"/s\"\n"
	    "log info\n"
	    "sandbox available\n"
	    "audit durable {\n"
	    "\trotate 256MiB\n"
	    "\tcheckpoint {\n"
	    "\t\tlines 1000\n"
	    "\t\tevery 1h\n"
	    "\t}\n"
	    "}\n"
	    "key-grace 7d\n"
	    "limits {\n"
	    "\tconnections 128\n"
	    "\tconnections-per-uid 32\n"
	    "\tconnections-per-tenant 64\n"
	    "\tidle 1m\n"
	    "\trequest-deadline 10s\n"
	    "\tbody 64KiB\n"
	    "\tlane-queue 256\n"
	    "}\n"
	    "issuer {\n"
	    "\tworkers 4\n"
	    "}\n");
	assert_int_equal(c->log, LOG_LEVEL_INFO);
	assert_int_equal(c->sandbox, SANDBOX_AVAILABLE);
	assert_int_equal(c->audit, AUDIT_DURABLE);
	assert_int_equal(c->checkpoint_seconds, 3600);
	assert_int_equal(c->key_grace, 7 * 86400);
	assert_int_equal(c->body_max, 65536);
	assert_null(c->http_listen);
	assert_null(c->audit_token);
	free(text);
	config_free(c);
}

/* Every statement once, so that each field can be looked for. */
static const char everything[] =
	    "state \"/s\" log debug sandbox full audit relaxed { token \"t\" "
	    "checkpoint { lines 5 every 2m } }\n"
	    "http-listen \"[::1]:80\" key-grace 0s core { uid 7 }\n"
	    "issuer { user \"i\" workers 9 }\n"
	    "listener \"l\" { path \"/l\" mode 0600 user \"u\" gid 12 "
	    "protocol lacme-accountd { account \"a\" } }\n"
	    "token \"t\" { module \"m\" uri \"pkcs11:serial=1\"\n"
	    " pin-source \"credential:p\" lanes 3 pin-count-low allow\n"
	    " deadline 3s generate-deadline 4s\n"
	    " key \"k\" { uri \"pkcs11:id=%01\" purpose cert spki-sha256 \""
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1eff\" } }\n"
	    "ca \"c\" { directory \"https://c/\" trust \"/t\" anchors \"/a\""
	    " preferred-chain \"X \\\"1\\\"\" timeout 5s order-deadline 6s\n"
	    " budget { new-orders 300 per 3h duplicates 5 per 7d\n"
	    " per-domain 50 per 7d renewals counted } }\n"
	    "account \"a\" { ca \"c\" key rsa-3072 { token \"t\" verify "
	    "sample } contact \"mailto:a@b\" \"mailto:c@d\" terms agreed\n"
	    " eab { kid \"kid\" key-file \"/k\" } }\n"
	    "certificate \"w\" { account \"a\" names \"a.b\"\n\"c.d\"\n"
	    " key foreign { token \"t\" name \"k\" }\n"
	    " challenge http-01 { webroot \"/w\" }\n"
	    " deploy \"/d\" { argument \"1\" argument \"2\" uid 33 } }\n"
	    "certificate \"d\" { account \"a\" names \"*.a.b\"\n"
	    " key ed25519 { token \"t\" } challenge dns-01 { wait 2s\n"
	    " program \"/p\" { user \"u\" timeout 3s retries 0 } } }\n"
	    "tenant \"x\" { user \"four\" uid 9 group \"five5\" gid 8\n"
	    " listener \"l\" owns \"x-*\" \"y\" sees \"x\" share 3 }\n"
	    "allow \"x\" { operations key.* names \"*\" keys \"k\" "
	    "accounts \"a\" cas \"c\" certificates \"w*\" ips \"::1\"\n"
	    " profiles \"p\" rate 3 per 2h\n 5 per 1s until 2024-02-29 }\n"
	    "deny \"*\" { operations * }\n";

static void
check_top(const struct config *c)
{
	assert_int_equal(c->log, LOG_LEVEL_DEBUG);
	assert_int_equal(c->audit, AUDIT_RELAXED);
	assert_string_equal(c->audit_token, "t");
	assert_int_equal(c->checkpoint_lines, 5);
	assert_int_equal(c->key_grace, 0);
	assert_string_equal(c->user_core, "7");
	assert_string_equal(c->user_issuer, "i");
	assert_null(c->user_signer);
	assert_int_equal(c->issuer_workers, 9);
}

static void
check_tokens(const struct config *c)
{
	const struct config_token *t = config_token(c, "t");

	assert_int_equal(c->listeners[0].mode, 0600);
	assert_string_equal(c->listeners[0].user, "u");
	assert_string_equal(c->listeners[0].group, "12");
	assert_int_equal(c->listeners[0].protocol, PROTOCOL_LACME_ACCOUNTD);
	assert_string_equal(c->listeners[0].account, "a");
	assert_int_equal(t->pin_source, PIN_CREDENTIAL);
	assert_string_equal(t->pin, "p");
	assert_true(t->pin_count_low_allowed);
	assert_int_equal(t->generate_deadline, 4);
	assert_true(t->keys[0].pinned);
	assert_int_equal(t->keys[0].spki_sha256[31], 0xff);
	assert_int_equal(t->keys[0].purpose, PURPOSE_CERTIFICATE);
}

static void
check_certificates(const struct config *c)
{
	const struct config_certificate *w = config_certificate(c, "w");
	const struct config_certificate *d = config_certificate(c, "d");
	const struct config_account *a = config_account(c, "a");

	assert_string_equal(config_ca(c, "c")->preferred_chain, "X \"1\"");
	assert_int_equal(config_ca(c, "c")->budget.new_orders.v[0].count, 300);
	assert_int_equal(config_ca(c, "c")->budget.per_domain.v[0].seconds,
	    7 * 86400);
	assert_true(config_ca(c, "c")->budget.renewals_counted);
	assert_int_equal(a->key.type, KEY_RSA_3072);
	assert_int_equal(a->key.verify, VERIFY_SAMPLE);
	assert_int_equal(a->contacts.n, 2);
	assert_true(a->terms_agreed);
	assert_string_equal(a->eab_alg, "HS256");
	assert_int_equal(w->names.n, 2);
	assert_int_equal(w->challenge, CHALLENGE_HTTP_WEBROOT);
	assert_int_equal(w->key.type, KEY_TYPE__MAX);
	assert_string_equal(w->key.name, "k");
	assert_int_equal(w->deploy.arguments.n, 2);
	assert_string_equal(w->deploy.user, "33");
	assert_int_equal(w->deploy.retries, 5);
	assert_null(w->dns.path);
	assert_int_equal(d->challenge, CHALLENGE_DNS_HOOK);
	assert_int_equal(d->dns_wait, 2);
	assert_int_equal(d->dns.retries, 0);
	assert_null(d->deploy.path);
}

static void
check_policy(const struct config *c)
{
	const struct config_tenant *x = &c->tenants[0];
	const struct config_rule *r = &c->rules[0];

	assert_int_equal(x->nuids, 2);
	assert_int_equal(x->uids[0], 4);
	assert_int_equal(x->uids[1], 9);
	assert_int_equal(x->gids[0], 5);
	assert_string_equal(x->listeners.v[0], "l");
	assert_true(r->allow && r->operations[OP_KEY_RETIRE]);
	assert_false(r->operations[OP_ORDER_READ]);
	assert_int_equal(x->owns.n, 2);
	assert_string_equal(x->sees.v[0], "x");
	assert_int_equal(x->share, 3);
	assert_string_equal(r->ips.v[0], "::1");
	assert_string_equal(r->profiles.v[0], "p");
	assert_int_equal(r->rates.n, 2);
	assert_int_equal(r->rates.v[0].count, 3);
	assert_int_equal(r->rates.v[0].seconds, 7200);
	assert_int_equal(r->rates.v[1].count, 5);
	assert_int_equal(r->until, 1709251200);
	assert_false(c->rules[1].allow);
	assert_int_equal(c->rules[1].line, 27);
}

/* Each field of each thing is where its reader should have put it. */
static void
test_fields(void **state)
{
	struct config *c = parse(everything);

	(void)state;
	check_top(c);
	check_tokens(c);
	check_certificates(c);
	check_policy(c);
	assert_null(config_token(c, "u"));
	config_free(c);
}

static void
test_random_is_canonical(void **state)
{
	struct random_config g;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		random_config(&g, i);
		assert_canonical(buf_str(&g.text));
		buf_free(&g.text);
	}
}

static void
mark_rows(const struct node *node, bool *seen)
{
	for (size_t i = 0; i < node->nchildren; i++) {
		seen[node->children[i].row - schema] = true;
		mark_rows(&node->children[i], seen);
	}
}

/* Every row of the schema turns up in the random configurations, so that the
 * test above means something. */
static void
test_random_is_complete(void **state)
{
	bool *seen = xcalloc(schema_rows, sizeof(*seen));
	struct config_errors e = { NULL, 0 };
	struct random_config g;
	struct node root;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		random_config(&g, i);
		tree_parse(&root, buf_str(&g.text), g.text.len, &e);
		mark_rows(&root, seen);
		tree_free(&root);
		buf_free(&g.text);
	}
	for (size_t j = 0; j < schema_rows; j++)
		if (!seen[j])
			fail_msg("%s (row %zu) never turned up",
			    schema[j].keyword, j);
	free(seen);
}

/* The whole file, or fails. */
static char *
file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf text;
	int c;

	if (f == NULL)
		fail_msg("cannot open %s; run tests in the source tree", path);
	buf_init(&text, CONFIG_MAX);
	while ((c = getc(f)) != EOF)
		buf_putc(&text, (unsigned char)c);
	fclose(f);
	return (char *)buf_take(&text, NULL);
}

/* Both the example and the manual know every statement that there is. */
static void
test_documents_are_complete(void **state)
{
	char *example = file_text("contrib/keybroker.conf.example");
	char *manual = file_text("contrib/man/keybroker.conf.5");

	(void)state;
	assert_canonical(example);
	for (size_t i = 0; i < schema_rows; i++) {
		const struct row *row = &schema[i];
		char *macro = xasprintf(".It Ic %s", row->keyword);

		if (strstr(example, row->keyword) == NULL)
			fail_msg("no %s in the example", row->keyword);
		if (strstr(manual, macro) == NULL)
			fail_msg("no %s in the manual", row->keyword);
		free(macro);
	}
	for (enum operation op = 0; op < OP__MAX; op++)
		if (strstr(manual, operation_name(op)) == NULL ||
		    strstr(manual, operation_text(op)) == NULL)
			fail_msg("no %s in the manual", operation_name(op));
	free(example);
	free(manual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_random_is_canonical),
		cmocka_unit_test(test_random_is_complete),
		cmocka_unit_test(test_documents_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
