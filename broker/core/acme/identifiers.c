#include "identifiers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../../policy/config.h"
#include "../../base/buf.h"
#include "../../base/mem.h"

#define VALUE_MAX 255 /* bytes; a DNS name has 253 */
#define SET_MAX	  (IDENTIFIERS_MAX * (VALUE_MAX + 1))

static enum err
check_value(const char *type, const char *text, bool wildcard,
    struct fault *why)
{
	if (strcmp(type, "dns") == 0)
		return dns_name_valid(text, wildcard) ? OK : fault_set(why,
		    ERR_SYNTAX, "the identifier \"%s\" is not a DNS name in "
		    "lower case%s", text, wildcard ? "" :
		    ", or a wildcard, which cannot be here");
	if (strcmp(type, "ip") == 0)
		return ip_valid(text) ? OK : fault_set(why, ERR_SYNTAX,
		    "the identifier \"%s\" is not an address in its canonical "
		    "text", text);
	return fault_set(why, ERR_UNSUPPORTED, "identifiers of the type "
	    "\"%.64s\" are not signed for; only \"dns\" and \"ip\" are", type);
}

bool
identifiers_have(const struct identifiers *ids, const char *value, size_t n)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strlen(ids->v[i].value) == n &&
		    memcmp(ids->v[i].value, value, n) == 0)
			return true;
	return false;
}

enum err
identifiers_add(struct identifiers *ids, const char *type, const char *value,
    size_t n, bool wildcard, struct fault *why)
{
	char text[VALUE_MAX + 1];
	enum err e;

	if (n == 0 || n > VALUE_MAX || memchr(value, '\0', n) != NULL)
		return fault_set(why, ERR_SYNTAX, "an identifier has %zu "
		    "bytes, not 1 to %d, or a NUL in it", n, VALUE_MAX);
	memcpy(text, value, n);
	text[n] = '\0';
	e = check_value(type, text, wildcard, why);
	if (e != OK)
		return e;
	if (identifiers_have(ids, value, n))
		return fault_set(why, ERR_SYNTAX,
		    "the identifier \"%s\" stands twice", text);
	if (ids->n == IDENTIFIERS_MAX)
		return fault_set(why, ERR_LIMIT, "more than %d identifiers",
		    IDENTIFIERS_MAX);
	if (ids->v == NULL)
		ids->v = xcalloc(IDENTIFIERS_MAX, sizeof(*ids->v));
	ids->v[ids->n].ip = strcmp(type, "ip") == 0;
	ids->v[ids->n++].value = xstrdup(text);
	return OK;
}

static int
by_value(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *
write_set(const struct identifiers *ids)
{
	const char **all = xcalloc(ids->n, sizeof(*all));
	struct buf text;

	for (size_t i = 0; i < ids->n; i++)
		all[i] = ids->v[i].value;
	qsort(all, ids->n, sizeof(*all), by_value);
	buf_init(&text, SET_MAX);
	for (size_t i = 0; i < ids->n; i++)
		buf_putf(&text, "%s%s", i > 0 ? " " : "", all[i]);
	free(all);
	return (char *)buf_take(&text, NULL);
}

enum err
identifiers_end(struct identifiers *ids, struct fault *why)
{
	if (ids->n == 0)
		return fault_set(why, ERR_SYNTAX, "there is no identifier");
	ids->names = xcalloc(ids->n, sizeof(*ids->names));
	ids->ips = xcalloc(ids->n, sizeof(*ids->ips));
	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i].ip)
			ids->ips[ids->nips++] = ids->v[i].value;
		else
			ids->names[ids->nnames++] = ids->v[i].value;
	ids->set = write_set(ids);
	return OK;
}

void
identifiers_free(struct identifiers *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		free(ids->v[i].value);
	free(ids->v);
	free(ids->names);
	free(ids->ips);
	free(ids->set);
	*ids = (struct identifiers){ .n = 0 };
}

static enum err
add_general_name(struct identifiers *ids, const GENERAL_NAME *g,
    struct fault *why)
{
	const ASN1_STRING *s = g->type == GEN_IPADD ? g->d.iPAddress :
	    g->d.dNSName;
	char text[INET6_ADDRSTRLEN];
	int n;

	if (g->type != GEN_DNS && g->type != GEN_IPADD)
		return fault_set(why, ERR_SYNTAX, "subjectAltName has an "
		    "entry that is neither a DNS name nor an address");
	n = ASN1_STRING_length(s);
	if (g->type == GEN_DNS)
		return identifiers_add(ids, "dns",
		    (const char *)ASN1_STRING_get0_data(s), (size_t)n, true,
		    why);
	if ((n != 4 && n != 16) || inet_ntop(n == 4 ? AF_INET : AF_INET6,
		ASN1_STRING_get0_data(s), text, sizeof(text)) == NULL)
		return fault_set(why, ERR_SYNTAX, "subjectAltName has an "
		    "address of %d bytes", n);
	return identifiers_add(ids, "ip", text, strlen(text), false, why);
}

enum err
identifiers_add_san(struct identifiers *ids, const GENERAL_NAMES *san,
    struct fault *why)
{
	enum err e = OK;

	for (int i = 0; e == OK && i < sk_GENERAL_NAME_num(san); i++)
		e = add_general_name(ids, sk_GENERAL_NAME_value(san, i), why);
	return e;
}

bool
set_has(const char *set, const char *value)
{
	size_t n = strlen(value), k;

	for (; *set != '\0'; set += k + (set[k] == ' ')) {
		k = strcspn(set, " ");
		if (k == n && memcmp(set, value, n) == 0)
			return true;
	}
	return false;
}
