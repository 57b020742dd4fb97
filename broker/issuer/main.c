/*
 * keybroker-issuer: speaks to the CAs, and answers them on http-01.  It has
 * no key, no store and no PIN; what it may say it gets from the core, what
 * it hears it tells the core.
 *
 *	keybroker-issuer --workers N [--http]
 *
 * Descriptors: PARENT_FD the responder's channel to the core, ISSUER_HTTP_FD
 * the listening socket (with --http), ISSUER_WORKER_FD + i worker i's
 * channel.  Exits EXIT_FINE when the core is gone.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/crypto.h"
#include "../base/process.h"
#include "http.h"
#include "protocol.h"
#include "responder.h"
#include "worker.h"

#define WORKERS_MAX 64

struct options {
	unsigned workers;
	bool http;
};

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
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .workers = 0 };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'h')
			o->http = true;
		else if (c != 'w' || !parse_workers(optarg, &o->workers))
			return false;
	}
	return optind == argc && o->workers != 0;
}

int
main(int argc, char **argv)
{
	struct options o;

	process_start("keybroker-issuer", LOG_LEVEL_INFO);
	crypto_start();
	if (!parse(argc, argv, &o)) {
		log_error("usage: keybroker-issuer --workers N [--http]; "
		    "started by keybrokerd only");
		return EXIT_SETTING;
	}
	process_seal_fds(PARENT_FD);
	http_start();
	if (o.http)
		responder_start(ISSUER_HTTP_FD, PARENT_FD);
	for (unsigned i = 0; i < o.workers; i++)
		worker_start(i, ISSUER_WORKER_FD + (int)i);
	process_settle();
	for (;;)
		pause();
}
