/*
 * api/openapi.yaml against the table of routes, the handlers and the lists of
 * words in the code: whatever is on one side only is a failure.  The file is
 * read line by line; its indentation is part of what is tested, and
 * tests/integration/openapi_test.sh reads it as YAML.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../api/cli/command.h"
#include "../../api/route.h"
#include "../../broker/base/buf.h"
#include "../../broker/base/crypto.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../policy/operation.h"

#define YAML	"api/openapi.yaml"
#define BIG	4194304
#define WORDS	512

static const struct { const char *id, *method, *path; bool query; } routes[] = {
#define X(id, method, path, query) { #id, method, path, query },
	ROUTES(X)
#undef X
};

static struct buf yaml;

/* Members of the API by schema, as agreed upon. */
static const struct { const char *schema, *members; } shapes[] = {
	{ "Status", "version started state processes tokens certificates "
	    "orders audit connections" },
	{ "Process", "role name pid state restarts sandbox" },
	{ "CertificateCounts", "total issued failing" },
	{ "OrderCounts", "open" },
	{ "AuditState", "lines mode checkpoint" },
	{ "AuditCheckpoint", "seq sha256" },
	{ "AuditRotation", "file last" },
	{ "Token", "name state lanes waiting label serial manufacturer model "
	    "keyTypes algorithms signatures error" },
	{ "Lanes", "configured up" },
	{ "TokenError", "type detail" },
	{ "TokenState", "name state" },
	{ "Key", "name token purpose type state uri spkiSha256 publicKey "
	    "created retired destroyAfter foreign verify attributes" },
	{ "KeyAttributes", "sensitive alwaysSensitive extractable "
	    "neverExtractable local modifiable private token" },
	{ "KeyRequest", "name token type purpose verify" },
	{ "RetireRequest", "grace" },
	{ "Account", "name ca directory state url key contacts jwk thumbprint "
	    "error attempts nextAttempt" },
	{ "JwsRequest", "url nonce payload alg" },
	{ "Jws", "protected payload signature" },
	{ "DryRun", "allow line tenant reason operation url urlIs act payload "
	    "csrKey identifier managed request key account ca certificate "
	    "profile names ips mustStaple extendedKeyUsage" },
	{ "TokenRequest", "token" },
	{ "KeyAuthorization", "token keyAuthorization dns01 tlsAlpn01" },
	{ "CsrRequest", "names mustStaple extendedKeyUsage" },
	{ "Csr", "csr" },
	{ "Certificate", "name account ca names keyType token challenge "
	    "webroot declaredBy tenant state serial issuer notBefore notAfter "
	    "issued key keyUri order error deployment directory" },
	{ "Deployment", "state attempts exitStatus output nextAttempt "
	    "updated" },
	{ "CertificateRequest", "account names keyType token challenge "
	    "webroot key" },
	{ "Order", "id certificate account state names url error attempts "
	    "nextAttempt created updated deadline ended authorizations "
	    "events" },
	{ "Authorization", "identifier wildcard state error" },
	{ "Event", "time text" },
	{ "AuditLine", "seq time prev event" },
	{ "AuditPage", "items last next more" },
	{ "ExplainRequest", "uid gid groups listener operation key account ca "
	    "certificate names ips profile" },
	{ "Decision", "allow line tenant reason operation" },
	{ "ConfigurationRequest", "text" },
	{ "ConfigurationReport", "valid mistakes" },
	{ "Mistake", "line column detail" },
	{ "Problem", "type title status detail line column retryAfter ckr" },
	{ "TokenList", "items next" },
	{ "KeyList", "items next" },
	{ "AccountList", "items next" },
	{ "CertificateList", "items next" },
	{ "OrderList", "items next" },
};

/* ------------------------------------------------------------------ lines */

/* Copies the next line of *p into out without its end; false at the end. */
static bool
next_line(const char **p, char out[static WORDS])
{
	size_t n = strcspn(*p, "\n");

	if (**p == '\0')
		return false;
	snprintf(out, WORDS, "%.*s", (int)n, *p);
	*p += n + ((*p)[n] == '\n');
	return true;
}

static size_t
indent(const char *line)
{
	return strspn(line, " ");
}

/* The key of "  key: value" at this depth, or NULL; cuts line. */
static char *
key_at(char *line, size_t depth)
{
	char *colon;

	if (indent(line) != depth || line[depth] == '\0' ||
	    line[depth] == '-')
		return NULL;
	colon = strstr(line, ":");
	if (colon == NULL)
		return NULL;
	*colon = '\0';
	return line + depth;
}

