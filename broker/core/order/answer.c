/* What the CA's answers mean for an order, state by state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../../base/url.h"
#include "../compose/chain.h"
#include "../core.h"
#include "challenge.h"
#include "order.h"
#include "stage.h"

#define AUTHORIZATIONS_MAX 100
#define RETURN_FIRST 1000 /* milliseconds before the CSR is sent again */
#define TOKEN_CHARACTERS                                                      \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

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

static void
poll_again(struct order_row *o, struct job *j, const struct report *r)
{
	order_enter(o, j, o->state, poll_pause(o, r));
}

/* "type: detail" of an error object of the CA, or a sentence that there is
 * none. */
static void
error_words(char out[static STORE_TEXT], const struct json *error)
{
	const char *type = json_get_string(error, "type");
	const char *detail = json_get_string(error, "detail");
	const char *colon = type != NULL ? strrchr(type, ':') : NULL;

	if (type == NULL && detail == NULL) {
		snprintf(out, STORE_TEXT, "the CA gave no reason");
		return;
	}
	snprintf(out, STORE_TEXT, "%.200s%s%.1500s",
	    colon != NULL ? colon + 1 : type != NULL ? type : "",
	    type != NULL && detail != NULL ? ": " : "",
	    detail != NULL ? detail : "");
}

/* ----------------------------------------------------------- order object */

static bool
lists_name(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = names; *p != '\0'; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && strncasecmp(p, name, n) == 0)
			return true;
		p += len;
	}
	return false;
}

/* The CA's order must be for our names and no others; it may say them in
 * another order, or not at all. */
static bool
names_agree(const struct order_row *o, const struct json *facts)
{
	const struct json *list = json_get(facts, "identifiers");
	struct certificate_row c;
	struct fault why;
	bool agree = true;

	if (list == NULL)
		return true;
	if (store_certificate_get(core.store, o->certificate, &c, &why) != OK)
		return false;
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_get_string(json_at(list, i), "value");

		agree = agree && name != NULL && lists_name(c.names, name);
	}
	certificate_row_free(&c);
	return agree;
}

static void
copy_fact(char out[static STORE_URL], const struct json *facts,
    const char *member)
{
	const char *url = json_get_string(facts, member);

	if (url_valid(url))
		strcpy(out, url);
}

static void
on_pending(struct order_row *o, struct job *j, const struct report *r)
{
	if (o->state == ORDER_NEW)
		order_enter(o, j, ORDER_AUTHORIZATIONS, 0);
	else
		poll_again(o, j, r);
}

/* A CA that has had the CSR and asks for it again is obeyed, ever more
 * slowly. */
static void
on_ready(struct order_row *o, struct job *j, const struct report *r)
{
	(void)r;
	if (o->state == ORDER_FINALIZE || o->state == ORDER_PROCESSING) {
		order_enter(o, j, ORDER_FINALIZE, backoff(++j->returns,
		    RETURN_FIRST, ORDER_RETRY_MOST));
		return;
	}
	order_note(o->id, "the CA is ready for the CSR");
	order_enter(o, j, ORDER_FINALIZE, 0);
}

static void
on_processing(struct order_row *o, struct job *j, const struct report *r)
{
	if (o->state != ORDER_PROCESSING) {
		order_note(o->id, "the CA is making the certificate");
		o->state = ORDER_PROCESSING;
		o->attempts = 0;
	}
	poll_again(o, j, r);
}

static void
on_valid(struct order_row *o, struct job *j, const struct report *r)
{
	(void)r;
	if (o->certificate_url[0] == '\0') {
		order_fail(o, j, "the CA's order is valid but has no "
		    "certificate URL");
		return;
	}
	order_note(o->id, "the CA made the certificate");
	order_enter(o, j, ORDER_DOWNLOAD, 0);
}

static void
on_invalid(struct order_row *o, struct job *j, const struct report *r)
{
	char words[STORE_TEXT];

	error_words(words, json_get(r->facts, "error"));
	if (o->state != ORDER_READY || !order_another(o, j, words))
		order_fail(o, j, words);
}

static const struct {
	const char *status;
	order_answer_fn *go;
} statuses[] = {
	{ "pending", on_pending },
	{ "ready", on_ready },
	{ "processing", on_processing },
	{ "valid", on_valid },
	{ "invalid", on_invalid },
};

