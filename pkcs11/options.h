/* The command line of keybroker-signer. */
#ifndef PKCS11_OPTIONS_H
#define PKCS11_OPTIONS_H

#include <stdbool.h>

#include "key.h"

#define LANES_MAX 64

struct options {
	bool help;
	bool try; /* the acceptance test instead of a lane */
	bool init_token; /* make a token instead */
	const char *module;
	const char *token;    /* a URI; for the test also a label */
	const char *name;     /* of the token in the configuration */
	const char *pin_file; /* of the test; a lane has PIN_FD */
	const char *so_pin_file; /* of a token to be made */
	unsigned lane;
	unsigned lanes; /* of the test */
	bool count_low_allowed;
	struct foreign *foreign; /* owned */
	size_t nforeign;
};

/* ERR_USAGE with the reason.  Strings are borrowed from argv. */
enum err options_parse(struct options *o, int argc, char **argv,
    struct fault *why);
void options_free(struct options *o);

extern const char options_help[];

#endif
