/* What an order asks its CA: where, and with which payload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../ca/directory.h"
#include "../compose/payload.h"
#include "../core.h"
#include "stage.h"

/* ------------------------------------------------------------------ where */

static bool
copy_url(struct job *j, const char *url)
{
	snprintf(j->url, sizeof(j->url), "%s", url);
	return url[0] != '\0';
}

bool
target_new(const struct order_row *o, struct job *j)
{
	const struct config_ca *ca = order_ca(o);

	return ca != NULL &&
	    directory_url(ca->name, "newOrder", j->url) != NULL &&
	    j->url[0] != '\0';
}

/* The first authorization in that state; its challenge or itself. */
static bool
target_authorization(const struct order_row *o, struct job *j,
    enum authorization_state state, bool challenge)
{
	struct authorization_row *rows;
	struct fault why;
	bool found = false;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		if (rows[i].state != state)
			continue;
		j->index = rows[i].index;
		found = copy_url(j, challenge ? rows[i].challenge_url :
		    rows[i].url);
	}
	free(rows);
	return found;
}

bool
target_unread(const struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_UNREAD, false);
}

bool
target_pending(const struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_PENDING, true);
}

bool
target_answered(const struct order_row *o, struct job *j)
{
	return target_authorization(o, j, AUTHZ_ANSWERED, false);
}

bool
target_order(const struct order_row *o, struct job *j)
{
	return copy_url(j, o->url);
}

bool
target_finalize(const struct order_row *o, struct job *j)
{
	return copy_url(j, o->finalize);
}

bool
target_certificate(const struct order_row *o, struct job *j)
{
	return copy_url(j, o->certificate_url);
}

bool
target_alternate(const struct order_row *o, struct job *j)
{
	char *first = xstrndup(o->alternates, strcspn(o->alternates, " "));
	bool good = copy_url(j, first);

	free(first);
	return good;
}

/* -------------------------------------------------------------- payloads */

enum err
payload_of_new(const struct order_row *o, struct buf *out, struct fault *why)
{
	struct certificate_row c;
	enum err e;

	e = store_certificate_get(core.store, o->certificate, &c, why);
	if (e != OK)
		return e;
	payload_new_order(out, c.names);
	certificate_row_free(&c);
	return OK;
}

enum err
payload_of_answer(const struct order_row *o, struct buf *out,
    struct fault *why)
{
	(void)o;
	(void)why;
	buf_puts(out, "{}");
	return OK;
}

enum err
payload_of_finalize(const struct order_row *o, struct buf *out,
    struct fault *why)
{
	(void)why;
	payload_finalize(out, o->csr, o->csrlen);
	return OK;
}
