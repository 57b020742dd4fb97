#include "step.h"

#include <string.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "../base/points.h"
#include "answer.h"
#include "problem.h"

#define BAD_NONCE_TRIES 10     /* RFC 8555 section 6.5 */
#define JWS_MAX		131072 /* bytes */

#define JSON_TYPE "application/json"
#define PEM_TYPE  "application/pem-certificate-chain"

struct step_row {
	bool is_signed;	     /* a POST with a JWS, else a GET */
	bool located;	     /* an answer without Location is of no use */
	const char *media_type; /* NULL: JSON or a certificate chain */
	answer_reader *read; /* NULL: the certificate chain */
};

static const struct step_row steps[] = {
	[STEP_DIRECTORY] = { false, false, JSON_TYPE, answer_directory },
	[STEP_FIND_ACCOUNT] = { true, true, JSON_TYPE, answer_account },
	[STEP_NEW_ACCOUNT] = { true, true, JSON_TYPE, answer_account },
	[STEP_NEW_ORDER] = { true, true, JSON_TYPE, answer_new_order },
	[STEP_GET_ORDER] = { true, false, JSON_TYPE, answer_order },
	[STEP_GET_AUTHORIZATION] = { true, false, JSON_TYPE,
	    answer_authorization },
	[STEP_ANSWER_CHALLENGE] = { true, false, JSON_TYPE,
	    answer_challenge },
	[STEP_FINALIZE] = { true, false, JSON_TYPE, answer_order },
	[STEP_DOWNLOAD] = { true, false, PEM_TYPE, NULL },
	[STEP_LOOK] = { true, false, NULL, answer_look },
};
_Static_assert(nitems(steps) == STEP__MAX, "a row for each step");

static const char *const step_words[] = {
#define X(id, word) [STEP_##id] = word,
	ISSUER_STEPS(X)
#undef X
};

/* What one run of a step works with. */
struct run {
	const struct task *task;
	struct http *http;
	struct http_answer answer;
	struct outcome *outcome;
	step_signer *sign;
	void *arg;
};

const char *
step_word(enum issuer_step step)
{
	return step_words[step];
}

enum issuer_step
step_parse(const char *word)
{
	enum issuer_step step = 0;

	while (step < STEP__MAX && strcmp(step_words[step], word) != 0)
		step++;
	return step;
}

static enum err
exchange(struct run *r, enum http_method method, const char *url,
    const char *accept, struct buf *jws, struct fault *why)
{
	const struct http_request request = {
		.method = method,
		.url = url,
		.accept = accept,
		.body = jws != NULL ? buf_str(jws) : NULL,
		.n = jws != NULL ? jws->len : 0,
		.trust = r->task->trust,
		.timeout = r->task->timeout,
	};

	enum err e;

	if (jws != NULL)
		POINT(step_word(r->task->step), "sending");
	e = http_exchange(r->http, &request, &r->answer, why);
	if (jws != NULL)
		POINT(step_word(r->task->step), "sent");
	return e;
}

static bool
is_success(const struct run *r)
{
	return r->answer.status >= 200 && r->answer.status <= 299;
}

/* The step's own request got no answer, or more than we take. */
static void
unanswered(struct run *r, enum err e, const struct fault *why)
{
	if (e == ERR_LIMIT)
		outcome_malformed(r->outcome, why);
	else
		outcome_network(r->outcome, r->answer.sent, why);
}

/* The answer is a refusal; true when that is badNonce. */
static bool
refused(struct run *r)
{
	struct outcome *o = r->outcome;
	struct json_writer w;

	buf_reset(&o->body);
	json_write_start(&w, &o->body);
	outcome_answered(o, &r->answer);
	o->kind = OUTCOME_PROBLEM;
	return ca_problem(&w, r->answer.status, r->answer.headers.media_type,
	    buf_str(&r->answer.body), r->answer.body.len);
}

static void
keep_nonce(struct run *r)
{
	nonce_put(r->task->directory, r->answer.headers.nonce);
}

static enum err
read_json(struct run *r, const struct step_row *row, struct json_writer *w,
    struct fault *why)
{
	struct json *v = json_parse(buf_str(&r->answer.body),
	    r->answer.body.len, why);
	enum err e;

	if (v == NULL)
		return ERR_SYNTAX;
	e = row->read(w, v, why);
	if (e == OK && row->read == answer_directory)
		nonce_set_source(r->task->directory,
		    json_get_string(v, "newNonce"));
	json_free(v);
	return e;
}

static enum err
read_chain(struct run *r, struct json_writer *w, struct fault *why)
{
	if (r->task->step == STEP_LOOK)
		json_put_string(w, "kind", "certificate");
	return answer_certificate(w, buf_str(&r->answer.body),
	    r->answer.body.len, &r->answer.headers, why);
}

/* Writes the facts of a 2xx answer as an object at the root of w. */
static enum err
read_answer(struct run *r, const struct step_row *row, struct json_writer *w,
    struct fault *why)
{
	const struct headers *h = &r->answer.headers;
	const char *wanted = row->media_type;
	enum err e;

