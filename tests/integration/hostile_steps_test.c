/*
 * A hostile issuer asks at each step of an order for the signatures of all
 * other steps, at this CA and elsewhere.  What it gets is read to the last
 * member: it says what the configuration and the order say, and no more.
 */
#include "hostile_ca.h"

#include "oracle.h"

#define EVIL	"https://evil.test"
#define WITHIN	40 /* seconds: more than an order's deadline */

static const char config[] =
    "ca \"ca\" { directory \"" CA "/dir\" timeout 2s\n"
    "  order-deadline 20s }\n"
    "ca \"stray\" { directory \"https://stray.test/dir\" timeout 2s }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" }\n"
    "  contact \"mailto:a@b.test\" terms agreed }\n"
    "account \"stray\" { ca \"stray\" key ec-p256 { token \"main\" } }\n";

static unsigned pried;

/* The JWS of a task, for a URL; its status. */
static struct answer
want(int64_t id, const char *url)
{
	return say(world.channel[1], "/issuer/jws", "{\"task\":%lld,"
	    "\"url\":\"%s\",\"nonce\":\"" NONCE "\"}", (long long)id, url);
}

/* Everything that is not the task's own is refused, on every channel. */
static void
pry(const struct task *t)
{
	static const char *const urls[] = { "", CA, CA "/", CA "/nonce",
		CA "/account", CA "/account/1", CA "/account/2",
		CA "/new-order", CA "/order/1", CA "/order/2", CA "/authz",
		CA "/challenge", CA "/finalize", CA "/certificate",
		CA "/revoke", CA "/key-change", CA ":443/new-order",
		"http://ca.test/new-order", EVIL "/new-order", EVIL "/account",
		"https://ca.test.evil.test/finalize" };
	const int64_t ids[] = { 0, -1, t->id - 1, t->id + 1, 1, INT32_MAX };

	for (size_t i = 0; i < nitems(urls); i++) {
		if (strcmp(urls[i], t->url) == 0)
			continue;
		for (unsigned c = 1; c <= WORLD_WORKERS; c++)
			assert_in_range(sign_status(world.channel[c], t->id,
			    urls[i], NONCE), 400, 499);
		pried++;
	}
	for (size_t i = 0; i < nitems(ids); i++)
		if (ids[i] != t->id)
			assert_in_range(sign_status(world.channel[1], ids[i],
			    t->url, NONCE), 400, 499);
}

/* ------------------------------------------------- what is in a signature */

static void
check_csr(const struct json *payload, const char *name)
{
	const char *text = json_get_string(payload, "csr");
	unsigned char *der;
	const unsigned char *p;
	GENERAL_NAMES *names;
	const ASN1_IA5STRING *only;
	X509_REQ *csr;
	size_t n;

	assert_int_equal(json_count(payload), 1);
	der = oracle_decode(text, strlen(text), &n);
	p = der;
	csr = d2i_X509_REQ(NULL, &p, (long)n);
	assert_non_null(csr);
	assert_int_equal(X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)), 1);
	names = X509V3_get_d2i(X509_REQ_get_extensions(csr),
	    NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	only = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
	assert_int_equal(ASN1_STRING_length(only), strlen(name));
	assert_memory_equal(ASN1_STRING_get0_data(only), name, strlen(name));
	GENERAL_NAMES_free(names);
	X509_REQ_free(csr);
	free(der);
}

static void
check_names(const struct json *payload, const char *name)
{
	const struct json *list = json_get(payload, "identifiers");

	assert_int_equal(json_count(payload), 1);
	assert_int_equal(json_count(list), 1);
	assert_int_equal(json_count(json_at(list, 0)), 2);
	assert_string_equal(json_get_string(json_at(list, 0), "type"), "dns");
	assert_string_equal(json_get_string(json_at(list, 0), "value"), name);
}

static void
check_payload(const struct task *t, const struct json *payload,
    const char *name)
{
	bool flag = false;

	if (strcmp(t->step, "find-account") == 0) {
		assert_int_equal(json_count(payload), 1);
		json_get_bool(payload, "onlyReturnExisting", &flag);
		assert_true(flag);
	} else if (strcmp(t->step, "new-account") == 0) {
		assert_int_equal(json_count(payload), 2);
		assert_string_equal(json_string(json_at(json_get(payload,
		    "contact"), 0)), "mailto:a@b.test");
		json_get_bool(payload, "termsOfServiceAgreed", &flag);
		assert_true(flag);
	} else if (strcmp(t->step, "new-order") == 0) {
		check_names(payload, name);
	} else if (strcmp(t->step, "finalize") == 0) {
		check_csr(payload, name);
	} else if (strcmp(t->step, "answer-challenge") == 0) {
		assert_int_equal(json_count(payload), 0);
	} else {
		assert_null(payload);
	}
}

