/*
 * JWS for foreign ACME clients.  For now only POST-as-GET (RFC 8555 section
 * 6.3): it changes nothing at the CA.  The way of thousands of requests a
 * second: nothing here asks the store.
 */
#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
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

/*
 * The digest of what was signed: protected, ".", and the payload, which is
 * empty for POST-as-GET.  The text is our own jws_write()'s.
 */
static void
digest_input(const struct buf *jws, char hex[static 2 * SHA256_SIZE + 1])
{
	static const char before[] = "{\"protected\":\"";
	unsigned char digest[SHA256_SIZE];
	const char *start = (const char *)jws->data + sizeof(before) - 1;
	struct buf input;

	if (jws->len < sizeof(before) ||
	    memcmp(jws->data, before, sizeof(before) - 1) != 0)
		fatal("a JWS does not start with its protected header");
	buf_init(&input, jws->len + 1);
	buf_put(&input, start, strcspn(start, "\""));
	buf_putc(&input, '.');
	sha256(digest, input.data, input.len);
	hex_encode(hex, digest, sizeof(digest));
	buf_free(&input);
}

/* The key by its public half. */
static enum err
identify(const char *key, char hex[static 2 * SHA256_SIZE + 1],
    enum key_type *type, struct fault *why)
{
	unsigned char spki[SPKI_MAX], digest[SHA256_SIZE];
	size_t n;
	enum err err;

	err = keys_public(core.keys, key, spki, &n, type, why);
	if (err != OK)
		return err;
	sha256(digest, spki, n);
	hex_encode(hex, digest, sizeof(digest));
	return OK;
}

static enum err
describe(struct buf *members, const struct wish *wish, const char *key,
    const struct buf *jws, const struct signature *sig, struct fault *why)
{
	char id[2 * SHA256_SIZE + 1], input[2 * SHA256_SIZE + 1];
	struct json_writer w;
	enum key_type type;
	enum err err;

	err = identify(key, id, &type, why);
	if (err != OK)
		return err;
	digest_input(jws, input);
	json_write_start(&w, members);
	json_put_string(&w, "url", wish->url);
	json_put_int(&w, "nonceLength", (int64_t)strlen(wish->nonce));
	json_put_string(&w, "key", key);
	json_put_string(&w, "keyId", id);
	json_put_string(&w, "alg", alg_name(alg_default(type)));
	json_put_string(&w, "inputSha256", input);
	json_put_bool(&w, "verified", sig->verified);
	json_put_int(&w, "queueUs", sig->times.queue);
	json_put_int(&w, "tokenUs", sig->times.token);
	json_put_int(&w, "verifyUs", sig->verify_us);
	return OK;
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
		err = describe(members, wish, row.key, &rp->body, &sig, why);
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
