/* What keybrokerd was told: its arguments, the configuration, and what both
 * mean on this machine. */
#ifndef SUPERVISOR_SETTINGS_H
#define SUPERVISOR_SETTINGS_H

#include "../../policy/config.h"
#include "../base/buf.h"
#include "identity.h"

enum options_mode { MODE_RUN, MODE_CHECK, MODE_PRINT };

struct options {
	const char *path; /* of the configuration; "-": standard input */
	enum options_mode mode;
};

/* Reads the command line; prints help or a mistake, and then exits. */
void options_read(int argc, char **argv, struct options *out);

enum role { ROLE_CORE, ROLE_SIGNER, ROLE_ISSUER, ROLE__MAX };

struct settings {
	const char *path;
	struct buf text; /* the configuration as it was read */
	struct config *config;
	struct identity users[ROLE__MAX];
	char *programs[ROLE__MAX]; /* full paths */
};

/*
 * Reads and checks the configuration; mistakes are printed to standard error as
 * FILE:LINE:COLUMN: text.  ERR_CONFIG when there were any.
 */
enum err settings_load(struct settings *out, const char *path);

/* Finds the users and the programs, which a mere check does without. */
enum err settings_resolve(struct settings *s, struct fault *why);
void settings_free(struct settings *s);

#endif
