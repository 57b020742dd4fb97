#include "sight.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../base/url.h"
#include "../compose/chain.h"
#include "../compose/pem.h"

#define VALUE_SIZE 256 /* of an identifier with its NUL */

static char *
url_of(const struct json *facts, const char *name)
{
	const char *url = json_get_string(facts, name);

	return url_valid(url) ? xstrdup(url) : NULL;
}

static void
add_url(struct sight *s, const char *url)
{
	if (url_valid(url) && s->nurls < SIGHT_URLS)
		s->urls[s->nurls++] = xstrdup(url);
}

/* CAs may write a name in capitals, or an address in another way. */
static void
normalise(bool ip, const char *value, char out[static VALUE_SIZE])
{
	static const int families[] = { AF_INET, AF_INET6 };
	unsigned char address[sizeof(struct in6_addr)];

	for (size_t i = 0; ip && i < nitems(families); i++)
		if (inet_pton(families[i], value, address) == 1 &&
		    inet_ntop(families[i], address, out, VALUE_SIZE) != NULL)
			return;
	strcpy(out, value);
	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
}

static bool
add_identifier(struct sight *s, const struct json *v, bool wildcard)
{
	const char *type = json_get_string(v, "type");
	const char *value = json_get_string(v, "value");
	char text[VALUE_SIZE + 2] = "*.";
	size_t start = wildcard ? 0 : 2;

	if (type == NULL || value == NULL || strlen(value) >= VALUE_SIZE)
		return false;
	normalise(strcmp(type, "ip") == 0, value, text + 2);
	if (identifiers_have(&s->ids, text + start, strlen(text + start)))
		return true;
	return identifiers_add(&s->ids, type, text + start,
	    strlen(text + start), true, NULL) == OK;
}

static bool
read_order(struct sight *s, const struct json *facts)
{
	const struct json *v;

	for (v = json_first(json_get(facts, "identifiers")); v != NULL;
	    v = json_next(v))
		if (!add_identifier(s, v, false))
			return false;
	for (v = json_first(json_get(facts, "authorizations")); v != NULL;
	    v = json_next(v))
		add_url(s, json_string(v));
	s->finalize = url_of(facts, "finalize");
	s->certificate = url_of(facts, "certificate");
	return identifiers_end(&s->ids, NULL) == OK;
}

static bool
read_authorization(struct sight *s, const struct json *facts)
{
	bool wildcard = false;

	json_get_bool(facts, "wildcard", &wildcard);
	if (!add_identifier(s, json_get(facts, "identifier"), wildcard))
		return false;
	for (const struct json *v = json_first(json_get(facts, "challenges"));
	    v != NULL; v = json_next(v))
		add_url(s, json_get_string(v, "url"));
	return identifiers_end(&s->ids, NULL) == OK;
}

static bool
read_challenge(struct sight *s, const struct json *facts)
{
	s->up = url_of(facts, "up");
	return true;
}

static bool
read_certificate(struct sight *s, const struct json *facts)
{
	const char *pem = json_get_string(facts, "pem");
	unsigned char *der = NULL;
	STACK_OF(X509) *chain = NULL;
	int n;
	bool good;

	if (pem != NULL)
		chain = pem_read(pem, CHAIN_CERTIFICATES, NULL);
	if (chain == NULL)
		return false;
	n = i2d_X509(sk_X509_value(chain, 0), &der);
	good = n > 0 &&
	    proof_certificate_der(&s->leaf, der, (size_t)n, NULL) == OK;
	OPENSSL_free(der);
	pem_free(chain);
	return good;
}

static const struct {
	enum place place;
	bool (*read)(struct sight *, const struct json *facts);
} kinds[] = {
	{ PLACE_ORDER, read_order },
	{ PLACE_AUTHORIZATION, read_authorization },
	{ PLACE_CHALLENGE, read_challenge },
	{ PLACE_CERTIFICATE, read_certificate },
};

void
sight_read(struct sight *s, const struct json *facts)
{
	const char *kind = json_get_string(facts, "kind");

	*s = (struct sight){ .place = PLACE_UNKNOWN };
	for (size_t i = 0; kind != NULL && i < nitems(kinds); i++)
		if (strcmp(place_name(kinds[i].place), kind) == 0 &&
		    kinds[i].read(s, facts))
			s->place = kinds[i].place;
}

void
sight_free(struct sight *s)
{
	identifiers_free(&s->ids);
	for (size_t i = 0; i < s->nurls; i++)
		free(s->urls[i]);
	free(s->finalize);
	free(s->certificate);
	free(s->up);
	proof_free(&s->leaf);
	*s = (struct sight){ .place = PLACE_UNKNOWN };
}