static void
follow(struct order_row *o, struct job *j, const struct report *r)
{
	const char *status = json_get_string(r->facts, "status");
	int64_t expires;
	char words[128];

	copy_fact(o->finalize, r->facts, "finalize");
	copy_fact(o->certificate_url, r->facts, "certificate");
	if (json_get_int(r->facts, "expires", &expires) &&
	    expires > 0 && expires < o->deadline)
		o->deadline = expires;
	for (size_t i = 0; status != NULL && i < nitems(statuses); i++)
		if (strcmp(statuses[i].status, status) == 0) {
			statuses[i].go(o, j, r);
			return;
		}
	snprintf(words, sizeof(words), "the CA's order has an unknown "
	    "status: %.40s", status != NULL ? status : "(none)");
	order_fail(o, j, words);
}

/* -------------------------------------------------------- authorizations */

static bool
all_urls(const struct json *list)
{
	for (const struct json *v = json_first(list); v != NULL;
	    v = json_next(v))
		if (!url_valid(json_string(v)))
			return false;
	return true;
}

static enum err
keep_authorizations(const struct order_row *o, const struct json *list,
    struct fault *why)
{
	size_t n = json_count(list);
	enum err e;

	e = store_authorizations_clear(core.store, o->id, why);
	for (size_t i = 0; e == OK && i < n; i++) {
		struct authorization_row a = { .order = o->id,
			.index = (uint32_t)i };

		strcpy(a.url, json_string(json_at(list, i)));
		e = store_authorization_put(core.store, &a, why);
	}
	return e;
}

static void
answer_new(struct order_row *o, struct job *j, const struct report *r)
{
	const struct json *list = json_get(r->facts, "authorizations");
	struct fault why;

	if (r->location == NULL) {
		order_fail(o, j, "the CA gave the order no usable URL");
		return;
	}
	if (!all_urls(list) || json_count(list) > AUTHORIZATIONS_MAX) {
		order_fail(o, j, "the CA gave an authorization no usable URL, "
		    "or too many");
		return;
	}
	if (!names_agree(o, r->facts)) {
		order_fail(o, j, "the CA's order is for other names");
		return;
	}
	strcpy(o->url, r->location);
	if (keep_authorizations(o, list, &why) != OK) {
		order_retry(o, j, ORDER_NEW, why.text, 0);
		return;
	}
	j->interrupted = false;
	order_note(o->id, "the CA took the order: %s", o->url);
	follow(o, j, r);
}

/* The authorization that the task was about; false when it is gone. */
static bool
load_authorization(const struct order_row *o, uint32_t index,
    struct authorization_row *a)
{
	struct authorization_row *rows;
	struct fault why;
	bool found = false;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return false;
	for (size_t i = 0; i < n && !found; i++)
		if (rows[i].index == index) {
			*a = rows[i];
			found = true;
		}
	free(rows);
	return found;
}

/* How many authorizations of an order are in each state. */
static void
count(const struct order_row *o, size_t of[static AUTHZ_STATE__MAX])
{
	struct authorization_row *rows;
	struct fault why;
	size_t n;

	memset(of, 0, sizeof(of[0]) * AUTHZ_STATE__MAX);
	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++)
		of[rows[i].state]++;
	free(rows);
}

/* The first thing that is still to be done decides where the order goes. */
static void
next_authorization(struct order_row *o, struct job *j,
    const struct report *r)
{
	static const struct {
		enum authorization_state open;
		enum order_state go;
	} table[] = {
		{ AUTHZ_UNREAD, ORDER_AUTHORIZATIONS },
		{ AUTHZ_PENDING, ORDER_PROVISION },
		{ AUTHZ_ANSWERED, ORDER_VALIDATE },
	};
	size_t of[AUTHZ_STATE__MAX];

	count(o, of);
	for (size_t i = 0; i < nitems(table); i++) {
		if (of[table[i].open] == 0)
			continue;
		if (o->state != table[i].go)
			POINT("authorizations", "read");
		if (o->state == table[i].go && o->state == ORDER_VALIDATE)
			poll_again(o, j, r);
		else
			order_enter(o, j, table[i].go,
			    table[i].go == ORDER_VALIDATE ? POLL_FIRST / 2 :
			    0);
		return;
	}
	POINT("authorizations", "valid");
	order_enter(o, j, ORDER_READY, 0);
}

