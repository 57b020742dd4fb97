/* What the CA's order object means (RFC 8555 section 7.1.3). */
#include <stdio.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../base/url.h"
#include "../compose/san.h"
#include "../core.h"
#include "order.h"
#include "stage.h"
#include "validation.h"

#define RETURN_FIRST 1000 /* milliseconds before the CSR is sent again */

/* The CA's order must be for our names and no others; it may say them in
 * another order, or not at all. */
static bool
names_agree(const struct order_row *o, const struct json *facts)
{
	const struct json *list = json_get(facts, "identifiers");
	struct certificate_row c;
	struct fault why;
	bool agree = true;

	if (list == NULL)
		return true;
	if (store_certificate_get(core.store, o->certificate, &c, &why) != OK)
		return false;
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_get_string(json_at(list, i), "value");

		agree = agree && name != NULL && san_lists(c.names, name);
	}
	certificate_row_free(&c);
	return agree;
}

static void
copy_fact(char out[static STORE_URL], const struct json *facts,
    const char *member)
{
	const char *url = json_get_string(facts, member);

	if (url_valid(url))
		strcpy(out, url);
}

/* Back to an earlier state, ever more slowly. */
static void
go_back(struct order_row *o, struct job *j, enum order_state state)
{
	order_enter(o, j, state, backoff(++j->returns, RETURN_FIRST,
	    ORDER_RETRY_MOST));
}

static void
on_pending(struct order_row *o, struct job *j, const struct report *r)
{
	if (o->state == ORDER_NEW)
		order_enter(o, j, ORDER_AUTHORIZATIONS, 0);
	else if (o->state == ORDER_FINALIZE)
		go_back(o, j, ORDER_READY); /* the CSR is not wanted yet */
	else
		order_poll(o, j, r);
}

/* A CA that has had the CSR and asks for it again is obeyed. */
static void
on_ready(struct order_row *o, struct job *j, const struct report *r)
{
	(void)r;
	if (o->state == ORDER_FINALIZE || o->state == ORDER_PROCESSING) {
		go_back(o, j, ORDER_FINALIZE);
		return;
	}
	order_note(o->id, "the CA is ready for the CSR");
	order_enter(o, j, ORDER_FINALIZE, 0);
}

static void
on_processing(struct order_row *o, struct job *j, const struct report *r)
{
	if (o->state != ORDER_PROCESSING) {
		order_note(o->id, "the CA is making the certificate");
		o->state = ORDER_PROCESSING;
		o->attempts = 0;
	}
	order_poll(o, j, r);
}

static void
on_valid(struct order_row *o, struct job *j, const struct report *r)
{
	(void)r;
	if (o->certificate_url[0] == '\0') {
		order_fail(o, j, "the CA's order is valid but has no "
		    "certificate URL");
		return;
	}
	order_note(o->id, "the CA made the certificate");
	order_enter(o, j, ORDER_DOWNLOAD, 0);
}

static void
on_invalid(struct order_row *o, struct job *j, const struct report *r)
{
	char words[STORE_TEXT];

	problem_words(words, json_get(r->facts, "error"));
	if (o->state != ORDER_READY || !order_another(o, j, words))
		order_fail(o, j, words);
}

static const struct {
	const char *status;
	order_follow_fn *go;
} statuses[] = {
	{ "pending", on_pending },
	{ "ready", on_ready },
	{ "processing", on_processing },
	{ "valid", on_valid },
	{ "invalid", on_invalid },
};

void
follow_order(struct order_row *o, struct job *j, const struct report *r)
{
	const char *status = json_get_string(r->facts, "status");
	int64_t expires;
	char words[128];

	copy_fact(o->finalize, r->facts, "finalize");
	copy_fact(o->certificate_url, r->facts, "certificate");
	if (json_get_int(r->facts, "expires", &expires) &&
	    expires > 0 && expires < o->deadline)
		o->deadline = expires;
	for (size_t i = 0; status != NULL && i < nitems(statuses); i++)
		if (strcmp(statuses[i].status, status) == 0) {
			statuses[i].go(o, j, r);
			return;
		}
	snprintf(words, sizeof(words), "the CA's order has an unknown "
	    "status: %.40s", status != NULL ? status : "(none)");
	order_fail(o, j, words);
}

void
follow_new(struct order_row *o, struct job *j, const struct report *r)
{
	const struct json *list = json_get(r->facts, "authorizations");
	struct fault why;

	if (r->location == NULL) {
		order_fail(o, j, "the CA gave the order no usable URL");
		return;
	}
	if (!authorizations_usable(list)) {
		order_fail(o, j, "the CA gave an authorization no usable URL, "
		    "or too many");
		return;
	}
	if (!names_agree(o, r->facts)) {
		order_fail(o, j, "the CA's order is for other names");
		return;
	}
	strcpy(o->url, r->location);
	if (authorizations_keep(o, list, &why) != OK) {
		order_retry(o, j, ORDER_NEW, why.text, 0);
		return;
	}
	j->interrupted = false;
	order_note(o->id, "the CA took the order: %s", o->url);
	follow_order(o, j, r);
}
