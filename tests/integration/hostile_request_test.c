/*
 * Nineteen documents and fifteen requests that JSON and HTTP libraries are
 * known to misread, each sent to the socket of a running broker.  Each is
 * refused, most with a problem document that names the check; the connection
 * lives on where the next request still begins where it seems to, and the
 * core does in any case.
 */
#include "hostile_world.h"

#include <errno.h>

#define T(text) text, sizeof(text) - 1
#define HOST	"Host: x\r\n"
#define JSON	HOST "Content-Type: application/json\r\n"
#define ASK	"POST /v1/policy/explain HTTP/1.1\r\n"
#define GET	"GET /v1/status HTTP/1.1\r\n"
#define OPERATION "\"operation\":\"status.read\""

static pid_t core;

/* Documents; the word is what the problem's detail must have. */
struct document {
	const char *name;
	const char *text;
	size_t n;
	const char *word;
};

static const struct document documents[] = {
	{ "json-duplicate-member", T("{" OPERATION "," OPERATION "}"),
	    "duplicate member at byte 27" },
	{ "json-escaped-nul", T("{\"operation\":\"status.read\\u0000.evil\"}"),
	    "NUL" },
	{ "json-raw-nul", T("{\"operation\":\"status.read\0\"}"),
	    "raw control character" },
	{ "json-invalid-utf-8", T("{" OPERATION ",\"key\":\"\xff\"}"),
	    "invalid UTF-8" },
	{ "json-overlong-utf-8", T("{" OPERATION ",\"key\":\"\xc0\xaf\"}"),
	    "invalid UTF-8" },
	{ "json-raw-control", T("{" OPERATION ",\"key\":\"a\nb\"}"),
	    "raw control character" },
	{ "json-trailing-garbage", T("{" OPERATION "} x"),
	    "bytes after the value" },
	{ "json-byte-order-mark", T("\xef\xbb\xbf{" OPERATION "}"),
	    "byte order mark" },
	{ "json-vertical-tab", T("{" OPERATION ",\v\"uid\":1}"),
	    "a member's name must follow" },
	{ "json-leading-zero", T("{" OPERATION ",\"uid\":01}"),
	    "leading zero" },
	{ "json-bare-point", T("{" OPERATION ",\"uid\":1.}"),
	    "not an integer" },
	{ "json-beyond-2-53", T("{" OPERATION ",\"uid\":9007199254740993}"),
	    "beyond 2^53" },
	{ "json-beyond-double", T("{" OPERATION ",\"uid\":1e400}"),
	    "not an integer" },
	{ "json-beyond-int", T("{" OPERATION ",\"uid\":4294967296}"), "uid" },
	{ "json-top-level-scalar", T("\"status.read\""),
	    "an object must be given" },
	{ "json-member-case", T("{\"Operation\":\"status.read\"}"),
	    "unknown member \"Operation\"" },
	{ "json-lone-surrogate", T("{" OPERATION ",\"key\":\"\\ud800\"}"),
	    "surrogate" },
	{ "json-escaped-duplicate", T("{" OPERATION
	    ",\"\\u006fperation\":\"key.read\"}"), "duplicate member" },
	{ "json-too-deep", T("{\"uid\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
	    "nested too deeply" },
};

/* Requests.  Where the library refuses by itself, before anybody is asked,
 * it says so in a page of its own: those have no word. */
static char long_header[70000];
static const struct request {
	const char *name;
	const char *text;
	size_t n;
	int status;
	const char *word;
} requests[] = {
	{ "http-length-and-coding", T(ASK JSON "Content-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
	    "Transfer-Encoding" },
	{ "http-two-lengths", T(ASK JSON "Content-Length: 2\r\n"
	    "Content-Length: 3\r\n\r\n{}"), 400, "more than one "
	    "Content-Length" },
	{ "http-two-hosts", T(GET HOST HOST "\r\n"), 400,
	    "more than one Host" },
	{ "http-encoded-nul", T("GET /v1/status%00z HTTP/1.1\r\n" HOST
	    "\r\n"), 400, "byte 0x25" },
	{ "http-gzip-chunked", T(ASK JSON
	    "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400,
	    "Transfer-Encoding" },
	{ "http-space-before-colon", T(GET HOST "X : y\r\n\r\n"), 400,
	    "a name has a byte" },
	{ "http-nul-in-value", T(GET HOST "X: y\0z\r\n\r\n"), 400,
	    "with no NUL" },
	{ "http-folded-header", T(GET HOST "X: y\r\n z\r\n\r\n"), 400,
	    "no folding" },
	{ "http-bare-lf", T("GET /v1/status HTTP/1.1\nHost: x\n\n"), 400,
	    "CRLF" },
	{ "http-negative-length", T(ASK JSON "Content-Length: -1\r\n\r\n"),
	    400, NULL },
	{ "http-plus-length", T(ASK JSON "Content-Length: +2\r\n\r\n{}"),
	    400, NULL },
	{ "http-no-host", T(GET "\r\n"), 400, "no Host" },
	{ "http-huge-chunk", T(ASK JSON "Transfer-Encoding: chunked\r\n\r\n"
	    "FFFFFFFFFFFFFFFFF\r\n{}"), 400, "Transfer-Encoding" },
	{ "http-70-kb-header", long_header, sizeof(long_header), 431, NULL },
	{ "http-2-preface", T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505,
	    NULL },
};

_Static_assert(nitems(documents) == 19 && nitems(requests) == 15,
    "as many as are known");

/* A problem document, RFC 9457, whose detail names the check. */
static void
check_problem(const struct answer *a, const char *word)
{
	const char *type = json_get_string(a->json, "type");
	const char *detail = json_get_string(a->json, "detail");
	int64_t status = 0;

	assert_non_null(a->json);
	assert_true(json_get_int(a->json, "status", &status));
	assert_int_equal(status, a->status);
	assert_non_null(type);
	assert_memory_equal(type, "urn:keybroker:error:", 20);
	assert_non_null(json_get_string(a->json, "title"));
	assert_non_null(detail);
	if (strstr(detail, word) == NULL)
		fail_msg("said \"%s\", not \"%s\"", detail, word);
}

static void
check_served(int fd)
{
	struct answer a = world_ask(fd, "POST", "/v1/policy/explain",
	    "{" OPERATION "}");
	bool allow = false;

	assert_int_equal(a.status, 200);
	assert_true(json_get_bool(a.json, "allow", &allow) && allow);
	answer_free(&a);
}

/* True when the other end closes, which an unread rest may turn into a
 * reset. */
static bool
is_closed(int fd)
{
	char byte[4096];
	ssize_t n;

	do
		n = recv(fd, byte, sizeof(byte), 0);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

static void
check_core(void)
{
	int fd = world_connect();

	check_served(fd);
	close(fd);
	assert_int_equal(world_pid("core"), core);
}

static void
send_bytes(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return; /* refused before all was read */
		p += k;
		n -= (size_t)k;
	}
}

static void
test_document(void **state)
{
	const struct document *d = *state;
	char *head = xasprintf(ASK JSON "Content-Length: %zu\r\n\r\n", d->n);
	int fd = world_connect();
	struct answer a;

	send_bytes(fd, head, strlen(head));
	send_bytes(fd, d->text, d->n);
	a = world_hear(fd);
	assert_int_equal(a.status, strstr(d->word, "deeply") ? 413 : 400);
	check_problem(&a, d->word);
	answer_free(&a);
	check_served(fd);
	close(fd);
	check_core();
	free(head);
}

static void
test_request(void **state)
{
	const struct request *r = *state;
	int fd = world_connect();
	struct answer a;

	send_bytes(fd, r->text, r->n);
	a = world_hear(fd);
	assert_int_equal(a.status, r->status);
	if (r->word != NULL)
		check_problem(&a, r->word);
	answer_free(&a);
	assert_true(is_closed(fd));
	close(fd);
	check_core();
}

int
main(int argc, char **argv)
{
	struct CMUnitTest tests[nitems(documents) + nitems(requests)];
	size_t n = 0;
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	for (size_t i = 0; i < nitems(documents); i++)
		tests[n++] = (struct CMUnitTest){ documents[i].name,
			test_document, NULL, NULL,
			(void *)(uintptr_t)&documents[i] };
	for (size_t i = 0; i < nitems(requests); i++)
		tests[n++] = (struct CMUnitTest){ requests[i].name,
			test_request, NULL, NULL,
			(void *)(uintptr_t)&requests[i] };
	memset(long_header, 'a', sizeof(long_header));
	memcpy(long_header, T(GET HOST "X: "));
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	code = world_open("");
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	world_start();
	while ((core = world_pid("core")) == 0)
		usleep(50000);
	code = cmocka_run_group_tests_name("hostile requests", tests, NULL,
	    NULL);
	world_close(code != 0);
	return code;
}
