#include "jws.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/crypto.h"
#include "../../broker/base/mem.h"
#include "jwk.h"

#define PART_MAX 131072 /* bytes of a part, decoded */

bool
problem_set(struct problem *p, unsigned status, const char *type,
    const char *fmt, ...)
{
	va_list ap;

	p->status = status;
	p->type = type;
	va_start(ap, fmt);
	vsnprintf(p->words, sizeof(p->words), fmt, ap);
	va_end(ap);
	return false;
}

static bool
malformed(struct problem *p, const char *what)
{
	return problem_set(p, 400, "malformed", "%s", what);
}

/* Decodes a member of the envelope. */
static bool
part(const struct json *envelope, const char *name, struct buf *out)
{
	const char *text = json_get_string(envelope, name);

	buf_init(out, PART_MAX);
	return text != NULL && b64_get(out, text, strlen(text));
}

static struct json *
part_json(const struct json *envelope, const char *name)
{
	struct json *v = NULL;
	struct buf b;

	if (part(envelope, name, &b) && b.len > 0)
		v = json_parse(buf_str(&b), b.len, NULL);
	buf_free(&b);
	return v;
}

struct json *
jws_peek(const struct request *rq)
{
	struct json *envelope = json_parse((const char *)rq->body.data,
	    rq->body.len, NULL);
	struct json *payload = part_json(envelope, "payload");

	json_free(envelope);
	return payload;
}

static bool
read_http(const struct request *rq, struct problem *p)
{
	if (strcmp(rq->content_type, "application/jose+json") != 0)
		return problem_set(p, 415, "malformed",
		    "Content-Type: %.100s", rq->content_type);
	if (!rq->user_agent)
		return malformed(p, "no User-Agent");
	if (rq->nonce_header)
		return malformed(p, "a Replay-Nonce in the request");
	return true;
}

/* The key by jwk or kid: one of them. */
static bool
read_key(struct jws *j, struct ca *ca, const struct json *header,
    struct problem *p)
{
	const struct json *jwk = json_get(header, "jwk");
	const char *kid = json_get_string(header, "kid");
	struct buf url;

	if ((jwk != NULL) == (kid != NULL))
		return malformed(p, "not exactly one of jwk and kid");
	j->by_jwk = jwk != NULL;
	if (j->by_jwk)
		j->key = jwk_key(jwk);
	if (j->key != NULL)
		j->jwk = jwk_canonical(jwk);
	buf_init(&url, sizeof(((struct request *)0)->target));
	for (unsigned i = 0; i < ca->naccounts && j->account == NULL; i++) {
		struct account *a = ca->accounts[i];

		buf_reset(&url);
		ca_url(ca, "account", a->id, &url);
		if (j->jwk != NULL ? strcmp(j->jwk, a->jwk) == 0 :
		    kid != NULL && strcmp(kid, buf_str(&url)) == 0)
			j->account = a;
	}
	buf_free(&url);
	if (!j->by_jwk && j->account == NULL)
		return problem_set(p, 400, "accountDoesNotExist",
		    "there is no account %.300s", kid);
	if (!j->by_jwk)
		j->key = j->account->key;
	return j->key != NULL || problem_set(p, 400, "badPublicKey",
	    "the jwk is not usable");
}

static bool
check_signature(const struct jws *j, const struct json *envelope,
    const struct json *header, struct problem *p)
{
	const char *word = json_get_string(header, "alg");
	enum sig_alg alg = word != NULL ? alg_parse(word) : ALG__MAX;
	struct buf text, signature;
	bool good;

	if (alg == ALG__MAX)
		return problem_set(p, 400, "badSignatureAlgorithm",
		    "alg: %.20s", word != NULL ? word : "(none)");
	buf_init(&text, 2 * PART_MAX);
	buf_putf(&text, "%s.%s", json_get_string(envelope, "protected"),
	    json_get_string(envelope, "payload"));
	good = part(envelope, "signature", &signature) &&
	    signature_verify(j->key, alg, text.data, text.len, signature.data,
		signature.len, NULL) == OK;
	buf_free(&signature);
	buf_free(&text);
	return good || malformed(p, "the signature does not verify");
}

static bool
check_nonce(struct ca *ca, const struct json *header, struct problem *p)
{
	const char *nonce = json_get_string(header, "nonce");

	if (nonce == NULL)
		return malformed(p, "no nonce");
	if (ca_nonce_use(ca, nonce) == OK)
		return true;
	return problem_set(p, 400, "badNonce",
	    "the nonce was not given, or was used");
}

static bool
check_header(struct jws *j, struct ca *ca, const struct json *header,
    const char *url, struct problem *p)
{
	const char *told = json_get_string(header, "url");

	if (!json_is_object(header) || json_count(header) != 4)
		return malformed(p, "protected is not alg, nonce, url and key");
	if (told == NULL || strcmp(told, url) != 0)
		return problem_set(p, 403, "unauthorized", "url is %.300s",
		    told != NULL ? told : "(none)");
	return read_key(j, ca, header, p);
}

static bool
read_payload(struct jws *j, const struct json *envelope, struct problem *p)
{
	const char *text = json_get_string(envelope, "payload");

	if (json_count(envelope) != 3 || text == NULL)
		return malformed(p, "not protected, payload and signature");
	j->payload = part_json(envelope, "payload");
	return text[0] == '\0' || json_is_object(j->payload) ||
	    malformed(p, "the payload is no JSON object");
}

bool
jws_read(struct jws *j, struct ca *ca, const struct request *rq,
    const char *url, struct problem *p)
{
	struct json *envelope = json_parse((const char *)rq->body.data,
	    rq->body.len, NULL);
	struct json *header = part_json(envelope, "protected");
	bool good;

	*j = (struct jws){ .by_jwk = false };
	good = read_http(rq, p) && read_payload(j, envelope, p) &&
	    check_header(j, ca, header, url, p) &&
	    check_signature(j, envelope, header, p) &&
	    check_nonce(ca, header, p);
	json_free(header);
	json_free(envelope);
	return good;
}

void
jws_free(struct jws *j)
{
	if (j->by_jwk)
		EVP_PKEY_free(j->key);
	free(j->jwk);
	json_free(j->payload);
}
