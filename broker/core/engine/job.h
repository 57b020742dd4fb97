/*
 * Jobs, as their own kinds see them.  A job is something that goes on until it
 * is done: a directory to fetch, an account to register, an order to finish.
 * Its truth is in the store; the job only remembers when it is due and who is
 * at it.  While a job is taken, only its taker touches the rows behind it.
 */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "../../../policy/config.h"
#include "../../base/buf.h"
#include "../../issuer/protocol.h"
#include "../store/store.h"

struct report;

enum job_kind {
	JOB_DIRECTORY,	/* name: the CA */
	JOB_ACCOUNT,	/* name: the account */
	JOB_ORDER,	/* order; name: the certificate */
	JOB_CLEANUP,	/* order: challenge answers to be taken away */
	JOB_DEPLOY,	/* name: the certificate */
	JOB_AUDIT_KEY,	/* name: the token */
	JOB_RENEWAL,	/* the look at all certificates */
	JOB_COUNTERS,	/* what was used of rates, to be stored */
	JOB_SWEEP,	/* retired keys whose grace is over */
	JOB_LOOK,	/* name: the account; order: the look; acme/look.h */
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
	bool laneless;	   /* it failed for want of a lane, and waits for one */
	int64_t task;	   /* not 0: taken */
	int64_t lease_end; /* milliseconds, of a task at the issuer */
	uint64_t issuer;   /* which of them in a row has it */
	struct peer *peer; /* the CA that it asks; NULL: not known yet */
	bool admitted;	   /* it is with the issuer */
	bool over;	   /* to be forgotten when released */
	bool again;	   /* was asked for while it was taken */
	int64_t again_at;  /* milliseconds */
	int64_t deadline;  /* milliseconds; 0: unknown, or none */
	/* Set by others while it is taken: the operator gave the order up; a
	 * process died while the CA may have looked. */
	_Atomic bool cancel, interrupted;
	uint32_t failures; /* in a row, of what has no row of its own */
	uint32_t returns;  /* of an order to a state that it had before */
	/* of the network step that is being done */
	enum issuer_step step;
	char url[STORE_URL];
	uint32_t index;	   /* which authorization */
	bool sent;	   /* a JWS was given out */
	uint32_t signatures; /* given out for this task */
};

/* What kinds of jobs do: the core runs a local job, a network job has the
 * other five; one with both begins local.  All are called while the job is
 * taken, without any lock. */
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
	const struct config_ca *(*ca)(const struct job *);
};
extern const struct job_class directory_class, account_class, order_class,
    cleanup_class, deploy_class, audit_key_class, renewal_class, sweep_class,
    counters_class, look_class;
extern const struct job_class *const job_classes[JOB_KIND__MAX];

/* Finds the job of that kind, name and order, or makes it, and makes it due
 * at ms (since the epoch) if that is sooner. */
void job_add(enum job_kind kind, const char *name, int64_t order, int64_t ms);

/* By its taker: due again in ms; or after JOB_PATIENCE, unless jobs_release()
 * makes all waiting jobs of that kind due before. */
void job_again(struct job *j, int64_t ms);
void job_wait(struct job *j);
void jobs_release(enum job_kind kind);

/* By its taker: what a try at signing came to.  When no lane was there, the
 * next that comes up releases the job, however late it is due. */
void job_signed(struct job *j, enum err e);

/* Marks a job as interrupted. */
void job_interrupt(enum job_kind kind, const char *name, int64_t order);

/* Milliseconds to wait before try number attempts (from 1): doubling from
 * first to most, plus or minus a fifth. */
int64_t backoff(uint32_t attempts, int64_t first, int64_t most);

/* Looks a stored row up that must be there: anything else is logged and
 * gives false, and the job is tried again later. */
bool row_found(enum err e, struct job *j, const struct fault *why);

#endif
