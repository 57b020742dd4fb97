/*
 * The engine's jobs and who does them: local ones by a few threads of the
 * core, network ones by the issuer, which pulls them.
 */
#include "engine.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../audit/audit.h"
#include "../compose/compose.h"
#include "../core.h"
#include "job.h"

#define LOCAL_THREADS  4
#define LEASE_MARGIN   30000  /* ms beyond the CA's time-out and all retries */
#define LEASE_LOOK     5000   /* ms between two looks at leases */
#define JWS_A_TASK     12     /* signatures that one task may have */
#define PAYLOAD_MAX    65536
#define CANCEL_AGAIN   2000   /* ms after a cancellation was not stored */
#define FIRST_LOOK_MS  1000   /* between start and the first renewal look */

struct engine {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job **jobs;
	size_t njobs;
	int64_t last_task;
	uint64_t issuer; /* number of the present one, from 1 */
	bool stopping;
	pthread_t threads[LOCAL_THREADS];
};

static struct engine engine = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.issuer = 1,
};

static const struct job_class *const classes[] = {
	[JOB_DIRECTORY] = &directory_class,
	[JOB_ACCOUNT] = &account_class,
	[JOB_ORDER] = &order_class,
	[JOB_CLEANUP] = &cleanup_class,
	[JOB_DEPLOY] = &deploy_class,
	[JOB_AUDIT_KEY] = &audit_key_class,
	[JOB_RENEWAL] = &renewal_class,
	[JOB_SWEEP] = &sweep_class,
};
_Static_assert(nitems(classes) == JOB_KIND__MAX, "every job has a class");

static const char *const steps[] = {
#define X(id, word) [STEP_##id] = word,
	ISSUER_STEPS(X)
#undef X
};

static struct job *
job_find(enum job_kind kind, const char *name, int64_t order)
{
	for (size_t i = 0; i < engine.njobs; i++) {
		struct job *j = engine.jobs[i];

		if (j->kind == kind && j->order == order &&
		    strcmp(j->name, name) == 0)
			return j;
	}
	return NULL;
}

static bool
always_local(enum job_kind kind)
{
	return classes[kind]->prepare == NULL;
}

/* Orders and accounts look at themselves before they go to the issuer. */
static bool
begins_local(enum job_kind kind)
{
	return always_local(kind) || kind == JOB_ORDER || kind == JOB_ACCOUNT;
}

void
job_add(enum job_kind kind, const char *name, int64_t order, int64_t ms)
{
	struct job *j;

	pthread_mutex_lock(&engine.lock);
	j = job_find(kind, name, order);
	if (j == NULL) {
		j = xcalloc(1, sizeof(*j));
		j->kind = kind;
		snprintf(j->name, sizeof(j->name), "%s", name);
		j->order = order;
		j->due = ms;
		j->local = begins_local(kind);
		engine.jobs = xreallocarray(engine.jobs, engine.njobs + 1,
		    sizeof(*engine.jobs));
		engine.jobs[engine.njobs++] = j;
	} else if (j->task != 0) {
		j->again_at = j->again && j->again_at < ms ? j->again_at : ms;
		j->again = true;
	} else if (ms < j->due && j->failures == 0) {
		j->due = ms;
	}
	pthread_cond_broadcast(&engine.work);
	pthread_mutex_unlock(&engine.lock);
}

void
job_again(struct job *j, int64_t ms)
{
	pthread_mutex_lock(&engine.lock);
	j->due = clock_now_ms() + ms;
	pthread_mutex_unlock(&engine.lock);
}

void
job_wait(struct job *j)
{
	pthread_mutex_lock(&engine.lock);
	j->due = clock_now_ms() + JOB_PATIENCE;
	j->waiting = true;
	pthread_mutex_unlock(&engine.lock);
}

void
job_interrupt(enum job_kind kind, const char *name, int64_t order)
{
	struct job *j;

	pthread_mutex_lock(&engine.lock);
	j = job_find(kind, name, order);
	if (j != NULL)
		j->interrupted = true;
	pthread_mutex_unlock(&engine.lock);
}

