/*
 * Says of a signature, by other programs than the lane's own check (OpenSSL,
 * regular expressions, the JSON gate), whether it is within what its key is
 * for: each purpose has one form that has one reading only.
 */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/json.h"
#include "../../broker/base/lane.h"
#include "../../broker/base/mem.h"

struct oracle_claim {
	enum key_purpose purpose;
	enum sig_alg alg;
	struct view spki;
	struct view text; /* what is said to be signed */
	struct view sig;  /* JOSE form */
};

/* ------------------------------------------------------------- signatures */

static inline const EVP_MD *
oracle_digest(enum sig_alg alg)
{
	return alg == ALG_EDDSA ? NULL :
	    alg == ALG_ES384 ? EVP_sha384() : EVP_sha256();
}

/* The DER of an ECDSA signature that is two numbers of one length. */
static inline int
oracle_der(struct view raw, unsigned char **der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	int half = (int)raw.n / 2, n;

	ECDSA_SIG_set0(s, BN_bin2bn(raw.p, half, NULL),
	    BN_bin2bn(raw.p + half, half, NULL));
	n = i2d_ECDSA_SIG(s, der);
	ECDSA_SIG_free(s);
	return n;
}

static inline bool
oracle_verifies(const struct oracle_claim *c)
{
	const unsigned char *p = c->spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)c->spki.n);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	EVP_PKEY_CTX *how;
	bool good = false, ec = c->alg == ALG_ES256 || c->alg == ALG_ES384;
	int n = ec ? oracle_der(c->sig, &der) : (int)c->sig.n;

	if (key != NULL && EVP_DigestVerifyInit(ctx, &how,
		oracle_digest(c->alg), NULL, key) == 1 &&
	    (c->alg != ALG_PS256 || EVP_PKEY_CTX_set_rsa_padding(how,
		RSA_PKCS1_PSS_PADDING) == 1))
		good = EVP_DigestVerify(ctx, ec ? der : c->sig.p, (size_t)n,
		    c->text.p, c->text.n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

/* ------------------------------------------------------------------- text */

static inline bool
oracle_matches(const char *text, const char *pattern)
{
	regex_t re;
	bool does;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	does = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return does;
}

/* Decodes base64url with OpenSSL; NULL unless the same text comes out of
 * encoding it again.  Owned, with a NUL behind it. */
static inline unsigned char *
oracle_decode(const char *text, size_t n, size_t *len)
{
	size_t padded = (n + 3) / 4 * 4;
	unsigned char *in = xcalloc(padded + 1, 1), *back, *out;
	bool same;

	memset(in, '=', padded);
	for (size_t i = 0; i < n; i++)
		in[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' :
		    (unsigned char)text[i];
	out = xcalloc(padded + 4, 1);
	back = xcalloc(padded + 8, 1);
	*len = 0;
	same = n == 0;
	if (n % 4 != 1 && n > 0 &&
	    EVP_DecodeBlock(out, in, (int)padded) >= 0) {
		*len = n * 3 / 4;
		EVP_EncodeBlock(back, out, (int)*len);
		same = memcmp(back, in, padded) == 0 &&
		    memchr(text, '+', n) == NULL &&
		    memchr(text, '/', n) == NULL &&
		    memchr(text, '=', n) == NULL;
	}
	free(in);
	free(back);
	if (!same) {
		free(out);
		out = NULL;
	}
	return out;
}

/* ------------------------------------------------------------------ forms */

#define ORACLE_S "\"[] !#-[^-~]*\""
#define ORACLE_M "(\"(alg|kid|nonce|url)\":" ORACLE_S                         \
	"|\"jwk\":[{]" ORACLE_S ":" ORACLE_S "(," ORACLE_S ":" ORACLE_S ")*[}])"
#define ORACLE_URL "^https://[^ /][^ ]*$"

/* The header of an ACME request, RFC 8555 section 6.2, as a compact writer
 * of ASCII has it. */
static inline const char *
oracle_header(const char *text, size_t n, const char *alg)
{
	struct json *v = json_parse(text, n, NULL);
	const char *url = json_get_string(v, "url");
	const char *kid = json_get_string(v, "kid");
	const char *nonce = json_get_string(v, "nonce");
	const char *is = json_get_string(v, "alg"), *complaint = NULL;

	if (strlen(text) != n || v == NULL ||
	    !oracle_matches(text, "^[{]" ORACLE_M "(," ORACLE_M ")*[}]$"))
		complaint = "a header with more than one reading";
	else if (json_count(v) != 4 || is == NULL || nonce == NULL ||
	    url == NULL || (kid == NULL) == (json_get(v, "jwk") == NULL))
		complaint = "a header without its four members";
	else if (strcmp(is, alg) != 0)
		complaint = "a header of another algorithm";
	else if (!oracle_matches(nonce, "^[A-Za-z0-9_-]+$"))
		complaint = "a nonce that is none";
	else if (!oracle_matches(url, ORACLE_URL) ||
	    (kid != NULL && !oracle_matches(kid, ORACLE_URL)))
		complaint = "a URL that is none";
	json_free(v);
	return complaint;
}

/* Members of what is asked with the key in the header, at the account's own
 * URL, and elsewhere (RFC 8555 sections 7.3 to 7.6, 9773, and profiles). */
static const char *const oracle_payloads[] = {
	" contact termsOfServiceAgreed onlyReturnExisting "
	    "externalAccountBinding ",
	" contact ",
	" identifiers notBefore notAfter profile replaces identifier csr "
	    "certificate reason status ",
};

static inline const char *
oracle_payload(const char *text, size_t n, const struct json *header)
{
	const char *kid = json_get_string(header, "kid"), *status;
	const char *url = json_get_string(header, "url"), *complaint = NULL;
	const char *may = oracle_payloads[kid == NULL ? 0 :
	    strcmp(kid, url) == 0 ? 1 : 2];
	struct json *v;

	if (n == 0)
		return kid != NULL ? NULL : "nothing, by a key without name";
	v = json_parse(text, n, NULL);
	status = json_get_string(v, "status");
	if (!json_is_object(v) || strchr(text, '\\') != NULL)
		complaint = "a payload with more than one reading";
	for (size_t i = 0; complaint == NULL && i < json_count(v); i++) {
		char *word = xasprintf(" %s ", json_name_at(v, i));

		if (strstr(may, word) == NULL)
			complaint = "a payload of no act of ours";
		free(word);
	}
	if (complaint == NULL && json_get(v, "status") != NULL &&
	    (status == NULL || strcmp(status, "deactivated") != 0))
		complaint = "a payload with another status";
	json_free(v);
	return complaint;
}

static inline const char *
oracle_acme(const struct oracle_claim *c)
{
	const char *text = (const char *)c->text.p;
	const char *dot = memchr(text, '.', c->text.n), *complaint;
	unsigned char *header, *payload;
	size_t nheader, npayload;

	if (dot == NULL)
		return "no JWS";
	header = oracle_decode(text, (size_t)(dot - text), &nheader);
	payload = oracle_decode(dot + 1,
	    c->text.n - (size_t)(dot + 1 - text), &npayload);
	complaint = header == NULL || payload == NULL ? "no base64url" :
	    oracle_header((char *)header, nheader, alg_name(c->alg));
	if (complaint == NULL) {
		struct json *v = json_parse((char *)header, nheader, NULL);

		complaint = oracle_payload((char *)payload, npayload, v);
		json_free(v);
	}
	free(header);
	free(payload);
	return complaint;
}

/* A CSR with another signature, for OpenSSL reads whole ones only. */
static inline X509_REQ *
oracle_csr(struct view info)
{
	static const unsigned char rest[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x01, 0x00 };
	size_t inner = info.n + sizeof(rest);
	int whole = ASN1_object_size(1, (int)inner, V_ASN1_SEQUENCE);
	unsigned char *der = xmalloc((size_t)whole), *p = der;
	const unsigned char *in = der;
	X509_REQ *req;

	ASN1_put_object(&p, 1, (int)inner, V_ASN1_SEQUENCE,
	    V_ASN1_UNIVERSAL);
	memcpy(p, info.p, info.n);
	memcpy(p + info.n, rest, sizeof(rest));
	req = d2i_X509_REQ(NULL, &in, whole);
	if (req != NULL && in != der + whole) {
		X509_REQ_free(req);
		req = NULL;
	}
	free(der);
	return req;
}

/* True when OpenSSL writes what it understood as the bytes that it read. */
static inline bool
oracle_writes(X509_REQ *req, struct view info)
{
	unsigned char *der = NULL;
	int n = i2d_re_X509_REQ_tbs(req, &der);
	bool same = n == (int)info.n && memcmp(der, info.p, info.n) == 0;

	OPENSSL_free(der);
	return same;
}

static inline bool
oracle_is_for(X509_REQ *req, struct view spki)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);
	bool same = n == (int)spki.n && memcmp(der, spki.p, spki.n) == 0;

	OPENSSL_free(der);
	return same;
}

