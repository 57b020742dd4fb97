#include "header.h"

#include <string.h>

#include "../../base/mem.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../engine/engine.h"

#define JWK_MAX 4096

/* Each member that ours has, and no other. */
static bool
same_members(const struct json *ours, const struct json *theirs)
{
	for (const struct json *v = json_first(ours); v != NULL;
	    v = json_next(v)) {
		const char *their = json_get_string(theirs, json_name(v));

		if (their == NULL || strcmp(json_string(v), their) != 0)
			return false;
	}
	return json_count(ours) == json_count(theirs);
}

static enum err
check_jwk(const char *key, const struct json *jwk, struct fault *why)
{
	unsigned char spki[SPKI_MAX];
	struct json *ours = NULL;
	enum key_type type;
	struct buf text;
	size_t n;
	enum err e;

	buf_init(&text, JWK_MAX);
	e = keys_public(core.keys, key, spki, &n, &type, why);
	if (e == OK)
		e = jwk_write(&text, spki, n, why);
	if (e == OK) {
		ours = json_parse(buf_str(&text), text.len, why);
		if (ours == NULL || !same_members(ours, jwk))
			e = fault_set(why, ERR_DENIED, "\"jwk\" is not the "
			    "account's key");
	}
	json_free(ours);
	buf_free(&text);
	return e;
}

static enum err
check_whose(struct header *h, const char *account, const char *kid,
    const struct json *jwk, struct fault *why)
{
	struct account_row row;
	enum err e;

	h->jwk = jwk != NULL;
	if (h->jwk == (kid != NULL))
		return fault_set(why, ERR_SYNTAX,
		    "the header must have one of \"kid\" and \"jwk\"");
	e = engine_account(core.engine, account, &row, why);
	if (e != OK)
		return e;
	if (h->jwk)
		return check_jwk(row.key, jwk, why);
	return strcmp(kid, row.kid) == 0 ? OK : fault_set(why, ERR_DENIED,
	    "\"kid\" is not the account's URL");
}

enum err
header_read(struct header *h, const char *account, struct view text,
    struct fault *why)
{
	const char *alg = NULL, *kid = NULL;
	const struct json *jwk = NULL;
	const struct json_member rows[] = {
		{ "alg", JSON_STRING, true, &alg },
		{ "kid", JSON_STRING, false, &kid },
		{ "jwk", JSON_OBJECT, false, &jwk },
		{ "nonce", JSON_STRING, true, &h->nonce },
		{ "url", JSON_STRING, true, &h->url },
	};
	enum err e;

	*h = (struct header){ .alg = ALG__MAX };
	h->tree = json_parse((const char *)text.p, text.n, why);
	if (h->tree == NULL)
		return why->code;
	e = json_read(h->tree, rows, nitems(rows), why);
	if (e != OK)
		return e;
	h->alg = alg_parse(alg);
	if (h->alg == ALG__MAX)
		return fault_set(why, ERR_UNSUPPORTED, "\"alg\": %.32s is not "
		    "signed with", alg);
	return check_whose(h, account, kid, jwk, why);
}

void
header_free(struct header *h)
{
	json_free(h->tree);
	*h = (struct header){ .tree = NULL };
}
