/*
 * The keys with our label, in the order of their CKA_IDs, so that every lane
 * of a token cuts the same list into the same pages.
 */
#ifndef PKCS11_LISTING_H
#define PKCS11_LISTING_H

#include "key.h"

struct listed {
	CK_OBJECT_HANDLE handle;
	size_t idlen;
	unsigned char id[CKA_ID_MAX];
};

struct listing {
	struct listed *keys;
	size_t n;
	/* The private keys it was made of; while they are the same, it is. */
	size_t seen;
	uint64_t sum;
	unsigned generation;
};

/* Brings the list up to date; ERR_LIMIT when the token has too many keys. */
enum err listing_refresh(struct listing *l, struct session *s,
    struct fault *why);

/* Takes one out, so that those behind it move up. */
void listing_drop(struct listing *l, size_t at);

void listing_free(struct listing *l);

#endif
