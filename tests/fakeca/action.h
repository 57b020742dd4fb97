/*
 * The actions of a script, one by one; README.md tells what each does.
 */
#ifndef FAKECA_ACTION_H
#define FAKECA_ACTION_H

#include <cjson/cJSON.h>

#include "http.h"
#include "jws.h"

/* What the CA says, until it is bytes. */
struct reply {
	struct answer *answer;
	cJSON *json; /* NULL: the body is in the answer */
};

typedef void action_fn(struct reply *r, const char *text);

enum kind {
	INSTEAD, /* answers for the CA */
	HEED,	 /* is for the CA to do */
	TWIST,	 /* changes the answer while it is JSON */
	WIRE	 /* changes the bytes, or how they go out */
};

struct action {
	const char *name;
	enum kind kind;
	unsigned words; /* that must stand behind it at least */
	action_fn *run;
};

const struct action *action_find(const char *name);

/* True when the text behind an action is one that it takes. */
bool action_takes(const struct action *a, const char *text);

/* True for one that loses the connection before the request is read. */
bool action_is_unread(const struct action *a, const char *text);

/* A problem document. */
void reply_problem(struct reply *r, const struct problem *p);

#endif
