/* The acceptance test of a token: does it do all that the broker needs? */
#ifndef PKCS11_TRY_H
#define PKCS11_TRY_H

#include "options.h"

/* Prints its steps to standard output; the exit status: 0 when nothing
 * failed, 1 when something did, EXIT_SETTING or EXIT_PIN when it could not
 * begin. */
int try_token(const struct options *o);

#endif
