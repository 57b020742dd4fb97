/* What one rule lists, beside what a request is about.  Who may ask, and
 * when, is evaluate.c's. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "evaluate.h"

/* What about a request made the difference. */
struct point {
	const char *what;  /* "key", "name" ... */
	const char *value; /* NULL: the request has none */
	bool identifier;   /* something that a certificate is for */
};

/* True, and the first such point, when an allow rule does not cover all that
 * the request is about. */
bool rule_leaves_out(const struct config_rule *rule,
    const struct facts *facts, struct point *point);

/* True when a deny rule is about the request: everything that it lists is
 * there, and, if it lists identifiers, one of the request's, the point. */
bool rule_denies(const struct config_rule *rule, const struct facts *facts,
    struct point *point);

/* True for "*", the very name, and what begins as "prefix*" does. */
bool pattern_matches(const char *pattern, const char *s);

#endif
