#include "san.h"

#include <arpa/inet.h>
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
		if (!dns_name_valid(name, true) && !ip_valid(name))
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

/* An entry's name, or its address as text; NULL when it is neither. */
static const char *
text_of(const GENERAL_NAME *g, char address[static INET6_ADDRSTRLEN],
    size_t *n)
{
	const ASN1_STRING *s = g->d.ia5;

	if (g->type != GEN_DNS && g->type != GEN_IPADD)
		return NULL;
	*n = (size_t)ASN1_STRING_length(s);
	if (g->type == GEN_DNS)
		return (const char *)ASN1_STRING_get0_data(s);
	if ((*n != 4 && *n != 16) || inet_ntop(*n == 4 ? AF_INET : AF_INET6,
		ASN1_STRING_get0_data(s), address, INET6_ADDRSTRLEN) == NULL)
		return NULL;
	*n = strlen(address);
	return address;
}

static bool
in_san(const GENERAL_NAMES *san, const char *p, size_t n)
{
	char address[INET6_ADDRSTRLEN];

	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		size_t k = 0;
		const char *text = text_of(sk_GENERAL_NAME_value(san, i),
		    address, &k);

		if (text != NULL && k == n && strncasecmp(text, p, n) == 0)
			return true;
	}
	return false;
}

/* A NUL within a name makes it unlike any of ours: lengths are compared. */
static enum err
none_too_many(const GENERAL_NAMES *san, const char *names, struct fault *why)
{
	char address[INET6_ADDRSTRLEN];

	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		size_t n = 0;
		const char *p = text_of(sk_GENERAL_NAME_value(san, i),
		    address, &n);

		if (p == NULL)
			return fault_set(why, ERR_CERTIFICATE, "subjectAltName"
			    " has an entry that is no DNS name or address");
		if (!listed(names, names + strlen(names), p, n) ||
		    memchr(p, '\0', n) != NULL)
			return fault_set(why, ERR_CERTIFICATE,
			    "subjectAltName has %.*s, which was not asked for",
			    n < DNS_MAX ? (int)n : DNS_MAX, p);
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
