/* Authorizations and challenges, RFC 8555 sections 7.5 and 8. */
#include <stdio.h>
#include <string.h>

#include "look.h"
#include "resource.h"

static const char *const types[] = { "tls-alpn-01", "http-01", "dns-01" };

enum step
step_authorization(const struct call *c)
{
	const struct authorization *a = ca_authorization(c->ca, c->id);

	return a != NULL && a->answered ? STEP_POLL_AUTHORIZATION :
	    STEP_AUTHORIZATION;
}

static void
put_challenge(const struct call *c, cJSON *object,
    const struct authorization *a, const char *type)
{
	bool answered = strcmp(type, "http-01") == 0;

	cJSON_AddStringToObject(object, "type", type);
	put_url(object, "url", c->ca, answered ? "challenge" : type, a->id);
	cJSON_AddStringToObject(object, "status", answered ? a->challenge :
	    "pending");
	cJSON_AddStringToObject(object, "token", a->token);
	if (answered)
		put_error(object, "incorrectResponse", a->error);
}

static void
reply_authorization(struct call *c, const struct authorization *a)
{
	cJSON *object = reply_object(c->reply, 200), *list, *item;

	item = cJSON_AddObjectToObject(object, "identifier");
	cJSON_AddStringToObject(item, "type", "dns");
	cJSON_AddStringToObject(item, "value", a->name);
	cJSON_AddStringToObject(object, "status", a->status);
	cJSON_AddStringToObject(object, "expires", "2999-01-01T00:00:00Z");
	if (a->wildcard)
		cJSON_AddTrueToObject(object, "wildcard");
	list = cJSON_AddArrayToObject(object, "challenges");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		item = cJSON_CreateObject();
		put_challenge(c, item, a, types[i]);
		cJSON_AddItemToArray(list, item);
	}
}

/* What the look for the answer found becomes known. */
static void
settle(struct authorization *a)
{
	if (a->verdict[0] == '\0')
		return;
	strcpy(a->challenge, a->verdict);
	strcpy(a->status, a->verdict);
	a->verdict[0] = '\0';
}

/* The authorization that a request is about. */
static struct authorization *
authorization_of(struct call *c, struct problem *p)
{
	struct authorization *a = ca_authorization(c->ca, c->id);

	if (a != NULL && !c->jws.by_jwk &&
	    a->order->account == c->jws.account)
		return a;
	problem_set(p, 404, "malformed", "there is no such authorization");
	return NULL;
}

bool
serve_authorization(struct call *c, struct problem *p)
{
	struct authorization *a = authorization_of(c, p);

	if (a == NULL)
		return false;
	if (c->jws.payload != NULL)
		return problem_set(p, 400, "malformed", "not a POST-as-GET");
	if (!becomes(c, a->status, a->error))
		settle(a);
	reply_authorization(c, a);
	return true;
}

/* A challenge is good or bad for its authorization; while it is neither, the
 * client may answer again. */
static void
answered(struct call *c, struct authorization *a)
{
	a->answered = true;
	a->verdict[0] = a->error[0] = '\0';
	c->ca->counts.answers++;
	if (becomes(c, a->challenge, a->error)) {
		if (strcmp(a->challenge, "valid") == 0 ||
		    strcmp(a->challenge, "invalid") == 0)
			strcpy(a->status, a->challenge);
		return;
	}
	strcpy(a->challenge, "processing");
	c->ca->counts.validations += settings.http_port != 0;
	strcpy(a->verdict, look(a) ? "valid" : "invalid");
}

bool
serve_challenge(struct call *c, struct problem *p)
{
	struct authorization *a = authorization_of(c, p);
	cJSON *object;

	if (a == NULL)
		return false;
	if (c->jws.payload == NULL || json_count(c->jws.payload) != 0)
		return problem_set(p, 400, "malformed", "not {}");
	if (strcmp(a->status, "pending") != 0 ||
	    strcmp(a->challenge, "pending") != 0)
		return problem_set(p, 400, "malformed",
		    "the authorization is %s, the challenge %s", a->status,
		    a->challenge);
	answered(c, a);
	object = reply_object(c->reply, 200);
	put_challenge(c, object, a, "http-01");
	return true;
}
