/*
 * A core in a temporary folder, for tests of the handlers: real store, audit
 * log, policy, lanes, keys and engine; a lane without a token; and a thread
 * that answers in the place of keybrokerd.  One for a test program.
 */
#ifndef TESTS_SMALL_CORE_H
#define TESTS_SMALL_CORE_H

#include <ftw.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../api/problem.h"
#include "../../api/server/http.h"
#include "../../broker/base/clock.h"
#include "../../broker/base/frame.h"
#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/core/audit/audit.h"
#include "../../broker/core/handle/authorize.h"
#include "../../broker/core/control.h"
#include "../../broker/core/core.h"
#include "../../broker/core/engine/engine.h"
#include "../../broker/core/key/keys.h"
#include "../../broker/core/key/lanes.h"
#include "soft_lane.h"

#define UID_OPS	   10 /* may do everything */
#define UID_WEB	   20 /* may do a few things with certificates "web-*" */
#define UID_NOBODY 30 /* may do nothing */
#define UID_RATED  40 /* may list keys twice an hour */

/* A test may have tenants, rules and things of its own. */
#ifndef SMALL_POLICY
#define SMALL_POLICY                                                          \
	"tenant \"ops\" { uid 10 }\n"                                         \
	"tenant \"web\" { uid 20 }\n"                                         \
	"tenant \"rated\" { uid 40 }\n"                                       \
	"allow \"ops\" { operations * names \"*\" }\n"                        \
	"allow \"web\" {\n"                                                   \
	"  operations certificate.* order.*\n"                                \
	"  names \".web.test\"\n"                                             \
	"  certificates \"web-*\"\n"                                          \
	"}\n"                                                                 \
	"allow \"web\" { operations key.read keys \"web-*\" }\n"              \
	"allow \"web\" { operations audit.own }\n"                           \
	"allow \"rated\" { operations key.read rate 2 per 1h }\n"             \
	"tenant \"group\" { gid 10 }\n"                                       \
	"allow \"group\" { operations token.unlatch }\n"
#endif
#ifndef SMALL_MORE
#define SMALL_MORE "" /* beside that */
#endif

struct core core;

static char small_folder[64];
static struct soft_box small_box;
static struct soft_lane small_lane;
static pthread_t small_reader, small_daemon;
static int small_daemon_fd;
static char small_unlatched[STORE_NAME]; /* to be read once it was told */
static atomic_bool small_told;

static const char small_config[] =
    "state \"%s\"\n"
    "audit durable\n"
    "http-listen \"127.0.0.1:5080\"\n"
    "listener \"api\" { path \"%s/api.sock\" }\n"
    "token \"main\" {\n"
    "  module \"softhsm2\"\n"
    "  uri \"pkcs11:token=main\"\n"
    "  pin-source \"prompt\"\n"
    "  key \"born\" { uri \"pkcs11:object=born;type=private\" purpose cert }\n"
    "}\n"
    "token \"spare\" {\n"
    "  module \"softhsm2\"\n"
    "  uri \"pkcs11:token=spare\"\n"
    "  pin-source \"prompt\"\n"
    "}\n"
    "ca \"ca\" { directory \"https://ca.test/directory\" }\n"
    "account \"main\" {\n"
    "  ca \"ca\"\n"
    "  key ec-p256 { token \"main\" }\n"
    "  contact \"mailto:ops@ca.test\"\n"
    "  terms agreed\n"
    "}\n"
    "account \"fresh\" { ca \"ca\" key ec-p256 { token \"spare\" } }\n"
    "certificate \"configured\" {\n"
    "  account \"main\"\n"
    "  names \"conf.test\"\n"
    "  key ec-p256 { token \"main\" }\n"
    "  challenge http-01 { webroot \"/srv/known\" }\n"
    "}\n"
    SMALL_POLICY SMALL_MORE;

static inline void *
small_read(void *arg)
{
	(void)arg;
	control_run(core.control);
	return NULL;
}

/* Answers as keybrokerd, as far as handlers ask it. */
static inline void *
small_serve(void *arg)
{
	unsigned char *buffer = malloc(FRAME_MAX + 64);
	struct frame in, out;
	struct reader r;
	struct buf text;

	(void)arg;
	buf_init(&text, 1000);
	while (frame_recv(small_daemon_fd, &in, buffer, FRAME_MAX + 64, -1,
		NULL) == OK) {
		reader_init(&r, in.payload.p, in.payload.n);
		if (in.op == CONTROL_UNLATCH) {
			reader_str(&r, small_unlatched,
			    sizeof(small_unlatched));
			small_told = true;
		}
		if (in.op != CONTROL_STATE)
			continue;
		out = (struct frame){ .op = CONTROL_STATE, .id = in.id };
		buf_reset(&text);
		buf_put_str(&text, "[{\"role\":\"issuer\",\"pid\":7,"
		    "\"state\":\"running\",\"restarts\":0}]");
		frame_send(small_daemon_fd, &out, text.data, text.len, NULL);
	}
	buf_free(&text);
	free(buffer);
	return NULL;
}

