#include "header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/mem.h"
#include "date.h"
#include "link.h"

void
headers_init(struct headers *h)
{
	*h = (struct headers){ .retry_after = -1 };
}

void
headers_free(struct headers *h)
{
	for (unsigned i = 0; i < h->nalternates; i++)
		free(h->alternates[i]);
	headers_init(h);
}

int64_t
headers_retry_after(const char *value, int64_t now)
{
	size_t digits = strspn(value, "0123456789");
	int64_t when;

	if (digits != 0 && value[digits] == '\0') {
		long long v = digits > 9 ? RETRY_AFTER_MAX : atoll(value);

		return v < RETRY_AFTER_MAX ? v : RETRY_AFTER_MAX;
	}
	if (value[0] == '-' && value[1 + strspn(value + 1, "0123456789")] ==
	    '\0' && value[1] != '\0')
		return 0;
	if (!date_http(value, now, &when))
		return -1;
	if (when <= now)
		return 0;
	return when - now < RETRY_AFTER_MAX ? when - now : RETRY_AFTER_MAX;
}

static void
take_nonce(struct headers *h, const char *value, int64_t now)
{
	(void)now;
	if (nonce_ok(value, strlen(value)))
		strcpy(h->nonce, value);
}

static void
take_location(struct headers *h, const char *value, int64_t now)
{
	(void)now;
	if (url_valid(value))
		strcpy(h->location, value);
}

static void
take_retry_after(struct headers *h, const char *value, int64_t now)
{
	h->retry_after = headers_retry_after(value, now);
}

static void
take_media_type(struct headers *h, const char *value, int64_t now)
{
	size_t n = strcspn(value, "; \t");

	(void)now;
	if (n >= sizeof(h->media_type))
		return;
	for (size_t i = 0; i < n; i++)
		h->media_type[i] = value[i] >= 'A' && value[i] <= 'Z' ?
		    (char)(value[i] | 0x20) : value[i];
	h->media_type[n] = '\0';
}

static void
add_alternate(const char *url, void *arg)
{
	struct headers *h = arg;

	if (h->nalternates == HEADER_ALTERNATES || !url_valid(url))
		return;
	for (unsigned i = 0; i < h->nalternates; i++)
		if (strcmp(h->alternates[i], url) == 0)
			return;
	h->alternates[h->nalternates++] = xstrdup(url);
}

static void
add_up(const char *url, void *arg)
{
	struct headers *h = arg;

	if (url_valid(url))
		strcpy(h->up, url);
}

static void
take_link(struct headers *h, const char *value, int64_t now)
{
	(void)now;
	link_each(value, "alternate", add_alternate, h);
	link_each(value, "up", add_up, h);
}

static const struct {
	const char *name;
	void (*take)(struct headers *, const char *value, int64_t now);
} fields[] = {
	{ "Replay-Nonce", take_nonce },
	{ "Location", take_location },
	{ "Retry-After", take_retry_after },
	{ "Content-Type", take_media_type },
	{ "Link", take_link },
};

/* The value between the colon and the line's end as an owned string. */
static char *
field_value(const char *p, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	while (n > 0 && (*p == ' ' || *p == '\t'))
		p++, n--;
	return xstrndup(p, n);
}

bool
headers_line(struct headers *h, const char *line, size_t n, int64_t now)
{
	size_t total = h->total + n;
	const char *colon = memchr(line, ':', n);

	if (total > HEADER_MAX || memchr(line, '\0', n) != NULL)
		return false;
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
		headers_free(h);
	h->total = total;
	h->complete = n > 0 && (line[0] == '\r' || line[0] == '\n');
	if (colon == NULL)
		return true;
	for (size_t i = 0; i < nitems(fields); i++) {
		size_t length = strlen(fields[i].name);
		char *value;

		if ((size_t)(colon - line) != length ||
		    strncasecmp(line, fields[i].name, length) != 0)
			continue;
		value = field_value(colon + 1, n - length - 1);
		fields[i].take(h, value, now);
		free(value);
	}
	return true;
}
