#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "handle.h"
#include "../key/keys.h"
#include "../certificate/publish.h"

/* The newest order of a certificate, as far as its state is concerned. */
struct last_order {
	int64_t id;
	enum order_state state;
	char error[STORE_TEXT];
};

static bool
see_last(const struct order_row *o, void *arg)
{
	struct last_order *last = arg;

	last->id = o->id;
	last->state = o->state;
	memcpy(last->error, o->error, sizeof(last->error));
	return false;
}

/* What a person must know first comes first. */
static const char *
certificate_state(const struct certificate_row *c,
    const struct last_order *last)
{
	if (c->chain != NULL && c->not_after <= clock_now())
		return "expired";
	if (last->id != 0 && last->state < ORDER_ISSUED)
		return "ordering";
	if (last->id != 0 && last->state == ORDER_FAILED)
		return "failed";
	return c->chain != NULL ? "issued" : "none";
}

static void
put_deployment(struct json_writer *w, const char *certificate)
{
	struct deployment_row d;

	json_open_object(w, "deployment");
	if (store_deployment_get(core.store, certificate, &d, NULL) != OK) {
		json_put_string(w, "state", "none");
	} else {
		json_put_string(w, "state", deployment_state_name(d.state));
		json_put_int(w, "attempts", d.attempts);
		json_put_int(w, "exitStatus", d.exit_status);
		put_some(w, "output", d.output);
		if (d.state < DEPLOY_DONE)
			put_time_ms(w, "nextAttempt", d.next_at);
		put_time(w, "updated", d.updated);
	}
	json_close_object(w);
}

static void
put_wanted(struct json_writer *w, const struct certificate_row *c)
{
	const struct config_account *a = config_account(core.config,
	    c->account);

	json_put_string(w, "account", c->account);
	json_put_string(w, "ca", a != NULL ? a->ca : NULL);
	put_words(w, "names", c->names);
	json_put_string(w, "keyType", key_type_name(c->key_type));
	json_put_string(w, "token", c->token);
	json_put_string(w, "challenge", challenge_name(c->challenge));
	put_some(w, "webroot", c->webroot);
	json_put_string(w, "declaredBy",
	    c->configured ? "configuration" : "api");
	put_some(w, "tenant", c->tenant);
}

static void
put_issued(struct json_writer *w, const struct certificate_row *c)
{
	char *uri = c->key[0] != '\0' ? keys_uri(core.keys, c->key) : NULL;
	char *path = xasprintf("%s/certificates/%s", core.config->state,
	    c->name);

	json_put_string(w, "serial", c->serial);
	json_put_string(w, "issuer", c->issuer);
	put_time(w, "notBefore", c->not_before);
	put_time(w, "notAfter", c->not_after);
	put_time(w, "issued", c->issued);
	put_some(w, "key", c->key);
	put_some(w, "keyUri", uri);
	json_put_string(w, "directory", path);
	free(path);
	free(uri);
}

void
put_certificate(struct json_writer *w, const struct certificate_row *c)
{
	struct last_order last = { .id = 0 };

	store_orders(core.store, c->name, 0, 1, see_last, &last, NULL);
	json_open_object(w, NULL);
	json_put_string(w, "name", c->name);
	put_wanted(w, c);
	json_put_string(w, "state", certificate_state(c, &last));
	if (c->chain != NULL)
		put_issued(w, c);
	if (last.id != 0)
		json_put_int(w, "order", last.id);
	if (last.state != ORDER_ISSUED)
		put_some(w, "error", last.error);
	put_deployment(w, c->name);
	json_close_object(w);
}

static bool
see_certificate(const struct certificate_row *c, void *arg)
{
	struct listing *l = arg;
	struct subject s = { .row = *c };

	words_split(&s.names, c->names);
	subject_facts(&s, &l->facts);
	if (listing_shows(l, c->name))
		put_certificate(&l->w, c);
	l->facts.names = NULL;
	l->facts.nnames = 0;
	words_free(&s.names);
	return listing_goes_on(l);
}

