/* The order, RFC 8555 section 7.1.3. */
#include "../base/mem.h"
#include "answer.h"
#include "problem.h"

/* Later answers about an order we know need only tell how it stands. */
#define ORDER(required)                                                       \
	{ "status", fact_word, true },                                        \
	{ "expires", fact_time, false },                                      \
	{ "finalize", fact_url, required },                                   \
	{ "certificate", fact_url, false },                                   \
	{ "authorizations", fact_urls, required },                            \
	{ "identifiers", fact_identifiers, required },                        \
	{ "error", fact_problem, false },

enum err
answer_new_order(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	static const struct fact rows[] = { ORDER(true) };

	return facts_read(w, answer, rows, nitems(rows), why);
}

enum err
answer_order(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	static const struct fact rows[] = { ORDER(false) };

	return facts_read(w, answer, rows, nitems(rows), why);
}
