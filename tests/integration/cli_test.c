/*
 * The program keybroker against a broker that is not one: a thread that
 * answers each route with a written reply.  What is tested is what a person
 * or a script sees: tables, JSON, exit codes, pages, live progress.
 *
 * BUILD is the folder with the program; without it that is found from where
 * this test stands.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <assert.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPLY_MAX 65536
#define OUTPUT_MAX 262144
#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* ------------------------------------------------------- the broker's place */

struct answer {
	const char *request; /* "GET /v1/status" */
	unsigned status;
	const char *body;
};

static struct {
	char folder[64];
	char path[128];
	char program[PATH_MAX];
	int listener;
	pthread_t thread;
	pthread_mutex_t lock;
	const struct answer *answers; /* of this test */
	size_t nanswers;
	unsigned polls;	       /* of /v1/orders/7 */
	unsigned hang_up_at;   /* the poll at which the connection is closed */
	char last[REPLY_MAX];  /* request line and body of the last request */
	char log[REPLY_MAX];   /* all request lines */
} t = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define KEY                                                                   \
	"{\"name\":\"spare\",\"token\":\"main\",\"purpose\":\"account\","     \
	"\"type\":\"ec-p256\",\"state\":\"active\",\"uri\":"                  \
	"\"pkcs11:token=acme;id=%01\",\"spkiSha256\":\"00ff\","               \
	"\"publicKey\":\"-----BEGIN PUBLIC KEY-----\\nAAAA\\n"                \
	"-----END PUBLIC KEY-----\\n\",\"created\":"                          \
	"\"2026-11-23T14:30:02.123Z\",\"foreign\":false,"                     \
	"\"verify\":\"always\",\"attributes\":{\"sensitive\":true,"           \
	"\"extractable\":false}}"
#define STATUS(state)                                                         \
	"{\"version\":\"1\",\"started\":\"2026-11-23T14:30:02Z\","            \
	"\"state\":\"" state "\",\"processes\":[{\"role\":\"core\","          \
	"\"name\":\"core\",\"pid\":12,\"state\":\"running\","                 \
	"\"restarts\":0,\"sandbox\":\"landlock+seccomp\"}],"                 \
	"\"tokens\":[{\"name\":\"main\",\"state\":"                          \
	"\"down\",\"lanes\":{\"configured\":2,\"up\":1},\"waiting\":0,"       \
	"\"signatures\":42,\"error\":{\"type\":\"urn:x\",\"detail\":"         \
	"\"PIN refused\"}}],\"certificates\":{\"total\":3,\"issued\":2,"      \
	"\"failing\":1},\"orders\":{\"open\":1},\"audit\":{\"lines\":99,"     \
	"\"mode\":\"durable\"},\"connections\":4}"
#define CERTIFICATE                                                           \
	"{\"name\":\"www\",\"account\":\"main\",\"names\":"                   \
	"[\"www.example.org\",\"example.org\"],\"state\":\"issued\","         \
	"\"notAfter\":\"2099-01-01T00:00:00Z\",\"deployment\":"               \
	"{\"state\":\"failed\",\"output\":\"line one\\nline two\\n\","        \
	"\"exitStatus\":3}}"
#define ORDER_HEAD                                                            \
	"{\"id\":7,\"certificate\":\"www\",\"account\":\"main\","
#define EVENT(n) "{\"time\":\"2026-11-23T14:30:0" #n ".5Z\","                 \
	"\"text\":\"event " #n "\"}"
#define PROBLEM(word, status, text)                                           \
	"{\"type\":\"urn:keybroker:error:" word "\",\"title\":\"x\","         \
	"\"status\":" #status ",\"detail\":\"" text "\"}"

