/*
 * Certificate chains, as PEM or, so that a fuzzer can reach what is inside,
 * as DER that is made PEM here (each certificate behind two bytes of length).
 * What the core takes is to OpenSSL a chain for our key and our names.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../broker/core/compose/chain.h"
#include "../../broker/core/compose/pem.h"
#include "../../broker/issuer/answer.h"
#include "der.h"
#include "fuzz.h"

#define NOW   1800000000
#define NAMES "www.example.org *.example.org"

static void
require_good(const char *pem, const struct chain_facts *facts)
{
	STACK_OF(X509) *all = pem_read(pem, CHAIN_CERTIFICATES, NULL);
	unsigned char *spki = NULL;
	X509 *leaf;

	require(all != NULL);
	leaf = sk_X509_value(all, 0);
	require(facts->count == (unsigned)sk_X509_num(all));
	require(facts->not_before <= NOW + 300 && facts->not_after > NOW);
	require(facts->serial[0] != '\0');
	require(X509_check_host(leaf, "www.example.org", 0, 0, NULL) == 1);
	require(X509_check_host(leaf, "other.example.org", 0, 0, NULL) == 1);
	require(X509_check_host(leaf, "example.org", 0, 0, NULL) == 0);
	require(X509_check_ca(leaf) == 0);
	require(i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki) ==
	    (int)sizeof(der_spki));
	require(memcmp(spki, der_spki, sizeof(der_spki)) == 0);
	for (int i = 0; i + 1 < sk_X509_num(all); i++)
		require(X509_check_issued(sk_X509_value(all, i + 1),
		    sk_X509_value(all, i)) == X509_V_OK);
	OPENSSL_free(spki);
	pem_free(all);
}

/* What the issuer passes on is PEM, and nothing else. */
static void
try_issuer(const char *pem, size_t n)
{
	struct headers headers;
	struct json_writer w;
	struct fault why = { 0 };
	struct buf out;
	enum err e;

	headers_init(&headers);
	buf_init(&out, 4 * CHAIN_MAX);
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	e = answer_certificate(&w, pem, n, &headers, &why);
	if (e != OK)
		require_fault(e, &why);
	else
		require(strstr(pem, "-----BEGIN CERTIFICATE-----\n") != NULL ||
		    strstr(pem, "-----BEGIN CERTIFICATE-----\r\n") != NULL);
	buf_free(&out);
}

static void
put_pem(struct buf *out, const uint8_t *der, size_t n)
{
	unsigned char *text = xmalloc(n / 3 * 4 + 5);
	int len = EVP_EncodeBlock(text, der, (int)n);

	buf_puts(out, "-----BEGIN CERTIFICATE-----\n");
	for (int i = 0; i < len; i += 64)
		buf_putf(out, "%.64s\n", text + i);
	buf_puts(out, "-----END CERTIFICATE-----\n");
	free(text);
}

static void
to_pem(struct buf *out, const uint8_t *p, size_t n)
{
	while (n > 2) {
		size_t length = (size_t)p[0] << 8 | p[1];

		p += 2;
		n -= 2;
		length = length < n ? length : n;
		put_pem(out, p, length);
		p += length;
		n -= length;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct chain_facts facts;
	struct fault why = { 0 };
	struct buf pem;
	const char *text;
	enum err e;

	buf_init(&pem, 4 * CHAIN_MAX);
	if (n > 0 && (p[0] == '-' || p[0] == ' '))
		buf_put(&pem, p, n);
	else
		to_pem(&pem, p, n);
	text = buf_str(&pem);
	try_issuer(text, pem.len);
	e = chain_check(text, der_spki, sizeof(der_spki), NAMES, NULL, NOW,
	    &facts, &why);
	if (e == OK)
		require_good(text, &facts);
	else
		require_fault(e, &why);
	(void)chain_has_issuer(text, "Root");
	require(chain_leaf_length(text) <= strlen(text));
	buf_free(&pem);
	return 0;
}
