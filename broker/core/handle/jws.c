/*
 * JWS for foreign ACME clients.  Reading is the way of thousands of requests
 * a second: nothing on it asks the store.
 */
#include <string.h>

#include "../../base/mem.h"
#include "../acme/sign.h"
#include "handle.h"

static enum err
read_wish(struct request *rq, struct acme_wish *wish, struct fault *why)
{
	const char *alg = NULL;
	const struct json_member rows[] = {
		{ "url", JSON_STRING, true, &wish->url },
		{ "nonce", JSON_STRING, true, &wish->nonce },
		{ "payload", JSON_ANY, false, &wish->payload },
		{ "alg", JSON_STRING, false, &alg },
	};
	enum err err;

	*wish = (struct acme_wish){ .peer = rq->peer,
		.account = rq->params[0], .alg = ALG__MAX,
		.start_us = rq->start_us };
	err = json_read(rq->body, rows, nitems(rows), why);
	if (err == OK)
		err = query_dry_run(rq, &wish->dry_run, why);
	if (err != OK || alg == NULL)
		return err;
	wish->alg = alg_parse(alg);
	return wish->alg != ALG__MAX ? OK : fault_set(why, ERR_SYNTAX,
	    "\"alg\": no algorithm is named \"%.32s\"", alg);
}

enum err
handle_account_jws(struct request *rq, struct reply *rp, struct fault *why)
{
	struct acme_wish wish;
	enum err err;

	err = read_wish(rq, &wish, why);
	return err == OK ? acme_sign(&wish, &rp->body, why) : err;
}
