#include "claim.h"

#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../engine/engine.h"
#include "look.h"

/* What is claimed, by whom, and what comes of it. */
struct claiming {
	const struct requester *by;
	const char *url;
	enum act act;
	int64_t end;
	struct binding *binding;
	char *detail;
};

int64_t
claim_since(void)
{
	return clock_now() - (int64_t)CLAIM_DAYS * 86400;
}

static enum err
refuse(const struct claiming *c, const char *detail, struct fault *why)
{
	snprintf(c->detail, FAULT_MAX, "%s", detail);
	return fault_set(why, ERR_DENIED, "\"url\" is none of what this "
	    "client's orders have at the CA");
}

static bool
belongs_elsewhere(const struct claiming *c, const char *url)
{
	char certificate[STORE_NAME];

	return binding_taken(c->by, url) ||
	    binding_managed(c->by->account, url, certificate);
}

static enum err
bind_to(const struct claiming *c, const char *url, enum place place,
    const char *identifier, int64_t request, struct fault *why)
{
	struct binding b = { .place = place, .request = request };

	snprintf(b.identifier, sizeof(b.identifier), "%s", identifier);
	if (strcmp(url, c->url) == 0)
		*c->binding = b;
	return binding_put(c->by, url, &b, why);
}

/* What an order says of its own; a URL that is somebody's stays theirs. */
static enum err
bind_alone(const struct claiming *c, const char *url, enum place place,
    int64_t request, struct fault *why)
{
	if (url == NULL || belongs_elsewhere(c, url))
		return OK;
	return bind_to(c, url, place, "", request, why);
}

/* CAs let several orders share an authorization (it stays valid for a while),
 * so that one can be several owners'; which challenges it has is not known
 * before it is read. */
static enum err
bind_authorization(const struct claiming *c, const char *url,
    int64_t request, struct fault *why)
{
	struct binding old;

	if (binding_find(c->by, url, &old))
		return OK;
	return bind_to(c, url, PLACE_AUTHORIZATION, "", request, why);
}

static enum err
bind_order(const struct claiming *c, const struct sight *s,
    struct request_row *r, struct fault *why)
{
	bool is_finalize = s->finalize != NULL &&
	    strcmp(s->finalize, c->url) == 0;
	enum err e = OK;

	if (!is_finalize) {
		snprintf(r->url, sizeof(r->url), "%s", c->url);
		e = store_request_put(core.store, r, why);
	}
	if (e == OK)
		e = bind_to(c, c->url, is_finalize ? PLACE_FINALIZE :
		    PLACE_ORDER, "", r->id, why);
	for (size_t i = 0; e == OK && i < s->nurls; i++)
		e = bind_authorization(c, s->urls[i], r->id, why);
	if (e == OK && !is_finalize)
		e = bind_alone(c, s->finalize, PLACE_FINALIZE, r->id, why);
	if (e == OK)
		e = bind_alone(c, s->certificate, PLACE_CERTIFICATE, r->id,
		    why);
	return e;
}

/* Claims; url is the client's, or its authorization's. */
typedef enum err claim_fn(const struct claiming *, const char *url,
    const struct sight *, struct fault *);

static enum err
claim_order(const struct claiming *c, const char *url,
    const struct sight *s, struct fault *why)
{
	struct request_row r = { .id = 0 };
	enum err e;

	if (belongs_elsewhere(c, url))
		return refuse(c, "the order is somebody else's", why);
	e = store_request_of_order(core.store, c->by, s->ids.set, url,
	    claim_since(), &r, why);
	if (e == ERR_NOT_FOUND)
		e = refuse(c, "no newOrder of that client has the order's "
		    "identifiers", why);
	else if (e == OK)
		e = bind_order(c, s, &r, why);
	request_row_free(&r);
	return e;
}

static enum err
bind_challenges(const struct claiming *c, const char *url,
    const struct sight *s, int64_t request, struct fault *why)
{
	const char *identifier = s->ids.v[0].value;
	enum err e;

	e = bind_to(c, url, PLACE_AUTHORIZATION, identifier, request, why);
	for (size_t i = 0; e == OK && i < s->nurls; i++)
		e = bind_to(c, s->urls[i], PLACE_CHALLENGE, identifier,
		    request, why);
	return e;
}