static void
check_header(const struct task *t, const struct json *header)
{
	const char *kid = json_get_string(header, "kid");
	bool newcomer = strstr(t->step, "account") != NULL;

	assert_int_equal(json_count(header), 4);
	assert_string_equal(json_get_string(header, "alg"), "ES256");
	assert_string_equal(json_get_string(header, "url"), t->url);
	assert_string_equal(json_get_string(header, "nonce"), NONCE);
	if (newcomer)
		assert_int_equal(json_count(json_get(header, "jwk")), 4);
	else
		assert_string_equal(kid, CA "/account/1");
}

/* The one signature that this task may have. */
static void
take(const struct task *t, const char *name)
{
	struct answer a = want(t->id, t->url);
	struct json *header, *payload;

	if (a.status != 200)
		fail_msg("%s: %d: %s", t->step, a.status, a.body);
	assert_int_equal(json_count(a.json), 3);
	header = part(a.json, "protected");
	payload = part(a.json, "payload");
	check_header(t, header);
	check_payload(t, payload, name);
	if (strcmp(t->step, "finalize") == 0)
		keep_csr(payload);
	json_free(header);
	json_free(payload);
	answer_free(&a);
}

/* ------------------------------------------------------------ the CA's part */

#define OF(name) "\"identifier\":{\"type\":\"dns\",\"value\":\"" name "\"}"

/* Through all steps: an authorization is pending, then valid. */
static char *
walk(const struct task *t)
{
	static bool answered;

	if (strcmp(t->step, "new-order") == 0)
		return xstrdup(OK_FACTS "{\"status\":\"pending\"," FINALIZE
		    ",\"authorizations\":[\"" CA "/authz\"]},\"location\":\""
		    CA "/order/1\"");
	if (strcmp(t->step, "answer-challenge") == 0) {
		answered = true;
		return xstrdup(OK_FACTS "{\"status\":\"processing\"}");
	}
	if (strcmp(t->step, "get-authorization") == 0)
		return xasprintf(OK_FACTS "{\"status\":\"%s\","
		    OF("steps.example.org") ",\"challenges\":[{\"type\":"
		    "\"http-01\",\"url\":\"" CA "/challenge\",\"token\":"
		    "\"abc\",\"status\":\"%s\"}]}",
		    answered ? "valid" : "pending",
		    answered ? "valid" : "pending");
	return NULL;
}

static void
report(const struct task *t, char *members, const char *san)
{
	struct answer a;

	if (members == NULL)
		members = honest(t, san);
	a = say(world.channel[1], "/issuer/result", "{\"task\":%lld,%s}",
	    (long long)t->id, members);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	free(members);
}

static bool
is_stray(const struct task *t)
{
	return strncmp(t->url, CA, strlen(CA)) != 0;
}

static void
test_every_step(void **state)
{
	static const char *const steps[] = { "find-account", "new-account",
		"new-order", "get-authorization", "answer-challenge",
		"get-order", "finalize", "download" };
	unsigned seen = 0;
	int64_t id = order("steps", "main"), end = clock_now() + WITHIN;

	(void)state;
	while (!has_ended(id)) {
		struct task t = next_task(world.channel[1], 100);

		assert_true(clock_now() < end);
		if (t.id == 0)
			continue;
		pry(&t);
		if (strcmp(t.step, "directory") != 0)
			take(&t, "steps.example.org");
		for (unsigned i = 0; i < nitems(steps); i++)
			if (strcmp(steps[i], t.step) == 0)
				seen |= 1U << i;
		report(&t, walk(&t), "DNS:steps.example.org");
	}
	assert_string_equal(ended, "issued");
	print_message("%u other URLs refused on each channel\n", pried);
	if (seen != (1U << nitems(steps)) - 1)
		fail_msg("some steps were not seen: 0x%x", seen);
}

/* --------------------------------------------------- URLs of somebody else */

/* What the issuer says that the CA said, at one step of an order of that
 * name: then each order has URLs of its own. */
