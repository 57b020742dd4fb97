/*
 * The life of an order (RFC 8555 section 7.1.6) as a table, and moving along
 * in it.
 */
#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../core.h"
#include "../key/keys.h"
#include "order.h"

#define ORDER_ROUNDS	  2   /* ACME orders after an interrupted one */
#define ORDER_ROUND_PAUSE 500 /* milliseconds before each of them */
#define SAVE_AGAIN	  2000 /* milliseconds */
#define POLL_FIRST	  200 /* milliseconds between two looks at the CA */
#define POLL_MOST	  15000
#define POLL_RETRY_AFTER  300 /* seconds: most that a poll waits for */

static const struct order_stage stages[] = {
	[ORDER_KEY] = { .run = run_key },
	[ORDER_NEW] = { .step = STEP_NEW_ORDER, .target = target_new,
		.payload = payload_of_new, .charges = BUDGET_NEW_ORDER,
		.follow = follow_new,
		.lost = ORDER_NEW },
	[ORDER_AUTHORIZATIONS] = { .step = STEP_GET_AUTHORIZATION,
		.target = target_unread, .follow = follow_authorization,
		.lost = ORDER_AUTHORIZATIONS },
	[ORDER_PROVISION] = { .run = run_provision },
	[ORDER_ANSWER] = { .step = STEP_ANSWER_CHALLENGE,
		.target = target_pending, .payload = payload_of_answer,
		.follow = follow_challenge, .lost = ORDER_AUTHORIZATIONS },
	[ORDER_VALIDATE] = { .step = STEP_GET_AUTHORIZATION,
		.target = target_answered, .follow = follow_authorization,
		.lost = ORDER_VALIDATE },
	[ORDER_READY] = { .step = STEP_GET_ORDER, .target = target_order,
		.follow = follow_order, .lost = ORDER_READY },
	[ORDER_FINALIZE] = { .step = STEP_FINALIZE,
		.target = target_finalize, .payload = payload_of_finalize,
		.charges = BUDGET_FINALIZE,
		.follow = follow_order, .lost = ORDER_READY },
	[ORDER_PROCESSING] = { .step = STEP_GET_ORDER,
		.target = target_order, .follow = follow_order,
		.lost = ORDER_PROCESSING },
	[ORDER_DOWNLOAD] = { .step = STEP_DOWNLOAD,
		.target = target_certificate, .follow = follow_download,
		.lost = ORDER_DOWNLOAD },
	[ORDER_ALTERNATES] = { .step = STEP_DOWNLOAD,
		.target = target_alternate, .follow = follow_alternate,
		.lost = ORDER_ALTERNATES },
	[ORDER_INSTALL] = { .run = run_install },
	[ORDER_ISSUED] = { .run = NULL },
	[ORDER_FAILED] = { .run = NULL },
	[ORDER_CANCELED] = { .run = NULL },
};
_Static_assert(nitems(stages) == ORDER_STATE__MAX, "every state has a row");

const struct order_stage *
order_stage(enum order_state state)
{
	return &stages[state];
}

bool
order_at_ca(enum order_state state)
{
	return stages[state].target != NULL;
}

const struct config_ca *
order_ca(const struct order_row *o)
{
	return config_account_ca(core.config, o->account);
}

static void
settle(struct order_row *o, struct job *j, enum order_state state, int64_t ms)
{
	struct fault why;

	o->state = state;
	o->sent = false;
	o->next_at = clock_now_ms() + ms;
	o->updated = clock_now();
	if (store_order_put(core.store, o, &why) != OK) {
		log_error("order %lld not stored: %s", (long long)o->id,
		    why.text);
		job_again(j, SAVE_AGAIN);
		return;
	}
	j->local = !order_at_ca(state);
	j->over = state >= ORDER_ISSUED;
	job_again(j, ms);
}

void
order_enter(struct order_row *o, struct job *j, enum order_state state,
    int64_t ms)
{
	if (state != o->state)
		o->attempts = 0;
	if (state < ORDER_ISSUED)
		o->error[0] = '\0'; /* of a trouble that is over */
	settle(o, j, state, ms);
}

