/*
 * Orders from the inside: what order.c (the table), answer.c (what the CA
 * says) and local.c (what the core does itself) share.
 */
#ifndef CORE_STAGE_H
#define CORE_STAGE_H

#include "../engine/job.h"
#include "../engine/report.h"

#define ORDER_RETRY_FIRST 500	/* milliseconds */
#define ORDER_RETRY_MOST  60000
#define POLL_FIRST	  200	/* milliseconds between two looks at the CA */
#define POLL_MOST	  15000
#define POLL_RETRY_AFTER  300	/* seconds: most that a poll waits for */
#define ORDER_ROUNDS	  2	/* ACME orders after an interrupted one */
#define ORDER_ROUND_PAUSE 500	/* milliseconds before each of them */
#define ANSWERS_MOST	  4	/* to a challenge that fails but is pending */
#define ANSWERS_PAUSE	  1	/* seconds; doubled for each answer */

bool order_load(struct job *j, struct order_row *o);
bool order_save(struct order_row *o, struct job *j);

/* Goes to another state, due in ms. */
void order_enter(struct order_row *o, struct job *j, enum order_state state,
    int64_t ms);

/* Ends it; words are the CA's or ours. */
void order_fail(struct order_row *o, struct job *j, const char *words);

/* Starts over with another ACME order, when an interruption of ours may be
 * why the CA found no answer; false: fail. */
bool order_another(struct order_row *o, struct job *j, const char *words);

/* Tries again in a state after a pause, unless the deadline is sooner. */
void order_retry(struct order_row *o, struct job *j, enum order_state state,
    const char *words, int64_t retry_after);

/* Goes where the authorizations stand, when they are further than the order
 * because a process died between the two; false: they are not. */
bool order_catch_up(struct order_row *o, struct job *j);

/* Takes challenge answers away. */
void order_clean(const struct order_row *o);

/* Marks every unfinished authorization to be read again. */
void order_reread(const struct order_row *o);

/* By state: what a good answer means, and what the core does itself. */
typedef void order_answer_fn(struct order_row *, struct job *,
    const struct report *);
extern order_answer_fn *const order_answer[ORDER_STATE__MAX];
typedef void order_local_fn(struct order_row *, struct job *);
extern order_local_fn *const order_local[ORDER_STATE__MAX];

/* A refusal, silence or nonsense in any state. */
void order_trouble(struct order_row *o, struct job *j,
    const struct report *r, enum order_state lost);

#endif
