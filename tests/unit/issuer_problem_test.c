/* Problems in every form in which a CA or a proxy before it sends them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../broker/issuer/problem.h"

#define URN	"urn:ietf:params:acme:error:"
#define PROBLEM "application/problem+json"

struct row {
	unsigned status;
	const char *media_type;
	const char *body;
	const char *problem; /* what comes out */
};

static const struct row rows[] = {
	{ 403, PROBLEM,
	  "{\"type\":\"" URN "caa\",\"detail\":\"no\",\"status\":403}",
	  "{\"type\":\"" URN "caa\",\"detail\":\"no\",\"status\":403}" },
	/* no type, unknown members, the status of the answer */
	{ 500, "application/json", "{\"detail\":\"x\",\"algorithms\":[\"a\"]}",
	  "{\"detail\":\"x\",\"status\":500}" },
	/* an empty type, a stringified object in detail */
	{ 400, "application/json",
	  "{\"type\":\"\",\"detail\":\"{'a': 'b'}\",\"status\":400}",
	  "{\"detail\":\"{'a': 'b'}\",\"status\":400}" },
	/* a JSON string where an object should be */
	{ 400, "application/json", "\"nope\"",
	  "{\"detail\":\"nope\",\"status\":400}" },
	/* members of wrong types */
	{ 400, PROBLEM, "{\"type\":1,\"detail\":{\"a\":1},\"status\":\"400\","
	  "\"instance\":[],\"subproblems\":{}}", "{\"status\":400}" },
	{ 400, PROBLEM, "{\"type\":null,\"detail\":null,\"status\":99,"
	  "\"subproblems\":[1,null,\"x\",[]]}",
	  "{\"status\":400,\"subproblems\":[{},{},{},{}]}" },
	{ 429, PROBLEM, "{}", "{\"status\":429}" },
	/* other JSON */
	{ 502, "application/json", "[1,2]",
	  "{\"detail\":\"[1,2]\",\"status\":502}" },
	{ 502, "application/json", "null",
	  "{\"detail\":\"null\",\"status\":502}" },
	/* a proxy's page */
	{ 503, "text/html", "<html>\r\n\t<body>Sorry</body>\r\n</html>\n",
	  "{\"detail\":\"<html> <body>Sorry</body> </html>\","
	  "\"status\":503}" },
	{ 503, "application/json", "<html>", "{\"detail\":\"<html>\","
	  "\"status\":503}" },
	/* JSON that claims to be something else is only text */
	{ 400, "text/html", "{\"type\":\"" URN "badNonce\"}",
	  "{\"detail\":\"{\\\"type\\\":\\\"" URN "badNonce\\\"}\","
	  "\"status\":400}" },
	/* nothing */
	{ 500, "", "", "{\"detail\":\"the CA gave no reason but HTTP "
	  "status 500\",\"status\":500}" },
	{ 500, "text/html", " \r\n\xff\xfe", "{\"detail\":\"the CA gave no "
	  "reason but HTTP status 500\",\"status\":500}" },
	/* terminal tricks */
	{ 400, PROBLEM, "{\"detail\":\"a\\u001b[31mb\\nc\\u0085d\\u007f\"}",
	  "{\"detail\":\"a?[31mb?c?d?\",\"status\":400}" },
	/* what the gate refuses is shown, not read */
	{ 400, PROBLEM, "{\"detail\":\"a\",\"detail\":\"b\"}",
	  "{\"detail\":\"{\\\"detail\\\":\\\"a\\\",\\\"detail\\\":\\\"b"
	  "\\\"}\",\"status\":400}" },
	{ 403, PROBLEM, "{\"type\":\"" URN "userActionRequired\","
	  "\"instance\":\"https://ca.example/tos\",\"status\":403}",
	  "{\"type\":\"" URN "userActionRequired\",\"status\":403,"
	  "\"instance\":\"https://ca.example/tos\"}" },
	{ 400, PROBLEM, "{\"type\":\"" URN "compound\",\"subproblems\":["
	  "{\"type\":\"" URN "caa\",\"detail\":\"one\",\"identifier\":"
	  "{\"type\":\"dns\",\"value\":\"a.example\"}},"
	  "{\"detail\":\"two\",\"identifier\":\"b.example\"}]}",
	  "{\"type\":\"" URN "compound\",\"status\":400,\"subproblems\":["
	  "{\"type\":\"" URN "caa\",\"detail\":\"one\",\"identifier\":"
	  "\"a.example\"},{\"detail\":\"two\"}]}" },
};