static int64_t
poll_pause(struct order_row *o, const struct report *r)
{
	int64_t seconds = r->retry_after;

	o->attempts++;
	if (seconds <= 0)
		return backoff(o->attempts, POLL_FIRST, POLL_MOST);
	return (seconds < POLL_RETRY_AFTER ? seconds : POLL_RETRY_AFTER) *
	    1000;
}

/* A pause that the CA wants does not keep an order beyond its deadline. */
void
order_poll(struct order_row *o, struct job *j, const struct report *r)
{
	int64_t pause = poll_pause(o, r);
	int64_t left = (o->deadline + 1) * 1000 - clock_now_ms();

	order_enter(o, j, o->state, pause < left ? pause : left);
}

/* A validation that failed because our answers were not there while a
 * process of ours was down is not the names' fault: one more ACME order. */
bool
order_another(struct order_row *o, struct job *j, const char *words)
{
	if (!j->interrupted || o->rounds >= ORDER_ROUNDS)
		return false;
	order_note(o->id, "%s; we were interrupted, so there is another "
	    "ACME order", words);
	o->rounds++;
	o->url[0] = o->finalize[0] = o->certificate_url[0] = '\0';
	order_enter(o, j, ORDER_KEY, ORDER_ROUND_PAUSE);
	return true;
}

static void
audit_end(const struct order_row *o)
{
	struct json_writer w;
	struct buf members;
	struct fault why;

	buf_init(&members, 4 * STORE_TEXT);
	json_write_start(&w, &members);
	json_put_int(&w, "order", o->id);
	json_put_string(&w, "certificate", o->certificate);
	json_put_string(&w, "state", order_state_name(o->state));
	if (o->error[0] != '\0')
		json_put_string(&w, "error", o->error);
	if (audit_append(core.audit, "order", buf_str(&members), members.len,
		&why) != OK)
		log_error("audit: %s", why.text);
	buf_free(&members);
}

/* The key of an order that came to nothing is of no use to anybody. */
static void
drop_key(const struct order_row *o)
{
	struct key_row key;
	struct fault why;

	if (o->key[0] == '\0' ||
	    store_key_get(core.store, o->key, &key, &why) != OK ||
	    key.foreign || key.state != KEY_ACTIVE)
		return;
	if (keys_retire(core.keys, o->key, 0, &why) != OK)
		log_warning("key %s not retired: %s", o->key, why.text);
}

static void
end(struct order_row *o, struct job *j, enum order_state state,
    const char *words)
{
	snprintf(o->error, sizeof(o->error), "%s", words);
	order_enter(o, j, state, 0);
	if (!j->over)
		return;
	order_note(o->id, "%s: %s", order_state_name(state), words);
	audit_end(o);
	drop_key(o);
	job_add(JOB_CLEANUP, o->certificate, o->id, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms());
	job_add(JOB_RENEWAL, "", 0, clock_now_ms());
}

void
order_fail(struct order_row *o, struct job *j, const char *words)
{
	end(o, j, ORDER_FAILED, words);
}

void
order_give_up(struct order_row *o, struct job *j)
{
	end(o, j, ORDER_CANCELED, "given up by the operator");
}

static void
fail_late(struct order_row *o, struct job *j, const char *words, int64_t ms)
{
	char text[STORE_TEXT];

	snprintf(text, sizeof(text), "%.1800s (the next try, in %lld s, "
	    "would be after the order's deadline)", words,
	    (long long)(ms / 1000));
	order_fail(o, j, text);
}

void
order_retry(struct order_row *o, struct job *j, enum order_state state,
    const char *words, int64_t retry_after)
{
	int64_t ms;

	if (state != o->state) {
		o->attempts = 0;
		j->returns++;
	}
	o->attempts++;
	ms = retry_after > 0 ? retry_after * 1000 :
	    backoff(o->attempts > j->returns ? o->attempts : j->returns,
		ORDER_RETRY_FIRST, ORDER_RETRY_MOST);
	if (clock_now() + ms / 1000 > o->deadline) {
		fail_late(o, j, words, ms);
		return;
	}
	if (strcmp(o->error, words) != 0)
		order_note(o->id, "%s; trying again", words);
	snprintf(o->error, sizeof(o->error), "%s", words);
	settle(o, j, state, ms);
}
