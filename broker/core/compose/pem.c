#include "pem.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"
#define SPACE " \t\r\n"
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	       "0123456789+/="

/* Moves over text when it is next. */
static bool
accept(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/* Moves over the end of a line. */
static bool
accept_newline(const char **p)
{
	accept(p, "\r");
	return accept(p, "\n");
}

/* Collects the lines of base64 up to the end marker. */
static bool
read_body(const char **p, char *out)
{
	while (**p != '-') {
		size_t n = strspn(*p, BASE64);

		memcpy(out, *p, n);
		out += n;
		*p += n;
		if (n == 0 || !accept_newline(p))
			return false;
	}
	*out = '\0';
	return true;
}

/* The decoder of OpenSSL takes padding anywhere; what does not encode to the
 * same text again is refused. */
static X509 *
decode(const char *body)
{
	size_t n = strlen(body);
	unsigned char *der = xmalloc(n / 4 * 3 + 3);
	char *again = xmalloc(n + 5);
	const unsigned char *p = der;
	X509 *x = NULL;
	int len = -1;

	if (n > 0 && n % 4 == 0)
		len = EVP_DecodeBlock(der, (const unsigned char *)body,
		    (int)n);
	if (len > 0 && body[n - 1] == '=')
		len -= body[n - 2] == '=' ? 2 : 1;
	if (len > 0)
		EVP_EncodeBlock((unsigned char *)again, der, len);
	if (len > 0 && strcmp(again, body) == 0)
		x = d2i_X509(NULL, &p, len);
	if (x != NULL && p != der + len) {
		X509_free(x);
		x = NULL;
	}
	free(der);
	free(again);
	return x;
}

static enum err
read_block(const char **p, X509 **out, struct fault *why)
{
	char *body;
	bool good;

	if (!accept(p, BEGIN))
		return fault_set(why, ERR_CERTIFICATE,
		    "something that is no CERTIFICATE block");
	body = xmalloc(strlen(*p) + 1);
	good = accept_newline(p) && read_body(p, body) && accept(p, END) &&
	    (**p == '\0' || strchr(SPACE, **p) != NULL);
	*out = good ? decode(body) : NULL;
	free(body);
	return *out != NULL ? OK : fault_set(why, ERR_CERTIFICATE,
	    "a CERTIFICATE block is malformed");
}

STACK_OF(X509) *
pem_read(const char *text, unsigned max, struct fault *why)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	const char *p = text;
	X509 *x = NULL;

	if (all == NULL)
		return NULL;
	for (p += strspn(p, SPACE); *p != '\0'; p += strspn(p, SPACE)) {
		if (read_block(&p, &x, why) != OK)
			goto refuse;
		if (sk_X509_push(all, x) <= 0) {
			X509_free(x);
			fault_set(why, ERR_CRYPTO, "cannot keep a certificate");
			goto refuse;
		}
		if ((unsigned)sk_X509_num(all) > max) {
			fault_set(why, ERR_CERTIFICATE,
			    "more than %u certificates", max);
			goto refuse;
		}
	}
	if (sk_X509_num(all) > 0)
		return all;
	fault_set(why, ERR_CERTIFICATE, "no certificate");
refuse:
	pem_free(all);
	return NULL;
}

void
pem_free(STACK_OF(X509) *all)
{
	sk_X509_pop_free(all, X509_free);
}

size_t
pem_first_length(const char *text)
{
	const char *end = strstr(text, END);

	if (end == NULL)
		return 0;
	end += strlen(END);
	accept_newline(&end);
	return (size_t)(end - text);
}