static inline bool
oracle_twice(const X509_EXTENSIONS *list)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);

		if (X509v3_get_ext_by_OBJ(list, X509_EXTENSION_get_object(e),
			i) >= 0)
			return true;
	}
	return false;
}

/* At most one attribute, which is a list of extensions, none twice. */
static inline bool
oracle_asks(X509_REQ *req)
{
	X509_EXTENSIONS *list;
	int n = X509_REQ_get_attr_count(req);
	bool good;

	if (n == 0)
		return true;
	list = X509_REQ_get_extensions(req);
	good = n == 1 && sk_X509_EXTENSION_num(list) > 0 &&
	    !oracle_twice(list) &&
	    OBJ_obj2nid(X509_ATTRIBUTE_get0_object(X509_REQ_get_attr(req,
		0))) == NID_ext_req &&
	    X509_ATTRIBUTE_count(X509_REQ_get_attr(req, 0)) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return good;
}

static inline const char *
oracle_certificate(const struct oracle_claim *c)
{
	X509_REQ *req = oracle_csr(c->text);
	const char *complaint = NULL;

	if (req == NULL)
		return "no CSR";
	if (X509_REQ_get_version(req) != 0)
		complaint = "a CSR of another version";
	else if (!oracle_is_for(req, c->spki))
		complaint = "a CSR for another key";
	else if (!oracle_asks(req))
		complaint = "a CSR with other attributes";
	else if (!oracle_writes(req, c->text))
		complaint = "a CSR with more than one reading";
	X509_REQ_free(req);
	return complaint;
}