/* The text behind "key:" of the given path of keys, each two columns deeper
 * than the one before; NULL when there is none. */
static const char *
find(const char *const *keys, size_t n)
{
	const char *p = buf_str(&yaml), *before;
	size_t depth = 0;
	char line[WORDS];

	for (before = p; next_line(&p, line); before = p) {
		char *key;

		if (line[0] != '\0' && indent(line) < 2 * depth)
			return NULL;
		key = key_at(line, 2 * depth);
		if (key == NULL || strcmp(key, keys[depth]) != 0)
			continue;
		if (++depth == n)
			return before + strcspn(before, ":") + 1;
	}
	return NULL;
}

/* Calls visit with each key right below the path. */
static size_t
each_key(const char *const *keys, size_t n,
    void (*visit)(const char *key, void *arg), void *arg)
{
	const char *p = find(keys, n);
	size_t count = 0;
	char line[WORDS];

	if (p == NULL)
		return 0;
	next_line(&p, line);
	while (next_line(&p, line)) {
		char *key;

		if (line[0] != '\0' && indent(line) < 2 * n)
			break;
		key = key_at(line, 2 * n);
		if (key == NULL)
			continue;
		visit(key, arg);
		count++;
	}
	return count;
}

/* ------------------------------------------------------------------- tests */

/* Each route stands in the file, and its operationId is its id. */
static void
test_routes_are_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(routes); i++) {
		char method[16] = "", *id;
		const char *keys[] = { "paths", routes[i].path, method,
			"operationId" };
		const char *query[] = { "paths", routes[i].path, method,
			"parameters" };
		const char *text;

		for (size_t k = 0; routes[i].method[k] != '\0'; k++)
			method[k] = (char)tolower(routes[i].method[k]);
		text = find(keys, nitems(keys));
		if (text == NULL)
			fail_msg("%s %s is not described", routes[i].method,
			    routes[i].path);
		id = xasprintf(" %s\n", routes[i].id);
		if (strncmp(text, id, strlen(id)) != 0)
			fail_msg("%s %s is not %s", routes[i].method,
			    routes[i].path, routes[i].id);
		free(id);
		if (routes[i].query && find(query, nitems(query)) == NULL)
			fail_msg("%s has no parameters", routes[i].id);
	}
}

static void
check_method(const char *key, void *arg)
{
	const char *path = arg;

	for (size_t i = 0; i < nitems(routes); i++)
		if (strcasecmp(routes[i].method, key) == 0 &&
		    strcmp(routes[i].path, path) == 0)
			return;
	fail_msg("%s %s is no route", key, path);
}

static void
check_path(const char *key, void *arg)
{
	const char *keys[] = { "paths", key };

	*(size_t *)arg += each_key(keys, nitems(keys), check_method,
	    (void *)(uintptr_t)key);
}

static void
test_descriptions_are_routes(void **state)
{
	const char *keys[] = { "paths" };
	size_t n = 0;

	(void)state;
	assert_true(each_key(keys, nitems(keys), check_path, &n) > 0);
	assert_int_equal(n, nitems(routes));
}

static void
collect(const char *key, void *arg)
{
	struct buf *out = arg;

	buf_putf(out, "%s%s", out->len != 0 ? " " : "", key);
}

static void
test_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(shapes); i++) {
		const char *keys[] = { "components", "schemas",
			shapes[i].schema, "properties" };
		struct buf have;

		buf_init(&have, 4096);
		each_key(keys, nitems(keys), collect, &have);
		if (strcmp(buf_str(&have), shapes[i].members) != 0)
			fail_msg("%s has %s instead of %s", shapes[i].schema,
			    buf_str(&have), shapes[i].members);
		buf_free(&have);
	}
}

static bool
known_member(const char *name)
{
	for (size_t i = 0; i < nitems(shapes); i++) {
		const char *p = shapes[i].members;

		while ((p = strstr(p, name)) != NULL) {
			size_t n = strlen(name);

			if ((p == shapes[i].members || p[-1] == ' ') &&
			    (p[n] == ' ' || p[n] == '\0'))
				return true;
			p += n;
		}
	}
	return false;
}

/* Each member that a handler writes or reads is described: the first string
 * behind a writer, and the first of a row that json_read() gets. */
