#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../base/process.h"
#include "settings.h"

#define DEFAULT_PATH "/etc/keybroker/keybroker.conf"

#ifndef VERSION
#define VERSION "development"
#endif

static const char usage[] =
    "usage: keybrokerd [--config FILE] [--check | --print] [FILE]\n"
    "\n"
    "  -c, --config FILE  configuration, \"-\" for standard input;\n"
    "                     default " DEFAULT_PATH "\n"
    "      --check        check the configuration and exit\n"
    "      --print        print the effective configuration and exit\n"
    "  -h, --help         this text\n"
    "      --version      version\n"
    "\n"
    "Exit: 0, or 78 when the configuration is wrong.  See keybrokerd(8).\n";

__attribute__((noreturn)) static void
leave(FILE *to, const char *text, int code)
{
	fputs(text, to);
	exit(fflush(to) == 0 ? code : EXIT_BROKEN);
}

void
options_read(int argc, char **argv, struct options *out)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "print", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct options){ .path = DEFAULT_PATH };
	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == 'c')
			out->path = optarg;
		else if (c == 'k')
			out->mode = MODE_CHECK;
		else if (c == 'p')
			out->mode = MODE_PRINT;
		else if (c == 'v')
			leave(stdout, "keybrokerd " VERSION "\n", EXIT_FINE);
		else if (c == 'h')
			leave(stdout, usage, EXIT_FINE);
		else
			leave(stderr, usage, EXIT_SETTING);
	}
	if (optind < argc && out->mode != MODE_RUN)
		out->path = argv[optind++];
	if (optind < argc)
		leave(stderr, usage, EXIT_SETTING);
}
