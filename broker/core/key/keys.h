/*
 * Named keys: what the store knows of them, made usable.  Signing goes to a
 * lane, comes back, and is verified with the pinned public key before anybody
 * sees it.  Parsed public keys are cached.  Thread-safe.
 */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include "../../../api/json.h"
#include "../../base/crypto.h"
#include "../../base/lane.h"
#include "lanes.h"
#include "../store/store.h"

struct keys;

struct keys *keys_new(struct store *store, struct lanes *lanes);
void keys_free(struct keys *k);

/*
 * Generates a key pair in the token (flushed there before this returns) and
 * records it.  The row is written as "generating" first, so that a crash in
 * between leaves a name by which the orphan can be found; a second call with
 * the same name then adopts the token's key instead of making another.
 * ERR_CONFLICT when the name is in use already by a finished key.
 */
enum err keys_generate(struct keys *k, const char *name, const char *token,
    enum key_purpose purpose, enum key_type type, enum verify_mode verify,
    struct fault *why);

/* Records a key born elsewhere (struct config_foreign_key) after finding it
 * in the token and comparing its pin. */
enum err keys_adopt(struct keys *k, const char *name, const char *token,
    const struct config_foreign_key *foreign, enum verify_mode verify,
    struct fault *why);

struct signature {
	unsigned char bytes[SIGNATURE_MAX];
	size_t n;
	bool verified;		/* here, now */
	struct lane_times times;
	uint32_t verify_us;
	enum sig_alg alg;
	unsigned char key_id[SHA256_SIZE]; /* of the key's SPKI */
	unsigned char input[SHA256_SIZE];  /* of what was signed */
};

/* Writes the members about a signature that its audit line has. */
void signature_put(struct json_writer *w, const struct signature *sig);

/* Signs n bytes with an active key; alg must fit it. */
enum err keys_sign(struct keys *k, const char *name, enum sig_alg alg,
    const void *p, size_t n, struct signature *sig, struct fault *why);

/* The public half: SPKI into out (SPKI_MAX), its length, its type. */
enum err keys_public(struct keys *k, const char *name, unsigned char *out,
    size_t *n, enum key_type *type, struct fault *why);

/* Retires: never signs again; destroyed in the token after grace seconds. */
enum err keys_retire(struct keys *k, const char *name, int64_t grace,
    struct fault *why);

/* Destroys a retired key in the token now. */
enum err keys_destroy(struct keys *k, const char *name, struct fault *why);

/* Destroys every retired key whose grace is over and of which tell (NULL: no
 * matter) could say so before. */
typedef enum err keys_tell_fn(const char *name, struct fault *why);
void keys_sweep(struct keys *k, int64_t now, keys_tell_fn *tell);

/* The pkcs11: URI of a key (RFC 7512), owned. */
char *keys_uri(struct keys *k, const char *name);

#endif