bool
job_interrupted(const struct job *j)
{
	bool interrupted;

	pthread_mutex_lock(&engine.lock);
	interrupted = j->interrupted;
	pthread_mutex_unlock(&engine.lock);
	return interrupted;
}

void
job_calm(struct job *j)
{
	pthread_mutex_lock(&engine.lock);
	j->interrupted = false;
	pthread_mutex_unlock(&engine.lock);
}

void
jobs_release(enum job_kind kind)
{
	pthread_mutex_lock(&engine.lock);
	for (size_t i = 0; i < engine.njobs; i++)
		if (engine.jobs[i]->kind == kind &&
		    engine.jobs[i]->waiting)
			engine.jobs[i]->due = 0;
	pthread_cond_broadcast(&engine.work);
	pthread_mutex_unlock(&engine.lock);
}

bool
job_canceled(const struct job *j)
{
	bool canceled;

	pthread_mutex_lock(&engine.lock);
	canceled = j->cancel;
	pthread_mutex_unlock(&engine.lock);
	return canceled;
}

int64_t
backoff(uint32_t attempts, int64_t first, int64_t most)
{
	int64_t ms = first;
	uint32_t noise;

	for (uint32_t i = 1; i < attempts && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	random_bytes(&noise, sizeof(noise));
	return ms + ms / 5 - (int64_t)(noise % (uint64_t)(ms / 5 * 2 + 1));
}

bool
row_found(enum err e, struct job *j, const struct fault *why)
{
	if (e == OK) {
		j->failures = 0;
		return true;
	}
	log_error("job of %s: %s", j->name, why->text);
	j->failures++;
	job_again(j, backoff(j->failures, 1000, 60000));
	return false;
}

/* ------------------------------------------------- taking and giving back */

/* When somebody of that sort may take a job: an order that nobody carries to
 * the issuer any more comes home when its deadline has passed. */
static int64_t
due_for(const struct job *j, bool local)
{
	if (j->local == local)
		return j->due;
	if (!local || j->deadline == 0)
		return JOB_NEVER;
	return j->due > j->deadline ? j->due : j->deadline;
}

/* The due job of that sort that has waited longest, or NULL and when the
 * next one is due. */
static struct job *
due_job(bool local, int64_t now, int64_t *next)
{
	struct job *best = NULL;

	for (size_t i = 0; i < engine.njobs; i++) {
		struct job *j = engine.jobs[i];
		int64_t due;

		if (j->task != 0 || j->over)
			continue;
		due = due_for(j, local);
		if (due <= now && (best == NULL || j->due < best->due))
			best = j;
		if (due < *next)
			*next = due;
	}
	return best;
}

static void
wait_until(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	pthread_cond_timedwait(&engine.work, &engine.lock, &ts);
}

/* Takes a due job, waiting for one until end; NULL when there was none, or
 * when the issuer that asked is gone.  The lock is held. */
static struct job *
take(bool local, uint64_t issuer, int64_t end)
{
	for (;;) {
		int64_t now = clock_now_ms(), next = end;
		struct job *j = due_job(local, now, &next);

		if (engine.stopping || (!local && issuer != engine.issuer))
			return NULL;
		if (j != NULL) {
			j->issuer = issuer;
			j->task = ++engine.last_task;
			j->lease_end = JOB_NEVER;
			j->sent = false;
			j->waiting = false;
			j->signatures = 0;
			return j;
		}
		if (now >= end)
			return NULL;
		wait_until(next < end ? next : end);
	}
}

static void
forget(struct job *j)
{
	for (size_t i = 0; i < engine.njobs; i++)
		if (engine.jobs[i] == j) {
			engine.jobs[i] = engine.jobs[--engine.njobs];
			break;
		}
	free(j);
}

/*
 * What was asked for while the job was taken may have come too late for it:
 * then it is not over yet.  Other jobs know best when they are due; and who
 * waits for a directory asks again by itself.
 */
static void
heed(struct job *j)
{
	if (j->over && j->kind != JOB_DIRECTORY) {
		j->over = false;
		j->local = begins_local(j->kind);
		j->due = j->again_at;
	} else if (always_local(j->kind) && j->failures == 0 &&
	    j->again_at < j->due) {
		j->due = j->again_at;
	}
	j->again = false;
}

static void
give_back(struct job *j)
{
	pthread_mutex_lock(&engine.lock);
	j->task = 0;
	if (j->again)
		heed(j);
	if (j->over)
		forget(j);
	pthread_cond_broadcast(&engine.work);
	pthread_mutex_unlock(&engine.lock);
}

/* ------------------------------------------------------ the issuer's side */

/* Finds the task and keeps it from being found by anybody else: the lease is
 * moved out of reach while the answer is worked on.  0 is the number of all
 * jobs that nobody has taken. */
static struct job *
task_hold(int64_t task)
{
	struct job *found = NULL;

	pthread_mutex_lock(&engine.lock);
	for (size_t i = 0; i < engine.njobs && task > 0; i++)
		if (engine.jobs[i]->task == task &&
		    engine.jobs[i]->lease_end != JOB_NEVER)
			found = engine.jobs[i];
	if (found != NULL)
		found->lease_end = JOB_NEVER;
	pthread_mutex_unlock(&engine.lock);
	return found;
}

static int64_t
lease_of(const struct job *j)
{
	const struct config_ca *c;

	c = config_ca(core.config, classes[j->kind]->ca(j));
	return clock_now_ms() + LEASE_MARGIN +
	    (c != NULL ? (int64_t)c->timeout * 1000 * 3 : 0);
}

/* A task of an issuer that went away meanwhile is over at once. */
static void
task_lease(struct job *j)
{
	int64_t end = lease_of(j);

	pthread_mutex_lock(&engine.lock);
	j->lease_end = j->issuer == engine.issuer ? end : 0;
	pthread_mutex_unlock(&engine.lock);
}

/* The request may or may not have reached the CA. */
static void
task_lost(struct job *j, const char *words)
{
	struct report r = { .outcome = OUTCOME_NETWORK, .retry_after = -1,
		.type = "", .sent = j->sent };

	snprintf(r.words, sizeof(r.words), "%s", words);
	classes[j->kind]->result(j, &r);
	give_back(j);
}

/* Takes a task away whose lease is over or whose issuer is gone. */
static struct job *
task_expired(void)
{
	int64_t now = clock_now_ms();
	struct job *found = NULL;

	pthread_mutex_lock(&engine.lock);
	for (size_t i = 0; i < engine.njobs && found == NULL; i++) {
		struct job *j = engine.jobs[i];

		if (j->task != 0 && j->lease_end != JOB_NEVER &&
		    (j->issuer != engine.issuer || j->lease_end < now))
			found = j;
	}
	if (found != NULL)
		found->lease_end = JOB_NEVER;
	pthread_mutex_unlock(&engine.lock);
	return found;
}

static void
lose_expired(void)
{
	struct job *j;

	while ((j = task_expired()) != NULL)
		task_lost(j, "the issuer did not come back in time");
}

/* An issuer that is silent must not keep anything for ever, so that leases
 * are looked at here, too. */
static void *
local_thread(void *arg)
{
	bool stopping = false;
	struct job *j;

	while (!stopping) {
		lose_expired();
		pthread_mutex_lock(&engine.lock);
		j = take(true, 0, clock_now_ms() + LEASE_LOOK);
		stopping = engine.stopping;
		pthread_mutex_unlock(&engine.lock);
		if (j == NULL)
			continue;
		classes[j->kind]->run(j);
		give_back(j);
	}
	return arg;
}

uint64_t
engine_issuer(struct engine *e)
{
	uint64_t issuer;

	pthread_mutex_lock(&e->lock);
	issuer = e->issuer;
	pthread_mutex_unlock(&e->lock);
	return issuer;
}

void
engine_issuer_gone(struct engine *e)
{
	struct job *j;

	pthread_mutex_lock(&e->lock);
	e->issuer++;
	for (size_t i = 0; i < e->njobs; i++)
		e->jobs[i]->interrupted = true;
	pthread_cond_broadcast(&e->work);
	pthread_mutex_unlock(&e->lock);
	while ((j = task_expired()) != NULL)
		task_lost(j, "the issuer went away");
}

static void
write_task(const struct job *j, struct buf *out)
{
	const struct config_ca *c;
	struct json_writer w;

	c = config_ca(core.config, classes[j->kind]->ca(j));
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
	lose_expired();
	for (;;) {
		pthread_mutex_lock(&engine.lock);
		j = take(false, issuer, end);
		pthread_mutex_unlock(&engine.lock);
		if (j == NULL) {
			buf_puts(out, "{}");
			return OK;
		}
		if (classes[j->kind]->prepare(j))
			break;
		give_back(j);
	}
	POINT(steps[j->step], "prepared");
	write_task(j, out);
	task_lease(j);
	return out->failed ? fault_set(why, ERR_INTERNAL, "task too long") :
	    OK;
}

static void
audit_jws(const struct job *j, const struct account_row *a,
    const struct signature *sig, const struct buf *jws, struct buf *members)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct json_writer w;

	sha256(digest, jws->data, jws->len);
	hex_encode(hex, digest, sizeof(digest));
	json_write_start(&w, members);
	json_put_string(&w, "by", "issuer");
	json_put_string(&w, "step", steps[j->step]);
	json_put_string(&w, "account", a->name);
	if (j->order != 0) {
		json_put_int(&w, "order", j->order);
		json_put_string(&w, "certificate", j->name);
	}
	json_put_string(&w, "key", a->key);
	json_put_string(&w, "url", j->url);
	json_put_string(&w, "jwsSha256", hex);
	json_put_bool(&w, "verified", sig->verified);
	json_put_int(&w, "queueUs", sig->times.queue);
	json_put_int(&w, "tokenUs", sig->times.token);
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
	e = store_account_get(core.store, classes[j->kind]->account(j), &a,
	    why);
	if (e == OK)
		e = classes[j->kind]->payload(j, &payload, why);
	if (e == OK)
		e = jws_write(out, core.keys, a.key,
		    knows_kid(j) ? a.kid : NULL, nonce, j->url,
		    payload.len > 0 ? buf_str(&payload) : NULL, payload.len,
		    &sig, why);
	if (e != OK)
		goto out;
	audit_jws(j, &a, &sig, out, &members);
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
	struct job *j = task_hold(task);
	enum err code;

	(void)e;
	if (j == NULL)
		return fault_set(why, ERR_CONFLICT, "the task is over");
	if (j->step == STEP_DIRECTORY || strcmp(j->url, url) != 0)
		code = fault_set(why, ERR_CONFLICT,
		    "url: not the one of this step");
	else if (j->signatures++ >= JWS_A_TASK)
		code = fault_set(why, ERR_LIMIT,
		    "the task had %d signatures already", JWS_A_TASK);
	else
		code = task_sign(j, nonce, out, why);
	j->sent = j->sent || code == OK;
	if (code != OK)
		buf_reset(out);
	POINT(steps[j->step], "signed");
	task_lease(j);
	return code;
}

