/*
 * The names of a certificate: as we write them (A-labels separated by one
 * space) against those in a subjectAltName.
 */
#ifndef CORE_SAN_H
#define CORE_SAN_H

#include <openssl/x509v3.h>
#include <stdbool.h>

#include "../../base/err.h"

/* OK when names are DNS names with single spaces between them, no name twice,
 * at most max of them. */
enum err san_names_valid(const char *names, unsigned max, struct fault *why);

/* True when name is one of names, whatever the case. */
bool san_lists(const char *names, const char *name);

/*
 * OK when san (NULL: there is none) is exactly that set of DNS names; neither
 * order nor case nor repetition counts.  The fault says which name is
 * missing or too many.
 */
enum err san_check(const GENERAL_NAMES *san, const char *names,
    struct fault *why);

#endif
