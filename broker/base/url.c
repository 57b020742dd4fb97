#include "url.h"

#include <stddef.h>
#include <string.h>

#define SCHEME "https://"

/* Bytes that a URL may have (RFC 3986 section 2), less those that no ACME
 * URL needs and that programs read differently. */
static bool
is_url_byte(unsigned char c)
{
	return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
}

const char *
url_complaint(const char *url)
{
	const char *host = url + strlen(SCHEME);
	size_t n;

	if (strlen(url) >= URL_SIZE)
		return "is too long";
	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return "is not https";
	for (const char *p = url; *p != '\0'; p++)
		if (!is_url_byte((unsigned char)*p))
			return "has a byte that does not belong there";
	n = strcspn(host, "/?");
	if (n == 0 || host[0] == ':' || memchr(host, '@', n) != NULL)
		return "has no host, or a user with it";
	return NULL;
}

bool
url_valid(const char *url)
{
	return url != NULL && url_complaint(url) == NULL;
}
