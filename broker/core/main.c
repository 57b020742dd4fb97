/*
 * keybroker-core: API, policy, audit, store, orders.  Started by keybrokerd
 * with the control channel as PARENT_FD; has no network and no PIN.
 */
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../api/server/http.h"
#include "../../api/server/line.h"
#include "../base/clock.h"
#include "../base/crypto.h"
#include "../base/frame.h"
#include "../base/io.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "audit/audit.h"
#include "handle/authorize.h"
#include "handle/lacme.h"
#include "ca/registered.h"
#include "control.h"
#include "confine.h"
#include "core.h"
#include "engine/engine.h"
#include "key/keys.h"
#include "key/lanes.h"
#include "test_points.h"

#define LISTENER_NAMES_MAX 1024
#define FILES_OTHER 512 /* descriptors that are no client's connections */
#define REFUSALS 100 /* of a client before it waits for each further one */

struct core core;

static const struct route api_routes[] = {
#define X(id, method, path, query)                                            \
	{ #id, method, path, query, handle_##id },
	ROUTES(X)
};
static const struct route issuer_routes[] = {
	ISSUER_ROUTES(X)
#undef X
};

static bool
user_id(const char *name, uint32_t *uid)
{
	const struct passwd *pw = getpwnam(name);

	if (pw != NULL)
		*uid = pw->pw_uid;
	return pw != NULL;
}

static bool
group_id(const char *name, uint32_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr != NULL)
		*gid = gr->gr_gid;
	return gr != NULL;
}

static void
read_config(const struct buf *text)
{
	const struct config_names names = { user_id, group_id };
	struct config_errors errors;

	core.config = config_parse((const char *)text->data, text->len,
	    &names, &errors);
	if (core.config == NULL)
		fatal("configuration: %s", errors.n > 0 ? errors.v[0].text :
		    "does not parse");
	log_set_level(core.config->log);
}

static _Noreturn void
give_up(const char *what, const struct fault *why)
{
	log_error("%s: %s", what, why->text);
	_exit(EXIT_TEMPORARY);
}

/* What is on disk, and what answers from memory. */
static void
open_parts(void)
{
	char *folder = xasprintf("%s/audit", core.config->state);
	struct fault why;

	if (make_folder(folder, 0700, &why) != OK)
		give_up("state", &why);
	core.audit = audit_open(folder, core.config->audit, &why);
	if (core.audit == NULL)
		give_up("audit log", &why);
	audit_rotate_at(core.audit, core.config->audit_rotate);
	core.store = store_open(core.config->state, &why);
	if (core.store == NULL)
		give_up("store", &why);
	if (audit_remember(&why) != OK)
		give_up("audit log", &why);
	core.lanes = lanes_new(core.config, core.config->lane_queue);
	lanes_channels(core.lanes, LANE_CHANNELS);
	lanes_on_hang(core.lanes, control_kill_lane);
	core.keys = keys_new(core.store, core.lanes);
	registered_start();
	core.gate = gatekeeper_new(core.config);
	counters_load();
	free(folder);
}

/* As many as configured, unless there are too few descriptors: a server that
 * runs out of them neither takes connections nor sleeps. */
static unsigned
connections(void)
{
	unsigned wanted = core.config->connections;
	uint64_t files = process_allow_files(wanted + FILES_OTHER);

	if (files >= wanted + FILES_OTHER)
		return wanted;
	log_warning("%u connections need %u descriptors, and there are %llu",
	    wanted, wanted + FILES_OTHER, (unsigned long long)files);
	return (unsigned)(files > 2 * FILES_OTHER ? files - FILES_OTHER :
	    files / 2);
}

static void
open_server(void)
{
	const struct http_limits limits = {
		.connections = connections(),
		.connections_per_uid = core.config->connections_per_uid,
		.idle = core.config->idle,
		.deadline = core.config->request_deadline,
		.body_max = core.config->body_max,
		.refusals = REFUSALS,
		.connections_per_tenant = core.config->connections_per_tenant,
		.tenant = peer_tenant,
	};
	const struct line_limits lines = {
		.connections = limits.connections_per_uid,
		.connections_per_uid = limits.connections_per_uid,
		.idle = limits.idle,
	};
	struct fault why;

	core.lines = line_server_new(&lines);
	core.http = http_server_new(api_routes, nitems(api_routes),
	    issuer_routes, nitems(issuer_routes), &limits, &why);
	if (core.http == NULL)
		give_up("server", &why);
	http_server_on_refusal(core.http, audit_refusal);
	http_server_on_outcome(core.http, audit_outcome);
}

static enum err
serve(const char *name, int fd, struct fault *why)
{
	const struct config_listener *l = config_listener(core.config, name);

	if (l != NULL && l->protocol == PROTOCOL_LACME_ACCOUNTD)
		return line_server_listen(core.lines, l->name, fd,
		    &lacme_service, l->account, why);
	return http_server_listen(core.http, name, fd, why);
}

/* names holds one name a listener, separated by spaces. */
static void
listen_all(const char *names, const int *fds, unsigned nfds)
{
	struct fault why;

	for (unsigned i = 0; i < nfds; i++) {
		size_t n = strcspn(names, " ");
		char *name = xstrndup(names, n);

		if (serve(name, fds[i], &why) != OK)
			give_up(name, &why);
		free(name);
		names += n + strspn(names + n, " ");
	}
}

static void
audit_line(const char *event)
{
	struct fault why;

	if (audit_append(core.audit, event, "", 0, &why) != OK)
		give_up("audit log", &why);
}

/* Clients first, so that nothing new begins; the last checkpoint last. */
static void
stop(void)
{
	struct fault why;

	engine_stop(core.engine);
	audit_dismiss(core.audit);
	line_server_free(core.lines);
	http_server_free(core.http);
	engine_free(core.engine);
	counters_save();
	audit_line("stop");
	if (audit_checkpoint(core.audit, &why) != OK)
		log_debug("no last checkpoint: %s", why.text);
	audit_remember_end();
	audit_close(core.audit);
	store_close(core.store);
	registered_stop();
}

static void
usage(const char *arg)
{
	bool help = arg != NULL && strcmp(arg, "--help") == 0;

	fprintf(help ? stdout : stderr, "keybroker-core is started by "
	    "keybrokerd(8), not by hand.\n");
	exit(help ? 0 : 2);
}

int
main(int argc, char **argv)
{
	enum sandbox_level level;
	struct buf text, names;
	struct fault why;
	int fds[FRAME_FDS];
	unsigned nfds;

	if (argc > 1 && strcmp(argv[1], "--points") == 0) {
		test_points_print();
		return EXIT_FINE;
	}
	if (argc > 1)
		usage(argv[1]);
	process_start("keybroker-core", LOG_LEVEL_INFO);
	crypto_start();
	process_seal_fds(PARENT_FD);
	signal(SIGINT, SIG_IGN); /* a terminal's, meant for keybrokerd */
	buf_init(&text, CONFIG_MAX);
	buf_init(&names, LISTENER_NAMES_MAX);
	core.control = control_open(PARENT_FD, &text, &names, fds, &nfds,
	    &why);
	if (core.control == NULL)
		give_up("control channel", &why);
	core.started = clock_now();
	read_config(&text);
	buf_free(&text);
	level = confine(core.config);
	open_parts();
	audit_line("start");
	core.engine = engine_new(&why);
	if (core.engine == NULL)
		give_up("engine", &why);
	open_server();
	listen_all(buf_str(&names), fds, nfds);
	buf_free(&names);
	control_ready(core.control, level);
	process_settle();
	control_run(core.control);
	stop();
	return EXIT_FINE;
}