static bool
read_problem(const struct row *row, size_t n, struct buf *out)
{
	struct json_writer w;
	struct json *v;
	bool bad_nonce;

	buf_init(out, 65536);
	json_write_start(&w, out);
	bad_nonce = ca_problem(&w, row->status, row->media_type, row->body,
	    n);
	assert_false(out->failed);
	v = json_parse(buf_str(out), out->len, NULL);
	assert_true(json_is_object(v));
	json_free(v);
	return bad_nonce;
}

static void
the_zoo(void **state)
{
	struct buf out;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		assert_false(read_problem(&rows[i], strlen(rows[i].body),
		    &out));
		assert_string_equal(buf_str(&out), rows[i].problem);
		buf_free(&out);
	}
}

static void
bad_nonce_is_known(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		bool bad_nonce;
	} cases[] = {
		{ 400, "{\"type\":\"" URN "badNonce\"}", true },
		{ 403, "{\"type\":\"" URN "badNonce\"}", false },
		{ 400, "{\"type\":\"" URN "badnonce\"}", false },
		{ 400, "{\"type\":\"badNonce\"}", false },
		{ 400, "{\"Type\":\"" URN "badNonce\"}", false },
		{ 400, "\"" URN "badNonce\"", false },
	};
	struct buf out;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct row row = { cases[i].status, PROBLEM,
			cases[i].body, NULL };

		assert_int_equal(read_problem(&row, strlen(row.body), &out),
		    cases[i].bad_nonce);
		buf_free(&out);
	}
}

/* A detail of 999 plain bytes and then two-byte characters is cut in front
 * of the character that does not fit. */
static void
texts_are_cut_between_characters(void **state)
{
	char body[4096], expected[2048];
	struct row row = { 400, PROBLEM, body, NULL };
	struct buf out;

	(void)state;
	memset(body, 0, sizeof(body));
	strcpy(body, "{\"detail\":\"");
	memset(body + strlen(body), 'x', TEXT_MAX - 1);
	strcat(body, "\xc3\xa4\xc3\xa4\"}");
	read_problem(&row, strlen(body), &out);
	memset(expected, 0, sizeof(expected));
	strcpy(expected, "{\"detail\":\"");
	memset(expected + strlen(expected), 'x', TEXT_MAX - 1);
	strcat(expected, "\",\"status\":400}");
	assert_string_equal(buf_str(&out), expected);
	buf_free(&out);
}

static void
pages_are_cut(void **state)
{
	char body[4096];
	struct row row = { 502, "text/html", body, NULL };
	struct buf out;

	(void)state;
	memset(body, 'x', sizeof(body));
	body[7] = '\0';
	read_problem(&row, sizeof(body), &out);
	assert_int_equal(out.len, PROBLEM_RAW_MAX +
	    strlen("{\"detail\":\"\",\"status\":502}"));
	buf_free(&out);
}

static void
subproblems_are_counted(void **state)
{
	char body[4096] = "{\"subproblems\":[{}";
	struct row row = { 400, PROBLEM, body, NULL };
	struct buf out;
	struct json *v;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(body, ",{\"detail\":\"x\"}");
	strcat(body, "]}");
	read_problem(&row, strlen(body), &out);
	v = json_parse(buf_str(&out), out.len, NULL);
	assert_int_equal(json_count(json_get(v, "subproblems")),
	    PROBLEM_SUBPROBLEMS);
	json_free(v);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_zoo),
		cmocka_unit_test(bad_nonce_is_known),
		cmocka_unit_test(texts_are_cut_between_characters),
		cmocka_unit_test(pages_are_cut),
		cmocka_unit_test(subproblems_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
