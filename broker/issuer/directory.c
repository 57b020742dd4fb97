/* The directory, RFC 8555 section 7.1.1. */
#include <string.h>

#include "../base/mem.h"
#include "answer.h"

static const struct fact resources[] = {
	{ "newNonce", fact_url, true },
	{ "newAccount", fact_url, true },
	{ "newOrder", fact_url, true },
	{ "newAuthz", fact_url, false },
	{ "revokeCert", fact_url, false },
	{ "keyChange", fact_url, false },
	{ "renewalInfo", fact_url, false },
};

/* The object of profiles has their names as member names; what a CA tells
 * about each is for people on its web site. */
static enum err
profile_names(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	size_t n = json_count(v);

	if (!json_is_object(v))
		return fault_set(why, ERR_SYNTAX,
		    "member \"%s\" is not an object", name);
	if (n > DIRECTORY_PROFILES)
		return fault_set(why, ERR_LIMIT, "member \"%s\" has %zu "
		    "members, more than %d", name, n, DIRECTORY_PROFILES);
	json_open_array(w, name);
	for (v = json_first(v); v != NULL; v = json_next(v))
		facts_put_text(w, NULL, json_name(v), WORD_MAX);
	json_close_array(w);
	return OK;
}

/* The first two are for people to read and need not be https. */
static const struct fact meta[] = {
	{ "termsOfService", fact_text, false },
	{ "website", fact_text, false },
	{ "externalAccountRequired", fact_bool, false },
	{ "profiles", profile_names, false },
};

enum err
answer_directory(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	const struct json *m = json_get(answer, "meta");
	enum err e;

	e = facts_read(w, answer, resources, nitems(resources), why);
	if (e != OK || m == NULL || json_is_null(m))
		return e;
	if (!json_is_object(m))
		return fault_set(why, ERR_SYNTAX,
		    "member \"meta\" is not an object");
	return facts_read(w, m, meta, nitems(meta), why);
}
