#include "proof.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"

/* Extensions that a CSR may ask for; keys of CAs are none of ours. */
static const int wanted[] = { NID_subject_alt_name, NID_key_usage,
	NID_ext_key_usage, NID_basic_constraints, NID_tlsfeature,
	NID_subject_key_identifier };

static enum err
read_der(struct proof *p, const char *what, const char *text,
    struct fault *why)
{
	struct buf der;

	buf_init(&der, PROOF_MAX);
	if (!b64_get(&der, text, strlen(text)) || der.len == 0) {
		buf_free(&der);
		return fault_set(why, ERR_SYNTAX, "\"%s\" is not base64url of "
		    "1 to %d bytes", what, PROOF_MAX);
	}
	p->der = buf_take(&der, &p->n);
	return OK;
}

static enum err
digest_key(struct proof *p, const X509_PUBKEY *key, struct fault *why)
{
	unsigned char *der = NULL;
	int n = key != NULL ? i2d_X509_PUBKEY(key, &der) : -1;

	if (n <= 0)
		return fault_set(why, ERR_SYNTAX,
		    "it has no public key that is understood");
	sha256(p->spki_sha256, der, (size_t)n);
	OPENSSL_free(der);
	return OK;
}

/* ------------------------------------------------------------------- CSR */

/* A common name is one more place for a name (RFC 8555 section 7.4). */
static enum err
read_subject(struct proof *p, const X509_NAME *subject, struct fault *why)
{
	const ASN1_STRING *s;
	const char *text;
	size_t n;

	if (X509_NAME_entry_count(subject) == 0)
		return OK;
	if (X509_NAME_entry_count(subject) > 1 ||
	    X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)subject,
		NID_commonName, -1) != 0)
		return fault_set(why, ERR_SYNTAX, "the CSR's subject has more "
		    "than one common name");
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 0));
	text = (const char *)ASN1_STRING_get0_data(s);
	n = (size_t)ASN1_STRING_length(s);
	if (ASN1_STRING_type(s) != V_ASN1_UTF8STRING &&
	    ASN1_STRING_type(s) != V_ASN1_PRINTABLESTRING)
		return fault_set(why, ERR_SYNTAX, "the CSR's common name is "
		    "of a type that reads differently");
	if (identifiers_have(&p->ids, text, n))
		return OK;
	return identifiers_add(&p->ids, "dns", text, n, true, why);
}

static enum err
check_ca(const X509_EXTENSIONS *all, struct fault *why)
{
	BASIC_CONSTRAINTS *basic = X509V3_get_d2i(all, NID_basic_constraints,
	    NULL, NULL);
	bool ca = basic != NULL && basic->ca;

	BASIC_CONSTRAINTS_free(basic);
	return !ca ? OK : fault_set(why, ERR_SYNTAX,
	    "the CSR is for a CA's certificate");
}

/* Each extension once, and each of them one that is known here. */
static enum err
read_extension(struct proof *p, const X509_EXTENSION *x, struct fault *why)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(
	    (X509_EXTENSION *)(uintptr_t)x));
	const char *word = OBJ_nid2sn(nid);
	bool known = false;

	for (size_t i = 0; i < nitems(wanted); i++)
		known = known || nid == wanted[i];
	if (!known)
		return fault_set(why, ERR_SYNTAX, "the CSR has the extension "
		    "%s, which is not signed for", nid != NID_undef ? word :
		    "of an unknown kind");
	for (size_t i = 0; i < p->nextensions; i++)
		if (strcmp(p->extensions[i], word) == 0)
			return fault_set(why, ERR_SYNTAX,
			    "the CSR has %s twice", word);
	if (p->nextensions == EXTENSION_MAX)
		return fault_set(why, ERR_LIMIT, "the CSR has more than %d "
		    "extensions", EXTENSION_MAX);
	p->extensions[p->nextensions++] = word;
	return OK;
}

static enum err
read_extensions(struct proof *p, X509_REQ *req, struct fault *why)
{
	X509_EXTENSIONS *all = X509_REQ_get_extensions(req);
	GENERAL_NAMES *san;
	int bad = -1;
	enum err e = OK;

	for (int i = 0; e == OK && i < sk_X509_EXTENSION_num(all); i++)
		e = read_extension(p, sk_X509_EXTENSION_value(all, i), why);
	if (e == OK)
		e = check_ca(all, why);
	if (e == OK) {
		san = X509V3_get_d2i(all, NID_subject_alt_name, &bad, NULL);
		if (san == NULL && bad != -1)
			e = fault_set(why, ERR_SYNTAX,
			    "the CSR's subjectAltName does not parse");
		else
			e = identifiers_add_san(&p->ids, san, why);
		GENERAL_NAMES_free(san);
	}
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return e;
}

static enum err
check_attributes(const X509_REQ *req, struct fault *why)
{
	int n = X509_REQ_get_attr_count(req);

	if (n == 0 || (n == 1 &&
	    X509_REQ_get_attr_by_NID(req, NID_ext_req, -1) == 0))
		return OK;
	return fault_set(why, ERR_SYNTAX, "the CSR has attributes other than "
	    "one request for extensions");
}

