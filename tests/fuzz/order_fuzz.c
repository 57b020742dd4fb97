/*
 * Accounts and orders, RFC 8555 sections 7.1.2 and 7.1.3.  What is a new
 * order is an order, and says the same as one.
 */
#include "answer.h"

static void
require_order(struct buf *out)
{
	struct json *v = json_parse(buf_str(out), out->len, NULL);
	const struct json *list = json_get(v, "authorizations");

	require(json_get_string(v, "status") != NULL);
	require(json_count(list) <= ORDER_AUTHORIZATIONS);
	for (list = json_first(list); list != NULL; list = json_next(list))
		require(url_valid(json_string(list)));
	list = json_get(v, "finalize");
	require(list == NULL || url_valid(json_string(list)));
	json_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf account, new, known;
	bool is_new;

	answer_read(answer_account, p, n, &account);
	is_new = answer_read(answer_new_order, p, n, &new);
	if (answer_read(answer_order, p, n, &known))
		require_order(&known);
	else
		require(!is_new);
	if (is_new)
		require(new.len == known.len &&
		    memcmp(new.data, known.data, new.len) == 0);
	buf_free(&account);
	buf_free(&new);
	buf_free(&known);
	return 0;
}
