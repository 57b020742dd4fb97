#include "validation.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../../base/url.h"
#include "../core.h"
#include "authorization.h"
#include "order.h"

#define AUTHORIZATIONS_MAX 100
#define FIRST_POLL	   100 /* milliseconds after the last answer */
#define ANSWERS_PAUSE	   1   /* seconds; doubled for each answer */

bool
authorizations_usable(const struct json *list)
{
	if (json_count(list) > AUTHORIZATIONS_MAX)
		return false;
	for (const struct json *v = json_first(list); v != NULL;
	    v = json_next(v))
		if (!url_valid(json_string(v)))
			return false;
	return true;
}

enum err
authorizations_keep(const struct order_row *o, const struct json *list,
    struct fault *why)
{
	size_t n = json_count(list);
	enum err e;

	e = store_authorizations_clear(core.store, o->id, why);
	for (size_t i = 0; e == OK && i < n; i++) {
		struct authorization_row a = { .order = o->id,
			.index = (uint32_t)i };

		strcpy(a.url, json_string(json_at(list, i)));
		e = store_authorization_put(core.store, &a, why);
	}
	return e;
}

/* The authorization that the task was about; false when it is gone. */
static bool
load_authorization(const struct order_row *o, uint32_t index,
    struct authorization_row *a)
{
	struct authorization_row *rows;
	struct fault why;
	bool found = false;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return false;
	for (size_t i = 0; i < n && !found; i++)
		if (rows[i].index == index) {
			*a = rows[i];
			found = true;
		}
	free(rows);
	return found;
}

/* How many authorizations of an order are in each state. */
static void
count(const struct order_row *o, size_t of[static AUTHZ_STATE__MAX])
{
	struct authorization_row *rows;
	struct fault why;
	size_t n;

	memset(of, 0, sizeof(of[0]) * AUTHZ_STATE__MAX);
	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++)
		of[rows[i].state]++;
	free(rows);
}

/* The first thing that is still to be done decides where the order goes. */
static void
next_authorization(struct order_row *o, struct job *j,
    const struct report *r)
{
	static const struct {
		enum authorization_state open;
		enum order_state go;
	} table[] = {
		{ AUTHZ_UNREAD, ORDER_AUTHORIZATIONS },
		{ AUTHZ_PENDING, ORDER_PROVISION },
		{ AUTHZ_ANSWERED, ORDER_VALIDATE },
	};
	size_t of[AUTHZ_STATE__MAX];

	count(o, of);
	for (size_t i = 0; i < nitems(table); i++) {
		if (of[table[i].open] == 0)
			continue;
		if (o->state != table[i].go)
			POINT("authorizations", "read");
		if (o->state == table[i].go && o->state == ORDER_VALIDATE)
			order_poll(o, j, r);
		else
			order_enter(o, j, table[i].go,
			    table[i].go == ORDER_VALIDATE ? FIRST_POLL : 0);
		return;
	}
	POINT("authorizations", "valid");
	order_enter(o, j, ORDER_READY, 0);
}

bool
order_catch_up(struct order_row *o, struct job *j)
{
	static const struct {
		enum order_state state;
		enum authorization_state wants;
	} table[] = {
		{ ORDER_AUTHORIZATIONS, AUTHZ_UNREAD },
		{ ORDER_ANSWER, AUTHZ_PENDING },
		{ ORDER_VALIDATE, AUTHZ_ANSWERED },
	};
	static const struct report none = { .retry_after = -1 };
	size_t of[AUTHZ_STATE__MAX];

	count(o, of);
	for (size_t i = 0; i < nitems(table); i++)
		if (o->state == table[i].state && of[table[i].wants] == 0) {
			next_authorization(o, j, &none);
			return true;
		}
	return false;
}

/* Asks once more, later and later, whether the CA now finds our answer. */
static void
answer_again(struct order_row *o, struct job *j,
    const struct authorization_row *a, const struct report *r)
{
	int64_t pause = (int64_t)ANSWERS_PAUSE << a->answers;

	order_retry(o, j, ORDER_ANSWER, a->error,
	    r->retry_after > pause ? r->retry_after : pause);
}

void
follow_authorization(struct order_row *o, struct job *j,
    const struct report *r)
{
	struct authorization_row a;
	struct certificate_row c;
	char words[STORE_TEXT] = "";
	struct fault why;
	bool good;

	if (!load_authorization(o, j->index, &a) ||
	    store_certificate_get(core.store, o->certificate, &c, &why) !=
	    OK) {
		order_retry(o, j, o->state, "authorization not stored", 0);
		return;
	}
	good = authorization_read(o, &a, &c, r->facts, words);
	certificate_row_free(&c);
	if (store_authorization_put(core.store, &a, &why) != OK) {
		order_retry(o, j, o->state, why.text, 0);
		return;
	}
	if (!good && (a.state != AUTHZ_INVALID ||
	    !order_another(o, j, words)))
		order_fail(o, j, words);
	else if (!good)
		return;
	else if (a.state == AUTHZ_PENDING && o->state == ORDER_VALIDATE)
		answer_again(o, j, &a, r);
	else
		next_authorization(o, j, r);
}

void
follow_challenge(struct order_row *o, struct job *j, const struct report *r)
{
	struct authorization_row a;
	struct fault why;
	size_t of[AUTHZ_STATE__MAX];

	if (!load_authorization(o, j->index, &a)) {
		order_retry(o, j, o->state, "authorization not stored", 0);
		return;
	}
	a.state = AUTHZ_ANSWERED;
	a.answers++;
	if (store_authorization_put(core.store, &a, &why) != OK) {
		order_retry(o, j, o->state, why.text, 0);
		return;
	}
	POINT("challenge", "stored");
	order_note(o->id, "%s: asked the CA to look", a.identifier);
	count(o, of);
	if (of[AUTHZ_PENDING] > 0)
		order_enter(o, j, ORDER_ANSWER, 0);
	else
		next_authorization(o, j, r);
}

void
order_reread(const struct order_row *o)
{
	struct authorization_row *rows;
	struct fault why;
	size_t n;

	if (store_authorizations(core.store, o->id, &rows, &n, &why) != OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].state == AUTHZ_VALID)
			continue;
		rows[i].state = AUTHZ_UNREAD;
		if (store_authorization_put(core.store, &rows[i], &why) != OK)
			log_error("order %lld: %s", (long long)o->id,
			    why.text);
	}
	free(rows);
}
