#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"

const char options_help[] =
"usage: keybroker-signer --try --module MODULE --token LABEL|URI\n"
"                        --pin-file FILE [--lanes N] [--allow-count-low]\n"
"\n"
"Tries out a token: makes keys of every type that it offers, signs with them,\n"
"verifies, checks what the token claims about them, and destroys them again.\n"
"One line a step: ok, fail, or none (not offered).  Exit status 0 when\n"
"nothing failed.\n"
"\n"
"  --module MODULE    absolute path, or name of a p11-kit module file\n"
"  --token LABEL|URI  its label, or a pkcs11: URI with token or serial\n"
"  --pin-file FILE    its user PIN; a file that only you can read\n"
"  --lanes N          processes that sign at once (default 2, 0: leave out)\n"
"  --allow-count-low  log in although the token tells of a wrong PIN\n"
"\n"
"usage: keybroker-signer --init-token --module MODULE --token LABEL\n"
"                        --pin-file FILE --so-pin-file FILE\n"
"\n"
"Makes a token of that label out of the first uninitialised slot, with the\n"
"user's and the security officer's PIN from files.\n"
"\n"
"Without --try it is a lane of keybrokerd, which starts it as\n"
"  keybroker-signer --module MODULE --token URI --name NAME --lane N\n"
"                   [--allow-count-low] [--key NAME=PURPOSE=URI]...\n"
"with its channel as descriptor 3 and the PIN as descriptor 4.\n";

static enum err
read_number(const char *text, unsigned max, unsigned *out, struct fault *why)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > max)
		return fault_set(why, ERR_USAGE, "%s: not a number up to %u",
		    text, max);
	*out = (unsigned)n;
	return OK;
}

/* NAME=PURPOSE=URI; cuts the argument into its parts. */
static enum err
read_key(struct options *o, char *text, struct fault *why)
{
	char *purpose = strchr(text, '=');
	char *uri = purpose != NULL ? strchr(purpose + 1, '=') : NULL;
	struct foreign f = { .name = text };

	if (uri == NULL)
		return fault_set(why, ERR_USAGE,
		    "--key wants NAME=PURPOSE=URI");
	*purpose++ = '\0';
	*uri++ = '\0';
	if (f.name[0] == '\0' ||
	    strlen(f.name) + sizeof(FOREIGN_PREFIX) > KEY_NAME_MAX)
		return fault_set(why, ERR_CONFIG,
		    "the name of key \"%s\" is empty or too long", f.name);
	f.purpose = purpose_parse(purpose);
	if (f.purpose == PURPOSE__MAX)
		return fault_set(why, ERR_CONFIG, "key %s: no purpose \"%s\"",
		    f.name, purpose);
	f.uri = uri_read(uri, URI_KEY, why);
	if (f.uri == NULL)
		return ERR_CONFIG;
	o->foreign = xreallocarray(o->foreign, o->nforeign + 1, sizeof(f));
	o->foreign[o->nforeign++] = f;
	return OK;
}

enum { HELP, TRY, INIT_TOKEN, MODULE, TOKEN, NAME, LANE, LANES, PIN_FILE,
	SO_PIN_FILE, COUNT_LOW, KEY };

static const struct option longs[] = {
	{ "help", no_argument, NULL, HELP },
	{ "try", no_argument, NULL, TRY },
	{ "init-token", no_argument, NULL, INIT_TOKEN },
	{ "module", required_argument, NULL, MODULE },
	{ "token", required_argument, NULL, TOKEN },
	{ "name", required_argument, NULL, NAME },
	{ "lane", required_argument, NULL, LANE },
	{ "lanes", required_argument, NULL, LANES },
	{ "pin-file", required_argument, NULL, PIN_FILE },
	{ "so-pin-file", required_argument, NULL, SO_PIN_FILE },
	{ "allow-count-low", no_argument, NULL, COUNT_LOW },
	{ "key", required_argument, NULL, KEY },
	{ NULL, 0, NULL, 0 },
};

static enum err
take_option(struct options *o, int which, struct fault *why)
{
	switch (which) {
	case HELP:
		o->help = true;
		return OK;
	case TRY:
		o->try = true;
		return OK;
	case INIT_TOKEN:
		o->init_token = true;
		return OK;
	case MODULE:
		o->module = optarg;
		return OK;
	case TOKEN:
		o->token = optarg;
		return OK;
	case NAME:
		o->name = optarg;
		return OK;
	case PIN_FILE:
		o->pin_file = optarg;
		return OK;
	case SO_PIN_FILE:
		o->so_pin_file = optarg;
		return OK;
	case COUNT_LOW:
		o->count_low_allowed = true;
		return OK;
	case LANE:
		return read_number(optarg, LANES_MAX, &o->lane, why);
	case LANES:
		return read_number(optarg, LANES_MAX, &o->lanes, why);
	case KEY:
		return read_key(o, optarg, why);
	default:
		return fault_set(why, ERR_USAGE,
		    "unknown option, or one without its value");
	}
}

enum err
options_parse(struct options *o, int argc, char **argv, struct fault *why)
{
	enum err e = OK;
	int which;

	*o = (struct options){ .lanes = 2 };
	opterr = 0;
	while (e == OK &&
	    (which = getopt_long(argc, argv, "", longs, NULL)) != -1)
		e = take_option(o, which, why);
	if (e != OK || o->help)
		return e;
	if (optind != argc)
		return fault_set(why, ERR_USAGE, "unexpected argument \"%s\"",
		    argv[optind]);
	if (o->module == NULL || o->token == NULL)
		return fault_set(why, ERR_USAGE,
		    "--module and --token are needed");
	if (!o->try && !o->init_token && o->name == NULL)
		return fault_set(why, ERR_USAGE, "--name is needed");
	return OK;
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < o->nforeign; i++)
		p11_kit_uri_free(o->foreign[i].uri);
	free(o->foreign);
	o->foreign = NULL;
	o->nforeign = 0;
}