static const struct answer common[] = {
	{ "GET /v1/status", 200, STATUS("ok") },
	{ "GET /v1/tokens", 200, "{\"items\":[{\"name\":\"main\",\"state\":"
	    "\"up\",\"lanes\":{\"configured\":2,\"up\":2}}]}" },
	{ "GET /v1/tokens/main", 200, "{\"name\":\"main\",\"state\":\"up\","
	    "\"keyTypes\":[\"ec-p256\",\"rsa-2048\"]}" },
	{ "POST /v1/tokens/main/unlatch", 200,
	    "{\"name\":\"main\",\"state\":\"up\"}" },
	{ "GET /v1/keys", 200, "{\"items\":[" KEY "]}" },
	{ "GET /v1/keys/spare", 200, KEY },
	{ "POST /v1/keys", 201, KEY },
	{ "POST /v1/keys/spare/retire", 200, KEY },
	{ "DELETE /v1/keys/spare", 409,
	    PROBLEM("conflict", 409, "key spare is active: retire it first") },
	{ "GET /v1/accounts", 200, "{\"items\":[{\"name\":\"main\",\"ca\":"
	    "\"pebble\",\"state\":\"valid\"}]}" },
	{ "GET /v1/accounts/main", 200, "{\"name\":\"main\",\"contacts\":"
	    "[\"mailto:a@example.org\"]}" },
	{ "POST /v1/accounts/main/register", 202, "{\"name\":\"main\","
	    "\"state\":\"find\"}" },
	{ "POST /v1/accounts/main/jws", 200, "{\"protected\":\"e30\","
	    "\"payload\":\"\",\"signature\":\"AA\"}" },
	{ "GET /v1/certificates?limit=500", 200,
	    "{\"items\":[" CERTIFICATE "],\"next\":\"www\"}" },
	{ "GET /v1/certificates?limit=500&after=www", 200,
	    "{\"items\":[{\"name\":\"xyz\",\"state\":\"none\"}]}" },
	{ "GET /v1/certificates/www", 200, CERTIFICATE },
	{ "PUT /v1/certificates/www", 201, CERTIFICATE },
	{ "DELETE /v1/certificates/www", 200, "{\"name\":\"www\"}" },
	{ "GET /v1/certificates/www/chain", 200, "PEM" },
	{ "POST /v1/certificates/www/orders", 202, ORDER_HEAD
	    "\"state\":\"key\",\"ended\":false}" },
	{ "GET /v1/orders?limit=500&certificate=www", 200, "{\"items\":["
	    ORDER_HEAD "\"state\":\"failed\",\"ended\":true}]}" },
	{ "GET /v1/orders/8", 200, "{\"id\":8,\"state\":\"failed\","
	    "\"ended\":true,\"error\":\"no such name\",\"events\":["
	    EVENT(1) "],\"authorizations\":[{\"identifier\":\"a.example\","
	    "\"wildcard\":false,\"state\":\"invalid\",\"error\":\"NXDOMAIN\"}"
	    "]}" },
	{ "DELETE /v1/orders/7", 200, ORDER_HEAD "\"state\":\"canceled\","
	    "\"ended\":true}" },
	{ "GET /v1/audit?after=0&limit=500", 200, "{\"items\":[{\"seq\":1,"
	    "\"time\":\"2026-11-23T14:30:02Z\",\"prev\":\"00\",\"event\":"
	    "\"start\"},{\"seq\":2,\"time\":\"2026-11-23T14:30:02Z\","
	    "\"prev\":\"01\",\"event\":\"decision\",\"allow\":false,"
	    "\"uid\":33}],\"last\":3,\"next\":\"2\",\"more\":true}" },
	{ "GET /v1/audit?after=2&limit=500", 200, "{\"items\":[{\"seq\":3,"
	    "\"time\":\"2026-11-23T14:30:03Z\",\"prev\":\"02\",\"event\":"
	    "\"stop\"}],\"last\":4,\"next\":\"3\",\"more\":false}" },
	{ "GET /v1/audit?tail=1&limit=500&wait=0", 200, "{\"items\":["
	    "{\"seq\":3,\"time\":\"2026-11-23T14:30:03Z\",\"prev\":\"02\","
	    "\"event\":\"stop\"}],\"last\":4,\"next\":\"3\",\"more\":"
	    "false}" },
	{ "GET /v1/audit?tail=10&limit=500&wait=0&decision=deny&since="
	    "1767225600", 200, "{\"items\":[{\"time\":"
	    "\"2026-11-23T14:30:03Z\",\"event\":\"decision\",\"uid\":33}],"
	    "\"next\":\"00ff\",\"more\":false}" },
	{ "POST /v1/audit/rotate", 200, "{\"file\":"
	    "\"audit-0000000000000001.log\",\"last\":9}" },
	{ "POST /v1/policy/explain", 200, "{\"allow\":false,\"line\":12,"
	    "\"reason\":\"no rule allows it\",\"operation\":"
	    "\"order.create\"}" },
};

/* The order that is watched: one event more at each poll. */
static const struct answer progress[] = {
	{ "", 200, ORDER_HEAD "\"state\":\"key\",\"ended\":false,"
	    "\"events\":[]}" },
	{ "", 200, ORDER_HEAD "\"state\":\"new-order\",\"ended\":false,"
	    "\"events\":[" EVENT(1) "]}" },
	{ "", 200, ORDER_HEAD "\"state\":\"validate\",\"ended\":false,"
	    "\"events\":[" EVENT(1) "," EVENT(2) "," EVENT(3) "]}" },
	{ "", 200, ORDER_HEAD "\"state\":\"validate\",\"ended\":false,"
	    "\"events\":[" EVENT(1) "," EVENT(2) "," EVENT(3) "]}" },
	{ "", 200, ORDER_HEAD "\"state\":\"issued\",\"ended\":true,"
	    "\"events\":[" EVENT(1) "," EVENT(2) "," EVENT(3) "," EVENT(4)
	    "]}" },
};

static const struct answer missing = { "", 404,
	PROBLEM("not-found", 404, "no such thing") };

static const struct answer *
find_answer(const char *request)
{
	for (size_t i = 0; i < t.nanswers; i++)
		if (strcmp(t.answers[i].request, request) == 0)
			return &t.answers[i];
	if (strcmp(request, "GET /v1/orders/7") == 0) {
		unsigned i = t.polls++;

		return &progress[i < nitems(progress) ? i :
		    nitems(progress) - 1];
	}
	for (size_t i = 0; i < nitems(common); i++)
		if (strcmp(common[i].request, request) == 0)
			return &common[i];
	return &missing;
}

/* Reads one request of the connection into in; false at the end. */
static bool
read_request(int fd, char in[static REPLY_MAX], char **body)
{
	size_t have = 0, want = 0;

	for (;;) {
		ssize_t n = read(fd, in + have, REPLY_MAX - 1 - have);
		char *end, *length;

		if (n <= 0)
			return false;
		have += (size_t)n;
		in[have] = '\0';
		end = strstr(in, "\r\n\r\n");
		if (end == NULL)
			continue;
		*body = end + 4;
		length = strstr(in, "Content-Length: ");
		if (length != NULL && length < end)
			want = strtoul(length + 16, NULL, 10);
		if (strlen(*body) >= want)
			return true;
	}
}