static inline bool
small_name(const char *name, uint32_t *id)
{
	(void)name;
	*id = 1;
	return true;
}

static inline int
small_control(struct fault *why)
{
	struct frame start = { .op = CONTROL_START, .nfds = 1,
		.fds = { open("/dev/null", O_RDONLY | O_CLOEXEC) } };
	struct buf payload, text, names;
	int fds[2], passed[FRAME_FDS];
	unsigned n;

	if (frame_pair(fds, why) != OK)
		return -1;
	small_daemon_fd = fds[1];
	buf_init(&payload, 100);
	buf_init(&text, 100);
	buf_init(&names, 100);
	buf_put_u32(&payload, 0);
	frame_send(fds[1], &start, payload.data, payload.len, why);
	close(start.fds[0]);
	core.control = control_open(fds[0], &text, &names, passed, &n, why);
	buf_free(&payload);
	buf_free(&text);
	buf_free(&names);
	return core.control != NULL ? 0 : -1;
}

static inline int
small_parse(void)
{
	static const struct config_names names = { small_name, small_name };
	struct config_errors errors = { .n = 0 };
	char *text = xasprintf(small_config, small_folder, small_folder);

	core.config = config_parse(text, strlen(text), &names, &errors);
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "%u:%u: %s\n", errors.v[i].line,
		    errors.v[i].column, errors.v[i].text);
	config_errors_free(&errors);
	free(text);
	return core.config != NULL ? 0 : -1;
}

/* A key in the box of the lane, and its row. */
static inline void
small_key(const char *name, const char *token, enum key_purpose purpose,
    enum key_state state)
{
	struct key_row row = { .purpose = purpose, .state = state,
		.type = KEY_EC_P256, .created = 1 };
	struct lane_key *k;
	struct fault why;

	pthread_mutex_lock(&small_box.lock);
	k = &small_box.keys[soft_box_add(&small_box,
	    soft_generate(KEY_EC_P256), purpose, name)].key;
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.token, sizeof(row.token), "%s", token);
	memcpy(row.id, k->id, k->idlen);
	row.idlen = k->idlen;
	memcpy(row.spki, k->spki, k->spkilen);
	row.spkilen = k->spkilen;
	row.attributes = k->attributes;
	sha256(row.pin, row.spki, row.spkilen);
	pthread_mutex_unlock(&small_box.lock);
	if (store_key_put(core.store, &row, &why) != OK)
		abort();
}

/* What the store would have from an earlier life: a directory, and an account
 * that the CA knows. */
static inline int
small_past(struct fault *why)
{
	struct account_row a = { .name = "main", .ca = "ca",
		.directory = "https://ca.test/directory",
		.key = "account-main", .state = ACCOUNT_VALID,
		.kid = "https://ca.test/account/1" };

	small_key("account-main", "main", PURPOSE_ACCOUNT, KEY_ACTIVE);
	if (store_account_put(core.store, &a, why) != OK)
		return -1;
	return store_directory_put(core.store, a.directory,
	    "{\"newNonce\":\"https://ca.test/nonce\","
	    "\"newAccount\":\"https://ca.test/new-account\","
	    "\"newOrder\":\"https://ca.test/new-order\","
	    "\"newAuthz\":\"https://ca.test/new-authz\","
	    "\"revokeCert\":\"https://ca.test/revoke\","
	    "\"keyChange\":\"https://ca.test/key-change\","
	    "\"renewalInfo\":\"https://ca.test/ari\"}", clock_now(),
	    why) == OK ? 0 : -1;
}

static inline int
small_parts(struct fault *why)
{
	struct http_limits limits = { .connections = 8,
		.connections_per_uid = 8, .idle = 60, .deadline = 60,
		.body_max = BODY_MAX };
	char *folder = xasprintf("%s/audit", small_folder);
	struct lane_token info;

	if (make_folder(folder, 0700, why) != OK)
		return -1;
	core.audit = audit_open(folder, AUDIT_DURABLE, why);
	core.store = store_open(small_folder, why);
	free(folder);
	if (core.audit == NULL || core.store == NULL)
		return -1;
	core.lanes = lanes_new(core.config, 16);
	soft_box_open(&small_box);
	soft_token_info(&info);
	info.key_types &= ~(1u << KEY_ED25519);
	lanes_up(core.lanes, "main", 0,
	    soft_lane_start(&small_lane, &small_box, SOFT_WORK), &info);
	core.keys = keys_new(core.store, core.lanes);
	core.gate = gatekeeper_new(core.config);
	core.http = http_server_new(NULL, 0, NULL, 0, &limits, why);
	return core.http != NULL ? 0 : -1;
}

/* The engine's own beginnings are over: the configured certificate has an
 * order and its key, and the account in the token without lanes has failed. */
