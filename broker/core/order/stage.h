/*
 * The stages of an order: a row for each state says what is done in it, and
 * the files of this folder fill the columns.  Not for others, who have
 * order.h.
 */
#ifndef CORE_STAGE_H
#define CORE_STAGE_H

#include "../../../policy/config.h"
#include "../ca/budget.h"
#include "../engine/job.h"
#include "../engine/report.h"

#define ORDER_RETRY_FIRST 500 /* milliseconds */
#define ORDER_RETRY_MOST  60000

/* All are called while the job is taken. */
typedef void order_run_fn(struct order_row *, struct job *);
typedef bool order_target_fn(const struct order_row *, struct job *);
typedef enum err order_payload_fn(const struct order_row *, struct buf *,
    struct fault *);
typedef void order_follow_fn(struct order_row *, struct job *,
    const struct report *);

struct order_stage {
	order_run_fn *run; /* what the core does itself; else at the CA: */
	enum issuer_step step;
	order_target_fn *target;   /* where to ask; false: nowhere */
	order_payload_fn *payload; /* NULL: POST-as-GET */
	enum budget_act charges;   /* what it costs of the CA's budget */
	order_follow_fn *follow;   /* what a good answer means */
	enum order_state lost;	   /* after an uncertain end */
};

/* key.c, provision.c, install.c */
order_run_fn run_key, run_provision, run_install;
/* request.c */
order_target_fn target_new, target_unread, target_pending, target_answered,
    target_order, target_finalize, target_certificate, target_alternate;
order_payload_fn payload_of_new, payload_of_answer, payload_of_finalize;
/* answer.c, validation.c, download.c */
order_follow_fn follow_new, follow_order, follow_authorization,
    follow_challenge, follow_download, follow_alternate;

const struct order_stage *order_stage(enum order_state state);

/* False for the core's own work, and when there is none any more. */
bool order_at_ca(enum order_state state);

/* NULL when it is not configured any more. */
const struct config_ca *order_ca(const struct order_row *o);

/* Whether the CA's budget has room for an order of a certificate; and asks it
 * for what the order's state is about to do. */
enum err order_affords(const struct certificate_row *c, struct fault *why);
enum err order_budget(const struct order_row *o, budget_fn *ask,
    struct fault *why);

/* Goes to another state, due in ms. */
void order_enter(struct order_row *o, struct job *j, enum order_state state,
    int64_t ms);

/* Stays where it is and asks again, later and later, or when the CA says. */
void order_poll(struct order_row *o, struct job *j, const struct report *r);

/* Ends it; words are the CA's or ours. */
void order_fail(struct order_row *o, struct job *j, const char *words);
/* Ends it for the operator. */
void order_give_up(struct order_row *o, struct job *j);

/* Starts over with another ACME order, when an interruption of ours may be
 * why the CA found no answer; false: fail. */
bool order_another(struct order_row *o, struct job *j, const char *words);

/* Tries again in a state after retry_after seconds, or a pause of ours when
 * that is not positive, unless the deadline is sooner. */
void order_retry(struct order_row *o, struct job *j, enum order_state state,
    const char *words, int64_t retry_after);

/* A refusal, silence or nonsense of the CA in any state; a fault of what the
 * core does itself. */
void order_trouble(struct order_row *o, struct job *j,
    const struct report *r);
void order_setback(struct order_row *o, struct job *j,
    const struct fault *why);

#endif