static void
send_answer(int fd, const struct answer *a, const char *request)
{
	const char *type = a->status >= 400 ? "application/problem+json" :
	    strstr(request, "/chain") != NULL ? "application/pem-certificate-"
	    "chain" : "application/json";

	dprintf(fd, "HTTP/1.1 %u Status\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\n\r\n%s", a->status, type,
	    strlen(a->body), a->body);
}

static void
serve(int fd)
{
	static char in[REPLY_MAX];
	char *body;

	while (read_request(fd, in, &body)) {
		const struct answer *a;
		char *end = strstr(in, " HTTP/1.1\r\n");
		bool leave;

		assert(end != NULL);
		*end = '\0';
		pthread_mutex_lock(&t.lock);
		snprintf(t.last, sizeof(t.last), "%.1000s %.60000s", in, body);
		snprintf(t.log + strlen(t.log), sizeof(t.log) -
		    strlen(t.log), "%.1000s\n", in);
		a = find_answer(in);
		leave = t.hang_up_at != 0 && t.polls == t.hang_up_at;
		if (leave)
			t.hang_up_at = 0;
		pthread_mutex_unlock(&t.lock);
		if (leave)
			return;
		send_answer(fd, a, in);
	}
}

static void *
broker(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(t.listener, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

/* ------------------------------------------------------------ the program */

struct run {
	int code;	/* 128 + signal when killed */
	char out[OUTPUT_MAX];
	char err[OUTPUT_MAX];
};
static struct run r;

static void
child(char *const *argv)
{
	setenv("KEYBROKER_SOCKET", t.path, 1);
	setenv("TERM", "xterm", 1);
	execv(t.program, argv);
	_exit(127);
}

static void
collect_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	r.code = WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

static void
drain(int out, int err)
{
	struct pollfd p[2] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	char *to[2] = { r.out, r.err };
	size_t have[2] = { 0, 0 };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		assert_true(poll(p, 2, 20000) > 0);
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			n = read(p[i].fd, to[i] + have[i],
			    OUTPUT_MAX - 1 - have[i]);
			if (n > 0)
				have[i] += (size_t)n;
			else
				p[i].fd = -1;
			to[i][have[i]] = '\0';
		}
	}
}

/* Runs keybroker with the words of line, which may hold no quotes. */
static void
run(const char *line)
{
	char copy[4096], *argv[64] = { (char *)"keybroker" };
	int out[2], err[2], n = 1;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[n++] = strcmp(w, "''") == 0 ? (char *)"" : w;
	pthread_mutex_lock(&t.lock);
	t.log[0] = t.last[0] = '\0';
	t.polls = 0;
	pthread_mutex_unlock(&t.lock);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		child(argv);
	}
	close(out[1]);
	close(err[1]);
	drain(out[0], err[0]);
	close(out[0]);
	close(err[0]);
	collect_status(pid);
}