static inline bool
small_settled(void)
{
	struct account_row fresh;
	struct order_row o;
	struct fault why;
	bool settled;

	if (store_account_get(core.store, "fresh", &fresh, &why) != OK ||
	    fresh.attempts == 0 ||
	    store_order_get(core.store, 1, &o, &why) != OK)
		return false;
	settled = o.state != ORDER_KEY;
	order_row_free(&o);
	return settled;
}

static inline int
small_wait(void)
{
	for (unsigned i = 0; i < 3000; i++) {
		if (small_settled())
			return 0;
		usleep(10000);
	}
	return -1;
}

/* For cmocka_run_group_tests(). */
static inline int
small_open(void **state)
{
	struct fault why = { .code = OK };

	(void)state;
	snprintf(small_folder, sizeof(small_folder), "/tmp/kb-core-XXXXXX");
	if (mkdtemp(small_folder) == NULL || small_parse() != 0 ||
	    small_parts(&why) != 0 || small_past(&why) != 0 ||
	    small_control(&why) != 0) {
		fprintf(stderr, "set-up: %s\n", why.text);
		return -1;
	}
	core.started = clock_now();
	core.engine = engine_new(&why);
	if (pthread_create(&small_reader, NULL, small_read, NULL) != 0 ||
	    pthread_create(&small_daemon, NULL, small_serve, NULL) != 0)
		return -1;
	return core.engine != NULL ? small_wait() : -1;
}

static inline int
small_remove(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int
small_close(void **state)
{
	(void)state;
	engine_stop(core.engine);
	engine_free(core.engine);
	shutdown(small_daemon_fd, SHUT_RDWR);
	pthread_join(small_daemon, NULL);
	pthread_join(small_reader, NULL);
	http_server_free(core.http);
	keys_free(core.keys);
	lanes_free(core.lanes);
	pthread_join(small_lane.thread, NULL);
	soft_box_close(&small_box);
	gatekeeper_free(core.gate);
	store_close(core.store);
	audit_close(core.audit);
	config_free((struct config *)(uintptr_t)core.config);
	return nftw(small_folder, small_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* One request, as the server would make it, and what came of it. */
struct outcome_of {
	enum err err;
	unsigned status;
	struct json *json; /* of a good reply */
	char *text;
	char type[64];
	char location[256];
	struct fault why;
};

static inline struct outcome_of
ask_query(uint32_t uid, route_handler *handler, const char *param,
    const char *query, const char *body)
{
	struct peer peer = { .uid = uid, .gid = uid, .pid = 99,
		.listener = "api" };
	struct route route = { .query = true };
	struct request rq = { .peer = &peer, .route = &route,
		.query = query, .start_us = clock_monotonic_us() };
	struct reply rp = { .status = 200, .type = "application/json" };
	struct outcome_of o = { .status = 0 };
	struct json *parsed = NULL;

	if (body != NULL) {
		parsed = json_parse(body, strlen(body), &o.why);
		if (parsed == NULL)
			abort();
		rq.body = parsed;
	}
	snprintf(rq.params[0], sizeof(rq.params[0]), "%s", param);
	buf_init(&rp.body, 8000000);
	o.err = handler(&rq, &rp, &o.why);
	o.status = o.err == OK ? rp.status : problem_status(o.err);
	snprintf(o.type, sizeof(o.type), "%s", rp.type);
	snprintf(o.location, sizeof(o.location), "%s", rp.location);
	o.text = xstrdup(buf_str(&rp.body));
	if (o.err == OK && strcmp(rp.type, "application/json") == 0)
		o.json = json_parse(o.text, strlen(o.text), &o.why);
	buf_free(&rp.body);
	json_free(parsed);
	return o;
}

static inline struct outcome_of
ask(uint32_t uid, route_handler *handler, const char *param,
    const char *body)
{
	return ask_query(uid, handler, param, "", body);
}

static inline void
outcome_free(struct outcome_of *o)
{
	json_free(o->json);
	free(o->text);
}

/* The last decision in the audit log, parsed; the engine writes there too. */
static inline struct json *
last_decision(void)
{
	const struct audit_query query = { .tail = 50, .max = 50 };
	struct audit_page page;
	struct json *lines, *line;
	struct json_writer w;
	struct fault why;
	struct buf text;
	size_t i;

	buf_init(&text, 1000000);
	if (audit_read(core.audit, &query, &text, &page, &why) != OK)
		abort();
	lines = json_parse(buf_str(&text), text.len, &why);
	for (i = json_count(lines); i > 0; i--)
		if (strcmp(json_get_string(json_at(lines, i - 1), "event"),
		    "decision") == 0)
			break;
	buf_reset(&text);
	json_write_start(&w, &text);
	json_put_value(&w, NULL, json_at(lines, i - 1));
	line = json_parse(buf_str(&text), text.len, &why);
	json_free(lines);
	buf_free(&text);
	return line;
}

#endif