enum err
engine_result(struct engine *e, int64_t task, const struct json *result,
    struct fault *why)
{
	struct job *j = task_hold(task);
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
	r.sent = r.sent && j->sent;
	classes[j->kind]->result(j, &r);
	POINT(steps[j->step], "stored");
	give_back(j);
	return OK;
}

/* ------------------------------------------------------------ life of it */

struct engine *
engine_new(struct fault *why)
{
	pthread_condattr_t attr;

	(void)why;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_REALTIME);
	pthread_cond_init(&engine.work, &attr);
	pthread_condattr_destroy(&attr);
	directory_load();
	accounts_load();
	certificates_load();
	orders_load();
	deployments_load();
	if (core.config->audit_token != NULL)
		job_add(JOB_AUDIT_KEY, core.config->audit_token, 0, 0);
	job_add(JOB_SWEEP, "", 0, clock_now_ms() + FIRST_LOOK_MS);
	job_add(JOB_RENEWAL, "", 0, 0);
	for (unsigned i = 0; i < LOCAL_THREADS; i++)
		if (pthread_create(&engine.threads[i], NULL, local_thread,
			NULL) != 0)
			fatal("cannot start a thread");
	return &engine;
}

void
engine_stop(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->work);
	pthread_mutex_unlock(&e->lock);
	hooks_stop();
}

