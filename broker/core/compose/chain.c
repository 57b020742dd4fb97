#include "chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../base/buf.h"
#include "../../base/crypto.h"
#include "../../base/io.h"
#include "pem.h"
#include "san.h"

#define SKEW 300	     /* seconds that a CA's clock may be ahead */
#define ANCHORS_BYTES (1024 * 1024)
#define SERIAL_BYTES 20	     /* RFC 5280 section 4.1.2.2 */

static enum err
refuse(struct fault *why, const char *what)
{
	return fault_set(why, ERR_CERTIFICATE, "%s", what);
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : -1;
}

/* The common name of a name; false when it has none that fits. */
static bool
common_name(const X509_NAME *name, char *out, size_t size)
{
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	bool good = false;
	int n;

	out[0] = '\0';
	if (i < 0)
		return false;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(name, i)));
	if (n > 0 && (size_t)n < size && memchr(utf8, '\0', (size_t)n) == NULL) {
		memcpy(out, utf8, (size_t)n);
		out[n] = '\0';
		good = true;
	}
	OPENSSL_free(utf8);
	return good;
}

/* One line; what does not fit is cut. */
static void
name_line(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	out[0] = '\0';
	if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253) >= 0) {
		n = BIO_get_mem_data(bio, &text);
		snprintf(out, size, "%.*s", (int)n, text);
	}
	BIO_free(bio);
}

static enum err
serial_hex(const X509 *x, char out[static 2 * SERIAL_BYTES + 1],
    struct fault *why)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	BIGNUM *bn = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = bn != NULL ? BN_bn2hex(bn) : NULL;
	enum err e = OK;

	if (hex == NULL || BN_is_negative(bn) || BN_is_zero(bn) ||
	    BN_num_bytes(bn) > SERIAL_BYTES)
		e = refuse(why, "the serial number is not a positive number "
		    "of at most 20 bytes");
	else
		snprintf(out, 2 * SERIAL_BYTES + 1, "%s", hex);
	for (char *p = out; e == OK && *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'F' ? (char)(*p + 'a' - 'A') : *p;
	OPENSSL_free(hex);
	BN_free(bn);
	return e;
}

static enum err
check_key(X509 *leaf, const unsigned char *spki, size_t n, struct fault *why)
{
	EVP_PKEY *ours = spki_read(spki, n, why);
	EVP_PKEY *theirs = X509_get0_pubkey(leaf);
	bool same = ours != NULL && theirs != NULL &&
	    EVP_PKEY_eq(ours, theirs) == 1;

	EVP_PKEY_free(ours);
	return same ? OK : refuse(why, "the certificate is for another key");
}

static enum err
check_names(X509 *leaf, const char *names, struct fault *why)
{
	int critical;
	GENERAL_NAMES *san = X509_get_ext_d2i(leaf, NID_subject_alt_name,
	    &critical, NULL);
	enum err e;

	/* NULL also when the extension stands there twice */
	e = san_check(san, names, why);
	GENERAL_NAMES_free(san);
	return e;
}

static enum err
check_dates(const struct chain_facts *facts, int64_t now, struct fault *why)
{
	if (facts->not_before < 0 || facts->not_after <= facts->not_before)
		return refuse(why, "the dates make no sense");
	if (facts->not_before > now + SKEW)
		return refuse(why, "the certificate is not valid yet");
	if (facts->not_after <= now)
		return refuse(why, "the certificate has expired");
	return OK;
}

/* No CA, by any of the signs of it. */
static enum err
check_leaf(X509 *leaf, struct fault *why)
{
	if ((X509_get_extension_flags(leaf) & EXFLAG_INVALID) != 0)
		return refuse(why, "an extension does not parse");
	if (X509_get_version(leaf) != X509_VERSION_3 ||
	    X509_check_ca(leaf) != 0)
		return refuse(why, "the certificate is one of a CA");
	return OK;
}

/* Names, key identifiers and key usage too: where those do not fit, clients
 * find no chain, however good the signature is. */
static bool
issued_by(X509 *x, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return X509_check_issued(issuer, x) == X509_V_OK && key != NULL &&
	    X509_verify(x, key) == 1;
}