enum err
handle_certificates_list(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct listing l;
	enum err err;

	err = page_check(rq, why);
	if (err == OK)
		err = listing_start(&l, rq, rp, OP_CERTIFICATE_READ, why);
	if (err != OK)
		return err;
	err = store_certificates(core.store, l.after, LIST_SCAN,
	    see_certificate, &l, why);
	return listing_end(&l, err);
}

/* Gives the certificate named in the path to a client that may do op. */
static enum err
admit(struct request *rq, enum operation op, struct subject *s,
    struct fault *why)
{
	struct facts facts, asked;
	struct decision d;
	enum err err;

	facts_from(&facts, rq, op);
	asked = facts;
	asked.certificate = rq->params[0];
	err = subject_load(s, rq->params[0], &facts, why);
	if (err == OK)
		err = authorize_known(&facts, &asked, rq->peer->pid, &d, why);
	if (err == OK && !s->found)
		err = no_such("certificate", rq->params[0], why);
	return err;
}

enum err
handle_certificate_get(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct json_writer w;
	struct subject s;
	enum err err;

	err = admit(rq, OP_CERTIFICATE_READ, &s, why);
	if (err == OK) {
		json_write_start(&w, &rp->body);
		put_certificate(&w, &s.row);
		err = reply_done(rp, why);
	}
	subject_free(&s);
	return err;
}

enum err
handle_certificate_chain(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct subject s;
	enum err err;

	err = admit(rq, OP_CERTIFICATE_READ, &s, why);
	if (err == OK && s.row.chain == NULL)
		err = fault_set(why, ERR_NOT_FOUND,
		    "certificate \"%s\" has not been issued yet", s.row.name);
	if (err == OK) {
		rp->type = "application/pem-certificate-chain";
		buf_puts(&rp->body, s.row.chain);
		err = reply_done(rp, why);
	}
	subject_free(&s);
	return err;
}

static enum err
check_deletable(const struct certificate_row *c, struct fault *why)
{
	int64_t order = 0;
	enum err err;

	if (c->configured || config_certificate(core.config, c->name) != NULL)
		return fault_set(why, ERR_CONFLICT, "certificate \"%s\" is"
		    " declared in the configuration", c->name);
	err = store_order_open_of(core.store, c->name, &order, why);
	if (err == OK && order != 0)
		err = fault_set(why, ERR_CONFLICT, "order %lld of certificate"
		    " \"%s\" is open", (long long)order, c->name);
	return err;
}

/*
 * Each step may be repeated, and the row goes last, so that a second DELETE
 * finishes what a crash has left.  The key keeps its grace: a server may
 * still be using it.
 */
static enum err
forget(struct certificate_row *c, struct fault *why)
{
	struct key_row key;
	enum err err;

	err = unpublish(core.config->state, c->name, why);
	if (err != OK)
		return err;
	if (c->key[0] != '\0' && c->foreign_key[0] == '\0' &&
	    store_key_get(core.store, c->key, &key, why) == OK &&
	    key.state == KEY_ACTIVE)
		err = keys_retire(core.keys, c->key, core.config->key_grace,
		    why);
	if (err != OK)
		return err;
	free(c->chain);
	c->chain = NULL;
	c->key[0] = c->serial[0] = c->issuer[0] = '\0';
	c->not_before = c->not_after = c->issued = c->order = 0;
	c->deleted = true;
	c->updated = clock_now();
	return store_certificate_put(core.store, c, why);
}

enum err
handle_certificate_delete(struct request *rq, struct reply *rp,
    struct fault *why)
{
	struct json_writer w;
	struct subject s;
	enum err err;

	certificates_lock();
	err = admit(rq, OP_CERTIFICATE_DELETE, &s, why);
	if (err == OK)
		err = check_deletable(&s.row, why);
	if (err == OK)
		err = forget(&s.row, why);
	certificates_unlock();
	if (err == OK) {
		json_write_start(&w, &rp->body);
		json_open_object(&w, NULL);
		json_put_string(&w, "name", s.row.name);
		json_close_object(&w);
	}
	subject_free(&s);
	return err;
}
