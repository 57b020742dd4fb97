/*
 * The protocol between keybroker-core and a lane (keybroker-signer): one
 * request, one answer, in order, as frames.  Integers and lengths are
 * big-endian, byte strings are length-prefixed (see buf.h).
 *
 * A key is named by its CKA_ID and pinned by the SHA-256 of its SPKI; the
 * lane refuses when they do not belong together.  What a key may sign is
 * decided by its purpose, which the lane reads from the token (the label it
 * wrote at the key's birth) or from its own command line (keys born
 * elsewhere): never from a request.
 *
 * An answer has the request's op and id.  Its status is OK and the payload
 * as below, or an enum err and a fault (frame_put_fault).
 */
#ifndef BASE_LANE_H
#define BASE_LANE_H

#include <stdint.h>

#include "crypto.h"

#define PREIMAGE_MAX  65536 /* bytes that a lane accepts for signing */
#define LANE_CHANNELS 4	    /* that a lane serves at most */
#define KEY_NAME_MAX  64    /* bytes of a key's name, with its NUL */
#define KEY_LABEL_TAG "kb1" /* CKA_LABEL is "kb1:purpose:name" */

/*
 * op             request                          answer
 * LANE_READY     (sent unasked, id 0, when        lane_token
 *                logged in)
 * LANE_SIGN      bytes id, bytes spki hash,       bytes signature (JOSE form),
 *                u8 alg, bytes preimage           u32 microseconds in token
 * LANE_GENERATE  u8 purpose, u8 type, str name,   lane_key (flushed to disk)
 *                u8 1: an attempt before this one
 *                may have made the key; a whole
 *                one of that name is then given
 * LANE_FIND      bytes id (a CKA_ID, or "name:"   lane_key; ERR_KEY when none
 *                and a foreign key's name)        or more than one
 * LANE_LIST      u32 first                        u32 total, u32 count,
 *                                                 lane_key ... (those with
 *                                                 our label, by CKA_ID)
 * LANE_DESTROY   bytes id, bytes spki hash        (empty); ERR_NOT_FOUND when
 *                                                 there is nothing (any more)
 * LANE_TOKEN     (empty)                          lane_token, fresh
 * LANE_CHANNEL   (empty; descriptor: one end of   (none)
 *                a further channel, served like
 *                the first)
 * LANE_SIGN_AGAIN as LANE_SIGN; the last          as LANE_SIGN
 *                signature of this key did not
 *                verify: the lane finds the key
 *                afresh, and verifies
 *
 * A key born elsewhere (--key NAME=PURPOSE=URI of the lane) is first found
 * by "name:NAME".  The answer holds the id to use from then on: its CKA_ID, or
 * "name:NAME" again when it has none.
 *
 * lane_key:   bytes id, u8 purpose, u8 type, str name (as in the label; NAME
 *             for a foreign key), bytes spki, u32 attributes
 * lane_token: str label, str serial, str manufacturer, str model,
 *             u32 token flags (CKF_*), u32 capabilities (1 << key_type when
 *             it can generate and sign that type), u32 1 << sig_alg
 */
enum lane_op {
	LANE_READY = 1,
	LANE_SIGN,
	LANE_GENERATE,
	LANE_FIND,
	LANE_LIST,
	LANE_DESTROY,
	LANE_TOKEN,
	LANE_CHANNEL,
	LANE_SIGN_AGAIN,
	LANE_OP__MAX
};

/* What a key is for; the word stands in its label, so never rename one. */
enum key_purpose {
	PURPOSE_ACCOUNT,     /* "account": ACME JWS with kid or jwk, nonce, url */
	PURPOSE_CERTIFICATE, /* "cert": CSR for its own public key */
	PURPOSE_AUDIT,	     /* "audit": audit checkpoints */
	PURPOSE__MAX
};

const char *purpose_name(enum key_purpose);
enum key_purpose purpose_parse(const char *name); /* PURPOSE__MAX if unknown */

/*
 * What an audit key signs: this line, the number of the last line of the log
 * in decimal, and the SHA-256 of that line in lower-case hex; each ends with a
 * newline.  The sample has that form.
 */
#define AUDIT_PREIMAGE "keybroker audit checkpoint 1\n"
#define AUDIT_SAMPLE                                                          \
	AUDIT_PREIMAGE "1\n"                                                  \
	"0000000000000000000000000000000000000000000000000000000000000000\n"

/* Claims of the token about a key, as bits of "attributes". */
enum key_attribute {
	KEY_SENSITIVE = 1 << 0,
	KEY_ALWAYS_SENSITIVE = 1 << 1,
	KEY_EXTRACTABLE = 1 << 2,
	KEY_NEVER_EXTRACTABLE = 1 << 3,
	KEY_LOCAL = 1 << 4,
	KEY_MODIFIABLE = 1 << 5,
	KEY_ALWAYS_AUTHENTICATE = 1 << 6,
	KEY_PRIVATE = 1 << 7,
	KEY_TOKEN = 1 << 8,
	KEY_SIGN = 1 << 9,
};

struct lane_key {
	unsigned char id[CKA_ID_MAX];
	size_t idlen;
	enum key_purpose purpose;
	enum key_type type;
	char name[KEY_NAME_MAX];
	unsigned char spki[SPKI_MAX];
	size_t spkilen;
	uint32_t attributes;
};

struct lane_token {
	char label[33];
	char serial[17];
	char manufacturer[33];
	char model[17];
	uint32_t flags;	       /* CKF_* of CK_TOKEN_INFO */
	uint32_t key_types;    /* 1 << enum key_type */
	uint32_t algs;	       /* 1 << enum sig_alg */
};

void lane_put_key(struct buf *b, const struct lane_key *key);
void lane_get_key(struct reader *r, struct lane_key *key);
void lane_put_token(struct buf *b, const struct lane_token *token);
void lane_get_token(struct reader *r, struct lane_token *token);

#endif
