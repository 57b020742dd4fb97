/*
 * What a script makes of one request and its answer.  Some actions stand in
 * for what the CA would have done, some are for the CA itself to heed, the
 * others twist its answer.
 */
#ifndef FAKECA_TWIST_H
#define FAKECA_TWIST_H

#include "action.h"
#include "script.h"

#define CHOSEN_MAX 32 /* rules for one request */

/* The rules for one request, in the order of the script. */
struct chosen {
	const struct rule *rules[CHOSEN_MAX];
	size_t n;
};

void choose(struct chosen *c, const struct script *s, enum step step,
    unsigned n);

/* The text behind "become" or "chain"; NULL when the script does not say. */
const char *chosen_text(const struct chosen *c, const char *action);

/* Whether the connection is to be lost before anything is done. */
bool chosen_unread(const struct chosen *c);

/* Whether the script answers instead of the CA: then it has. */
bool twist_instead(const struct chosen *c, struct reply *r);

/* Makes of a good answer what the script wants, and bytes of its JSON. */
void twist(const struct chosen *c, struct reply *r);

#endif
