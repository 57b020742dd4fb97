/*
 * The authorization and its challenges, RFC 8555 sections 7.1.4 and 8.  The
 * list of challenges may be empty or absent, as it is for names that the CA
 * has validated in another way.
 */
#include "../base/mem.h"
#include "answer.h"
#include "problem.h"

enum err
answer_challenge(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	static const struct fact rows[] = {
		{ "type", fact_word, true },
		{ "url", fact_url, true },
		{ "status", fact_word, true },
		{ "token", fact_token, false },
		{ "error", fact_problem, false },
	};

	return facts_read(w, answer, rows, nitems(rows), why);
}

static enum err
challenge(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	enum err e;

	json_open_object(w, name);
	e = answer_challenge(w, v, why);
	json_close_object(w);
	return e;
}

static enum err
challenges(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	return facts_array(w, name, v, AUTHORIZATION_CHALLENGES, challenge,
	    why);
}

enum err
answer_authorization(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	static const struct fact rows[] = {
		{ "status", fact_word, true },
		{ "expires", fact_time, false },
		{ "identifier", fact_identifier, true },
		{ "wildcard", fact_bool, false },
		{ "challenges", challenges, false },
	};

	return facts_read(w, answer, rows, nitems(rows), why);
}
