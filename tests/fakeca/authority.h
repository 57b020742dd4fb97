/*
 * The keys and certificates of this program: a root and an intermediate that
 * are made at the start and die with it, its own for TLS, and those that it
 * issues.
 */
#ifndef FAKECA_AUTHORITY_H
#define FAKECA_AUTHORITY_H

#include <openssl/ssl.h>

#include "../../broker/base/buf.h"

extern struct authority {
	EVP_PKEY *root_key;
	X509 *root;
	EVP_PKEY *key; /* of the intermediate */
	X509 *intermediate;
	EVP_PKEY *foreign; /* that nobody asked for */
} authority;

/* A certificate to be. */
struct wanted {
	EVP_PKEY *key;	    /* its public half goes in */
	EVP_PKEY *signer;
	const X509 *issuer; /* NULL: itself */
	const char *subject;
	const char *names;  /* with spaces between them; NULL: it is a CA */
	const char *san;    /* instead of names */
	bool ca;
	long from, to;	    /* seconds from now */
	unsigned serial;
};

/* Makes the keys and certificates; writes the root to FOLDER/root.pem, and
 * lets ctx be localhost and 127.0.0.1. */
void authority_start(const char *folder, SSL_CTX *ctx);

/* Makes a certificate, owned. */
X509 *authority_make(const struct wanted *w);

/* "DNS:a,DNS:b" for "a b", owned. */
char *authority_san(const char *names);

/* Appends a certificate in PEM. */
void authority_pem(struct buf *out, X509 *x);

#endif
