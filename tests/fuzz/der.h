/* A public key, and what OpenSSL must find in a request for it that a lane
 * has accepted. */
#ifndef TESTS_FUZZ_DER_H
#define TESTS_FUZZ_DER_H

#include <openssl/x509.h>

#include "../../broker/base/mem.h"
#include "fuzz.h"

/* On P-256; nobody has the private half. */
static const unsigned char der_spki[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x57, 0xe7, 0x10,
	0x05, 0xa5, 0x41, 0xef, 0x7e, 0x1f, 0xc6, 0xd0, 0xcf, 0x2b,
	0x8e, 0xc6, 0x2f, 0x99, 0x59, 0x9b, 0x00, 0xc8, 0x47, 0xed,
	0x32, 0x3b, 0xf1, 0xad, 0xb3, 0xa1, 0x86, 0xca, 0x84, 0xb1,
	0x00, 0x28, 0x80, 0x35, 0x24, 0x30, 0x8c, 0x56, 0xa7, 0xda,
	0x09, 0x4b, 0x1e, 0xc4, 0x67, 0xeb, 0x9d, 0x47, 0x1e, 0xae,
	0xc4, 0xd0, 0x12, 0x5f, 0x8a, 0xa6, 0xdd, 0x4d, 0xc4, 0xd0,
	0x5a
};

/* CertificationRequest around its signed part, with a signature that is none;
 * owned. */
static inline unsigned char *
der_request(const uint8_t *info, size_t n, long *len)
{
	static const unsigned char end[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x02, 0x00,
		0x00 };
	size_t content = n + sizeof(end);
	unsigned char *der = xmalloc(5 + content);

	require(content <= 0xffffff);
	der[0] = 0x30;
	der[1] = 0x83;
	der[2] = (unsigned char)(content >> 16);
	der[3] = (unsigned char)(content >> 8);
	der[4] = (unsigned char)content;
	memcpy(der + 5, info, n);
	memcpy(der + 5 + n, end, sizeof(end));
	*len = (long)(5 + content);
	return der;
}

static inline void
der_require_attributes(X509_REQ *req)
{
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	X509_ATTRIBUTE *a = X509_REQ_get_attr_count(req) > 0 ?
	    X509_REQ_get_attr(req, 0) : NULL;

	require(X509_REQ_get_attr_count(req) <= 1);
	if (a == NULL)
		return;
	require(OBJ_obj2nid(X509_ATTRIBUTE_get0_object(a)) == NID_ext_req);
	require(X509_ATTRIBUTE_count(a) == 1);
	extensions = X509_REQ_get_extensions(req);
	require(extensions != NULL && sk_X509_EXTENSION_num(extensions) > 0);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

/* The n bytes are a CertificationRequestInfo in its one encoding, for that
 * key. */
static inline void
der_require_request(const uint8_t *info, size_t n)
{
	unsigned char *again = NULL, *spki = NULL, *der;
	const unsigned char *p;
	X509_REQ *req;
	long len;

	p = der = der_request(info, n, &len);
	req = d2i_X509_REQ(NULL, &p, len);
	require(req != NULL && p == der + len);
	require(X509_REQ_get_version(req) == X509_REQ_VERSION_1);
	require(i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki) ==
	    (int)sizeof(der_spki));
	require(memcmp(spki, der_spki, sizeof(der_spki)) == 0);
	der_require_attributes(req);
	require(i2d_re_X509_REQ_tbs(req, &again) == (int)n);
	require(memcmp(again, info, n) == 0);
	OPENSSL_free(again);
	OPENSSL_free(spki);
	X509_REQ_free(req);
	free(der);
}

#endif