bool
order_catch_up(struct order_row *o, struct job *j)
{
	static const struct {
		enum order_state state;
		enum authorization_state wants;
	} table[] = {
		{ ORDER_AUTHORIZATIONS, AUTHZ_UNREAD },
		{ ORDER_ANSWER, AUTHZ_PENDING },
		{ ORDER_VALIDATE, AUTHZ_ANSWERED },
	};
	static const struct report none = { .retry_after = -1 };
	size_t of[AUTHZ_STATE__MAX];

	count(o, of);
	for (size_t i = 0; i < nitems(table); i++)
		if (o->state == table[i].state && of[table[i].wants] == 0) {
			next_authorization(o, j, &none);
			return true;
		}
	return false;
}

static const struct json *
challenge_of(const struct json *facts, const char *type)
{
	const struct json *list = json_get(facts, "challenges");

	for (size_t i = 0; i < json_count(list); i++) {
		const char *t = json_get_string(json_at(list, i), "type");

		if (t != NULL && strcmp(t, type) == 0)
			return json_at(list, i);
	}
	return NULL;
}

static void
offered(char *out, size_t size, const struct json *facts)
{
	const struct json *list = json_get(facts, "challenges");
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < json_count(list) && n < size - 1; i++) {
		const char *t = json_get_string(json_at(list, i), "type");

		n += (size_t)snprintf(out + n, size - n, "%s%.40s",
		    i == 0 ? "" : ", ", t != NULL ? t : "?");
	}
}

static bool
token_valid(const char *token)
{
	size_t n = token != NULL ? strlen(token) : 0;

	return n > 0 && n <= 256 && strspn(token, TOKEN_CHARACTERS) == n;
}

/* Reads which name this is about, and refuses one that is not ours.  The
 * asterisk is in a member of its own (RFC 8555 section 7.1.4); the name goes
 * on to programs in the form of the configuration. */
