/*
 * The DER that clients bring: requests for certificates (PKCS#10), and
 * certificates that are to be revoked.  Only what is understood in full is
 * taken.
 */
#ifndef CORE_PROOF_H
#define CORE_PROOF_H

#include "../../base/buf.h"
#include "../../base/crypto.h"
#include "identifiers.h"

#define PROOF_MAX     32768 /* bytes of DER */
#define EXTENSION_MAX 8	    /* of a CSR */
#define SERIAL_MAX    64    /* characters of a serial number with its NUL */
#define CERT_ID_MAX   128   /* of a certificate's name, RFC 9773, with NUL */

struct proof {
	unsigned char *der; /* owned */
	size_t n;
	struct identifiers ids;
	unsigned char spki_sha256[SHA256_SIZE];
	const char *extensions[EXTENSION_MAX]; /* of a CSR, OpenSSL's words */
	size_t nextensions;
	char serial[SERIAL_MAX]; /* of a certificate, hex in lower case */
	char cert_id[CERT_ID_MAX]; /* "" when it has no key identifier */
};

/*
 * A CSR in base64url: PKCS#10 and nothing behind it, signed by its own key,
 * with no subject but a common name that is one of its names, no attribute
 * but the request for extensions, and no extension but those that any server
 * asks for.
 */
enum err proof_csr(struct proof *p, const char *text, struct fault *why);

/* A certificate in base64url, or in DER. */
enum err proof_certificate(struct proof *p, const char *text,
    struct fault *why);
enum err proof_certificate_der(struct proof *p, const unsigned char *der,
    size_t n, struct fault *why);

void proof_free(struct proof *p);

#endif
