/*
 * The download, RFC 8555 section 9.1: certificates in PEM and nothing else,
 * so that nothing can be smuggled in beside them.  What the certificates say
 * is for the core to check.
 */
#include <string.h>

#include "answer.h"

#define CHAIN_MAX 102400 /* bytes */

static const char begin[] = "-----BEGIN CERTIFICATE-----";
static const char end[] = "-----END CERTIFICATE-----";

static bool
is_base64(const char *line, size_t n)
{
	size_t text = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/=");

	return n != 0 && text >= n;
}

static bool
is_line(const char *line, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(line, what, n) == 0;
}

/* One line of n bytes; inside tells whether it stands in a certificate.
 * Between certificates only empty lines may be. */
static bool
check_line(const char *line, size_t n, bool *inside, size_t *count)
{
	if (!*inside) {
		*inside = is_line(line, n, begin);
		return *inside || n == 0;
	}
	if (is_line(line, n, end)) {
		*inside = false;
		(*count)++;
		return true;
	}
	return is_base64(line, n);
}

static enum err
check_pem(const char *pem, struct fault *why)
{
	bool inside = false;
	size_t count = 0, line = 1;

	for (const char *p = pem; *p != '\0'; line++) {
		size_t n = strcspn(p, "\n");
		const char *next = p + n + (p[n] == '\n' ? 1 : 0);

		if (n > 0 && p[n] == '\n' && p[n - 1] == '\r')
			n--;
		if (!check_line(p, n, &inside, &count))
			return fault_set(why, ERR_SYNTAX, "line %zu of the "
			    "chain is not PEM of a certificate", line);
		p = next;
	}
	if (inside || count == 0)
		return fault_set(why, ERR_SYNTAX, "the chain %s",
		    inside ? "ends inside a certificate" : "is empty");
	return OK;
}

enum err
answer_certificate(struct json_writer *w, const char *pem, size_t n,
    const struct headers *headers, struct fault *why)
{
	enum err e;

	if (n > CHAIN_MAX)
		return fault_set(why, ERR_LIMIT, "the chain has %zu bytes, "
		    "more than %d", n, CHAIN_MAX);
	if (strlen(pem) != n)
		return fault_set(why, ERR_SYNTAX, "a NUL is in the chain");
	e = check_pem(pem, why);
	if (e != OK)
		return e;
	json_put_stringn(w, "pem", pem, n);
	json_open_array(w, "alternates");
	for (unsigned i = 0; i < headers->nalternates; i++)
		json_put_string(w, NULL, headers->alternates[i]);
	json_close_array(w);
	return OK;
}
