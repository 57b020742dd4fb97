#include "worker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../api/client.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "../base/sandbox.h"
#include "step.h"

#define CALL_TIMEOUT  120000 /* ms; a signature may wait for its token */
#define SLACK	      20000  /* ms on top of what the core waits itself */
#define PAUSE	      1	     /* s after the core refused to give work */
#define CA_TIMEOUT    60     /* s, unless the core says otherwise */
#define CA_TIMEOUT_MAX 3600

struct worker {
	unsigned number;
	struct client *core;
	struct http *http;
};

/* The workers and the responder hold nothing that must be put away, and
 * other threads may be deep in libcurl: so there is no orderly exit. */
void
worker_core_gone(const struct fault *why)
{
	if (why->code == ERR_CLOSED)
		_exit(EXIT_FINE);
	log_error("the core does not answer: %s", why->text);
	_exit(EXIT_TEMPORARY);
}

/* One question to the core.  Without a status there was no answer, and the
 * channel is of no more use; with one the core only says no. */
static enum err
ask(struct worker *w, const char *path, const struct buf *body, int timeout,
    struct client_reply *reply, struct fault *why)
{
	enum err e = client_call(w->core, "POST", path,
	    (const char *)body->data, body->len, timeout, reply, why);

	if (e != OK && reply->status == 0)
		worker_core_gone(why);
	return e;
}

static enum err
sign(void *arg, const struct task *t, const char *nonce, struct buf *out,
    struct fault *why)
{
	struct worker *w = arg;
	struct json_writer json;
	struct client_reply reply;
	struct buf body;
	enum err e;

	buf_init(&body, 2 * URL_SIZE);
	json_write_start(&json, &body);
	json_open_object(&json, NULL);
	json_put_int(&json, "task", t->id);
	json_put_string(&json, "url", t->url);
	json_put_string(&json, "nonce", nonce);
	json_close_object(&json);
	e = ask(w, "/issuer/jws", &body, CALL_TIMEOUT, &reply, why);
	if (e == OK)
		buf_put(out, reply.text, reply.length);
	if (e == OK && (reply.json == NULL || out->failed))
		fatal("the core's JWS is not JSON or too long");
	client_reply_free(&reply);
	buf_free(&body);
	return e;
}

/* False when there was nothing to do; a task that does not parse cannot
 * come from our core. */
static bool
read_task(const struct json *v, struct task *t)
{
	const struct json *ca = json_get(v, "ca");
	const char *word = json_get_string(v, "step");
	int64_t timeout = CA_TIMEOUT;

	if (v == NULL || !json_get_int(v, "task", &t->id))
		return false;
	json_get_int(ca, "timeout", &timeout);
	t->step = word != NULL ? step_parse(word) : STEP__MAX;
	t->ca = json_get_string(ca, "name");
	t->directory = json_get_string(ca, "directory");
	t->trust = json_get_string(ca, "trust");
	t->url = json_get_string(v, "url");
	if (t->step == STEP__MAX || t->ca == NULL || t->directory == NULL ||
	    (t->url == NULL && t->step != STEP_DIRECTORY) ||
	    timeout < 1 || timeout > CA_TIMEOUT_MAX)
		fatal("the core's task %" PRId64 " does not parse", t->id);
	t->timeout = (unsigned)timeout;
	return true;
}

static void
report(struct worker *w, const struct task *t, const struct outcome *o)
{
	struct client_reply reply;
	struct buf body;
	struct fault why;

	buf_init(&body, OUTCOME_BYTES_MAX);
	outcome_write(o, t->id, &body);
	if (ask(w, "/issuer/result", &body, CALL_TIMEOUT, &reply, &why) != OK)
		log_warning("%s: the core refuses the report of %s: %s",
		    t->ca, step_word(t->step), why.text);
	client_reply_free(&reply);
	buf_free(&body);
}

static void
tell(const struct worker *w, const struct task *t, const struct outcome *o)
{
	enum log_level level = o->kind == OUTCOME_OK ||
	    o->kind == OUTCOME_OVER ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;

	log_line(level, "%s: %s: %s, status %u%s%.*s (task %" PRId64
	    ", worker %u)", t->ca, step_word(t->step), outcome_word(o),
	    o->status, level == LOG_LEVEL_WARNING ? ": " : "",
	    level != LOG_LEVEL_WARNING ? 0 : FAULT_MAX,
	    o->kind == OUTCOME_PROBLEM ? (const char *)o->body.data :
	    o->detail, t->id, w->number);
}

/* A file of roots or of the resolver that was replaced cannot be opened any
 * more.  The next issuer can, and gets this task: none of it has left yet. */
static void
look_for_new_files(void)
{
	const char *path = sandbox_stale();

	if (path == NULL)
		return;
	log_info("%s has changed; starting anew to read it", path);
	_exit(EXIT_TEMPORARY);
}

static void
work(struct worker *w, const struct task *t)
{
	struct outcome o;

	look_for_new_files();
	outcome_init(&o);
	step_run(t, w->http, sign, w, &o);
	tell(w, t, &o);
	if (o.kind != OUTCOME_OVER)
		report(w, t, &o);
	outcome_free(&o);
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct client_reply reply;
	struct fault why;
	struct task t;
	struct buf body;

	buf_init(&body, 64);
	buf_putf(&body, "{\"wait\":%d}", ISSUER_WAIT_MS);
	for (;;) {
		if (ask(w, "/issuer/next", &body, ISSUER_WAIT_MS + SLACK,
		    &reply, &why) != OK) {
			log_warning("the core gives no work: %s", why.text);
			sleep(PAUSE);
		} else if (read_task(reply.json, &t)) {
			work(w, &t);
		}
		client_reply_free(&reply);
	}
	return NULL;
}

void
worker_start(unsigned i, int fd)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	pthread_t thread;

	w->number = i;
	w->core = client_adopt(fd);
	w->http = http_new();
	if (pthread_create(&thread, NULL, run, w) != 0)
		fatal("cannot start worker %u", i);
	pthread_detach(thread);
}