/* The same on a terminal of that many columns; everything comes in r.out. */
static void
run_on_terminal(unsigned short columns, int signal_after_ms, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	struct pollfd p = { .events = POLLIN };
	size_t have = 0;
	pid_t pid;
	int fd;

	t.polls = 0;
	pid = forkpty(&fd, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0)
		child(argv);
	p.fd = fd;
	if (signal_after_ms != 0) {
		usleep((useconds_t)signal_after_ms * 1000);
		assert_int_equal(write(fd, "\003", 1), 1); /* Ctrl-C */
	}
	while (poll(&p, 1, 20000) > 0) {
		ssize_t n = read(fd, r.out + have, OUTPUT_MAX - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	r.out[have] = '\0';
	close(fd);
	collect_status(pid);
}

static void
assert_out(const char *want)
{
	if (strcmp(r.out, want) != 0)
		fail_msg("printed:\n%s\ninstead of:\n%s\nand: %s", r.out, want,
		    r.err);
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
answer_with(const struct answer *answers, size_t n)
{
	pthread_mutex_lock(&t.lock);
	t.answers = answers;
	t.nanswers = n;
	pthread_mutex_unlock(&t.lock);
}

static int
back_to_common(void **state)
{
	(void)state;
	answer_with(NULL, 0);
	t.hang_up_at = 0;
	return 0;
}

/* ------------------------------------------------------------------- tests */

static void
test_status(void **state)
{
	static const struct answer degraded[] = {
		{ "GET /v1/status", 200, STATUS("degraded") },
	};

	(void)state;
	run("status");
	assert_int_equal(r.code, 0);
	assert_out(
	    "state         ok\n"
	    "version       1\n"
	    "started       2026-11-23 14:30:02Z\n"
	    "connections   4\n"
	    "certificates  3\n"
	    "  issued      2\n"
	    "  failing     1\n"
	    "open orders   1\n"
	    "audit lines   99\n"
	    "audit mode    durable\n"
	    "\n"
	    "TOKEN  STATE  LANES  WAITING  SIGNATURES  ERROR\n"
	    "main   down   1/2    0        42          PIN refused\n"
	    "\n"
	    "PROCESS  NAME  PID  STATE    RESTARTS  SANDBOX\n"
	    "core     core  12   running  0         landlock+seccomp\n");
	run("status --json");
	assert_int_equal(r.code, 0);
	assert_out(STATUS("ok") "\n");
	answer_with(degraded, nitems(degraded));
	run("--json status");
	assert_int_equal(r.code, 1);
	assert_out(STATUS("degraded") "\n");
}

static void
test_lists(void **state)
{
	(void)state;
	run("token list");
	assert_int_equal(r.code, 0);
	assert_out(
	    "NAME  STATE  LANES  LABEL  MODEL  SIGNATURES  ERROR\n"
	    "main  up     2/2    -      -      -           -\n");
	run("key list");
	assert_out(
	    "NAME   TOKEN  PURPOSE  TYPE     STATE   CREATED               "
	    "SPKI SHA-256\n"
	    "spare  main   account  ec-p256  active  2026-11-23 14:30:02Z  "
	    "00ff\n");
	run("account list");
	assert_has(r.out, "pebble");
	run("order list --certificate www");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "failed");
	run("order list --certificate=a&b");
	assert_int_equal(r.code, 2);
	assert_string_equal(t.log, "");
}

/* Both pages, in a table and in one document. */
static void
test_pages(void **state)
{
	static const struct answer loop[] = {
		{ "GET /v1/certificates?limit=500&after=www", 200,
		    "{\"items\":[],\"next\":\"www\"}" },
	};
	static const struct answer hostile[] = {
		{ "GET /v1/certificates?limit=500", 200,
		    "{\"items\":[],\"next\":\"a b\"}" },
	};
	static const struct answer second_fails[] = {
		{ "GET /v1/certificates?limit=500&after=www", 503,
		    PROBLEM("busy", 503, "later") },
	};

	(void)state;
	run("certificate list");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "www.example.org, example.org");
	assert_has(r.out, "\nxyz");
	assert_string_equal(t.log, "GET /v1/certificates?limit=500\n"
	    "GET /v1/certificates?limit=500&after=www\n");
	run("certificate list --json");
	assert_int_equal(r.code, 0);
	assert_out("{\"items\":[" CERTIFICATE
	    ",{\"name\":\"xyz\",\"state\":\"none\"}]}\n");
	answer_with(loop, nitems(loop));
	run("certificate list");
	assert_int_equal(r.code, 2);
	assert_has(r.err, "leads nowhere");
	answer_with(hostile, nitems(hostile));
	run("certificate list");
	assert_int_equal(r.code, 2);
	answer_with(second_fails, nitems(second_fails));
	run("certificate list");
	assert_int_equal(r.code, 7);
	assert_string_equal(r.out, "");
}

static void
test_empty_lists(void **state)
{
	static const struct answer empty[] = {
		{ "GET /v1/keys", 200, "{\"items\":[]}" },
		{ "GET /v1/tokens", 200, "{}" },
	};

	(void)state;
	answer_with(empty, nitems(empty));
	run("key list");
	assert_int_equal(r.code, 0);
	assert_out("");
	assert_has(r.err, "nothing to list");
	run("key list --json");
	assert_int_equal(r.code, 0);
	assert_out("{\"items\":[]}\n");
	run("token list");
	assert_int_not_equal(r.code, 0);
}

static void
test_show(void **state)
{
	(void)state;
	run("key show spare");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "sensitive        yes\n");
	assert_has(r.out, "extractable      no\n");
	assert_has(r.out, "public key       -----BEGIN PUBLIC KEY-----\n"
	    "                 AAAA\n                 -----END");
	run("token show main");
	assert_has(r.out, "key types     ec-p256, rsa-2048\n");
	run("certificate show www");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "  output        line one\n"
	    "                line two\n");
	run("order show 8");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "a.example   no        invalid  NXDOMAIN");
	assert_has(r.out, "2026-11-23 14:30:01Z  event 1");
	run("account show main");
	assert_has(r.out, "mailto:a@example.org");
	run("certificate chain www");
	assert_out("PEM\n");
	run("certificate chain www --json");
	assert_out("{\"chain\":\"PEM\"}\n");
}

