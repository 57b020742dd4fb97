/* The report of one network step. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "../../../api/json.h"
#include "../../../policy/config.h"
#include "../store/store.h"

enum outcome { OUTCOME_OK, OUTCOME_PROBLEM, OUTCOME_NETWORK,
	OUTCOME_MALFORMED };

/* What the issuer says that the CA said, checked for form. */
struct report {
	enum outcome outcome;
	unsigned status;
	int64_t retry_after;	/* seconds; -1: none */
	const char *location;	/* NULL: none, or no URL of ours to use */
	const struct json *facts;
	const char *type;	/* of the problem, without its URN prefix */
	bool sent;
	char words[STORE_TEXT];	/* the reason, in the CA's own words */
};

/* Reads what the issuer sent; r points into result. */
enum err report_read(struct report *r, const struct json *result,
    struct fault *why);

/* A report of success with a URL that is not the CA's, but might be asked to
 * be signed for later, becomes a problem that no further try would solve. */
void report_own(struct report *r, const struct config_ca *ca);

/* "type: detail" of a problem (RFC 9457) that the CA gave as a reason, with
 * those of its parts and where to read more; says so when there is none, or
 * when problem is NULL. */
void problem_words(char out[static STORE_TEXT], const struct json *problem);

#endif
