/*
 * The account, RFC 8555 section 7.1.2.  What matters of it is the Location;
 * some CAs answer {} for an account that exists, and most leave out the list
 * of orders.
 */
#include "../base/mem.h"
#include "answer.h"

enum err
answer_account(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	static const struct fact rows[] = {
		{ "status", fact_word, false },
		{ "orders", fact_url, false },
	};

	return facts_read(w, answer, rows, nitems(rows), why);
}
