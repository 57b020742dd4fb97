#include "san.h"

#include <string.h>
#include <strings.h>

#include "../../../policy/config.h"

#define DNS_MAX 254 /* bytes of a DNS name with its NUL */

static const char *
next(const char *names, size_t *n)
{
	names += *n;
	names += *names == ' ';
	*n = strcspn(names, " ");
	return names;
}

static bool
listed(const char *names, const char *end, const char *p, size_t n)
{
	size_t k = strcspn(names, " ");

	for (; names < end && *names != '\0'; names = next(names, &k))
		if (k == n && strncasecmp(names, p, n) == 0)
			return true;
	return false;
}

bool
san_lists(const char *names, const char *name)
{
	return listed(names, names + strlen(names), name, strlen(name));
}

enum err
san_names_valid(const char *names, unsigned max, struct fault *why)
{
	const char *p = names;
	unsigned count = 0;
	size_t n;

	for (;; p += n + 1, count++) {
		char name[DNS_MAX];

		n = strcspn(p, " ");
		if (n == 0 || n >= sizeof(name))
			return fault_set(why, ERR_SYNTAX,
			    "a DNS name of %zu bytes", n);
		memcpy(name, p, n);
		name[n] = '\0';
		if (!dns_name_valid(name, true))
			return fault_set(why, ERR_SYNTAX,
			    "\"%s\" is not a DNS name in lower case", name);
		if (listed(names, p, p, n))
			return fault_set(why, ERR_SYNTAX,
			    "%s stands twice", name);
		if (count == max)
			return fault_set(why, ERR_LIMIT,
			    "more than %u names", max);
		if (p[n] == '\0')
			return OK;
	}
}

static bool
in_san(const GENERAL_NAMES *san, const char *p, size_t n)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(san, i);

		if ((size_t)ASN1_STRING_length(g->d.dNSName) == n &&
		    strncasecmp((const char *)ASN1_STRING_get0_data(
		    g->d.dNSName), p, n) == 0)
			return true;
	}
	return false;
}

/* A NUL within a name makes it unlike any of ours: lengths are compared. */
static enum err
none_too_many(const GENERAL_NAMES *san, const char *names, struct fault *why)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(san, i);
		const char *p;
		int n;

		if (g->type != GEN_DNS)
			return fault_set(why, ERR_CERTIFICATE,
			    "subjectAltName has an entry that is no DNS name");
		p = (const char *)ASN1_STRING_get0_data(g->d.dNSName);
		n = ASN1_STRING_length(g->d.dNSName);
		if (!listed(names, names + strlen(names), p, (size_t)n) ||
		    memchr(p, '\0', (size_t)n) != NULL)
			return fault_set(why, ERR_CERTIFICATE,
			    "subjectAltName has %.*s, which was not asked for",
			    n < DNS_MAX ? n : DNS_MAX, p);
	}
	return OK;
}

enum err
san_check(const GENERAL_NAMES *san, const char *names, struct fault *why)
{
	const char *p = names;
	size_t n = strcspn(p, " ");
	enum err e;

	if (san == NULL || sk_GENERAL_NAME_num(san) == 0)
		return fault_set(why, ERR_CERTIFICATE, "no subjectAltName");
	e = none_too_many(san, names, why);
	for (; e == OK && *p != '\0'; p = next(p, &n))
		if (!in_san(san, p, n))
			e = fault_set(why, ERR_CERTIFICATE,
			    "subjectAltName lacks %.*s", (int)n, p);
	return e;
}
