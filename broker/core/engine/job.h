/*
 * The engine from the inside: jobs, and the report of one network step.
 * A job is something that goes on until it is done: a directory to fetch, an
 * account to register, an order to finish.  Its truth is in the store; the
 * job only remembers when it is due and who is at it.  While a job is taken,
 * only its taker touches the rows behind it.
 */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "../../../api/json.h"
#include "../../issuer/protocol.h"
#include "../../../policy/config.h"
#include "../../base/control.h"
#include "engine.h"

enum job_kind {
	JOB_DIRECTORY,	/* name: the CA */
	JOB_ACCOUNT,	/* name: the account */
	JOB_ORDER,	/* order; name: the certificate */
	JOB_CLEANUP,	/* order: challenge answers to be taken away */
	JOB_DEPLOY,	/* name: the certificate */
	JOB_AUDIT_KEY,	/* name: the token */
	JOB_RENEWAL,	/* the look at all certificates */
	JOB_SWEEP,	/* retired keys whose grace is over */
	JOB_KIND__MAX
};

#define JOB_NEVER INT64_MAX
#define JOB_PATIENCE 1000 /* ms that a job waits for another one at a time */

struct job {
	enum job_kind kind;
	char name[STORE_NAME];
	int64_t order;
	bool local;	   /* the core does it; else the issuer */
	int64_t due;	   /* milliseconds */
	bool waiting;	   /* for another job, which will release it */
	int64_t task;	   /* not 0: taken */
	int64_t lease_end; /* milliseconds, of a task at the issuer */
	uint64_t issuer;   /* which of them in a row has it */
	bool over;	   /* to be forgotten when released */
	bool again;	   /* was asked for while it was taken */
	int64_t again_at;  /* milliseconds */
	int64_t deadline;  /* milliseconds; 0: unknown, or none */
	bool cancel;	   /* the operator gave the order up */
	bool interrupted;  /* a process died while the CA may have looked */
	uint32_t failures; /* in a row, of what has no row of its own */
	uint32_t returns;  /* of an order to a state that it had before */
	uint32_t reanswers; /* of challenges that failed but are pending */
	/* of the network step that is being done */
	enum issuer_step step;
	char url[STORE_URL];
	uint32_t index;	   /* which authorization */
	bool sent;	   /* a JWS was given out */
	uint32_t signatures; /* given out for this task */
};

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

/* What kinds of jobs do; a local job runs, a network job has the other
 * three.  All are called while the job is taken, without any lock. */
struct job_class {
	void (*run)(struct job *);
	/* Chooses step and url; false: not now, due is set. */
	bool (*prepare)(struct job *);
	/* Writes the payload of the step; leaves it empty for POST-as-GET.
	 * Stores that the request may leave. */
	enum err (*payload)(struct job *, struct buf *, struct fault *);
	void (*result)(struct job *, const struct report *);
	/* What is given with the task and its JWS. */
	const char *(*account)(const struct job *);
	const char *(*ca)(const struct job *);
};
extern const struct job_class directory_class, account_class, order_class,
    cleanup_class, deploy_class, audit_key_class, renewal_class, sweep_class;

/* report.c */
enum err report_read(struct report *r, const struct json *result,
    struct fault *why);

/* engine.c: job book-keeping.  job_add() finds the job of that kind, name
 * and order, or makes it, and makes it due at ms if that is sooner. */
void job_add(enum job_kind kind, const char *name, int64_t order, int64_t ms);
void job_again(struct job *j, int64_t ms);
/* job_wait() is job_again() after JOB_PATIENCE, or when jobs_release() makes
 * all waiting jobs of that kind due. */
void job_wait(struct job *j);
/* Marks a job as interrupted; tells it; forgets it. */
void job_interrupt(enum job_kind kind, const char *name, int64_t order);
bool job_interrupted(const struct job *j);
void job_calm(struct job *j);
void jobs_release(enum job_kind kind);
/* True when an order was given up while its job was taken. */
bool job_canceled(const struct job *j);

/* Milliseconds to wait before try number attempts (from 1): doubling from
 * first to most, plus or minus a fifth. */
int64_t backoff(uint32_t attempts, int64_t first, int64_t most);

/* directory.c: a URL of a CA's directory by its member name; "" when the CA
 * has none; NULL when the directory is not there yet (it is then fetched). */
const char *directory_url(const char *ca, const char *member,
    char out[static STORE_URL]);
void directory_forget(const char *ca);
/* Why the last try to fetch it failed; "" when it did not. */
void directory_trouble(const char *ca, char out[static FAULT_MAX]);
bool directory_same_origin(const char *ca, const char *url);
void directory_load(void);

/* account.c */
bool account_valid(const char *name, struct account_row *row);
void accounts_load(void);
void account_lost(const char *name); /* the CA does not know it any more */

/* order.c */
void orders_load(void);
enum err order_start(const char *certificate, int64_t *id,
    struct fault *why);
enum err order_cancel_now(int64_t order, struct fault *why);
void order_clean(const struct order_row *o);

/* order_event.c: tells the owner; printf-like. */
void order_note(int64_t order, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* payload.c */
void payload_new_order(struct buf *out, const char *names);
enum err payload_new_account(struct buf *out,
    const struct config_account *a, const char *url, bool only_existing,
    struct fault *why);
void payload_finalize(struct buf *out, const unsigned char *csr, size_t n);

/* challenge.c */
const char *challenge_type(const struct certificate_row *c);
enum err challenge_provision(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key,
    struct fault *why);
void challenge_clean(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key);

/* install.c */
enum err install(struct order_row *o, struct fault *why);

/* deploy.c */
void deployments_load(void);

/* renewal.c */
void certificates_load(void);

/* hook.c: runs a configured program and waits for its end. */
struct hook_end {
	uint32_t status;
	bool timed_out;
	char output[STORE_TEXT * 2];
};
enum err hook_run(enum hook_kind kind, const char *certificate,
    const char *const *values, size_t n, struct hook_end *end,
    struct fault *why);
/* Nobody hears of ends any more: who waits gets ERR_CLOSED. */
void hooks_stop(void);

/* Looks a stored row up that must be there: anything else is logged and
 * gives false, and the job is tried again later. */
bool row_found(enum err e, struct job *j, const struct fault *why);

#endif
