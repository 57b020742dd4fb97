/*
 * The CA's problem documents, RFC 9457 and RFC 8555 section 6.7, as they
 * come: objects, JSON strings, HTML of a proxy, nothing at all.  Whatever it
 * is, a problem of bounded, printable texts comes out of it.
 */
#ifndef ISSUER_PROBLEM_H
#define ISSUER_PROBLEM_H

#include "facts.h"

#define PROBLEM_SUBPROBLEMS 20
#define PROBLEM_RAW_MAX	    200 /* bytes shown of what is no problem */

/* A problem inside another object ("error"). */
fact_reader fact_problem;

/*
 * Writes the problem behind an answer of that status as an object at the
 * root of w.  media_type is "" when there was none.  True when it is
 * badNonce, the one problem that the issuer deals with itself.
 */
bool ca_problem(struct json_writer *w, unsigned status,
    const char *media_type, const char *body, size_t n);

#endif
