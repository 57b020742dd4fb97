/* Whose a URL is. */
#ifndef CORE_ORIGIN_H
#define CORE_ORIGIN_H

#include <stdbool.h>

#include "../../../policy/config.h"

/*
 * True for a URL with the scheme, host and port of the CA's directory, or of
 * one of its configured origins.  Only for those is anything signed: the
 * issuer tells us all the others, and might tell those of another CA.
 */
bool origin_of_ca(const struct config_ca *ca, const char *url);

#endif