static const struct {
	const char *name, *step, *members;
} stray[] = {
	{ "location", "new-order", OK_FACTS "{\"status\":\"ready\","
	    FINALIZE "},\"location\":\"" EVIL "/order\"" },
	{ "port", "new-order", OK_FACTS "{\"status\":\"ready\","
	    FINALIZE "},\"location\":\"" CA ":8443/order\"" },
	{ "finalize", "new-order", OK_FACTS "{\"status\":\"ready\","
	    "\"finalize\":\"" EVIL "/finalize\"},\"location\":\"" CA
	    "/order/finalize\"" },
	{ "authz", "new-order", OK_FACTS "{\"status\":\"pending\"," FINALIZE
	    ",\"authorizations\":[\"" CA "/authz/authz\",\"" EVIL "/authz\"]"
	    "},\"location\":\"" CA "/order/authz\"" },
	{ "early", "new-order", OK_FACTS "{\"status\":\"valid\","
	    "\"certificate\":\"" EVIL "/certificate\"},\"location\":\"" CA
	    "/order/early\"" },
	{ "challenge", "get-authorization", OK_FACTS "{\"status\":\"pending\","
	    OF("challenge.example.org") ",\"challenges\":[{\"type\":"
	    "\"http-01\",\"url\":\"" EVIL "/c\",\"token\":\"abc\"}]}" },
	{ "certificate", "finalize", OK_FACTS "{\"status\":\"valid\","
	    "\"certificate\":\"" EVIL "/certificate\"}" },
};

/* Which order a task is of: by its names, else by its URL. */
static void
name_of(const struct task *t, char out[static 64])
{
	struct answer a = want(t->id, t->url);
	struct json *payload;
	const char *name;

	if (a.status != 200)
		fail_msg("%s %s: %d", t->step, t->url, a.status);
	payload = part(a.json, "payload");
	name = json_get_string(json_at(json_get(payload, "identifiers"), 0),
	    "value");
	snprintf(out, 64, "%.60s", name != NULL ? name :
	    strrchr(t->url, '/') + 1);
	out[strcspn(out, ".")] = '\0';
	json_free(payload);
	answer_free(&a);
}

static char *
lead_astray(const struct task *t)
{
	char name[64];

	name_of(t, name);
	for (size_t i = 0; i < nitems(stray); i++)
		if (strcmp(stray[i].name, name) == 0 &&
		    strcmp(stray[i].step, t->step) == 0)
			return xstrdup(stray[i].members);
	if (strcmp(t->step, "new-order") == 0 &&
	    strcmp(name, "challenge") == 0)
		return xasprintf(OK_FACTS "{\"status\":\"pending\"," FINALIZE
		    ",\"authorizations\":[\"" CA "/authz/%s\"]},\"location\":"
		    "\"" CA "/order/%s\"", name, name);
	return xasprintf(OK_FACTS "{\"status\":\"ready\",\"finalize\":\"" CA
	    "/finalize/%s\"},\"location\":\"" CA "/order/%s\"", name, name);
}

/* The directory of the other CA leads to ours, and its account is never
 * asked for: nothing of it is at this CA. */
static void
one_task(void)
{
	struct task t = next_task(world.channel[1], 100);

	if (t.id == 0)
		return;
	if (strcmp(t.step, "directory") == 0) {
		report(&t, NULL, "");
		return;
	}
	assert_false(is_stray(&t));
	report(&t, strstr(t.step, "account") != NULL ? NULL :
	    lead_astray(&t), "");
}

static void
test_strays(void **state)
{
	int64_t ids[nitems(stray)], end = clock_now() + WITHIN;
	struct answer a;

	(void)state;
	for (size_t i = 0; i < nitems(stray); i++)
		ids[i] = order(stray[i].name, "main");
	for (size_t i = 0; i < nitems(stray); i++) {
		while (!has_ended(ids[i])) {
			if (clock_now() > end)
				fail_msg("%s is %s: %s", stray[i].name, ended,
				    reason);
			one_task();
		}
		if (strcmp(ended, "failed") != 0 ||
		    strstr(reason, "origins") == NULL)
			fail_msg("%s: %s: %s", stray[i].name, ended, reason);
	}
	a = world_api("GET", "/v1/accounts/stray", "");
	assert_null(strstr(a.body, "\"valid\""));
	assert_non_null(strstr(a.body, "origins"));
	answer_free(&a);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_step),
		cmocka_unit_test(test_strays),
	};
	int code;

	if (world_is_issuer(argv[0]))
		return world_be_issuer();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	code = world_open(config);
	if (code == 77)
		puts("skipped: SoftHSM is not installed");
	if (code != 0)
		return code;
	make_root();
	world_start();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	world_close(code != 0);
	return code;
}
