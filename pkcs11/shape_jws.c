#include "shape_jws.h"

#include <string.h>

#include "../broker/base/b64.h"
#include "../broker/base/mem.h"

#define HEADER_MAX 4096 /* bytes of a decoded protected header */
#define NONCE_MAX  512
#define URL_MAX	   2048
#define JWK_MAX	   8 /* members */

/* The text still to be read.  Nothing but what a compact writer of ASCII
 * would write is understood: no white space, no backslash. */
struct scanner {
	const char *p;
	const char *end;
};

struct header {
	struct view alg, nonce, url, kid;
	bool jwk;
};

static bool
accept(struct scanner *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool
scan_string(struct scanner *s, struct view *out)
{
	const char *begin;

	if (!accept(s, '"'))
		return false;
	begin = s->p;
	while (s->p < s->end && *s->p >= 0x20 && *s->p < 0x7f &&
	    *s->p != '"' && *s->p != '\\')
		s->p++;
	*out = (struct view){ (const unsigned char *)begin,
		(size_t)(s->p - begin) };
	return accept(s, '"');
}

static bool
same(struct view v, const char *text)
{
	return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static bool
seen_before(const struct view *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].n == names[n].n &&
		    memcmp(names[i].p, names[n].p, names[n].n) == 0)
			return true;
	return false;
}

/* A flat object of strings, no name twice. */
static bool
scan_jwk(struct scanner *s)
{
	struct view names[JWK_MAX], value;
	size_t n = 0;

	if (!accept(s, '{'))
		return false;
	do {
		if (n == JWK_MAX || !scan_string(s, &names[n]) ||
		    seen_before(names, n) || !accept(s, ':') ||
		    !scan_string(s, &value))
			return false;
		n++;
	} while (accept(s, ','));
	return accept(s, '}');
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

	if (!scan_string(s, &name) || !accept(s, ':'))
		return fault_set(why, ERR_SHAPE, "the protected header is not "
		    "a flat JSON object without white space and escapes");
	if (same(name, "jwk") && !h->jwk) {
		h->jwk = scan_jwk(s);
		return h->jwk ? OK : fault_set(why, ERR_SHAPE,
		    "jwk is not a flat JSON object of strings");
	}
	for (size_t i = 0; i < nitems(strings); i++) {
		if (!same(name, strings[i].name) || strings[i].value->p != NULL)
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

	if (!accept(s, '{'))
		return fault_set(why, ERR_SHAPE,
		    "the protected header is not a JSON object");
	do {
		e = scan_member(s, h, why);
		if (e != OK)
			return e;
	} while (accept(s, ','));
	if (!accept(s, '}') || s->p != s->end)
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

/* The six bits of a base64url character, or -1. */
static int
sextet(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* A nonce is echoed and never decoded; some CAs make theirs up from the
 * alphabet alone (RFC 8555 section 6.5.1 has no more in its grammar). */
static bool
is_nonce(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (sextet(v.p[i]) < 0)
			return false;
	return v.n != 0 && v.n <= NONCE_MAX;
}

/* Without padding and without stray bits; checked where it stands, because a
 * payload may be large and nobody here needs its content. */
static bool
base64url(const unsigned char *p, size_t n)
{
	static const int stray[4] = { 0, -1, 15, 3 };
	int last = 0;

	for (size_t i = 0; i < n; i++) {
		last = sextet(p[i]);
		if (last < 0)
			return false;
	}
	return n % 4 != 1 && (last & stray[n % 4]) == 0;
}

static enum err
check_header(const struct header *h, enum sig_alg alg, struct fault *why)
{
	if (h->alg.p == NULL || !same(h->alg, alg_name(alg)))
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

enum err
shape_jws_acme(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	const unsigned char *dot = in.n != 0 ? memchr(in.p, '.', in.n) : NULL;
	struct header h = { .jwk = false };
	struct scanner s;
	struct buf text;
	enum err e;

	(void)spki;
	if (dot == NULL)
		return fault_set(why, ERR_SHAPE, "not a JWS signing input");
	if (!base64url(dot + 1, in.n - (size_t)(dot - in.p) - 1))
		return fault_set(why, ERR_SHAPE,
		    "the payload is not base64url");
	buf_init(&text, HEADER_MAX);
	if (b64_get(&text, (const char *)in.p, (size_t)(dot - in.p))) {
		s.p = buf_str(&text);
		s.end = s.p + text.len;
		e = scan_header(&s, &h, why);
		if (e == OK)
			e = check_header(&h, alg, why);
	} else {
		e = fault_set(why, ERR_SHAPE, "the protected header is not "
		    "base64url, or longer than %d bytes", HEADER_MAX);
	}
	buf_free(&text);
	return e;
}