/* Each request, word by word. */
static void
test_requests(void **state)
{
	static const struct { const char *line, *request; int code; } rows[] = {
		{ "token unlatch main", "POST /v1/tokens/main/unlatch {}", 0 },
		{ "key generate spare --token main --type ec-p256 --purpose "
		    "account --verify sample",
		    "POST /v1/keys {\"name\":\"spare\",\"token\":\"main\","
		    "\"type\":\"ec-p256\",\"purpose\":\"account\","
		    "\"verify\":\"sample\"}", 0 },
		{ "key retire spare", "POST /v1/keys/spare/retire {}", 0 },
		{ "key retire spare --grace=7d",
		    "POST /v1/keys/spare/retire {\"grace\":604800}", 0 },
		{ "key destroy spare", "DELETE /v1/keys/spare ", 6 },
		{ "account register main",
		    "POST /v1/accounts/main/register {}", 0 },
		{ "account sign main --url https://ca.example/o/1 "
		    "--nonce abc_-", "POST /v1/accounts/main/jws {\"url\":"
		    "\"https://ca.example/o/1\",\"nonce\":\"abc_-\"}", 0 },
		{ "certificate declare www --account main --name a.example "
		    "--name *.a.example --key-type ec-p384 --token t "
		    "--challenge http-01-webroot --webroot /w --key k",
		    "PUT /v1/certificates/www {\"account\":\"main\","
		    "\"names\":[\"a.example\",\"*.a.example\"],\"keyType\":"
		    "\"ec-p384\",\"token\":\"t\",\"challenge\":"
		    "\"http-01-webroot\",\"webroot\":\"/w\",\"key\":\"k\"}",
		    0 },
		{ "certificate declare www --account main --name a.example "
		    "--order", "POST /v1/certificates/www/orders {}", 0 },
		{ "certificate delete www", "DELETE /v1/certificates/www ",
		    0 },
		{ "certificate order www",
		    "POST /v1/certificates/www/orders {}", 0 },
		{ "certificate renew www",
		    "POST /v1/certificates/www/orders {}", 0 },
		{ "order cancel 7", "DELETE /v1/orders/7 ", 0 },
		{ "policy explain --operation order.create --uid 4000000000",
		    "POST /v1/policy/explain {\"uid\":4000000000,"
		    "\"operation\":\"order.create\"}", 1 },
		{ "policy explain --operation order.create --uid 65534",
		    "POST /v1/policy/explain {\"uid\":65534,\"gid\":65534,"
		    "\"groups\":[65534],\"operation\":\"order.create\"}", 1 },
		{ "policy explain --operation order.create --uid 33 --gid 34 "
		    "--group 1 --group 2 --listener api --key k --account a "
		    "--ca c --certificate www --name x.example",
		    "POST /v1/policy/explain {\"uid\":33,\"gid\":34,"
		    "\"groups\":[1,2],\"listener\":\"api\",\"operation\":"
		    "\"order.create\",\"key\":\"k\",\"account\":\"a\","
		    "\"ca\":\"c\",\"certificate\":\"www\",\"names\":"
		    "[\"x.example\"]}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		run(rows[i].line);
		if (strcmp(t.last, rows[i].request) != 0 ||
		    r.code != rows[i].code)
			fail_msg("%s: sent %s, code %d, said %s", rows[i].line,
			    t.last, r.code, r.err);
	}
}

static void
test_sign(void **state)
{
	(void)state;
	run("account sign main --url https://ca.example/o/1 --nonce abc");
	assert_out("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":"
	    "\"AA\"}\n");
}

static void
test_problems(void **state)
{
	static const struct {
		struct answer a;
		int code;
		const char *text;
	} rows[] = {
		{ { "", 403, PROBLEM("denied", 403, "no rule allows it") }, 4,
		    "keybroker: certificate show: denied: no rule allows "
		    "it\n" },
		{ { "", 404, PROBLEM("not-found", 404, "none") }, 5,
		    "keybroker: certificate show: not-found: none\n" },
		{ { "", 409, PROBLEM("conflict", 409, "open") }, 6,
		    "conflict: open" },
		{ { "", 429, "{\"type\":\"urn:keybroker:error:rate-limited\","
		    "\"title\":\"x\",\"status\":429,\"detail\":\"slow\","
		    "\"retryAfter\":60}" }, 7, "slow (try again in 60 s)" },
		{ { "", 503, PROBLEM("token-unavailable", 503, "gone") }, 8,
		    "token-unavailable: gone" },
		{ { "", 502, PROBLEM("ca-refused", 502, "no") }, 9,
		    "ca-refused: no" },
		{ { "", 500, "<html>" }, 1, "internal: " },
		{ { "", 403, PROBLEM("denied", 403, "\\u001b[2Jx\\u009b") }, 4,
		    "denied: ?[2Jx?\n" },
		{ { "", 200, "{\"name\":" }, 2, "malformed: " },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct answer a = rows[i].a;

		a.request = "GET /v1/certificates/www";
		answer_with(&a, 1);
		run("certificate show www");
		assert_out("");
		if (r.code != rows[i].code || strstr(r.err, rows[i].text) ==
		    NULL)
			fail_msg("row %zu: code %d, said %s", i, r.code,
			    r.err);
		answer_with(NULL, 0);
	}
}

/* Replies that are JSON but not of the shape that was promised. */
static void
test_odd_replies(void **state)
{
	static const struct { const char *line, *request, *body; } rows[] = {
		{ "status", "GET /v1/status", "[]" },
		{ "status", "GET /v1/status", "{\"state\":5}" },
		{ "key list", "GET /v1/keys", "{\"items\":{}}" },
		{ "certificate order www", "POST /v1/certificates/www/orders",
		    "{\"id\":\"7\"}" },
		{ "order watch 9", "GET /v1/orders/9", "{}" },
		{ "policy explain --operation x", "POST /v1/policy/explain",
		    "{\"allow\":\"yes\"}" },
		{ "audit list", "GET /v1/audit?after=0&limit=500",
		    "{\"items\":[{\"seq\":0}],\"last\":0}" },
		{ "audit list", "GET /v1/audit?after=0&limit=500",
		    "{\"items\":[],\"next\":\"a/b\",\"more\":false}" },
		{ "audit tail", "GET /v1/audit?tail=10&limit=500&wait=0",
		    "{\"items\":[]}" },
		{ "audit export", "GET /v1/audit?after=0&limit=500",
		    "{\"items\":[{\"time\":\"t\",\"event\":\"a\"}],"
		    "\"next\":\"1\",\"more\":false}" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct answer a = { rows[i].request, 200, rows[i].body };

		answer_with(&a, 1);
		run(rows[i].line);
		if (r.code != 2 || strstr(r.err, "malformed") == NULL)
			fail_msg("%s: code %d, said %s", rows[i].line, r.code,
			    r.err);
		answer_with(NULL, 0);
	}
}

static void
test_usage(void **state)
{
	static const struct { const char *line, *text; } rows[] = {
		{ "", "no command" },
		{ "nonsense", "no command \"nonsense\"" },
		{ "key", "key what?  One of: list, show, generate, retire, "
		    "destroy" },
		{ "key nonsense", "no command \"key nonsense\"" },
		{ "key show", "KEY is missing" },
		{ "key show a b", "unexpected \"b\"" },
		{ "key show ../../status", "is no name" },
		{ "key show ..", "is no name" },
		{ "key show ''", "is no name" },
		{ "key show a%2fb", "is no name" },
		{ "key show a?b", "is no name" },
		{ "key show --nonsense a", "no option --nonsense" },
		{ "--certificate www order list", "no option --certificate "
		    "before the command" },
		{ "key generate a --token t --type ec-p256",
		    "--purpose PURPOSE is missing" },
		{ "key generate a --token", "--token wants a value" },
		{ "key generate a --token a --token b --type x --purpose y",
		    "--token is given twice" },
		{ "key retire a --grace 7x", "--grace wants a time" },
		{ "key retire a --grace 99999999999999999999d",
		    "--grace wants a time" },
		{ "order watch 0", "is no order" },
		{ "order watch 7x", "is no order" },
		{ "order show -7", "no option -7" },
		{ "order show 99999999999999999999", "is no order" },
		{ "status --json=yes", "--json takes no value" },
		{ "certificate declare www --account a --name b --wait",
		    "--wait needs --order" },
		{ "policy explain --operation x --uid -1",
		    "--uid wants a whole number" },
		{ "help nonsense", "no command" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		run(rows[i].line);
		if (r.code != 2 || strstr(r.err, rows[i].text) == NULL ||
		    strncmp(r.err, "keybroker: ", 11) != 0 || r.out[0] != '\0')
			fail_msg("%s: code %d, said %s", rows[i].line, r.code,
			    r.err);
		assert_string_equal(t.log, "");
	}
}

static void
test_unreachable(void **state)
{
	(void)state;
	run("--socket /nonexistent/api.sock status");
	assert_int_equal(r.code, 3);
	assert_has(r.err, "/nonexistent/api.sock");
	run("status -s/nonexistent/api.sock");
	assert_int_equal(r.code, 3);
}

static void
test_watch(void **state)
{
	(void)state;
	run("order watch 7");
	assert_int_equal(r.code, 0);
	assert_out("2026-11-23 14:30:01Z  event 1\n"
	    "2026-11-23 14:30:02Z  event 2\n"
	    "2026-11-23 14:30:03Z  event 3\n"
	    "2026-11-23 14:30:04Z  event 4\n"
	    "order 7: certificate www is issued\n");
	run("certificate order www --wait");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "event 4\norder 7: certificate www is issued\n");
	run("certificate declare www --account a --name b --order --wait");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "is issued\n");
	run("certificate declare www --account a --name b --order --wait "
	    "--json");
	assert_int_equal(r.code, 0);
	assert_int_equal(strncmp(r.out, ORDER_HEAD "\"state\":\"issued\"",
	    strlen(ORDER_HEAD)), 0);
	assert_ptr_equal(strchr(r.out, '\n'), r.out + strlen(r.out) - 1);
	run("order watch 8");
	assert_int_equal(r.code, 9);
	assert_has(r.err, "keybroker: order watch: ca-refused: order 8 failed: "
	    "no such name\n");
	run("order watch 9");
	assert_int_equal(r.code, 5);
}

/* A broker that goes away in between is waited for. */
static void
test_watch_restart(void **state)
{
	(void)state;
	t.hang_up_at = 3;
	run("order watch 7");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "is issued\n");
}

