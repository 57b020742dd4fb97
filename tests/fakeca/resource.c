#include "resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"

struct resource {
	const char *name;
	const char *methods; /* with spaces between them */
	enum step step;
	step_fn *which;	     /* NULL: always that step */
	resource_fn *serve;
};

static const struct resource resources[] = {
	{ "directory", "GET", STEP_DIRECTORY, NULL, serve_directory },
	{ "new-nonce", "HEAD GET", STEP_NEW_NONCE, NULL, serve_nonce },
	{ "new-account", "POST", STEP_NEW_ACCOUNT, step_new_account,
	    serve_new_account },
	{ "account", "POST", STEP_ACCOUNT, NULL, serve_account },
	{ "new-order", "POST", STEP_NEW_ORDER, NULL, serve_new_order },
	{ "order", "POST", STEP_ORDER, step_order, serve_order },
	{ "authorization", "POST", STEP_AUTHORIZATION, step_authorization,
	    serve_authorization },
	{ "challenge", "POST", STEP_CHALLENGE, NULL, serve_challenge },
	{ "finalize", "POST", STEP_FINALIZE, NULL, serve_finalize },
	{ "certificate", "POST", STEP_CERTIFICATE, NULL, serve_certificate },
};

/* What is in the directory. */
static const struct {
	const char *member, *resource;
} entries[] = {
	{ "newNonce", "new-nonce" },
	{ "newAccount", "new-account" },
	{ "newOrder", "new-order" },
};

/* ------------------------------------------------------ helps for answers */

cJSON *
reply_object(struct reply *r, unsigned status)
{
	r->answer->status = status;
	answer_header(r->answer, "Content-Type", "application/json");
	cJSON_Delete(r->json);
	r->json = cJSON_CreateObject();
	return r->json;
}

static char *
url_of(const struct ca *ca, const char *resource, unsigned id)
{
	struct buf b;

	buf_init(&b, 1024);
	ca_url(ca, resource, id, &b);
	return (char *)buf_take(&b, NULL);
}

void
put_url(cJSON *object, const char *name, const struct ca *ca,
    const char *resource, unsigned id)
{
	char *url = url_of(ca, resource, id);

	cJSON_AddStringToObject(object, name, url);
	free(url);
}

void
put_location(struct call *c, const char *resource, unsigned id)
{
	char *url = url_of(c->ca, resource, id);

	answer_header(c->reply->answer, "Location", url);
	free(url);
}

void
put_error(cJSON *object, const char *type, const char *words)
{
	char urn[128];
	cJSON *error;

	if (words[0] == '\0')
		return;
	snprintf(urn, sizeof(urn), "urn:ietf:params:acme:error:%s", type);
	error = cJSON_AddObjectToObject(object, "error");
	cJSON_AddStringToObject(error, "type", urn);
	cJSON_AddStringToObject(error, "detail", words);
}

bool
becomes(const struct call *c, char state[static STATUS_SIZE],
    char words[static WORDS_SIZE])
{
	const char *text = chosen_text(&c->chosen, "become");
	size_t n;

	if (text == NULL)
		return false;
	n = strcspn(text, " ");
	snprintf(state, STATUS_SIZE, "%.*s", (int)n, text);
	n += strspn(text + n, " ");
	snprintf(words, WORDS_SIZE, "%s", text + n);
	return true;
}

bool
serve_directory(struct call *c, struct problem *p)
{
	cJSON *object = reply_object(c->reply, 200);

	(void)p;
	for (size_t i = 0; i < nitems(entries); i++)
		put_url(object, entries[i].member, c->ca,
		    entries[i].resource, 0);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(object, "meta"),
	    "website", "https://localhost/");
	return true;
}

bool
serve_nonce(struct call *c, struct problem *p)
{
	(void)p;
	c->reply->answer->status = strcmp(c->rq->method, "HEAD") == 0 ? 200 :
	    204;
	answer_header(c->reply->answer, "Replay-Nonce", ca_nonce(c->ca));
	return true;
}

/* ----------------------------------------------------- a request, in turn */

static bool
takes(const struct resource *r, const char *method)
{
	const char *at = strstr(r->methods, method);
	size_t n = strlen(method);

	return at != NULL && (at[n] == '\0' || at[n] == ' ');
}

static bool
is_post(const struct call *c)
{
	return strcmp(c->rq->method, "POST") == 0;
}

/* Checks the request; then the script or the CA answers. */
static void
carry_out(struct call *c)
{
	char *url = url_of(c->ca, c->path, 0);
	struct problem p = { .status = 0 };
	bool good;

	good = takes(c->resource, c->rq->method) ||
	    problem_set(&p, 405, "malformed", "%s is not for %s",
		c->rq->method, c->resource->name);
	if (good && is_post(c))
		good = jws_read(&c->jws, c->ca, c->rq, url, &p);
	if (good && !twist_instead(&c->chosen, c->reply))
		good = c->resource->serve(c, &p);
	if (!good) {
		reply_problem(c->reply, &p);
		if (c->step != STEP_FIND_ACCOUNT) {
			c->ca->counts.refusals++;
			snprintf(c->ca->refusal, sizeof(c->ca->refusal),
			    "%s: %s: %.900s", step_name(c->step), p.type,
			    p.words);
		}
	}
	if (is_post(c))
		answer_header(c->reply->answer, "Replay-Nonce",
		    ca_nonce(c->ca));
	free(url);
}

static void
serve_locked(struct call *c)
{
	unsigned n;

	c->step = c->resource->which != NULL ? c->resource->which(c) :
	    c->resource->step;
	n = ++c->ca->requests[c->step];
	choose(&c->chosen, &c->ca->script, c->step, n);
	c->ca->counts.misbehaviours += c->chosen.n > 0;
	if (!chosen_unread(&c->chosen)) {
		answer_header(c->reply->answer, "Cache-Control", "no-store");
		carry_out(c);
	}
	twist(&c->chosen, c->reply);
	printf("%s: %s %u: %s %s: %u%s%s\n", c->ca->name,
	    step_name(c->step), n, c->rq->method, c->path,
	    c->reply->answer->status, c->chosen.n > 0 ? ", as scripted: " :
	    "", c->chosen.n > 0 ? c->chosen.rules[0]->text : "");
	fflush(stdout);
}

/* Cuts "/CA/RESOURCE/ID"; false when there is no such thing. */
static bool
find(struct call *c, char name[static NAME_SIZE])
{
	char resource[32] = "";
	int n = 0;

	if (sscanf(c->rq->target, "/%63[^/]/%n%31[^/]/%u", name, &n, resource,
	    &c->id) < 2)
		return false;
	c->path = c->rq->target + n;
	for (size_t i = 0; i < nitems(resources); i++)
		if (strcmp(resources[i].name, resource) == 0)
			c->resource = &resources[i];
	if (c->resource == NULL && strcmp(resource, "counts") != 0)
		return false;
	c->ca = ca_find(name);
	return c->ca != NULL;
}

void
serve(const struct request *rq, struct answer *a)
{
	struct reply reply = { .answer = a };
	struct call c = { .rq = rq, .reply = &reply };
	char name[NAME_SIZE];

	if (!find(&c, name)) {
		a->status = 404;
		buf_puts(&a->body, "there is no such CA or resource\n");
	} else if (c.resource == NULL) {
		a->status = 200;
		answer_header(a, "Content-Type", "application/json");
		ca_counts(c.ca, &a->body);
	} else {
		pthread_mutex_lock(&c.ca->lock);
		serve_locked(&c);
		pthread_mutex_unlock(&c.ca->lock);
		jws_free(&c.jws);
	}
}
