/*
 * The issuer's side of the engine: which step it is to do, the JWS for it,
 * and what came of it.
 */
#include "task.h"

#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../ca/origin.h"
#include "../compose/compose.h"
#include "../core.h"
#include "book.h"
#include "engine.h"
#include "report.h"

#define LEASE_MARGIN 30000 /* ms beyond the CA's time-out and all retries */
#define JWS_A_TASK   12	   /* signatures that one task may have */
#define PAYLOAD_MAX  65536

static const char *const steps[] = {
#define X(id, word) [STEP_##id] = word,
	ISSUER_STEPS(X)
#undef X
};

static int64_t
lease_of(const struct job *j)
{
	const struct config_ca *c = job_classes[j->kind]->ca(j);

	return clock_now_ms() + LEASE_MARGIN +
	    (c != NULL ? (int64_t)c->timeout * 1000 * 3 : 0);
}

/* The request may or may not have reached the CA. */
static void
task_lost(struct job *j, const char *words)
{
	struct report r = { .outcome = OUTCOME_NETWORK, .retry_after = -1,
		.type = "", .sent = j->sent };

	snprintf(r.words, sizeof(r.words), "%s", words);
	job_classes[j->kind]->result(j, &r);
	book_give_back(j);
}

static void
lose_all(const char *words)
{
	struct job *j;

	while ((j = book_expired()) != NULL)
		task_lost(j, words);
}

void
tasks_lose_expired(void)
{
	lose_all("the issuer did not come back in time");
}

uint64_t
engine_issuer(struct engine *e)
{
	(void)e;
	return book_issuer();
}

void
engine_issuer_gone(struct engine *e)
{
	(void)e;
	book_issuer_gone();
	lose_all("the issuer went away");
}

static void
write_task(const struct job *j, struct buf *out)
{
	const struct config_ca *c = job_classes[j->kind]->ca(j);
	struct json_writer w;

	if (c == NULL)
		fatal("task of a CA that is not configured");
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_int(&w, "task", j->task);
	json_put_string(&w, "step", steps[j->step]);
	json_open_object(&w, "ca");
	json_put_string(&w, "name", c->name);
	json_put_string(&w, "directory", c->directory);
	if (c->trust != NULL)
		json_put_string(&w, "trust", c->trust);
	json_put_int(&w, "timeout", c->timeout);
	json_close_object(&w);
	if (j->url[0] != '\0')
		json_put_string(&w, "url", j->url);
	json_close_object(&w);
}

enum err
engine_next(struct engine *e, uint64_t issuer, int wait_ms, struct buf *out,
    struct fault *why)
{
	int64_t end = clock_now_ms() + wait_ms;
	struct job *j;

	(void)e;
	tasks_lose_expired();
	for (;;) {
		j = book_take(false, issuer, end);
		if (j == NULL) {
			buf_puts(out, "{}");
			return OK;
		}
		if (job_classes[j->kind]->prepare(j) &&
		    book_admit(j, job_classes[j->kind]->ca(j)))
			break;
		book_give_back(j);
	}
	POINT(steps[j->step], "prepared");
	write_task(j, out);
	book_lease(j, lease_of(j));
	return out->failed ? fault_set(why, ERR_INTERNAL, "task too long") :
	    OK;
}

static void
audit_jws(const struct job *j, const struct account_row *a,
    const struct signature *sig, struct buf *members)
{
	struct json_writer w;

	json_write_start(&w, members);
	json_put_string(&w, "by", "issuer");
	json_put_string(&w, "step", steps[j->step]);
	json_put_string(&w, "account", a->name);
	if (j->kind == JOB_ORDER || j->kind == JOB_CLEANUP) {
		json_put_int(&w, "order", j->order);
		json_put_string(&w, "certificate", j->name);
	}
	json_put_string(&w, "url", j->url);
	json_put_string(&w, "key", a->key);
	signature_put(&w, sig);
}

static bool
knows_kid(const struct job *j)
{
	return j->step != STEP_FIND_ACCOUNT && j->step != STEP_NEW_ACCOUNT;
}

static enum err
task_sign(struct job *j, const char *nonce, struct buf *out,
    struct fault *why)
{
	struct buf payload, members;
	struct account_row a;
	struct signature sig;
	enum err e;

	buf_init(&payload, PAYLOAD_MAX);
	buf_init(&members, PAYLOAD_MAX);
	e = store_account_get(core.store, job_classes[j->kind]->account(j), &a,
	    why);
	if (e == OK)
		e = job_classes[j->kind]->payload(j, &payload, why);
	if (e == OK)
		e = jws_write(out, core.keys, &(struct jws_header){ a.key,
			ALG__MAX, knows_kid(j) ? a.kid : NULL, nonce, j->url },
		    payload.len > 0 ? buf_str(&payload) : NULL, payload.len,
		    &sig, why);
	if (e != OK)
		goto out;
	audit_jws(j, &a, &sig, &members);
	e = audit_append(core.audit, "signature", buf_str(&members),
	    members.len, why);
out:
	buf_free(&members);
	buf_free(&payload);
	return e;
}

enum err
engine_jws(struct engine *e, int64_t task, const char *url,
    const char *nonce, struct buf *out, struct fault *why)
{
	struct job *j = book_hold(task);
	enum err code;

	(void)e;
	if (j == NULL)
		return fault_set(why, ERR_CONFLICT, "the task is over");
	if (j->step == STEP_DIRECTORY || strcmp(j->url, url) != 0)
		code = fault_set(why, ERR_CONFLICT,
		    "url: not the one of this step");
	else if (!origin_of_ca(job_classes[j->kind]->ca(j), url))
		code = fault_set(why, ERR_DENIED,
		    "url: not at one of the CA's origins");
	else if (j->signatures++ >= JWS_A_TASK)
		code = fault_set(why, ERR_LIMIT,
		    "the task had %d signatures already", JWS_A_TASK);
	else
		code = task_sign(j, nonce, out, why);
	job_signed(j, code);
	j->sent = j->sent || code == OK;
	if (code != OK)
		buf_reset(out);
	POINT(steps[j->step], "signed");
	book_lease(j, lease_of(j));
	return code;
}

enum err
engine_result(struct engine *e, int64_t task, const struct json *result,
    struct fault *why)
{
	struct job *j = book_hold(task);
	struct report r;
	enum err code;

	(void)e;
	if (j == NULL)
		return fault_set(why, ERR_CONFLICT, "the task is over");
	code = report_read(&r, result, why);
	if (code != OK) {
		task_lost(j, "the issuer's report does not parse");
		return code;
	}
	POINT(steps[j->step], "answered");
	report_own(&r, job_classes[j->kind]->ca(j));
	r.sent = r.sent && j->sent;
	book_heard(j, r.outcome != OUTCOME_NETWORK);
	job_classes[j->kind]->result(j, &r);
	POINT(steps[j->step], "stored");
	book_give_back(j);
	return OK;
}