static void
test_terminal(void **state)
{
	static const struct answer wide[] = {
		{ "GET /v1/certificates?limit=500", 200, "{\"items\":["
		    "{\"name\":\"b\xc3\xbc" "cher\",\"state\":\"issued\","
		    "\"names\":[\"\xe6\x97\xa5\xe6\x9c\xac.example\","
		    "\"a-rather-long-name.example.org\","
		    "\"another-long-name.example.org\"]},"
		    "{\"name\":\"x\\u001b[31m\",\"state\":\"none\"}]}" },
	};
	char *watch[] = { (char *)"keybroker", (char *)"order",
		(char *)"watch", (char *)"7", NULL };
	char *list[] = { (char *)"keybroker", (char *)"certificate",
		(char *)"list", NULL };

	(void)state;
	run_on_terminal(80, 0, watch);
	assert_int_equal(r.code, 0);
	assert_has(r.out, "\r\033[K");
	assert_has(r.out, "order 7: validate, ");
	assert_has(r.out, "is issued");
	answer_with(wide, nitems(wide));
	run_on_terminal(60, 0, list);
	assert_int_equal(r.code, 0);
	assert_has(r.out, "\xe2\x80\xa6");
	assert_has(r.out, "\033[32missued\033[0m");
	assert_null(strstr(r.out, "another-long"));
	assert_null(strstr(r.out, "x\033"));
	assert_has(r.out, "x?[31m");
}

/* Ctrl-C leaves the order running and says so. */
static void
test_interrupt(void **state)
{
	static const struct answer slow[] = {
		{ "GET /v1/orders/7", 200, ORDER_HEAD "\"state\":\"validate\","
		    "\"ended\":false,\"events\":[" EVENT(1) "]}" },
	};
	char *watch[] = { (char *)"keybroker", (char *)"certificate",
		(char *)"order", (char *)"www", (char *)"--wait", NULL };

	(void)state;
	answer_with(slow, nitems(slow));
	run_on_terminal(80, 700, watch);
	assert_int_equal(r.code, 130);
	assert_has(r.out, "order 7 goes on; follow it with: keybroker order "
	    "watch 7");
	assert_null(strstr(t.log, "DELETE"));
}

