/* IP addresses, and the networks that rules are written in. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "text.h"

struct address {
	unsigned char bytes[16];
	unsigned bits; /* 32 or 128 */
};

/* A version 4 address in version 6 (RFC 4291 section 2.5.5.2) is that
 * version 4 address: a rule about the one is about the other. */
static bool
read_address(const char *s, struct address *a)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	unsigned char bytes[16];

	if (inet_pton(AF_INET, s, a->bytes) == 1) {
		a->bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, s, bytes) != 1)
		return false;
	a->bits = memcmp(bytes, mapped, sizeof(mapped)) == 0 ? 32 : 128;
	memcpy(a->bytes, a->bits == 32 ? bytes + sizeof(mapped) : bytes,
	    a->bits / 8);
	return true;
}

bool
ip_valid(const char *text)
{
	struct address a;
	char again[INET6_ADDRSTRLEN];
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	return read_address(text, &a) &&
	    (a.bits == 128) == (family == AF_INET6) &&
	    inet_ntop(family, a.bytes, again, sizeof(again)) != NULL &&
	    strcmp(text, again) == 0;
}

/* Gives the length of the prefix behind the slash, or all bits without one;
 * -1 when it is none. */
static int
prefix_length(const char *slash, unsigned bits)
{
	size_t n;
	int v;

	if (slash == NULL)
		return (int)bits;
	n = strspn(slash + 1, "0123456789");
	if (n == 0 || n > 3 || slash[1 + n] != '\0' ||
	    (n > 1 && slash[1] == '0'))
		return -1;
	v = atoi(slash + 1);
	return v <= (int)bits ? v : -1;
}

static bool
same_prefix(const unsigned char *a, const unsigned char *b, int bits)
{
	int rest = bits % 8;

	return memcmp(a, b, (size_t)bits / 8) == 0 &&
	    (rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0);
}

/* Reads "192.0.2.0/24" or a single address; NULL, or a complaint. */
static const char *
read_network(const char *s, struct address *a, int *prefix)
{
	const char *slash = strchr(s, '/');
	char text[INET6_ADDRSTRLEN];
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);

	if (n >= sizeof(text))
		return "is no IP address";
	memcpy(text, s, n);
	text[n] = '\0';
	if (!read_address(text, a))
		return "is no IP address";
	if (a->bits == 32 && strchr(text, ':') != NULL)
		return "is a version 4 address: write it as one";
	*prefix = prefix_length(slash, a->bits);
	if (*prefix < 0)
		return "has no proper length of a prefix behind its slash";
	for (int i = *prefix; i < (int)a->bits; i++)
		if ((a->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			return "has bits behind its prefix";
	return NULL;
}

const char *
check_ip_pattern(const char *s)
{
	struct address a;
	int prefix;

	return strcmp(s, "*") == 0 ? NULL : read_network(s, &a, &prefix);
}

bool
ip_matches(const char *pattern, const char *ip)
{
	struct address network, a;
	int prefix;

	if (!read_address(ip, &a))
		return false;
	if (strcmp(pattern, "*") == 0)
		return true;
	return read_network(pattern, &network, &prefix) == NULL &&
	    network.bits == a.bits &&
	    same_prefix(network.bytes, a.bytes, prefix);
}