static enum err
check_signature(X509_REQ *req, struct fault *why)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);

	if (key == NULL)
		return fault_set(why, ERR_SYNTAX,
		    "the CSR's public key is not understood");
	if (X509_REQ_verify(req, key) != 1)
		return fault_set(why, ERR_SYNTAX,
		    "the CSR is not signed by its own key");
	return OK;
}

/* What OpenSSL would write for it is what came. */
static bool
is_canonical(X509_REQ *req, const struct proof *p)
{
	unsigned char *again = NULL;
	int n = i2d_X509_REQ(req, &again);
	bool same = n > 0 && (size_t)n == p->n &&
	    memcmp(again, p->der, p->n) == 0;

	OPENSSL_free(again);
	return same;
}

static enum err
read_csr(struct proof *p, X509_REQ *req, struct fault *why)
{
	enum err e;

	if (X509_REQ_get_version(req) != X509_REQ_VERSION_1)
		return fault_set(why, ERR_SYNTAX, "the CSR is not of version "
		    "1");
	e = check_signature(req, why);
	if (e == OK)
		e = check_attributes(req, why);
	if (e == OK)
		e = read_extensions(p, req, why);
	if (e == OK)
		e = read_subject(p, X509_REQ_get_subject_name(req), why);
	if (e == OK)
		e = identifiers_end(&p->ids, why);
	if (e == OK)
		e = digest_key(p, X509_REQ_get_X509_PUBKEY(req), why);
	return e;
}

enum err
proof_csr(struct proof *p, const char *text, struct fault *why)
{
	const unsigned char *at;
	X509_REQ *req;
	enum err e;

	*p = (struct proof){ .n = 0 };
	e = read_der(p, "csr", text, why);
	if (e != OK)
		return e;
	at = p->der;
	req = d2i_X509_REQ(NULL, &at, (long)p->n);
	if (req == NULL || at != p->der + p->n || !is_canonical(req, p))
		e = fault_set(why, ERR_SYNTAX,
		    "\"csr\" is not one PKCS#10 request in DER");
	else
		e = read_csr(p, req, why);
	X509_REQ_free(req);
	return e;
}

/* ------------------------------------------------------------ certificates */

static bool
put_octets(struct buf *out, const ASN1_STRING *s)
{
	int n = s != NULL ? ASN1_STRING_length(s) : 0;

	b64_put(out, s != NULL ? ASN1_STRING_get0_data(s) : NULL, (size_t)n);
	return n > 0;
}

/* RFC 9773 section 4.1: the key identifier, ".", the serial number as DER
 * has it. */
static void
name_certificate(struct proof *p, X509 *cert)
{
	const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id(cert);
	unsigned char *der = NULL;
	int n = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &der);
	struct buf text;

	buf_init(&text, CERT_ID_MAX - 1);
	if (n > 2 && der[1] == n - 2 && put_octets(&text, issuer)) {
		buf_putc(&text, '.');
		b64_put(&text, der + 2, (size_t)n - 2);
		if (!text.failed)
			strcpy(p->cert_id, buf_str(&text));
	}
	OPENSSL_free(der);
	buf_free(&text);
}

static enum err
read_serial(struct proof *p, X509 *cert, struct fault *why)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int n = ASN1_STRING_length(serial);

	if (n <= 0 || 2 * n >= SERIAL_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "the certificate's serial number has %d bytes", n);
	hex_encode(p->serial, ASN1_STRING_get0_data(serial), (size_t)n);
	return OK;
}

static enum err
read_certificate(struct proof *p, X509 *cert, struct fault *why)
{
	GENERAL_NAMES *san = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
	    NULL);
	enum err e;

	e = identifiers_add_san(&p->ids, san, why);
	GENERAL_NAMES_free(san);
	if (e == OK)
		e = identifiers_end(&p->ids, why);
	if (e == OK)
		e = digest_key(p, X509_get_X509_PUBKEY(cert), why);
	if (e == OK)
		e = read_serial(p, cert, why);
	if (e == OK)
		name_certificate(p, cert);
	return e;
}

static enum err
parse_certificate(struct proof *p, struct fault *why)
{
	const unsigned char *at = p->der;
	X509 *cert = d2i_X509(NULL, &at, (long)p->n);
	enum err e;

	if (cert == NULL || at != p->der + p->n)
		e = fault_set(why, ERR_SYNTAX, "it is not one certificate in "
		    "DER");
	else
		e = read_certificate(p, cert, why);
	X509_free(cert);
	return e;
}

enum err
proof_certificate_der(struct proof *p, const unsigned char *der, size_t n,
    struct fault *why)
{
	*p = (struct proof){ .der = xmemdup(der, n), .n = n };
	return parse_certificate(p, why);
}

enum err
proof_certificate(struct proof *p, const char *text, struct fault *why)
{
	enum err e;

	*p = (struct proof){ .n = 0 };
	e = read_der(p, "certificate", text, why);
	return e == OK ? parse_certificate(p, why) : e;
}

void
proof_free(struct proof *p)
{
	free(p->der);
	identifiers_free(&p->ids);
	*p = (struct proof){ .n = 0 };
}
