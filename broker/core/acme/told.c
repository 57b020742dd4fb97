/* What is told of a request: in the log, and to who only tried. */
#include <stdio.h>
#include <string.h>

#include "../../base/mem.h"
#include "affair.h"

#define MEMBERS_MAX 131072 /* bytes about a request in the audit log */

static void
tell(const struct affair *a, struct json_writer *w)
{
	json_put_string(w, "url", a->wish->url);
	json_put_string(w, "urlIs", place_name(a->place));
	json_put_string(w, "act", a->u.name);
	act_tell(&a->u, w);
	if (a->key[0] != '\0')
		json_put_string(w, "csrKey", a->key);
	if (a->binding.identifier[0] != '\0')
		json_put_string(w, "identifier", a->binding.identifier);
	if (a->managed[0] != '\0')
		json_put_string(w, "managed", a->managed);
	if (a->request != 0)
		json_put_int(w, "request", a->request);
}

static void
put_failure(const struct affair *a, const struct fault *failed,
    struct json_writer *w)
{
	json_put_string(w, "error", err_name(failed->code));
	json_put_string(w, "detail", a->detail[0] != '\0' ? a->detail :
	    failed->text);
}

/* What we refuse by ourselves, or the CA's budget does not have, is a denial
 * like those of policy. */
static void
deny(struct affair *a, const struct fault *failed)
{
	if (failed == NULL || !a->decision.allow ||
	    (failed->code != ERR_DENIED && failed->code != ERR_RATE))
		return;
	a->decision.allow = false;
	snprintf(a->decision.reason, sizeof(a->decision.reason), "%.255s",
	    failed->text);
}

enum err
affair_log(struct affair *a, const struct fault *failed,
    const struct signature *sig, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	deny(a, failed);
	buf_init(&members, MEMBERS_MAX);
	json_write_start(&w, &members);
	tell(a, &w);
	if (failed != NULL)
		put_failure(a, failed, &w);
	if (sig != NULL) {
		json_put_int(&w, "nonceLength",
		    (int64_t)strlen(a->wish->nonce));
		json_put_string(&w, "key", a->account.key);
		signature_put(&w, sig);
	}
	a->facts.key = NULL; /* told already */
	e = audit_act(&a->facts, a->wish->peer->pid, &a->decision,
	    (const char *)members.data, members.len, why);
	buf_free(&members);
	return e;
}

enum err
affair_log_try(struct affair *a, const struct fault *failed,
    struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	deny(a, failed);
	buf_init(&members, MEMBERS_MAX);
	json_write_start(&w, &members);
	tell(a, &w);
	a->facts.key = NULL;
	e = audit_dry_run(&a->facts, a->wish->peer->pid, &a->decision,
	    (const char *)members.data, members.len, why);
	buf_free(&members);
	return e;
}

enum err
affair_reply(const struct affair *a, struct buf *out, struct fault *why)
{
	struct json_writer w;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	decision_tell(&w, &a->facts, &a->decision);
	tell(a, &w);
	json_close_object(&w);
	return out->failed ? fault_set(why, ERR_LIMIT, "the reply would be "
	    "too large") : OK;
}
