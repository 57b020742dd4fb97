#include "shape_acme.h"

#include "../broker/base/mem.h"
#include "scan.h"

#define MEMBERS_MAX 8 /* of a payload */

/* With the key in the header an account is made or found; with its URL there,
 * everything else.  At the account's own URL there is only one thing. */
enum { WITH_JWK = 1, WITH_KID = 2, AT_OWN = 4 };

static const struct {
	const char *name;
	unsigned where;
	const char *value; /* the only one; NULL: any */
} known[] = {
	{ "contact", WITH_JWK | AT_OWN, NULL },
	{ "termsOfServiceAgreed", WITH_JWK, NULL },
	{ "onlyReturnExisting", WITH_JWK, NULL },
	{ "externalAccountBinding", WITH_JWK, NULL },
	{ "identifiers", WITH_KID, NULL },
	{ "notBefore", WITH_KID, NULL },
	{ "notAfter", WITH_KID, NULL },
	{ "profile", WITH_KID, NULL },
	{ "replaces", WITH_KID, NULL },
	{ "identifier", WITH_KID, NULL },
	{ "csr", WITH_KID, NULL },
	{ "certificate", WITH_KID, NULL },
	{ "reason", WITH_KID, NULL },
	{ "status", WITH_KID, "\"deactivated\"" },
};

static bool
is_known(struct view name, struct view value, unsigned where)
{
	for (size_t i = 0; i < nitems(known); i++)
		if (scan_same(name, known[i].name))
			return (known[i].where & where) != 0 &&
			    (known[i].value == NULL ||
				scan_same(value, known[i].value));
	return false;
}

static enum err
scan_member(struct scanner *s, struct view *name, unsigned where,
    struct fault *why)
{
	struct view value;

	if (!scan_string(s, name) || !scan_char(s, ':') ||
	    !scan_value(s, &value))
		return fault_set(why, ERR_SHAPE, "the payload is not a JSON "
		    "object without white space and escapes");
	if (is_known(*name, value, where))
		return OK;
	return fault_set(why, ERR_SHAPE, "member \"%.*s\" of the payload is "
	    "none that is signed with such a header",
	    name->n < 64 ? (int)name->n : 64, (const char *)name->p);
}

enum err
shape_acme_payload(struct view payload, bool jwk, bool own,
    struct fault *why)
{
	unsigned where = jwk ? WITH_JWK : own ? AT_OWN : WITH_KID;
	struct view names[MEMBERS_MAX];
	struct scanner s;
	size_t n = 0;
	enum err e;

	if (payload.n == 0)
		return !jwk ? OK : fault_set(why, ERR_SHAPE,
		    "there is no payload beside a jwk");
	s.p = (const char *)payload.p;
	s.end = s.p + payload.n;
	if (!scan_char(&s, '{'))
		return fault_set(why, ERR_SHAPE,
		    "the payload is not a JSON object");
	if (!scan_char(&s, '}')) {
		do {
			if (n == MEMBERS_MAX)
				return fault_set(why, ERR_SHAPE, "the payload "
				    "has more than %d members", MEMBERS_MAX);
			e = scan_member(&s, &names[n], where, why);
			if (e == OK && scan_twice(names, n++))
				e = fault_set(why, ERR_SHAPE, "a member of "
				    "the payload stands twice");
			if (e != OK)
				return e;
		} while (scan_char(&s, ','));
		if (!scan_char(&s, '}'))
			s.p = NULL;
	}
	return s.p == s.end ? OK : fault_set(why, ERR_SHAPE,
	    "the payload does not end with its object");
}