static void
test_audit(void **state)
{
	(void)state;
	run("audit list");
	assert_int_equal(r.code, 0);
	assert_out(
	    "SEQ  TIME                  EVENT     DETAILS\n"
	    "1    2026-11-23 14:30:02Z  start     -\n"
	    "2    2026-11-23 14:30:02Z  decision  allow=no uid=33\n"
	    "3    2026-11-23 14:30:03Z  stop      -\n");
	run("audit tail -n 1 --json");
	assert_int_equal(r.code, 0);
	assert_out("{\"seq\":3,\"time\":\"2026-11-23T14:30:03Z\",\"prev\":"
	    "\"02\",\"event\":\"stop\"}\n");
	run("audit tail --decision deny --since 2026-01-01");
	assert_out("2026-11-23 14:30:03Z  decision  uid=33\n");
	run("audit list --json --after 2");
	assert_out("{\"items\":[{\"seq\":3,\"time\":\"2026-11-23T14:30:03Z\","
	    "\"prev\":\"02\",\"event\":\"stop\"}]}\n");
	run("audit rotate");
	assert_out("full file  audit-0000000000000001.log\n"
	    "last line  9\n");
	run("audit list --tenant a/b");
	assert_int_equal(r.code, 2);
	run("audit tail --since yesterday");
	assert_int_equal(r.code, 2);
}

/* Two waits, at the second of which the broker ends. */
static void
test_audit_follow(void **state)
{
	static const struct answer news[] = {
		{ "GET /v1/audit?tail=1&limit=500&wait=0", 200,
		    "{\"items\":[],\"next\":\"3\",\"more\":false}" },
		{ "GET /v1/audit?after=3&limit=500&wait=25", 200,
		    "{\"items\":[{\"seq\":4,\"time\":\"t\",\"event\":\"a\"}],"
		    "\"next\":\"4\",\"more\":false}" },
		{ "GET /v1/audit?after=4&limit=500&wait=25", 500,
		    PROBLEM("internal", 500, "over") },
	};

	(void)state;
	answer_with(news, nitems(news));
	run("audit tail -n 1 --follow");
	assert_int_equal(r.code, 1);
	assert_out("4  t  a\n");
}

static void
test_audit_export(void **state)
{
	static const struct answer lines[] = {
		{ "GET /v1/audit?after=1&limit=500", 200, "{\"items\":["
		    "{\"seq\":2,\"time\":\"t\",\"event\":\"a\",\"n\":-7},"
		    "{\"seq\":3,\"time\":\"t\",\"event\":\"b\"},"
		    "{\"seq\":4,\"time\":\"t\",\"event\":\"checkpoint\"},"
		    "{\"seq\":5,\"time\":\"t\",\"event\":\"c\"}],"
		    "\"next\":\"5\",\"more\":true}" },
	};

	(void)state;
	answer_with(lines, nitems(lines));
	run("audit export --from 2 --to 2");
	assert_int_equal(r.code, 0);
	assert_out(
	    "{\"seq\":2,\"time\":\"t\",\"event\":\"a\",\"n\":-7}\n"
	    "{\"seq\":3,\"time\":\"t\",\"event\":\"b\"}\n"
	    "{\"seq\":4,\"time\":\"t\",\"event\":\"checkpoint\"}\n");
	assert_has(r.err, "seq 2 to 2, proved by the checkpoint at seq 4\n");
}

static void
test_audit_verify(void **state)
{
	static const char line[] = "{\"seq\":1,\"time\":\"t\",\"prev\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000"
	    "000\",\"event\":\"start\"}\n";
	char path[256], command[512];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/audit.log", t.folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(line, f);
	fclose(f);
	snprintf(command, sizeof(command), "audit verify %s", path);
	run(command);
	assert_int_equal(r.code, 0);
	assert_has(r.out, "good: 1 lines, 0 checkpoints\n"
	    "no line is proved by a checkpoint\nlast line 1:");
	snprintf(command, sizeof(command), "audit verify --json --last 2 %s",
	    path);
	run(command);
	assert_int_equal(r.code, 1);
	assert_has(r.out, "{\"valid\":false,\"lines\":1,\"last\":1,"
	    "\"sha256\":\"");
	assert_has(r.out, "\"checkpoints\":0,\"proved\":0,\"damage\":{"
	    "\"kind\":\"cut\",");
	f = fopen(path, "a");
	fputs(line, f);
	fclose(f);
	snprintf(command, sizeof(command), "audit verify %s", path);
	run(command);
	assert_int_equal(r.code, 1);
	assert_has(r.out, "/audit.log:2: repeated: ");
	unlink(path);
	run(command);
	assert_int_equal(r.code, 5);
	assert_string_equal(t.log, "");
}

