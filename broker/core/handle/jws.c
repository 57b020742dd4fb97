/*
 * JWS for foreign ACME clients.  For now only POST-as-GET (RFC 8555 section
 * 6.3): it changes nothing at the CA.  The way of thousands of requests a
 * second: nothing here asks the store.
 */
#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../../base/url.h"
#include "../compose/compose.h"
#include "../engine/engine.h"
#include "handle.h"
#include "../key/keys.h"

#define NONCE_MAX 256	/* bytes */
#define MEMBERS_MAX 8192 /* bytes about a signature in the audit log */

struct wish {
	const char *url, *nonce;
};

/* RFC 8555 section 6.5.1: base64url, nothing else. */
static enum err
check_nonce(const char *nonce, struct fault *why)
{
	size_t n = strlen(nonce);

	if (n == 0 || n > NONCE_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"nonce\" has %zu bytes, not 1 to %d", n, NONCE_MAX);
	if (strspn(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
	    "wxyz0123456789-_") != n)
		return fault_set(why, ERR_SYNTAX,
		    "\"nonce\" is not base64url");
	return OK;
}

static enum err
read_wish(const struct json *body, struct wish *wish, struct fault *why)
{
	const struct json_member rows[] = {
		{ "url", JSON_STRING, true, &wish->url },
		{ "nonce", JSON_STRING, true, &wish->nonce },
	};
	const char *complaint;
	enum err err;

	err = json_read(body, rows, nitems(rows), why);
	if (err == OK)
		err = check_nonce(wish->nonce, why);
	if (err != OK)
		return err;
	complaint = url_complaint(wish->url);
	return complaint == NULL ? OK :
	    fault_set(why, ERR_SYNTAX, "\"url\" %s", complaint);
}

static void
describe(struct buf *members, const struct wish *wish, const char *key,
    const struct signature *sig)
{
	struct json_writer w;

	json_write_start(&w, members);
	json_put_string(&w, "url", wish->url);
	json_put_int(&w, "nonceLength", (int64_t)strlen(wish->nonce));
	json_put_string(&w, "key", key);
	signature_put(&w, sig);
}

/* A request that policy allowed and that came to nothing leaves its line
 * too; another CA's URL is a denial of our own. */
static void
audit_failure(const struct facts *facts, int pid, struct decision *d,
    const struct wish *wish, const struct fault *failed)
{
	struct json_writer w;
	struct buf members;
	struct fault why;

	if (failed->code == ERR_DENIED) {
		d->allow = false;
		snprintf(d->reason, sizeof(d->reason), "%.255s",
		    failed->text);
	}
	buf_init(&members, MEMBERS_MAX);
	json_write_start(&w, &members);
	json_put_string(&w, "url", wish->url);
	json_put_string(&w, "error", err_name(failed->code));
	json_put_string(&w, "detail", failed->text);
	if (audit_act(facts, pid, d, (const char *)members.data, members.len,
		&why) != OK)
		log_error("a failed request is not in the audit log");
	buf_free(&members);
}

static enum err
sign(const struct wish *wish, const char *account, struct reply *rp,
    struct buf *members, struct fault *why)
{
	struct account_row row;
	struct signature sig;
	enum err err;

	if (config_account(core.config, account) == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no account named \"%s\"", account);
	if (!engine_url_of_ca(core.engine, account, wish->url))
		return fault_set(why, ERR_DENIED,
		    "\"url\" is not at the account's CA");
	err = engine_account(core.engine, account, &row, why);
	if (err == OK)
		err = jws_write(&rp->body, core.keys, row.key, row.kid,
		    wish->nonce, wish->url, NULL, 0, &sig, why);
	if (err == OK)
		err = reply_done(rp, why);
	if (err == OK)
		describe(members, wish, row.key, &sig);
	return err;
}

/* The line is in the log before the signature is in the reply. */
enum err
handle_account_jws(struct request *rq, struct reply *rp, struct fault *why)
{
	int pid = rq->peer->pid;
	struct buf members;
	struct decision d;
	struct facts facts;
	struct wish wish;
	enum err err;

	err = read_wish(rq->body, &wish, why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_ACME_READ);
	facts_account(&facts, rq->params[0]);
	err = authorize_act(&facts, pid, &d, why);
	if (err != OK)
		return err;
	buf_init(&members, MEMBERS_MAX);
	err = sign(&wish, rq->params[0], rp, &members, why);
	if (err != OK)
		audit_failure(&facts, pid, &d, &wish, why);
	else
		err = audit_act(&facts, pid, &d, (const char *)members.data,
		    members.len, why);
	if (err != OK)
		buf_reset(&rp->body);
	buf_free(&members);
	return err;
}
