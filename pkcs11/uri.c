#include "uri.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../broker/base/buf.h"
#include "../broker/base/mem.h"

#define URI_MAX 2048
#define SCHEME	"pkcs11:"

static const struct attribute {
	const char *name;
	unsigned kinds;	    /* in which URIs it may stand */
	unsigned names;	    /* for which kinds it says enough */
	const char *reason; /* why not, when it may stand nowhere */
} attributes[] = {
	{ "token", URI_TOKEN | URI_KEY, URI_TOKEN, NULL },
	{ "serial", URI_TOKEN | URI_KEY, URI_TOKEN, NULL },
	{ "manufacturer", URI_TOKEN | URI_KEY, 0, NULL },
	{ "model", URI_TOKEN | URI_KEY, 0, NULL },
	{ "library-manufacturer", URI_TOKEN | URI_KEY, 0, NULL },
	{ "library-description", URI_TOKEN | URI_KEY, 0, NULL },
	{ "library-version", URI_TOKEN | URI_KEY, 0, NULL },
	{ "object", URI_KEY, URI_KEY, NULL },
	{ "id", URI_KEY, URI_KEY, NULL },
	{ "type", URI_KEY, 0, NULL },
	{ "slot-id", 0, 0, "slot numbers change; use token or serial" },
	{ "slot-description", 0, 0, "use token or serial" },
	{ "slot-manufacturer", 0, 0, "use token or serial" },
	{ "pin-value", 0, 0, "a PIN must not stand in a URI" },
	{ "pin-source", 0, 0, "the PIN's source is configured beside it" },
	{ "module-path", 0, 0, "the module is configured beside it" },
	{ "module-name", 0, 0, "the module is configured beside it" },
};

static const struct attribute *
attribute_find(const char *name, size_t n)
{
	for (size_t i = 0; i < nitems(attributes); i++)
		if (strlen(attributes[i].name) == n &&
		    memcmp(attributes[i].name, name, n) == 0)
			return &attributes[i];
	return NULL;
}

/* Checks one name=value of n bytes; seen is a set of rows of the table. */
static enum err
check_attribute(const char *p, size_t n, enum uri_kind kind, uint32_t *seen,
    struct fault *why)
{
	const char *equals = memchr(p, '=', n);
	size_t name = equals != NULL ? (size_t)(equals - p) : n;
	const struct attribute *a = attribute_find(p, name);
	uint32_t bit;

	if (a == NULL)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute \"%.*s\" is unknown", (int)name, p);
	if (a->reason != NULL)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute %s is not accepted: %s", a->name, a->reason);
	if ((a->kinds & kind) == 0)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute %s names an object, not a token", a->name);
	if (name + 1 >= n)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute %s has no value", a->name);
	if (strcmp(a->name, "id") != 0 && memmem(p, n, "%00", 3) != NULL)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute %s has a NUL", a->name);
	bit = 1U << (a - attributes);
	if ((*seen & bit) != 0)
		return fault_set(why, ERR_CONFIG,
		    "URI attribute %s stands twice", a->name);
	*seen |= bit;
	return OK;
}

static bool
names_enough(uint32_t seen, enum uri_kind kind)
{
	for (size_t i = 0; i < nitems(attributes); i++)
		if ((seen & 1U << i) != 0 && (attributes[i].names & kind) != 0)
			return true;
	return false;
}

static enum err
check_characters(const char *text, struct fault *why)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f ||
		    strchr("\"<>\\^`{|}#", *p) != NULL)
			return fault_set(why, ERR_CONFIG,
			    "URI has a character that must be percent-encoded "
			    "(byte %zu)", (size_t)(p - text) + 1);
	return OK;
}

static enum err
check_text(const char *text, enum uri_kind kind, struct fault *why)
{
	const char *p = text + sizeof(SCHEME) - 1, *separators = ";?";
	uint32_t seen = 0;
	enum err e;

	if (strlen(text) > URI_MAX)
		return fault_set(why, ERR_CONFIG, "URI is longer than %d bytes",
		    URI_MAX);
	if (strncasecmp(text, SCHEME, sizeof(SCHEME) - 1) != 0)
		return fault_set(why, ERR_CONFIG, "not a pkcs11: URI");
	e = check_characters(text, why);
	while (e == OK) {
		size_t n = strcspn(p, separators);

		e = check_attribute(p, n, kind, &seen, why);
		p += n;
		if (*p == '?')
			separators = "&";
		if (*p++ == '\0')
			break;
	}
	if (e != OK || names_enough(seen, kind))
		return e;
	return fault_set(why, ERR_CONFIG, kind == URI_TOKEN ?
	    "URI names no token: it needs token= or serial=" :
	    "URI names no key: it needs object= or id=");
}

P11KitUri *
uri_read(const char *text, enum uri_kind kind, struct fault *why)
{
	P11KitUri *uri = NULL;
	CK_ATTRIBUTE *class;
	int rc;

	if (check_text(text, kind, why) != OK)
		return NULL;
	uri = p11_kit_uri_new();
	rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
	if (rc != P11_KIT_URI_OK) {
		fault_set(why, ERR_CONFIG, "URI: %s", p11_kit_uri_message(rc));
		goto refuse;
	}
	if (p11_kit_uri_any_unrecognized(uri)) {
		fault_set(why, ERR_CONFIG,
		    "URI has a value that can match nothing");
		goto refuse;
	}
	class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	if (class != NULL &&
	    *(CK_OBJECT_CLASS *)class->pValue != CKO_PRIVATE_KEY) {
		fault_set(why, ERR_CONFIG, "URI has a type but private");
		goto refuse;
	}
	return uri;
refuse:
	p11_kit_uri_free(uri);
	return NULL;
}

char *
uri_of_label(const char *label)
{
	struct buf b;

	buf_init(&b, URI_MAX);
	buf_puts(&b, SCHEME "token=");
	for (const unsigned char *p = (const unsigned char *)label;
	     *p != '\0'; p++)
		if (isalnum(*p))
			buf_putc(&b, *p);
		else
			buf_putf(&b, "%%%02X", *p);
	return (char *)buf_take(&b, NULL);
}
