#include "authorization.h"

#include <stdio.h>
#include <string.h>

#include "../../base/url.h"
#include "../compose/san.h"
#include "../engine/report.h"
#include "challenge.h"
#include "order.h"

#define ANSWERS_MOST 4 /* to a challenge that fails but is pending */
#define TOKEN_CHARACTERS                                                      \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

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
	if (!san_lists(c->names, a->identifier))
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
	const struct json *error = NULL;
	char words[STORE_TEXT];

	for (size_t i = 0; i < json_count(list); i++)
		if (json_get(json_at(list, i), "error") != NULL)
			error = json_get(json_at(list, i), "error");
	problem_words(words, error);
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

	problem_words(reason, json_get(challenge, "error"));
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

bool
authorization_read(const struct order_row *o, struct authorization_row *a,
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