static bool
read_identifier(struct authorization_row *a, const struct certificate_row *c,
    const struct json *facts)
{
	const char *value = json_get_string(json_get(facts, "identifier"),
	    "value");

	if (value == NULL || value[0] == '*' ||
	    strlen(value) >= sizeof(a->identifier) - 2)
		return false;
	a->wildcard = false;
	json_get_bool(facts, "wildcard", &a->wildcard);
	snprintf(a->identifier, sizeof(a->identifier), "%s%s",
	    a->wildcard ? "*." : "", value);
	if (!lists_name(c->names, a->identifier))
		return false;
	snprintf(a->identifier, sizeof(a->identifier), "%s", value);
	for (char *p = a->identifier; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return true;
}

/* Why an authorization failed: its challenge knows. */
static void
failure_words(char out[static STORE_TEXT], const struct json *facts,
    const char *name, const char *status)
{
	const struct json *list = json_get(facts, "challenges");
	char words[STORE_TEXT] = "the CA gave no reason";

	for (size_t i = 0; i < json_count(list); i++)
		if (json_get(json_at(list, i), "error") != NULL)
			error_words(words, json_get(json_at(list, i),
			    "error"));
	snprintf(out, STORE_TEXT, "%.255s: authorization is %.20s: %.1600s",
	    name, status, words);
}

static bool
has_status(const struct json *challenge, const char *word)
{
	const char *status = json_get_string(challenge, "status");

	return status != NULL && strcmp(status, word) == 0;
}

/* The challenge that we answer has failed; for good, or it may be answered
 * again. */
static bool
challenge_failed(struct authorization_row *a, const struct json *challenge,
    bool again, char words[static STORE_TEXT])
{
	char reason[STORE_TEXT];

	error_words(reason, json_get(challenge, "error"));
	snprintf(words, STORE_TEXT, "%.255s: %.1700s", a->identifier, reason);
	snprintf(a->error, sizeof(a->error), "%s", words);
	a->state = again ? AUTHZ_PENDING : AUTHZ_INVALID;
	return again;
}

/* Takes the challenge that the configuration wants.  False: cannot. */
static bool
choose(struct authorization_row *a, const struct certificate_row *c,
    const struct json *facts, char words[static STORE_TEXT])
{
	const char *type = challenge_type(c), *url, *token;
	const struct json *challenge = challenge_of(facts, type);
	char list[256];

	if (challenge == NULL) {
		offered(list, sizeof(list), facts);
		snprintf(words, STORE_TEXT, "%s: the CA offers no %s; it "
		    "offers: %s", a->identifier, type, list);
		return false;
	}
	if (has_status(challenge, "invalid"))
		return challenge_failed(a, challenge, false, words);
	url = json_get_string(challenge, "url");
	token = json_get_string(challenge, "token");
	if (!url_valid(url) || !token_valid(token)) {
		snprintf(words, STORE_TEXT, "%s: the CA's challenge has no "
		    "usable URL or token", a->identifier);
		return false;
	}
	snprintf(a->challenge_url, sizeof(a->challenge_url), "%s", url);
	snprintf(a->token, sizeof(a->token), "%s", token);
	a->state = has_status(challenge, "processing") ||
	    has_status(challenge, "valid") ? AUTHZ_ANSWERED : AUTHZ_PENDING;
	return true;
}

/* A pending authorization after our answer: most CAs are still looking, some
 * have failed and say so only in the challenge, which is pending, too, when
 * it may be answered again. */
static bool
still_pending(struct authorization_row *a, const struct certificate_row *c,
    const struct json *facts, char words[static STORE_TEXT])
{
	const struct json *challenge = challenge_of(facts, challenge_type(c));

	if (has_status(challenge, "invalid"))
		return challenge_failed(a, challenge, false, words);
	if (has_status(challenge, "pending") &&
	    json_get(challenge, "error") != NULL)
		return challenge_failed(a, challenge,
		    a->answers < ANSWERS_MOST, words);
	return true;
}

static bool
read_authorization(struct order_row *o, struct authorization_row *a,
    const struct certificate_row *c, const struct json *facts,
    char words[static STORE_TEXT])
{
	const char *status = json_get_string(facts, "status");

	if (!read_identifier(a, c, facts)) {
		snprintf(words, STORE_TEXT, "the CA wants authorization of a "
		    "name that is not in the certificate");
		return false;
	}
	if (status != NULL && strcmp(status, "valid") == 0) {
		a->state = AUTHZ_VALID;
		a->error[0] = '\0';
		order_note(o->id, "%s%s is authorized",
		    a->wildcard ? "*." : "", a->identifier);
		return true;
	}
	if (status == NULL || strcmp(status, "pending") != 0) {
		failure_words(words, facts, a->identifier,
		    status != NULL ? status : "(none)");
		a->state = AUTHZ_INVALID;
		snprintf(a->error, sizeof(a->error), "%s", words);
		return false;
	}
	if (a->state == AUTHZ_ANSWERED && o->state == ORDER_VALIDATE)
		return still_pending(a, c, facts, words);
	return choose(a, c, facts, words);
}

/* Asks once more, later and later, whether the CA now finds our answer. */
static void
answer_again(struct order_row *o, struct job *j,
    const struct authorization_row *a, const struct report *r)
{
	int64_t pause = (int64_t)ANSWERS_PAUSE << a->answers;

	order_retry(o, j, ORDER_ANSWER, a->error,
	    r->retry_after > pause ? r->retry_after : pause);
}

static void
answer_authorization(struct order_row *o, struct job *j,
    const struct report *r)
{
	struct authorization_row a;
	struct certificate_row c;
	char words[STORE_TEXT] = "";
	struct fault why;
	bool good;

	if (!load_authorization(o, j->index, &a) ||
	    store_certificate_get(core.store, o->certificate, &c, &why) !=
	    OK) {
		order_retry(o, j, o->state, "authorization not stored", 0);
		return;
	}
	good = read_authorization(o, &a, &c, r->facts, words);
	certificate_row_free(&c);
	if (store_authorization_put(core.store, &a, &why) != OK) {
		order_retry(o, j, o->state, why.text, 0);
		return;
	}
	if (!good && (a.state != AUTHZ_INVALID ||
	    !order_another(o, j, words)))
		order_fail(o, j, words);
	else if (!good)
		return;
	else if (a.state == AUTHZ_PENDING && o->state == ORDER_VALIDATE)
		answer_again(o, j, &a, r);
	else
		next_authorization(o, j, r);
}

static void
answer_challenge(struct order_row *o, struct job *j, const struct report *r)
{
	struct authorization_row a;
	struct fault why;
	size_t of[AUTHZ_STATE__MAX];

	if (!load_authorization(o, j->index, &a)) {
		order_retry(o, j, o->state, "authorization not stored", 0);
		return;
	}
	a.state = AUTHZ_ANSWERED;
	a.answers++;
	if (store_authorization_put(core.store, &a, &why) != OK) {
		order_retry(o, j, o->state, why.text, 0);
		return;
	}
	POINT("challenge", "stored");
	order_note(o->id, "%s: asked the CA to look", a.identifier);
	count(o, of);
	if (of[AUTHZ_PENDING] > 0)
		order_enter(o, j, ORDER_ANSWER, 0);
	else
		next_authorization(o, j, r);
}

void
order_reread(const struct order_row *o)
{
	struct authorization_row *rows;
	struct fault why;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].state == AUTHZ_VALID)
			continue;
		rows[i].state = AUTHZ_UNREAD;
		if (store_authorization_put(core.store, &rows[i], &why) != OK)
			log_error("order %lld: %s", (long long)o->id,
			    why.text);
	}
	free(rows);
}

