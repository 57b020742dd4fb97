/*
 * The script of a CA: lines that say at which request of which step what is
 * to go wrong.  README.md explains the language.
 */
#ifndef FAKECA_SCRIPT_H
#define FAKECA_SCRIPT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The steps of an order as a script names them. */
#define STEPS(X)                                                              \
	X(DIRECTORY, "directory")                                             \
	X(NEW_NONCE, "new-nonce")                                             \
	X(FIND_ACCOUNT, "find-account")                                       \
	X(NEW_ACCOUNT, "new-account")                                         \
	X(ACCOUNT, "account")                                                 \
	X(NEW_ORDER, "new-order")                                             \
	X(AUTHORIZATION, "authorization")                                     \
	X(CHALLENGE, "challenge")                                             \
	X(POLL_AUTHORIZATION, "poll-authorization")                           \
	X(ORDER, "order")                                                     \
	X(FINALIZE, "finalize")                                               \
	X(POLL_ORDER, "poll-order")                                           \
	X(CERTIFICATE, "certificate")

enum step {
#define X(id, word) STEP_##id,
	STEPS(X)
#undef X
	STEP__MAX
};

const char *step_name(enum step step);

struct rule {
	enum step step;
	unsigned first, last; /* numbers of requests, from 1 */
	const struct action *action; /* see action.h */
	char *text;		     /* what stands behind the action */
};

struct script {
	struct rule *rules;
	size_t n;
};

/* Reads a file; that there is none is a script without rules.  False, with
 * the reason on standard error. */
bool script_read(struct script *s, const char *path);

/* True when a rule is for the n-th request of a step. */
bool rule_is_for(const struct rule *r, enum step step, unsigned n);

#endif
