/* The chains that a CA offers, and which of them is taken (RFC 8555 section
 * 7.4.2). */
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../ca/origin.h"
#include "../compose/chain.h"
#include "order.h"
#include "stage.h"

#define ALTERNATES_MAX 12 /* URLs of the full length */

static void
join_urls(const struct order_row *o, char **out, const struct json *list)
{
	struct buf b;

	buf_init(&b, STORE_URL * ALTERNATES_MAX);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *url = json_string(json_at(list, i));

		if (origin_of_ca(order_ca(o), url))
			buf_putf(&b, "%s%s", b.len > 0 ? " " : "", url);
	}
	free(*out);
	*out = xstrdup(buf_str(&b));
	buf_free(&b);
}

static const char *
preferred(const struct order_row *o)
{
	const struct config_ca *ca = order_ca(o);

	return ca != NULL ? ca->preferred_chain : NULL;
}

void
follow_download(struct order_row *o, struct job *j, const struct report *r)
{
	const char *pem = json_get_string(r->facts, "pem");
	const char *issuer = preferred(o);

	if (pem == NULL || strlen(pem) > CHAIN_MAX) {
		order_fail(o, j, "the CA sent no usable chain");
		return;
	}
	free(o->chain);
	o->chain = xstrdup(pem);
	join_urls(o, &o->alternates, json_get(r->facts, "alternates"));
	order_note(o->id, "downloaded the certificate");
	if (issuer != NULL && !chain_has_issuer(pem, issuer) &&
	    o->alternates[0] != '\0')
		order_enter(o, j, ORDER_ALTERNATES, 0);
	else
		order_enter(o, j, ORDER_INSTALL, 0);
}

/* Drops the alternate that was just looked at; installs when none is left,
 * with the default chain unless this one is the preferred one. */
void
follow_alternate(struct order_row *o, struct job *j, const struct report *r)
{
	const char *pem = json_get_string(r->facts, "pem");
	const char *issuer = preferred(o);
	size_t n = strcspn(o->alternates, " ");
	bool match;

	match = pem != NULL && issuer != NULL && strlen(pem) <= CHAIN_MAX &&
	    chain_has_issuer(pem, issuer);
	if (match) {
		free(o->chain);
		o->chain = xstrdup(pem);
		order_note(o->id, "took the chain by %s", issuer);
	}
	n += strspn(o->alternates + n, " ");
	memmove(o->alternates, o->alternates + n, strlen(o->alternates + n) +
	    1);
	if (!match && o->alternates[0] != '\0') {
		order_enter(o, j, ORDER_ALTERNATES, 0);
		return;
	}
	if (!match && issuer != NULL)
		order_note(o->id, "no chain by %s is offered", issuer);
	order_enter(o, j, ORDER_INSTALL, 0);
}
