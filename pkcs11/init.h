/* Making a token out of an uninitialised slot, with PINs from files. */
#ifndef PKCS11_INIT_H
#define PKCS11_INIT_H

#include "options.h"

/* Initialises the first empty slot of the module as a token of that label;
 * refuses when one of that label exists.  The exit status. */
int init_token(const struct options *o);

#endif