static enum err
claim_authorization(const struct claiming *c, const char *url,
    const struct sight *s, struct fault *why)
{
	struct request_row r = { .id = 0 };
	enum err e;

	e = store_request_naming(core.store, c->by, s->ids.v[0].value,
	    claim_since(), &r, why);
	if (e == ERR_NOT_FOUND)
		e = refuse(c, "no order of that client has the "
		    "authorization's identifier", why);
	else if (e == OK)
		e = bind_challenges(c, url, s, r.id, why);
	request_row_free(&r);
	return e;
}

static enum err
claim_certificate(const struct claiming *c, const char *url,
    const struct sight *s, struct fault *why)
{
	char hex[2 * SHA256_SIZE + 1];
	struct request_row r = { .id = 0 };
	enum err e;

	if (belongs_elsewhere(c, url))
		return refuse(c, "the certificate is somebody else's", why);
	hex_encode(hex, s->leaf.spki_sha256, SHA256_SIZE);
	e = store_request_of_key(core.store, c->by, hex, &r, why);
	if (e == ERR_NOT_FOUND)
		return refuse(c, "no CSR of that client has the "
		    "certificate's key", why);
	if (e == OK) {
		snprintf(r.certificate, sizeof(r.certificate), "%s",
		    s->leaf.cert_id);
		e = store_request_put(core.store, &r, why);
	}
	if (e == OK)
		e = bind_to(c, url, PLACE_CERTIFICATE, "", r.id, why);
	request_row_free(&r);
	return e;
}

static enum err
claim_nothing(const struct claiming *c, const char *url,
    const struct sight *s, struct fault *why)
{
	(void)url;
	(void)s;
	return refuse(c, "the CA has no order, authorization, challenge or "
	    "certificate there", why);
}

static claim_fn *const claims[PLACE__MAX] = {
	[PLACE_ORDER] = claim_order,
	[PLACE_AUTHORIZATION] = claim_authorization,
	[PLACE_CERTIFICATE] = claim_certificate,
	[PLACE_UNKNOWN] = claim_nothing,
};

static enum err
settle(const struct claiming *c, const char *url, const struct sight *s,
    struct fault *why)
{
	enum err e;

	if (claims[s->place] == NULL)
		return claim_nothing(c, url, s, why);
	e = store_begin(core.store, why);
	if (e != OK)
		return e;
	e = claims[s->place](c, url, s, why);
	if (e == OK)
		return store_commit(core.store, why);
	store_rollback(core.store);
	return e;
}

/* A client that was told of an authorization when it was made may never have
 * read it; its challenges say where it is. */
static enum err
settle_challenge(const struct claiming *c, const struct sight *s,
    struct fault *why)
{
	const struct sight *up;
	struct look *look;
	enum err e;

	if (s->up == NULL ||
	    !engine_url_of_ca(core.engine, c->by->account, s->up))
		return refuse(c, "the challenge does not say of which "
		    "authorization it is: that must be read first", why);
	e = look_at(c->by, s->up, c->end, &look, why);
	if (e == ERR_CA)
		return refuse(c, "the challenge's authorization is not there",
		    why);
	if (e != OK)
		return e;
	up = look_sight(look);
	e = up->place == PLACE_AUTHORIZATION ? settle(c, s->up, up, why) :
	    refuse(c, "the challenge is of no authorization", why);
	look_release(look);
	if (e == OK && c->binding->place != PLACE_CHALLENGE)
		e = refuse(c, "its authorization does not have the "
		    "challenge", why);
	return e;
}

/* A finalize URL is no resource of its own (RFC 8555 section 7.4): a CA has
 * nothing to show there. */
static enum err
claim_unseen(const struct claiming *c, struct fault *why)
{
	if (c->act != ACT_FINALIZE)
		return refuse(c, "the CA shows nothing there", why);
	if (belongs_elsewhere(c, c->url))
		return refuse(c, "the order is somebody else's", why);
	*c->binding = (struct binding){ .place = PLACE_FINALIZE };
	return OK;
}

enum err
claim(const struct requester *by, const char *url, enum act act,
    int64_t end, struct binding *b, char detail[static FAULT_MAX],
    struct fault *why)
{
	const struct claiming c = { by, url, act, end, b, detail };
	const struct sight *s;
	struct look *look;
	enum err e;

	*b = (struct binding){ .place = PLACE_UNKNOWN };
	e = look_at(by, url, end, &look, why);
	if (e == ERR_CA)
		return claim_unseen(&c, why);
	if (e != OK)
		return e;
	s = look_sight(look);
	e = s->place == PLACE_CHALLENGE ? settle_challenge(&c, s, why) :
	    settle(&c, url, s, why);
	look_release(look);
	return e;
}