void
engine_free(struct engine *e)
{
	for (unsigned i = 0; i < LOCAL_THREADS; i++)
		pthread_join(e->threads[i], NULL);
}

void
engine_wake(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->njobs; i++)
		if (e->jobs[i]->kind == JOB_AUDIT_KEY && e->jobs[i]->task == 0)
			e->jobs[i]->due = 0;
	pthread_cond_broadcast(&e->work);
	pthread_mutex_unlock(&e->lock);
}

enum err
engine_order(struct engine *e, const char *certificate, int64_t *id,
    struct fault *why)
{
	(void)e;
	return order_start(certificate, id, why);
}

enum err
engine_cancel(struct engine *e, int64_t order, struct fault *why)
{
	struct order_row o;
	struct job *j = NULL;
	bool busy = false;
	enum err code;

	code = store_order_get(core.store, order, &o, why);
	if (code != OK)
		return code;
	if (o.state >= ORDER_ISSUED) {
		code = fault_set(why, ERR_CONFLICT, "the order has ended: %s",
		    order_state_name(o.state));
		goto out;
	}
	pthread_mutex_lock(&e->lock);
	j = job_find(JOB_ORDER, o.certificate, order);
	if (j != NULL) {
		j->cancel = true;
		busy = j->task != 0;
		if (!busy) {
			j->task = ++e->last_task;
			j->lease_end = JOB_NEVER;
		}
	}
	pthread_mutex_unlock(&e->lock);
	if (!busy)
		code = order_cancel_now(order, why);
	if (j != NULL && !busy) {
		j->over = code == OK;
		j->due = clock_now_ms() + CANCEL_AGAIN;
		give_back(j);
	}
out:
	order_row_free(&o);
	return code;
}

char *
engine_challenge(struct engine *e, const char *token)
{
	struct authorization_row a;
	struct account_row account;
	struct order_row o;
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	struct fault why;
	char *text = NULL;
	size_t n;

	(void)e;
	if (store_authorization_by_token(core.store, token, &a, &why) != OK ||
	    store_order_get(core.store, a.order, &o, &why) != OK)
		return NULL;
	if (store_account_get(core.store, o.account, &account, &why) == OK &&
	    keys_public(core.keys, account.key, spki, &n, &type, &why) == OK)
		text = key_authorization(token, spki, n, &why);
	order_row_free(&o);
	return text;
}

bool
engine_url_of_ca(struct engine *e, const char *account, const char *url)
{
	const struct config_account *a = config_account(core.config, account);

	(void)e;
	return a != NULL && directory_same_origin(a->ca, url);
}

void
engine_ca_trouble(struct engine *e, const char *ca,
    char out[static FAULT_MAX])
{
	(void)e;
	directory_trouble(ca, out);
}

enum err
engine_account(struct engine *e, const char *account,
    struct account_row *row, struct fault *why)
{
	(void)e;
	if (account_valid(account, row))
		return OK;
	return fault_set(why, ERR_CONFLICT, "account %s is not registered",
	    account);
}
