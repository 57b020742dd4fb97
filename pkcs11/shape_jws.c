#include "shape_jws.h"

#include <string.h>

#include "../broker/base/b64.h"
#include "../broker/base/lane.h"
#include "../broker/base/mem.h"
#include "scan.h"
#include "shape_acme.h"

#define HEADER_MAX 4096 /* bytes of a decoded protected header */
#define NONCE_MAX  512
#define URL_MAX	   2048
#define JWK_MAX	   8 /* members */

struct header {
	struct view alg, nonce, url, kid;
	bool jwk;
};

/* A flat object of strings, no name twice. */
static bool
scan_jwk(struct scanner *s)
{
	struct view names[JWK_MAX], value;
	size_t n = 0;

	if (!scan_char(s, '{'))
		return false;
	do {
		if (n == JWK_MAX || !scan_string(s, &names[n]) ||
		    scan_twice(names, n) || !scan_char(s, ':') ||
		    !scan_string(s, &value))
			return false;
		n++;
	} while (scan_char(s, ','));
	return scan_char(s, '}');
}

/* One member; a name that is unknown, or stands twice, is refused. */
static enum err
scan_member(struct scanner *s, struct header *h, struct fault *why)
{
	struct {
		const char *name;
		struct view *value;
	} strings[] = {
		{ "alg", &h->alg },
		{ "nonce", &h->nonce },
		{ "url", &h->url },
		{ "kid", &h->kid },
	};
	struct view name;

	if (!scan_string(s, &name) || !scan_char(s, ':'))
		return fault_set(why, ERR_SHAPE, "the protected header is not "
		    "a flat JSON object without white space and escapes");
	if (scan_same(name, "jwk") && !h->jwk) {
		h->jwk = scan_jwk(s);
		return h->jwk ? OK : fault_set(why, ERR_SHAPE,
		    "jwk is not a flat JSON object of strings");
	}
	for (size_t i = 0; i < nitems(strings); i++) {
		if (!scan_same(name, strings[i].name) ||
		    strings[i].value->p != NULL)
			continue;
		return scan_string(s, strings[i].value) ? OK :
		    fault_set(why, ERR_SHAPE, "member %s is not a plain string",
			strings[i].name);
	}
	return fault_set(why, ERR_SHAPE,
	    "member \"%.*s\" of the protected header is unknown or stands "
	    "twice", name.n < 64 ? (int)name.n : 64, (const char *)name.p);
}

static enum err
scan_header(struct scanner *s, struct header *h, struct fault *why)
{
	enum err e;

	if (!scan_char(s, '{'))
		return fault_set(why, ERR_SHAPE,
		    "the protected header is not a JSON object");
	do {
		e = scan_member(s, h, why);
		if (e != OK)
			return e;
	} while (scan_char(s, ','));
	if (!scan_char(s, '}') || s->p != s->end)
		return fault_set(why, ERR_SHAPE,
		    "the protected header does not end with its object");
	return OK;
}

static bool
is_https(struct view v)
{
	static const char scheme[] = "https://";
	size_t n = sizeof(scheme) - 1;

	if (v.n <= n || v.n > URL_MAX || memcmp(v.p, scheme, n) != 0 ||
	    v.p[n] == '/')
		return false;
	return memchr(v.p, ' ', v.n) == NULL;
}

/* A nonce is echoed and never decoded; some CAs make theirs up from the
 * alphabet alone (RFC 8555 section 6.5.1 has no more in its grammar). */
static bool
is_nonce(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\0' || strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz0123456789-_", v.p[i]) == NULL)
			return false;
	return v.n != 0 && v.n <= NONCE_MAX;
}

static enum err
check_header(const struct header *h, enum sig_alg alg, struct fault *why)
{
	if (h->alg.p == NULL || !scan_same(h->alg, alg_name(alg)))
		return fault_set(why, ERR_SHAPE,
		    "alg is missing or not %s", alg_name(alg));
	if (!is_nonce(h->nonce))
		return fault_set(why, ERR_SHAPE,
		    "nonce is missing or not base64url");
	if (h->url.p == NULL || !is_https(h->url))
		return fault_set(why, ERR_SHAPE,
		    "url is missing or not https");
	if (h->jwk == (h->kid.p != NULL))
		return fault_set(why, ERR_SHAPE,
		    "there must be exactly one of kid and jwk");
	if (h->kid.p != NULL && !is_https(h->kid))
		return fault_set(why, ERR_SHAPE, "kid is not an https URL");
	return OK;
}

static bool
equal(struct view a, struct view b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static enum err
check_payload(const struct header *h, const unsigned char *p, size_t n,
    struct fault *why)
{
	struct buf text;
	enum err e;

	buf_init(&text, PREIMAGE_MAX);
	if (b64_get(&text, (const char *)p, n))
		e = shape_acme_payload((struct view){ text.data, text.len },
		    h->jwk, !h->jwk && equal(h->kid, h->url), why);
	else
		e = fault_set(why, ERR_SHAPE,
		    "the payload is not base64url");
	buf_free(&text);
	return e;
}

static enum err
check_text(struct buf *text, enum sig_alg alg, const unsigned char *payload,
    size_t n, struct fault *why)
{
	struct header h = { .jwk = false };
	struct scanner s = { buf_str(text), buf_str(text) + text->len };
	enum err e;

	e = scan_header(&s, &h, why);
	if (e == OK)
		e = check_header(&h, alg, why);
	return e == OK ? check_payload(&h, payload, n, why) : e;
}

enum err
shape_jws_acme(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	const unsigned char *dot = in.n != 0 ? memchr(in.p, '.', in.n) : NULL;
	struct buf text;
	enum err e;

	(void)spki;
	if (dot == NULL)
		return fault_set(why, ERR_SHAPE, "not a JWS signing input");
	buf_init(&text, HEADER_MAX);
	if (b64_get(&text, (const char *)in.p, (size_t)(dot - in.p)))
		e = check_text(&text, alg, dot + 1,
		    in.n - (size_t)(dot - in.p) - 1, why);
	else
		e = fault_set(why, ERR_SHAPE, "the protected header is not "
		    "base64url, or longer than %d bytes", HEADER_MAX);
	buf_free(&text);
	return e;
}
