/*
 * What a certificate is for: DNS names and addresses (RFC 8555 section 9.7.7,
 * RFC 8738), each in its one canonical text, so that two lists of them can be
 * compared as texts.
 */
#ifndef CORE_IDENTIFIERS_H
#define CORE_IDENTIFIERS_H

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../base/err.h"

#define IDENTIFIERS_MAX 100 /* in one order; what most CAs allow */

struct identifier {
	bool ip;
	char *value; /* owned */
};

struct identifiers {
	struct identifier *v; /* as they came */
	size_t n;
	/* The same for policy; views. */
	const char **names, **ips;
	size_t nnames, nips;
	char *set; /* all of them, sorted, with single spaces between */
};

/*
 * Adds one: n bytes of value, of the type "dns" or "ip" and no other.  The
 * text must be canonical: lower-case A-labels, "*." in front only with
 * wildcard; an address as inet_ntop(3) writes it (RFC 5952).
 */
enum err identifiers_add(struct identifiers *ids, const char *type,
    const char *value, size_t n, bool wildcard, struct fault *why);

/* After the last one: there is at least one, and none twice. */
enum err identifiers_end(struct identifiers *ids, struct fault *why);
void identifiers_free(struct identifiers *ids);

/* True when a value is there already. */
bool identifiers_have(const struct identifiers *ids, const char *value,
    size_t n);

/* Adds those of a subjectAltName, which has nothing else. */
enum err identifiers_add_san(struct identifiers *ids,
    const GENERAL_NAMES *san, struct fault *why);

/* True when value is one of a set. */
bool set_has(const char *set, const char *value);

#endif