	if (wanted == NULL)
		wanted = strcmp(h->media_type, PEM_TYPE) == 0 ? PEM_TYPE :
		    JSON_TYPE;
	if (strcmp(h->media_type, wanted) != 0)
		return fault_set(why, ERR_SYNTAX, "the answer is %s and not "
		    "%s", h->media_type[0] != '\0' ? h->media_type :
		    "of no type", wanted);
	if (row->located && h->location[0] == '\0')
		return fault_set(why, ERR_SYNTAX, "the answer has no Location "
		    "that is an https URL");
	json_open_object(w, NULL);
	e = strcmp(wanted, PEM_TYPE) == 0 ? read_chain(r, w, why) :
	    read_json(r, row, w, why);
	if (row->media_type == NULL && h->up[0] != '\0')
		json_put_string(w, "up", h->up);
	json_close_object(w);
	return e;
}

static void
finish(struct run *r, const struct step_row *row)
{
	struct outcome *o = r->outcome;
	struct json_writer w;
	struct fault why;

	buf_reset(&o->body);
	json_write_start(&w, &o->body);
	outcome_answered(o, &r->answer);
	o->kind = OUTCOME_OK;
	if (read_answer(r, row, &w, &why) != OK)
		outcome_malformed(o, &why);
}

/*
 * A request on the way to the step's own one.  When it fails, the outcome
 * says that the step's request did not leave.
 */
static bool
fetch(struct run *r, enum http_method method, const char *url)
{
	struct fault why;

	if (exchange(r, method, url, JSON_TYPE, NULL, &why) != OK) {
		outcome_network(r->outcome, false, &why);
		return false;
	}
	if (is_success(r))
		return true;
	refused(r);
	return false;
}

/* Learns where this CA gives nonces; only after a restart of this process
 * does that take a request. */
static bool
find_source(struct run *r, char url[static URL_SIZE])
{
	const char *directory = r->task->directory;
	struct buf facts;
	struct json_writer w;
	struct fault why;
	enum err e;

	if (nonce_source(directory, url, URL_SIZE))
		return true;
	if (!fetch(r, HTTP_GET, directory))
		return false;
	buf_init(&facts, OUTCOME_BYTES_MAX);
	json_write_start(&w, &facts);
	e = read_answer(r, &steps[STEP_DIRECTORY], &w, &why);
	buf_free(&facts);
	if (e != OK)
		outcome_network(r->outcome, false, &why);
	return e == OK && nonce_source(directory, url, URL_SIZE);
}

static bool
get_nonce(struct run *r, char nonce[static NONCE_SIZE])
{
	const char *directory = r->task->directory;
	char url[URL_SIZE];
	struct fault why;

	if (nonce_take(directory, nonce))
		return true;
	if (!find_source(r, url))
		return false;
	if (!fetch(r, HTTP_HEAD, url)) {
		nonce_set_source(directory, NULL);
		return false;
	}
	if (r->answer.headers.nonce[0] == '\0') {
		fault_set(&why, ERR_SYNTAX, "newNonce gave no Replay-Nonce "
		    "that is base64url");
		outcome_network(r->outcome, false, &why);
		return false;
	}
	strcpy(nonce, r->answer.headers.nonce);
	return true;
}

static bool
sign(struct run *r, const char *nonce, struct buf *jws)
{
	struct fault why, told;
	enum err e;

	buf_reset(jws);
	e = r->sign(r->arg, r->task, nonce, jws, &why);
	if (e == OK)
		return true;
	if (e == ERR_CONFLICT) {
		r->outcome->kind = OUTCOME_OVER;
		return false;
	}
	fault_set(&told, e, "there is no signature: %s", why.text);
	outcome_network(r->outcome, false, &told);
	return false;
}

/* A refusal for its nonce brings the next nonce; it is signed anew. */
static bool
post(struct run *r, const struct step_row *row, struct buf *jws)
{
	char nonce[NONCE_SIZE] = "";
	struct fault why;
	enum err e;

	for (unsigned i = 0; i <= BAD_NONCE_TRIES; i++) {
		if (nonce[0] == '\0' && !get_nonce(r, nonce))
			return false;
		if (!sign(r, nonce, jws))
			return false;
		e = exchange(r, HTTP_POST, r->task->url,
		    row->media_type != NULL ? row->media_type : "*/*", jws,
		    &why);
		if (e != OK) {
			unanswered(r, e, &why);
			return false;
		}
		if (is_success(r) || !refused(r)) {
			keep_nonce(r);
			return is_success(r);
		}
		strcpy(nonce, r->answer.headers.nonce);
	}
	return false;
}

static bool
get(struct run *r, const struct step_row *row)
{
	struct fault why;
	enum err e;

	e = exchange(r, HTTP_GET, r->task->directory, row->media_type, NULL,
	    &why);
	if (e != OK)
		unanswered(r, e, &why);
	else if (!is_success(r))
		refused(r);
	return e == OK && is_success(r);
}

void
step_run(const struct task *t, struct http *http, step_signer *signer,
    void *arg, struct outcome *o)
{
	const struct step_row *row = &steps[t->step];
	struct run r = { .task = t, .http = http, .outcome = o,
		.sign = signer, .arg = arg };
	struct buf jws;

	http_answer_init(&r.answer);
	buf_init(&jws, JWS_MAX);
	if (row->is_signed ? post(&r, row, &jws) : get(&r, row))
		finish(&r, row);
	buf_free(&jws);
	http_answer_free(&r.answer);
}
