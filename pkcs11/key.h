/*
 * Private keys in the token: found by CKA_ID or by the URI of a key born
 * elsewhere, with their public half, and kept for the next signature.
 */
#ifndef PKCS11_KEY_H
#define PKCS11_KEY_H

#include "attribute.h"
#include "spki.h"

#define FOREIGN_PREFIX "name:" /* an id that is a foreign key's name */
#define LABEL_MAX_BYTES 128

struct key {
	struct key *next;
	CK_OBJECT_HANDLE handle;
	CK_OBJECT_HANDLE copy; /* see copy.h; CK_INVALID_HANDLE: none */
	int64_t used, seen;  /* microseconds, monotonic: of it, of the key */
	unsigned generation; /* of the session that gave the handles */
	bool foreign;
	unsigned char hash[SHA256_SIZE]; /* of the SPKI */
	unsigned way[ALG__MAX]; /* first way of signing to try, see sign.h */
	struct lane_key about;
};

/* A key born elsewhere, from the command line. */
struct foreign {
	const char *name;
	enum key_purpose purpose;
	P11KitUri *uri;
};

#define RING_BUCKETS 1024
#define RING_MAX     4096 /* keys remembered */

struct keyring {
	struct session *session;
	struct foreign *foreign;
	size_t nforeign;
	struct key *buckets[RING_BUCKETS];
	size_t count;
};

/*
 * Finds a key afresh and fills out.  id is a CKA_ID, or FOREIGN_PREFIX and the
 * name of a foreign key.  ERR_KEY when there is none, or more than one, or its
 * public half cannot be told, or it is not the broker's.
 */
enum err key_find(struct keyring *ring, struct view id, struct key *out,
    struct fault *why);

/* The same for a handle that is already known, with our label. */
enum err key_read(struct keyring *ring, CK_OBJECT_HANDLE handle,
    struct key *out, struct fault *why);

/*
 * The key to sign with: remembered, or found.  pin is the SHA-256 of its SPKI
 * (ERR_KEY when it is another).  Borrowed until the next call.
 */
enum err key_get(struct keyring *ring, struct view id, struct view pin,
    struct key **key, struct fault *why);

/* Forgets a key; all keys. */
void key_forget(struct keyring *ring, struct view id);
void key_forget_all(struct keyring *ring);

/* Destroys the session copies of all keys. */
void key_drop_copies(struct keyring *ring);

/* Compares an SPKI hash with the key's; ERR_KEY when it is another. */
enum err key_check_pin(const struct key *key, struct view pin,
    struct fault *why);

/* "kb1:purpose:name" to its parts; false when it is not such a label. */
bool label_parse(const char *label, enum key_purpose *purpose,
    char name[static KEY_NAME_MAX]);

/* Reads a CKA_LABEL as a string; "" when it has a NUL or is too long. */
enum err label_read(struct session *s, CK_OBJECT_HANDLE object,
    char label[static LABEL_MAX_BYTES + 1], struct fault *why);

#endif