/* config becomes the keybrokerd that stands beside it. */
static void
test_config(void **state)
{
	char program[256], daemon[256], before[PATH_MAX];
	FILE *f;

	(void)state;
	strcpy(before, t.program);
	snprintf(program, sizeof(program), "%s/bin", t.folder);
	assert_int_equal(mkdir(program, 0700), 0);
	strcat(program, "/keybroker");
	assert_int_equal(link(t.program, program) == 0 ||
	    errno == EXDEV, true);
	if (access(program, X_OK) != 0) {
		char command[PATH_MAX + 300];

		snprintf(command, sizeof(command), "cp '%s' '%s'", t.program,
		    program);
		assert_int_equal(system(command), 0);
	}
	strcpy(t.program, program);
	run("config check /etc/x.conf");
	assert_int_equal(r.code, 5);
	assert_has(r.err, "no keybrokerd in ");
	snprintf(daemon, sizeof(daemon), "%s/sbin", t.folder);
	assert_int_equal(mkdir(daemon, 0700), 0);
	strcat(daemon, "/keybrokerd");
	f = fopen(daemon, "w");
	fputs("#!/bin/sh\necho \"$#:$*\"\nexit 78\n", f);
	fclose(f);
	chmod(daemon, 0700);
	run("config check /etc/x.conf");
	assert_int_equal(r.code, 78);
	assert_out("2:--check --config=/etc/x.conf\n");
	run("--config=/etc/y.conf config print");
	assert_out("2:--print --config=/etc/y.conf\n");
	run("config print");
	assert_out("1:--print\n");
	strcpy(t.program, before);
	unlink(program);
	unlink(daemon);
	rmdir(dirname(program));
	rmdir(dirname(daemon));
}

static void
test_help(void **state)
{
	(void)state;
	run("help");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "\n  certificate declare   Declare");
	assert_has(r.out, "--config FILE");
	run("certificate declare --help");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "--account ACCOUNT\n          --name");
	assert_null(strstr(r.out, "--config"));
	assert_has(r.out, "Examples:\n  keybroker certificate declare");
	run("certificate --help");
	assert_int_equal(r.code, 0);
	assert_has(r.out, "certificate chain");
	run("--help");
	assert_int_equal(r.code, 0);
	run("help order watch");
	assert_has(r.out, "usage: keybroker order watch ORDER");
	run("version");
	assert_int_equal(strncmp(r.out, "keybroker ", 10), 0);
	run("--version");
	assert_int_equal(r.code, 0);
	assert_int_equal(strncmp(r.out, "keybroker ", 10), 0);
	assert_string_equal(t.log, "");
}

static void
test_complete(void **state)
{
	static const struct { const char *words, *out; } rows[] = {
		{ "--complete cert", "certificate\n" },
		{ "--complete order ''", "list\nshow\nwatch\ncancel\n" },
		{ "--complete certificate show ''", "www\nxyz\n" },
		{ "--complete certificate show x", "xyz\n" },
		{ "--complete certificate declare n --account ''", "main\n" },
		{ "--complete certificate declare n --account=m",
		    "--account=main\n" },
		{ "--complete certificate declare n --account = m", "main\n" },
		{ "--complete key show ''", "spare\n" },
		{ "--complete key show spare ''", "" },
		{ "--complete certificate order www --w", "--wait\n" },
		{ "--complete key generate k --type rsa-2", "rsa-2048\n" },
		{ "--complete policy explain --operation order.c",
		    "order.create\norder.cancel\n" },
		{ "--complete audit verify ''", ":file\n" },
		{ "--complete help order w", "watch\n" },
		{ "--complete --socket ''", ":file\n" },
		{ "--complete -s /nonexistent key show ''", "" },
		{ "--complete nonsense ''", "" },
		{ "--complete key nonsense ''", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		run(rows[i].words);
		if (r.code != 0 || strcmp(r.out, rows[i].out) != 0 ||
		    r.err[0] != '\0')
			fail_msg("%s: code %d, offered %s%s", rows[i].words,
			    r.code, r.out, r.err);
	}
}

static void
test_full_output(void **state)
{
	char command[PATH_MAX + 300];

	(void)state;
	snprintf(command, sizeof(command), "KEYBROKER_SOCKET='%s' '%s' status "
	    "> /dev/full 2> /dev/null", t.path, t.program);
	assert_int_equal(WEXITSTATUS(system(command)), 1);
}

/* ------------------------------------------------------------------- frame */

static void
find_program(void)
{
	const char *build = getenv("BUILD");
	char self[PATH_MAX - 64] = "";

	if (build != NULL) {
		snprintf(t.program, sizeof(t.program), "%s/keybroker", build);
		return;
	}
	assert(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(t.program, sizeof(t.program), "%s/../../keybroker",
	    dirname(self));
}

static int
setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	find_program();
	strcpy(t.folder, "/tmp/cli_test.XXXXXX");
	if (mkdtemp(t.folder) == NULL)
		return -1;
	snprintf(t.path, sizeof(t.path), "%s/api.sock", t.folder);
	strcpy(a.sun_path, t.path);
	t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(t.listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(t.listener, 16) != 0)
		return -1;
	return pthread_create(&t.thread, NULL, broker, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	shutdown(t.listener, SHUT_RDWR);
	pthread_join(t.thread, NULL);
	close(t.listener);
	unlink(t.path);
	return rmdir(t.folder);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, back_to_common)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),
		TEST(test_lists),
		TEST(test_pages),
		TEST(test_empty_lists),
		TEST(test_show),
		TEST(test_requests),
		TEST(test_sign),
		TEST(test_problems),
		TEST(test_odd_replies),
		TEST(test_usage),
		TEST(test_unreachable),
		TEST(test_watch),
		TEST(test_watch_restart),
		TEST(test_terminal),
		TEST(test_interrupt),
		TEST(test_audit),
		TEST(test_audit_follow),
		TEST(test_audit_export),
		TEST(test_audit_verify),
		TEST(test_config),
		TEST(test_help),
		TEST(test_complete),
		TEST(test_full_output),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
