/*
 * What comes back from a CA, checked before anybody uses it.
 */
#ifndef CORE_CHAIN_H
#define CORE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/err.h"

#define CHAIN_MAX 102400 /* bytes of PEM */
#define CHAIN_CERTIFICATES 10

struct chain_facts {
	char serial[64]; /* hex, lower case */
	char issuer[256];    /* one line, of the leaf */
	char top_issuer[256]; /* CN of the issuer of the last certificate */
	int64_t not_before, not_after;
	unsigned count;
};

/*
 * Checks a downloaded chain: nothing but CERTIFICATE blocks, the leaf's key is
 * spki, its subjectAltName set is exactly names (by spaces; case and order do
 * not count), it is valid now (5 minutes of skew allowed for notBefore), it
 * is no CA, each certificate is signed by the next one, and with anchors
 * (path of PEM, or NULL) the last one is, or is issued by, one of them.  The
 * fault names the check.
 */
enum err chain_check(const char *pem, const unsigned char *spki, size_t n,
    const char *names, const char *anchors, int64_t now,
    struct chain_facts *facts, struct fault *why);

/* True when the issuer of the topmost certificate, or any issuer in the
 * chain, has this common name. */
bool chain_has_issuer(const char *pem, const char *common_name);

/* Splits the leaf off: offsets into pem; 0 when there is only a leaf. */
size_t chain_leaf_length(const char *pem);

#endif
