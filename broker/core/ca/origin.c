#include "origin.h"

#include <string.h>

#include "../../base/url.h"

/* Bytes of "https://host:port". */
static size_t
length(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL ? (size_t)(host - url) + 3 +
	    strcspn(host + 3, "/?#") : 0;
}

static bool
same(const char *a, const char *b)
{
	size_t n = length(a);

	return n != 0 && length(b) == n && strncmp(a, b, n) == 0;
}

bool
origin_of_ca(const struct config_ca *ca, const char *url)
{
	if (ca == NULL || !url_valid(url))
		return false;
	for (size_t i = 0; i < ca->origins.n; i++)
		if (same(ca->origins.v[i], url))
			return true;
	return same(ca->directory, url);
}
