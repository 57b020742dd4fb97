/*
 * One step of an account's or order's life with a CA: the request, and what
 * its answer says.
 */
#ifndef ISSUER_STEP_H
#define ISSUER_STEP_H

#include "outcome.h"
#include "protocol.h"

/* What the core asked for; the strings are the reply's. */
struct task {
	int64_t id;
	enum issuer_step step;
	const char *ca;		/* name, for the log */
	const char *directory;	/* URL */
	const char *trust;	/* path or NULL */
	unsigned timeout;	/* seconds */
	const char *url;	/* NULL: that of the directory */
};

/* "new-order" ...; STEP__MAX when there is no such step. */
const char *step_word(enum issuer_step step);
enum issuer_step step_parse(const char *word);

/*
 * Has the core sign one request of the task and appends the JWS to out.
 * ERR_CONFLICT when the core no longer wants it.
 */
typedef enum err step_signer(void *arg, const struct task *t,
    const char *nonce, struct buf *out, struct fault *why);

/* Does the step and fills o, which was initialised. */
void step_run(const struct task *t, struct http *http, step_signer *sign,
    void *arg, struct outcome *o);

#endif
