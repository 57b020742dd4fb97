/* Route matching, and the two tables that the broker serves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../api/route.h"
#include "../../broker/base/mem.h"

#define X(id, method, path, query) { #id, method, path, query, NULL },
static const struct route api[] = { ROUTES(X) };
static const struct route issuer[] = { ISSUER_ROUTES(X) };
#undef X

static char params[ROUTE_PARAMS][PARAM_MAX + 1];

/* The id of the route that matches, or the error's word. */
static const char *
match(const char *method, const char *path)
{
	const struct route *r = NULL;
	struct fault why;
	enum err e = route_match(api, nitems(api), method, path, params, &r,
	    &why);

	if (e == OK)
		return r->id;
	assert_int_equal(why.code, e);
	return err_name(e);
}

static void
test_matches(void **state)
{
	static const struct { const char *method, *path, *want, *param; } t[] =
	{
		{ "GET", "/v1/status", "status_get", NULL },
		{ "GET", "/v1/keys", "keys_list", NULL },
		{ "POST", "/v1/keys", "key_generate", NULL },
		{ "GET", "/v1/keys/a", "key_get", "a" },
		{ "DELETE", "/v1/keys/a.B_c-9", "key_destroy", "a.B_c-9" },
		{ "POST", "/v1/keys/a/retire", "key_retire", "a" },
		{ "GET", "/v1/certificates/www.example.org/chain",
		    "certificate_chain", "www.example.org" },
		{ "PUT", "/v1/certificates/x", "certificate_declare", "x" },
		{ "GET", "/v1/orders/12", "order_get", "12" },
		{ "GET", "/v1/keys/.a", "key_get", ".a" },
		{ "POST", "/v1/status", "method-not-allowed", NULL },
		{ "PUT", "/v1/keys/a", "method-not-allowed", NULL },
		{ "get", "/v1/status", "method-not-allowed", NULL },
		{ "GET", "/v1/keys/a/retire", "method-not-allowed", NULL },
		{ "GET", "/", "not-found", NULL },
		{ "GET", "", "not-found", NULL },
		{ "GET", "/v1/statu", "not-found", NULL },
		{ "GET", "/v1/status/", "not-found", NULL },
		{ "GET", "/v1/Status", "not-found", NULL },
		{ "GET", "/v1/keys/", "not-found", NULL },
		{ "GET", "/v1/keys/a/", "not-found", NULL },
		{ "GET", "/v1/keys/a/b", "not-found", NULL },
		{ "GET", "/v1/keys/.", "not-found", NULL },
		{ "GET", "/v1/keys/..", "not-found", NULL },
		{ "GET", "/v1/keys/a%41", "not-found", NULL },
		{ "GET", "/v1/keys/a b", "not-found", NULL },
		{ "GET", "/v1/keys/{name}", "not-found", NULL },
		{ "POST", "/issuer/next", "not-found", NULL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(t); i++) {
		const char *got = match(t[i].method, t[i].path);

		if (strcmp(got, t[i].want) != 0)
			fail_msg("%s %s: %s", t[i].method, t[i].path, got);
		if (t[i].param != NULL)
			assert_string_equal(params[0], t[i].param);
	}
}

static void
test_long_parameter(void **state)
{
	char path[200] = "/v1/keys/";

	(void)state;
	memset(path + 9, 'a', PARAM_MAX);
	assert_string_equal(match("GET", path), "key_get");
	assert_int_equal(strlen(params[0]), PARAM_MAX);
	path[9 + PARAM_MAX] = 'a';
	assert_string_equal(match("GET", path), "not-found");
}

/* Each row is found by its own pattern, and no row shadows another. */
static void
check_rows(const struct route *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct route *r = NULL;
		char path[128];
		size_t k = 0;

		for (const char *p = table[i].path; *p != '\0'; p++)
			if (*p != '{' && *p != '}')
				path[k++] = *p;
		path[k] = '\0';
		assert_int_equal(route_match(table, n, table[i].method, path,
		    params, &r, NULL), OK);
		assert_string_equal(r->id, table[i].id);
	}
}

static void
test_tables(void **state)
{
	(void)state;
	check_rows(api, nitems(api));
	check_rows(issuer, nitems(issuer));
}

static void
test_query(void **state)
{
	char out[8] = "old";

	(void)state;
	assert_true(query_get("a=1&bc=x.Y_-", "a", out, sizeof(out)));
	assert_string_equal(out, "1");
	assert_true(query_get("a=1&bc=x.Y_-", "bc", out, sizeof(out)));
	assert_string_equal(out, "x.Y_-");
	assert_true(query_get("a=", "a", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(query_get("a=1234567", "a", out, sizeof(out)));
	assert_false(query_get("a=12345678", "a", out, sizeof(out)));
	assert_false(query_get("", "a", out, sizeof(out)));
	assert_false(query_get("a", "a", out, sizeof(out)));
	assert_false(query_get("ab=1", "a", out, sizeof(out)));
	assert_false(query_get("b=1", "a", out, sizeof(out)));
	assert_false(query_get("a=%41", "a", out, sizeof(out)));
	assert_false(query_get("a=1+2", "a", out, sizeof(out)));
	assert_false(query_get("A=1", "a", out, sizeof(out)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_long_parameter),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