static size_t
check_handler(const char *path)
{
	static const char *const signs[] = { "(w, \"", "(&w, \"", "(&l->w, \"",
		"{ \"" };
	struct buf text;
	size_t n = 0;

	buf_init(&text, BIG);
	assert_int_equal(read_file(path, &text, NULL), OK);
	for (size_t i = 0; i < nitems(signs); i++)
		for (const char *p = buf_str(&text);
		    (p = strstr(p, signs[i])) != NULL;) {
			char name[64];

			p += strlen(signs[i]);
			snprintf(name, sizeof(name), "%.*s",
			    (int)strcspn(p, "\""), p);
			if (strcmp(name, "after") == 0 ||
			    strcmp(name, "certificate") == 0 ||
			    strcmp(name, "limit") == 0)
				continue; /* of queries */
			if (!known_member(name))
				fail_msg("%s: \"%s\" is not described", path,
				    name);
			n++;
		}
	buf_free(&text);
	return n;
}

static void
test_handlers(void **state)
{
	static const char *const inner[] = { "/jws.c", "/authorize.c",
		"/lacme.c", "/issuer.c" }; /* they write other things */
	glob_t files;
	size_t n = 0;

	(void)state;
	assert_int_equal(glob("broker/core/handle/*.c", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		bool skip = false;

		for (size_t k = 0; k < nitems(inner); k++)
			skip = skip || strstr(files.gl_pathv[i], inner[k]);
		if (!skip)
			n += check_handler(files.gl_pathv[i]);
	}
	globfree(&files);
	assert_true(n > 50);
}

/* The enumeration of a schema as one line of words. */
static void
expect_words(const char *schema, const char *const *words, size_t n)
{
	const char *keys[] = { "components", "schemas", schema, "enum" };
	const char *p = find(keys, nitems(keys));
	struct buf want;

	assert_non_null(p);
	buf_init(&want, 4096);
	for (size_t i = 0; i < n; i++)
		buf_putf(&want, "%s%s", i != 0 ? ", " : " [", words[i]);
	buf_puts(&want, "]\n");
	if (strncmp(p, buf_str(&want), want.len) != 0)
		fail_msg("%s: not%s", schema, buf_str(&want));
	buf_free(&want);
}

static void
test_words(void **state)
{
	const char *types[KEY_TYPE__MAX], *algs[ALG__MAX];

	(void)state;
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++)
		types[i] = key_type_name(i);
	for (unsigned i = 0; i < ALG__MAX; i++)
		algs[i] = alg_name(i);
	expect_words("KeyType", types, nitems(types));
	expect_words("Algorithm", algs, nitems(algs));
}

/* The words that completion offers for an option. */
static const char *
offered(const char *noun, const char *verb, const char *option)
{
	const struct command *c = command_find(noun, verb);

	assert_non_null(c);
	EACH_OPTION(o, c->options)
		if (strcmp(o->name, option) == 0)
			return o->words;
	return NULL;
}

/* Operations, in the file and on the command line. */
static void
test_operations(void **state)
{
	const char *keys[] = { "components", "schemas", "Operation", "enum" };
	const char *p = find(keys, nitems(keys));
	struct buf words, items;

	(void)state;
	assert_non_null(p);
	buf_init(&words, 4096);
	buf_init(&items, 4096);
	for (unsigned i = 0; i < OP__MAX; i++) {
		buf_putf(&words, "%s%s", i != 0 ? " " : "",
		    operation_name(i));
		buf_putf(&items, "\n        - %s", operation_name(i));
	}
	buf_puts(&items, "\n    Empty:");
	assert_int_equal(strncmp(p, buf_str(&items), items.len), 0);
	assert_string_equal(offered("policy", "explain", "operation"),
	    buf_str(&words));
	buf_reset(&words);
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++)
		buf_putf(&words, "%s%s", i != 0 ? " " : "",
		    key_type_name(i));
	assert_string_equal(offered("key", "generate", "type"),
	    buf_str(&words));
	assert_string_equal(offered("certificate", "declare", "key-type"),
	    buf_str(&words));
	buf_free(&words);
	buf_free(&items);
}

static int
setup(void **state)
{
	(void)state;
	buf_init(&yaml, BIG);
	return read_file(YAML, &yaml, NULL) == OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&yaml);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes_are_described),
		cmocka_unit_test(test_descriptions_are_routes),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_operations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
