#include "authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/io.h"
#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"

#define DAY 86400

struct authority authority;

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	if (key == NULL)
		fatal("no key");
	return key;
}

static void
add_extension(X509 *x, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (e == NULL || X509_add_ext(x, e, -1) != 1)
		fatal("cannot add an extension: %s", value);
	X509_EXTENSION_free(e);
}

char *
authority_san(const char *names)
{
	struct buf b;

	buf_init(&b, 65536);
	while (*names != '\0') {
		size_t n = strcspn(names, " ");

		buf_putf(&b, "%sDNS:%.*s", b.len > 0 ? "," : "", (int)n,
		    names);
		names += n + strspn(names + n, " ");
	}
	return (char *)buf_take(&b, NULL);
}

X509 *
authority_make(const struct wanted *w)
{
	char *san = w->names != NULL ? authority_san(w->names) : NULL;
	X509 *x = X509_new();
	const X509 *issuer = w->issuer != NULL ? w->issuer : x;
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), (long)w->serial);
	X509_gmtime_adj(X509_getm_notBefore(x), w->from);
	X509_gmtime_adj(X509_getm_notAfter(x), w->to);
	if (w->subject != NULL)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		    (const unsigned char *)w->subject, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, w->key);
	if (w->ca)
		add_extension(x, issuer, NID_basic_constraints,
		    "critical,CA:TRUE");
	if (w->san != NULL || san != NULL)
		add_extension(x, issuer, NID_subject_alt_name,
		    w->san != NULL ? w->san : san);
	if (X509_sign(x, w->signer, EVP_sha256()) <= 0)
		fatal("cannot sign a certificate");
	free(san);
	return x;
}

void
authority_pem(struct buf *out, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio_X509(bio, x);
	n = BIO_get_mem_data(bio, &text);
	buf_put(out, text, (size_t)n);
	BIO_free(bio);
}

void
authority_start(const char *folder, SSL_CTX *ctx)
{
	char *path = xasprintf("%s/root.pem", folder);
	EVP_PKEY *tls_key = new_key();
	struct fault why;
	struct buf pem;
	X509 *tls;

	authority.root_key = new_key();
	authority.key = new_key();
	authority.foreign = new_key();
	authority.root = authority_make(&(struct wanted){
	    .key = authority.root_key, .signer = authority.root_key,
	    .subject = "fakeca root", .ca = true, .from = -DAY,
	    .to = 30 * DAY, .serial = 1 });
	authority.intermediate = authority_make(&(struct wanted){
	    .key = authority.key, .signer = authority.root_key,
	    .issuer = authority.root, .subject = "fakeca intermediate",
	    .ca = true, .from = -DAY, .to = 30 * DAY, .serial = 2 });
	tls = authority_make(&(struct wanted){ .key = tls_key,
	    .signer = authority.root_key, .issuer = authority.root,
	    .subject = "localhost", .san = "DNS:localhost,IP:127.0.0.1",
	    .from = -DAY, .to = 30 * DAY, .serial = 3 });
	buf_init(&pem, 65536);
	authority_pem(&pem, authority.root);
	if (SSL_CTX_use_certificate(ctx, tls) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, tls_key) != 1)
		fatal("cannot use the certificate for TLS");
	if (write_file(path, pem.data, pem.len, 0644, &why) != OK)
		fatal("%s", why.text);
	buf_free(&pem);
	X509_free(tls);
	EVP_PKEY_free(tls_key);
	free(path);
}