static enum err
check_links(STACK_OF(X509) *chain, struct fault *why)
{
	for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
		X509 *issuer = sk_X509_value(chain, i + 1);

		if (X509_check_ca(issuer) != 1)
			return fault_set(why, ERR_CERTIFICATE,
			    "certificate %d of the chain is not one of a CA",
			    i + 2);
		if (!issued_by(sk_X509_value(chain, i), issuer))
			return fault_set(why, ERR_CERTIFICATE, "certificate "
			    "%d of the chain is not signed by the next one",
			    i + 1);
	}
	return OK;
}

/* The operator's own file may have comments between its certificates. */
static enum err
check_anchors(X509 *last, const char *path, struct fault *why)
{
	BIO *bio = NULL;
	bool found = false;
	struct buf text;
	X509 *anchor;
	enum err e;

	buf_init(&text, ANCHORS_BYTES);
	e = read_file(path, &text, why);
	if (e == OK)
		bio = BIO_new_mem_buf(text.data, (int)text.len);
	while (bio != NULL && !found && (anchor = PEM_read_bio_X509(bio, NULL,
	    NULL, NULL)) != NULL) {
		found = X509_cmp(last, anchor) == 0 || issued_by(last, anchor);
		X509_free(anchor);
	}
	ERR_clear_error(); /* the end of the file is one, to OpenSSL */
	if (e == OK && !found)
		e = refuse(why, "the chain does not end at a configured anchor");
	BIO_free(bio);
	buf_free(&text);
	return e;
}

static enum err
gather(STACK_OF(X509) *chain, struct chain_facts *facts, struct fault *why)
{
	X509 *leaf = sk_X509_value(chain, 0);
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);

	memset(facts, 0, sizeof(*facts));
	facts->not_before = seconds(X509_get0_notBefore(leaf));
	facts->not_after = seconds(X509_get0_notAfter(leaf));
	facts->count = (unsigned)sk_X509_num(chain);
	name_line(X509_get_issuer_name(leaf), facts->issuer,
	    sizeof(facts->issuer));
	common_name(X509_get_issuer_name(last), facts->top_issuer,
	    sizeof(facts->top_issuer));
	return serial_hex(leaf, facts->serial, why);
}

enum err
chain_check(const char *pem, const unsigned char *spki, size_t n,
    const char *names, const char *anchors, int64_t now,
    struct chain_facts *facts, struct fault *why)
{
	STACK_OF(X509) *chain;
	X509 *leaf;
	enum err e;

	if (strnlen(pem, CHAIN_MAX + 1) > CHAIN_MAX)
		return fault_set(why, ERR_CERTIFICATE,
		    "the chain is longer than %d bytes", CHAIN_MAX);
	chain = pem_read(pem, CHAIN_CERTIFICATES, why);
	if (chain == NULL)
		return ERR_CERTIFICATE;
	leaf = sk_X509_value(chain, 0);
	e = gather(chain, facts, why);
	if (e == OK)
		e = check_key(leaf, spki, n, why);
	if (e == OK)
		e = check_leaf(leaf, why);
	if (e == OK)
		e = check_names(leaf, names, why);
	if (e == OK)
		e = check_dates(facts, now, why);
	if (e == OK)
		e = check_links(chain, why);
	if (e == OK && anchors != NULL)
		e = check_anchors(sk_X509_value(chain,
		    sk_X509_num(chain) - 1), anchors, why);
	pem_free(chain);
	return e;
}

bool
chain_has_issuer(const char *pem, const char *wanted)
{
	STACK_OF(X509) *chain = pem_read(pem, CHAIN_CERTIFICATES, NULL);
	bool found = false;

	for (int i = 0; chain != NULL && !found && i < sk_X509_num(chain);
	     i++) {
		char name[256];

		found = common_name(X509_get_issuer_name(sk_X509_value(chain,
		    i)), name, sizeof(name)) && strcmp(name, wanted) == 0;
	}
	pem_free(chain);
	return found;
}

size_t
chain_leaf_length(const char *pem)
{
	size_t n = pem_first_length(pem);

	return pem_first_length(pem + n) != 0 ? n : 0;
}
