/*
 * What a payload of an ACME client is taken for.  The first byte says what
 * its URL is.  Whatever is understood is understood alike from what another
 * parser made of the same bytes, and from what is written for signing; and
 * that is what the signer's own look at a payload lets through.
 */
#include "../../broker/core/acme/act.h"
#include "../../pkcs11/shape_acme.h"
#include "fuzz.h"
#include "second.h"

#define OUT_MAX 1048576

struct reading {
	struct json *tree;
	struct understood u;
	enum err err;
	struct fault why;
};

static void
read_act(struct reading *r, enum place place, const char *text, size_t n)
{
	memset(r, 0, sizeof(*r));
	if (n > 0) {
		r->tree = json_parse(text, n, &r->why);
		r->err = r->tree != NULL ? OK : r->why.code;
	}
	if (r->err == OK)
		r->err = act_read(&r->u, place, r->tree, &r->why);
	if (r->err != OK)
		require_fault(r->err, &r->why);
}

static void
free_act(struct reading *r)
{
	act_free(&r->u);
	json_free(r->tree);
}

/* All that is known of a request, in one text. */
static void
put_facts(struct buf *out, const struct understood *u)
{
	const struct identifiers *ids = act_identifiers(u);
	struct json_writer w;

	buf_putf(out, "%d %s %d %d %zu|", u->act, u->name, u->operation,
	    u->jwk, u->nextra);
	buf_puts(out, ids->set != NULL ? ids->set : "");
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	act_tell(u, &w);
	json_close_object(&w);
	act_write(u, out);
	require(!out->failed);
}

/* Another text of the same document means the same. */
static void
require_same(const struct reading *r, enum place place, const char *text,
    size_t n)
{
	struct reading again;
	struct buf a, b;

	buf_init(&a, OUT_MAX);
	buf_init(&b, OUT_MAX);
	read_act(&again, place, text, n);
	require(again.err == OK);
	put_facts(&a, &r->u);
	put_facts(&b, &again.u);
	require(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	buf_free(&a);
	buf_free(&b);
	free_act(&again);
}

/* The names that policy is asked about are those that are signed. */
static void
require_names(const struct understood *u, const struct buf *payload)
{
	const struct identifiers *ids = act_identifiers(u);

	require(ids->nnames + ids->nips == ids->n);
	for (size_t i = 0; i < ids->n; i++) {
		require(set_has(ids->set, ids->v[i].value));
		require(strchr(ids->v[i].value, ' ') == NULL);
		require(u->proof.der != NULL || memmem(payload->data,
		    payload->len, ids->v[i].value,
		    strlen(ids->v[i].value)) != NULL);
	}
}

static void
require_understood(const struct reading *r, enum place place,
    const char *text, size_t n)
{
	char *other = n > 0 ? second_reading(text, n) : NULL;
	struct buf payload;
	struct fault why;

	require(n == 0 || other != NULL);
	buf_init(&payload, OUT_MAX);
	act_write(&r->u, &payload);
	require(!payload.failed && (payload.len > 0) == r->u.payload);
	require((n > 0) == r->u.payload);
	if (other != NULL)
		require_same(r, place, other, strlen(other));
	require_same(r, place, (const char *)payload.data, payload.len);
	require_names(&r->u, &payload);
	require(shape_acme_payload((struct view){ payload.data,
	    payload.len }, r->u.jwk, place == PLACE_ACCOUNT, &why) == OK);
	buf_free(&payload);
	free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *text = (const char *)p + 1;
	struct reading r;
	enum place place;

	if (n == 0)
		return 0;
	place = p[0] % PLACE__MAX;
	read_act(&r, place, text, n - 1);
	if (r.err == OK)
		require_understood(&r, place, text, n - 1);
	free_act(&r);
	return 0;
}
