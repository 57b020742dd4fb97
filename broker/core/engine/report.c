#include "report.h"

#include <stdio.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../base/url.h"
#include "../ca/origin.h"

#define ACME_PREFIX	"urn:ietf:params:acme:error:"
#define RETRY_AFTER_MAX 86400 /* seconds */
#define SUBPROBLEMS_MAX 20

static const char *const outcomes[] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_PROBLEM] = "problem",
	[OUTCOME_NETWORK] = "network",
	[OUTCOME_MALFORMED] = "malformed",
};

static void
words_add(char out[static STORE_TEXT], const char *fmt, const char *a,
    const char *b)
{
	size_t n = strlen(out);

	snprintf(out + n, STORE_TEXT - n, fmt, a, b);
}

static const char *
short_type(const char *type)
{
	if (type == NULL)
		return "";
	return strncmp(type, ACME_PREFIX, strlen(ACME_PREFIX)) == 0 ?
	    type + strlen(ACME_PREFIX) : type;
}

/* "type: detail", each part only when it says something. */
static void
words_of(char out[static STORE_TEXT], const struct json *problem)
{
	const char *type = short_type(json_get_string(problem, "type"));
	const char *detail = json_get_string(problem, "detail");

	if (detail == NULL)
		detail = "";
	if (type[0] == '\0' && detail[0] == '\0')
		detail = "the CA gave no reason";
	words_add(out, type[0] != '\0' && detail[0] != '\0' ? "%s: %s" :
	    "%s%s", type, detail);
}

static void
words_of_subproblems(char out[static STORE_TEXT], const struct json *list)
{
	size_t n = json_count(list);

	for (size_t i = 0; i < n && i < SUBPROBLEMS_MAX; i++) {
		const struct json *sub = json_at(list, i);
		const char *who = json_get_string(sub, "identifier");

		words_add(out, "%s%s: ", i == 0 ? " [" : "; ",
		    who != NULL ? who : "?");
		words_of(out, sub);
	}
	if (n > 0)
		words_add(out, "%s%s", "]", "");
}

void
problem_words(char out[static STORE_TEXT], const struct json *problem)
{
	const char *instance = json_get_string(problem, "instance");

	out[0] = '\0';
	words_of(out, problem);
	words_of_subproblems(out, json_get(problem, "subproblems"));
	if (instance != NULL)
		words_add(out, " (see %s%s)", instance, "");
}

enum err
report_read(struct report *r, const struct json *result, struct fault *why)
{
	const char *word = NULL, *detail = NULL;
	const struct json *problem = NULL;
	int64_t task, status = 0;
	enum err e;
	const struct json_member rows[] = {
		{ "task", JSON_INT, true, &task },
		{ "outcome", JSON_STRING, true, &word },
		{ "status", JSON_INT, false, &status },
		{ "retryAfter", JSON_INT, false, &r->retry_after },
		{ "location", JSON_STRING, false, &r->location },
		{ "problem", JSON_OBJECT, false, &problem },
		{ "facts", JSON_OBJECT, false, &r->facts },
		{ "detail", JSON_STRING, false, &detail },
		{ "sent", JSON_BOOL, false, &r->sent },
	};

	*r = (struct report){ .retry_after = -1, .type = "", .sent = true };
	e = json_read(result, rows, nitems(rows), why);
	if (e != OK)
		return e;
	while (strcmp(outcomes[r->outcome], word) != 0)
		if (++r->outcome > OUTCOME_MALFORMED)
			return fault_set(why, ERR_SYNTAX,
			    "outcome: unknown word");
	if (status < 0 || status > 999 || r->retry_after < -1)
		return fault_set(why, ERR_SYNTAX, "status: out of range");
	if (r->outcome == OUTCOME_OK && r->facts == NULL)
		return fault_set(why, ERR_SYNTAX, "facts: missing");
	if (r->retry_after > RETRY_AFTER_MAX)
		r->retry_after = RETRY_AFTER_MAX;
	if (!url_valid(r->location))
		r->location = NULL;
	r->status = (unsigned)status;
	r->type = short_type(json_get_string(problem, "type"));
	if (problem != NULL)
		problem_words(r->words, problem);
	else if (detail != NULL)
		words_add(r->words, "%s%s", detail, "");
	return OK;
}

/* A URL of somebody else within a URL, a list of them or of objects with one;
 * NULL when there is none. */
static const char *
foreign(const struct json *v, const struct config_ca *ca)
{
	const char *url = json_string(json_is_object(v) ?
	    json_get(v, "url") : v), *found = NULL;

	if (json_is_array(v))
		for (v = json_first(v); v != NULL && found == NULL;
		    v = json_next(v))
			found = json_is_array(v) ? NULL : foreign(v, ca);
	else if (url_valid(url) && !origin_of_ca(ca, url))
		found = url;
	return found;
}

void
report_own(struct report *r, const struct config_ca *ca)
{
	static const char *const members[] = { "newAccount", "newOrder",
		"finalize", "certificate", "authorizations", "challenges" };
	const char *url = NULL;

	if (r->outcome != OUTCOME_OK)
		return;
	if (r->location != NULL && !origin_of_ca(ca, r->location))
		url = r->location;
	for (size_t i = 0; i < nitems(members) && url == NULL; i++)
		url = foreign(json_get(r->facts, members[i]), ca);
	if (url == NULL)
		return;
	r->outcome = OUTCOME_PROBLEM;
	words_add(r->words, "%s%s", url, " is neither where the CA's directory "
	    "is nor at one of its configured origins");
}
