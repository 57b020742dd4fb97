/*
 * PKCS#11 URIs (RFC 7512), by their syntax.  p11-kit accepts unknown and
 * double attributes in silence; such a URI would match nothing, or something
 * else than was meant.
 */
#include <string.h>

#include "../broker/base/crypto.h"
#include "../broker/base/mem.h"
#include "text.h"

enum place_bits { OF_TOKEN = 1, OF_KEY = 2 };

/*
 * Path attributes, where each may stand, and the most bytes that it means
 * (0: never allowed).  Slots are left out: their numbers change at will.
 */
static const struct attribute {
	const char *name;
	unsigned where;
	size_t most;
} attributes[] = {
	{ "token", OF_TOKEN | OF_KEY, 32 },
	{ "manufacturer", OF_TOKEN | OF_KEY, 32 },
	{ "serial", OF_TOKEN | OF_KEY, 16 },
	{ "model", OF_TOKEN | OF_KEY, 16 },
	{ "object", OF_KEY, 255 },
	{ "id", OF_KEY, CKA_ID_MAX },
	{ "type", OF_KEY, 7 },
	{ "slot-id", 0, 0 },
	{ "slot-description", 0, 0 },
	{ "slot-manufacturer", 0, 0 },
	{ "library-manufacturer", 0, 0 },
	{ "library-description", 0, 0 },
	{ "library-version", 0, 0 },
	{ "pin-source", 0, 0 },
	{ "pin-value", 0, 0 },
};

static const struct attribute *
find(const char *s, size_t n)
{
	for (size_t i = 0; i < nitems(attributes); i++)
		if (strlen(attributes[i].name) == n &&
		    memcmp(attributes[i].name, s, n) == 0)
			return &attributes[i];
	return NULL;
}

static bool
is_hex(char c)
{
	return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* pk11-pchar of RFC 7512 section 2.3, without percent-encoding. */
static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("-._~:[]@!$'()*+,=&", c) != NULL);
}

/* Checks the value of n bytes at s, where the end of s comes later. */
static const char *
check_value(const struct attribute *a, const char *s, size_t n)
{
	bool binary = strcmp(a->name, "id") == 0;
	size_t means = 0;

	for (size_t i = 0; i < n; i++, means++) {
		if (s[i] == '%') {
			if (n - i < 3 || !is_hex(s[i + 1]) ||
			    !is_hex(s[i + 2]))
				return "has a % without two hex digits";
			if (!binary && s[i + 1] == '0' && s[i + 2] == '0')
				return "has a NUL character";
			i += 2;
		} else if (!is_plain(s[i])) {
			return "has a character that must be written as %XX";
		}
	}
	if (means == 0)
		return "has an attribute without a value";
	if (means > a->most)
		return "has a value longer than the token can hold";
	if (strcmp(a->name, "type") == 0 &&
	    (n != 7 || memcmp(s, "private", 7) != 0))
		return "must have type=private, or no type";
	return NULL;
}

/* Checks one attribute; sets its bit in seen. */
static const char *
check_attribute(const char *s, size_t n, unsigned where, unsigned *seen)
{
	const char *equals = memchr(s, '=', n);
	const struct attribute *a;
	size_t name;
	unsigned bit;

	if (equals == NULL)
		return "has a part that is not attribute=value";
	name = (size_t)(equals - s);
	a = find(s, name);
	if (a == NULL)
		return "has an unknown attribute";
	if (strncmp(a->name, "pin-", 4) == 0)
		return "must not hold a PIN; use pin-source";
	if ((a->where & where) == 0)
		return "has an attribute that has no place here";
	bit = 1u << (a - attributes);
	if ((*seen & bit) != 0)
		return "has an attribute twice";
	*seen |= bit;
	return check_value(a, equals + 1, n - name - 1);
}

static const char *
check_uri(const char *s, unsigned where, unsigned *seen)
{
	const char *complaint = NULL;
	size_t n;

	*seen = 0;
	if (strncmp(s, "pkcs11:", 7) != 0)
		return "must begin with pkcs11:";
	s += 7;
	if (strpbrk(s, "?#") != NULL)
		return strstr(s, "pin-") != NULL ?
		    "must not hold a PIN; use pin-source" :
		    "must have path attributes only";
	while (complaint == NULL) {
		n = strcspn(s, ";");
		complaint = check_attribute(s, n, where, seen);
		if (s[n] == '\0')
			break;
		s += n + 1;
	}
	return complaint;
}

static unsigned
bit_of(const char *name)
{
	return 1u << (find(name, strlen(name)) - attributes);
}

const char *
check_token_uri(const char *s)
{
	unsigned seen;
	const char *complaint = check_uri(s, OF_TOKEN, &seen);

	if (complaint == NULL && (seen & (bit_of("token") |
	    bit_of("serial"))) == 0)
		complaint = "must name the token by token= or serial=";
	return complaint;
}

const char *
check_key_uri(const char *s)
{
	unsigned seen;
	const char *complaint = check_uri(s, OF_KEY, &seen);

	if (complaint == NULL && (seen & (bit_of("object") |
	    bit_of("id"))) == 0)
		complaint = "must name the key by object= or id=";
	return complaint;
}