/* ---------------------------------------------------------------- chains */

static void
join_urls(char **out, const struct json *list)
{
	struct buf b;

	buf_init(&b, STORE_URL * 12);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *url = json_string(json_at(list, i));

		if (url_valid(url))
			buf_putf(&b, "%s%s", b.len > 0 ? " " : "", url);
	}
	free(*out);
	*out = xstrdup(buf_str(&b));
	buf_free(&b);
}

static const char *
preferred(const struct order_row *o)
{
	const struct config_account *a;
	const struct config_ca *ca;

	a = config_account(core.config, o->account);
	ca = a != NULL ? config_ca(core.config, a->ca) : NULL;
	return ca != NULL ? ca->preferred_chain : NULL;
}

static void
answer_download(struct order_row *o, struct job *j, const struct report *r)
{
	const char *pem = json_get_string(r->facts, "pem");
	const char *issuer = preferred(o);

	if (pem == NULL || strlen(pem) > CHAIN_MAX) {
		order_fail(o, j, "the CA sent no usable chain");
		return;
	}
	free(o->chain);
	o->chain = xstrdup(pem);
	join_urls(&o->alternates, json_get(r->facts, "alternates"));
	order_note(o->id, "downloaded the certificate");
	if (issuer != NULL && !chain_has_issuer(pem, issuer) &&
	    o->alternates[0] != '\0')
		order_enter(o, j, ORDER_ALTERNATES, 0);
	else
		order_enter(o, j, ORDER_INSTALL, 0);
}

/* Drops the alternate that was just looked at; installs when none is left,
 * with the default chain unless this one is the preferred one. */
static void
answer_alternate(struct order_row *o, struct job *j, const struct report *r)
{
	const char *pem = json_get_string(r->facts, "pem");
	const char *issuer = preferred(o);
	size_t n = strcspn(o->alternates, " ");
	bool match;

	match = pem != NULL && issuer != NULL && strlen(pem) <= CHAIN_MAX &&
	    chain_has_issuer(pem, issuer);
	if (match) {
		free(o->chain);
		o->chain = xstrdup(pem);
		order_note(o->id, "took the chain by %s", issuer);
	}
	memmove(o->alternates, o->alternates + n + strspn(o->alternates + n,
	    " "), strlen(o->alternates + n + strspn(o->alternates + n, " ")) +
	    1);
	if (!match && o->alternates[0] != '\0') {
		order_enter(o, j, ORDER_ALTERNATES, 0);
		return;
	}
	if (!match && issuer != NULL)
		order_note(o->id, "no chain by %s is offered", issuer);
	order_enter(o, j, ORDER_INSTALL, 0);
}

order_answer_fn *const order_answer[ORDER_STATE__MAX] = {
	[ORDER_NEW] = answer_new,
	[ORDER_AUTHORIZATIONS] = answer_authorization,
	[ORDER_ANSWER] = answer_challenge,
	[ORDER_VALIDATE] = answer_authorization,
	[ORDER_READY] = follow,
	[ORDER_FINALIZE] = follow,
	[ORDER_PROCESSING] = follow,
	[ORDER_DOWNLOAD] = answer_download,
	[ORDER_ALTERNATES] = answer_alternate,
};
