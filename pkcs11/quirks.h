/* What is known of single makes of tokens, as a table. */
#ifndef PKCS11_QUIRKS_H
#define PKCS11_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>

/* How a new key reaches the disk. */
enum flush {
	FLUSH_ALL,    /* we do not know where the token lives: sync() */
	FLUSH_FOLDER, /* the file system of folder() */
	FLUSH_NONE,   /* the token is durable by itself */
};

struct quirk {
	/* Whom it is about, as prefixes; NULL matches any. */
	const char *library; /* CK_INFO.manufacturerID */
	const char *manufacturer;
	const char *model;
	enum flush flush;
	char *(*folder)(void); /* owned, or NULL when it cannot be told */
	size_t label_max;      /* bytes of a CKA_LABEL */
	int reduction;	       /* of templates at first, see generate.c */
	bool copies;	       /* a session copy signs faster, see copy.h */
};

/* The row of a token, never NULL. */
const struct quirk *quirk_find(const char *library, const char *manufacturer,
    const char *model);

/* Descriptor of the folder to flush, or -1; owned. */
int quirk_open_folder(const struct quirk *quirk);

/* Makes what the token just wrote durable. */
void quirk_flush(const struct quirk *quirk, int folder);

#endif
