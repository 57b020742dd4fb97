/*
 * keybroker-issuer: speaks to the CAs, and answers them on http-01.  It has
 * no key, no store and no PIN; what it may say it gets from the core, what
 * it hears it tells the core.
 *
 *	keybroker-issuer --workers N [--http] [--sandbox DEMAND]
 *	    [--trust FILE]...
 *
 * FILE is what a task may name as "trust"; nothing else can be read there.
 * Descriptors: PARENT_FD the responder's channel to the core, ISSUER_HTTP_FD
 * the listening socket (with --http), ISSUER_SANDBOX_FD see protocol.h,
 * ISSUER_WORKER_FD + i worker i's channel.  Exits EXIT_FINE when the core is
 * gone.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/crypto.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "../base/sandbox.h"
#include "http.h"
#include "protocol.h"
#include "responder.h"
#include "worker.h"

#define WORKERS_MAX 64

/* What resolving a name reads. */
static const struct sandbox_path resolver[] = {
	{ "/etc/gai.conf", SANDBOX_READ },
	{ "/etc/host.conf", SANDBOX_READ },
	{ "/etc/hosts", SANDBOX_READ },
	{ "/etc/nsswitch.conf", SANDBOX_READ },
	{ "/etc/resolv.conf", SANDBOX_READ },
	{ "/etc/services", SANDBOX_READ },
};

struct options {
	unsigned workers;
	bool http;
	enum sandbox_demand sandbox;
	struct sandbox_path *paths; /* with those of --trust */
	size_t npaths;
};

static void
add_paths(struct options *o, const struct sandbox_path *paths, size_t n)
{
	o->paths = xreallocarray(o->paths, o->npaths + n, sizeof(*o->paths));
	for (size_t i = 0; i < n; i++)
		o->paths[o->npaths++] = paths[i];
}

static bool
parse_workers(const char *text, unsigned *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	*out = (unsigned)n;
	return *text != '\0' && *end == '\0' && n >= 1 && n <= WORKERS_MAX;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "workers", required_argument, NULL, 'w' },
		{ "http", no_argument, NULL, 'h' },
		{ "sandbox", required_argument, NULL, 's' },
		{ "trust", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct sandbox_path trust = { .access = SANDBOX_READ };
	int c;

	*o = (struct options){ .sandbox = SANDBOX_AVAILABLE };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'h')
			o->http = true;
		else if (c == 't')
			trust.path = optarg, add_paths(o, &trust, 1);
		else if (c == 's' && sandbox_demand_parse(optarg, &o->sandbox))
			continue;
		else if (c != 'w' || !parse_workers(optarg, &o->workers))
			return false;
	}
	return optind == argc && o->workers != 0;
}

/* Between what only we can open and the first byte of a CA. */
static void
confine(struct options *o)
{
	struct sandbox s = { .demand = o->sandbox, .network = true };
	struct sandbox_path trust[HTTP_TRUST_MAX];
	unsigned char level;

	add_paths(o, sandbox_system, sandbox_nsystem);
	add_paths(o, resolver, nitems(resolver));
	add_paths(o, trust, http_trust(trust));
	s.paths = o->paths;
	s.npaths = o->npaths;
	level = sandbox_enter(&s);
	if (write(ISSUER_SANDBOX_FD, &level, 1) != 1)
		log_debug("nobody wants to know how far this is confined");
	close(ISSUER_SANDBOX_FD);
	free(o->paths);
}

int
main(int argc, char **argv)
{
	struct options o;

	process_start("keybroker-issuer", LOG_LEVEL_INFO);
	crypto_start();
	if (!parse(argc, argv, &o)) {
		log_error("started by keybrokerd(8), not by hand");
		return EXIT_SETTING;
	}
	process_seal_fds(PARENT_FD);
	http_start();
	confine(&o);
	if (o.http)
		responder_start(ISSUER_HTTP_FD, PARENT_FD);
	for (unsigned i = 0; i < o.workers; i++)
		worker_start(i, ISSUER_WORKER_FD + (int)i);
	process_settle();
	for (;;)
		pause();
}
