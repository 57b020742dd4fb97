/* How a step ended, in the form in which the core is told. */
#ifndef ISSUER_OUTCOME_H
#define ISSUER_OUTCOME_H

#include "http.h"

#define OUTCOME_BYTES_MAX 65536 /* of a report; more the core does not read */

enum outcome_kind {
	OUTCOME_OK,
	OUTCOME_PROBLEM,
	OUTCOME_NETWORK,
	OUTCOME_MALFORMED,
	OUTCOME_OVER, /* the core wants no report */
	OUTCOME__MAX
};

struct outcome {
	enum outcome_kind kind;
	unsigned status;	/* 0: none */
	int64_t retry_after;	/* -1: none */
	char location[URL_SIZE];
	bool sent;
	struct buf body;	/* facts or problem, as JSON */
	char detail[FAULT_MAX];
};

void outcome_init(struct outcome *o);
void outcome_free(struct outcome *o);

/* Takes status, Retry-After and Location from an answer. */
void outcome_answered(struct outcome *o, const struct http_answer *a);

/* The ends without facts; each takes its sentence from why.  sent is about
 * the step's own request. */
void outcome_network(struct outcome *o, bool sent, const struct fault *why);
void outcome_malformed(struct outcome *o, const struct fault *why);

/* The body of /issuer/result. */
void outcome_write(const struct outcome *o, int64_t task, struct buf *out);

/* For the log: "ok", "problem" ... */
const char *outcome_word(const struct outcome *o);

#endif
