/* POST /v1/keys/{name}/csr: a key in a token asks for a certificate. */
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"
#include "../acme/identifiers.h"
#include "../compose/compose.h"
#include "../key/keys.h"
#include "handle.h"

#define MEMBERS_MAX 65536 /* bytes about a signature in the audit log */

struct wish {
	struct identifiers ids;
	struct csr_extras extras;
	bool extended; /* asks for more than names */
	bool dry_run;
};

static enum err
read_names(struct wish *wish, const struct json *names, struct fault *why)
{
	enum err err = OK;

	for (const struct json *v = json_first(names); err == OK && v != NULL;
	    v = json_next(v)) {
		const char *s = json_string(v);

		err = identifiers_add(&wish->ids, ip_valid(s) ? "ip" : "dns",
		    s, strlen(s), true, why);
	}
	return err == OK ? identifiers_end(&wish->ids, why) : err;
}

static enum err
read_usages(struct wish *wish, const struct json *array, struct fault *why)
{
	for (const struct json *v = json_first(array); v != NULL;
	    v = json_next(v)) {
		unsigned i = 0;

		while (csr_usage(i) != NULL &&
		    strcmp(csr_usage(i), json_string(v)) != 0)
			i++;
		if (csr_usage(i) == NULL ||
		    (wish->extras.usages & 1u << i) != 0)
			return fault_set(why, ERR_SYNTAX, "\"extendedKeyUsage\""
			    ": \"%.32s\" is not known, or stands twice",
			    json_string(v));
		wish->extras.usages |= 1u << i;
	}
	return OK;
}

static enum err
read_wish(const struct request *rq, struct wish *wish, struct fault *why)
{
	const struct json *names = NULL, *usage = NULL;
	const struct json_member rows[] = {
		{ "names", JSON_STRINGS, true, &names },
		{ "mustStaple", JSON_BOOL, false, &wish->extras.must_staple },
		{ "extendedKeyUsage", JSON_STRINGS, false, &usage },
	};
	enum err err;

	err = json_read(rq->body, rows, nitems(rows), why);
	if (err == OK)
		err = query_dry_run(rq, &wish->dry_run, why);
	if (err == OK)
		err = read_names(wish, names, why);
	if (err == OK)
		err = read_usages(wish, usage, why);
	wish->extended = usage != NULL || wish->extras.must_staple;
	return err;
}

/* What is asked for besides names is a right of its own. */
static struct decision
decide(const struct wish *wish, struct facts *facts)
{
	struct decision d;

	if (wish->extended) {
		facts->operation = OP_KEY_EXTEND;
		d = explain(facts);
		if (!d.allow)
			return d;
		facts->operation = OP_KEY_REQUEST;
	}
	return judge(facts, !wish->dry_run);
}

static void
put_extras(struct json_writer *w, const struct csr_extras *extras)
{
	if (extras->must_staple)
		json_put_bool(w, "mustStaple", true);
	if (extras->usages == 0)
		return;
	json_open_array(w, "extendedKeyUsage");
	for (unsigned i = 0; csr_usage(i) != NULL; i++)
		if ((extras->usages & 1u << i) != 0)
			json_put_string(w, NULL, csr_usage(i));
	json_close_array(w);
}

static enum err
audit(const struct request *rq, const struct facts *facts,
    const struct decision *d, const struct wish *wish,
    const struct signature *sig, const struct fault *failed,
    struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err err;

	buf_init(&members, MEMBERS_MAX);
	json_write_start(&w, &members);
	json_put_string(&w, "act", "csr");
	put_extras(&w, &wish->extras);
	if (failed != NULL) {
		json_put_string(&w, "error", err_name(failed->code));
		json_put_string(&w, "detail", failed->text);
	}
	if (sig != NULL)
		signature_put(&w, sig);
	err = (wish->dry_run ? audit_dry_run : audit_act)(facts,
	    rq->peer->pid, d, (const char *)members.data, members.len, why);
	buf_free(&members);
	return err;
}

static enum err
reply_dry(const struct facts *facts, const struct decision *d,
    const struct wish *wish, struct reply *rp, struct fault *why)
{
	struct json_writer w;

	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	decision_tell(&w, facts, d);
	facts_tell(&w, facts);
	put_extras(&w, &wish->extras);
	json_close_object(&w);
	return reply_done(rp, why);
}

/* Only keys that are for certificates have a lane that signs this. */
static enum err
check_key(const char *key, struct fault *why)
{
	struct key_row row;
	enum err err;

	err = store_key_get(core.store, key, &row, why);
	if (err == OK && row.purpose != PURPOSE_CERTIFICATE)
		err = fault_set(why, ERR_CONFLICT, "key \"%s\" is not for "
		    "certificates", key);
	return err;
}

static enum err
make(const char *key, const struct wish *wish, struct buf *out,
    struct signature *sig, struct fault *why)
{
	struct json_writer w;
	unsigned char *der;
	char *text;
	size_t n;

	der = csr_make(core.keys, key, wish->ids.set, &wish->extras, &n, sig,
	    why);
	if (der == NULL)
		return why->code;
	text = b64_encode(der, n);
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_string(&w, "csr", text);
	json_close_object(&w);
	free(text);
	free(der);
	return OK;
}

static void
set_facts(struct facts *facts, const struct request *rq,
    const struct wish *wish)
{
	facts_from(facts, rq, OP_KEY_REQUEST);
	facts->key = rq->params[0];
	facts->names = wish->ids.names;
	facts->nnames = wish->ids.nnames;
	facts->ips = wish->ids.ips;
	facts->nips = wish->ids.nips;
}

static enum err
serve(const struct request *rq, const struct wish *wish, struct reply *rp,
    struct fault *why)
{
	const char *key = rq->params[0];
	struct signature sig;
	struct fault ignored;
	struct decision d;
	struct facts facts;
	bool told;
	enum err err;

	set_facts(&facts, rq, wish);
	d = decide(wish, &facts);
	err = d.allow ? check_key(key, why) :
	    decision_fault(&facts, &d, why);
	told = wish->dry_run && (d.allow ? err == OK :
	    err != ERR_NOT_FOUND);
	if (err == OK && !wish->dry_run)
		err = make(key, wish, &rp->body, &sig, why);
	if (err == OK || told)
		err = audit(rq, &facts, &d, wish, wish->dry_run ? NULL : &sig,
		    NULL, why);
	else
		(void)audit(rq, &facts, &d, wish, NULL, why, &ignored);
	return err == OK && told ? reply_dry(&facts, &d, wish, rp, why) : err;
}

enum err
handle_key_csr(struct request *rq, struct reply *rp, struct fault *why)
{
	struct wish wish = { .dry_run = false };
	enum err err;

	err = read_wish(rq, &wish, why);
	if (err == OK)
		err = serve(rq, &wish, rp, why);
	if (err == OK)
		err = reply_done(rp, why);
	if (err != OK)
		buf_reset(&rp->body);
	identifiers_free(&wish.ids);
	return err;
}