static inline const char *
oracle_audit(const struct oracle_claim *c)
{
	char *text = xstrndup((const char *)c->text.p, c->text.n);
	bool good = strlen(text) == c->text.n && oracle_matches(text,
	    "^keybroker audit checkpoint 1\n[1-9][0-9]{0,15}\n"
	    "[0-9a-f]{64}\n$");

	free(text);
	return good ? NULL : "no audit checkpoint";
}

/* NULL, or why the signature should never have been given. */
static inline const char *
oracle_complaint(const struct oracle_claim *c)
{
	static const char *(*const forms[])(const struct oracle_claim *) = {
		[PURPOSE_ACCOUNT] = oracle_acme,
		[PURPOSE_CERTIFICATE] = oracle_certificate,
		[PURPOSE_AUDIT] = oracle_audit,
	};
	const char *complaint;

	_Static_assert(nitems(forms) == PURPOSE__MAX, "a form for each");
	complaint = forms[c->purpose](c);
	if (complaint == NULL && !oracle_verifies(c))
		complaint = "a signature of something else";
	return complaint;
}

/* ------------------------------------------------------------------- JWS */

static inline struct view
oracle_part(const struct json *jws, const char *name)
{
	const char *text = json_get_string(jws, name);
	struct view v = { .n = 0 };

	if (text != NULL)
		v.p = oracle_decode(text, strlen(text), &v.n);
	return v;
}

/* A flattened JWS by a P-256 key over nothing, to read something at a URL:
 * NULL, or what else it is.  kid may be NULL for any. */
static inline const char *
oracle_jws(const struct json *jws, struct view spki, const char *urls,
    const char *kid)
{
	const char *head = json_get_string(jws, "protected"), *why = NULL;
	const char *payload = json_get_string(jws, "payload");
	struct view header = oracle_part(jws, "protected");
	struct view sig = oracle_part(jws, "signature");
	char *input = xasprintf("%s.", head != NULL ? head : "");
	struct json *h = json_parse(header.p != NULL ?
	    (const char *)header.p : "", header.n, NULL);
	const char *url = json_get_string(h, "url");
	const char *by = json_get_string(h, "kid");
	struct oracle_claim claim = { .purpose = PURPOSE_ACCOUNT,
		.alg = ALG_ES256, .spki = spki, .sig = sig,
		.text = { (unsigned char *)input, strlen(input) } };

	if (sig.n != 64 || json_count(jws) != 3 || payload == NULL ||
	    payload[0] != '\0')
		why = "a JWS with a payload";
	else if (url == NULL || !oracle_matches(url, urls))
		why = "a JWS for another URL";
	else if (by == NULL || (kid != NULL && strcmp(by, kid) != 0))
		why = "a JWS of another account";
	else
		why = oracle_complaint(&claim);
	json_free(h);
	free(input);
	free((void *)(uintptr_t)header.p);
	free((void *)(uintptr_t)sig.p);
	return why;
}

#endif
