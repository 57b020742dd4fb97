/* What the core asks of a token, as requests to its lanes (base/lane.h). */
#ifndef CORE_KEYS_TOKEN_H
#define CORE_KEYS_TOKEN_H

#include "keys.h"

/* op is LANE_SIGN, or LANE_SIGN_AGAIN when what that gave did not verify. */
enum err token_sign(struct lanes *l, enum lane_op op,
    const struct key_row *row, enum sig_alg alg, const void *p, size_t n,
    struct signature *sig, struct fault *why);

/* Makes a key of the row's name, purpose and type; with again, takes the one
 * that an attempt before may have left in the token. */
enum err token_generate(struct lanes *l, const struct key_row *row,
    bool again, struct lane_key *key, struct fault *why);

/* The key that the configuration of the token calls name. */
enum err token_find_foreign(struct lanes *l, const char *token,
    const char *name, struct lane_key *key, struct fault *why);

/* ERR_NOT_FOUND when it is gone already. */
enum err token_destroy(struct lanes *l, const struct key_row *row,
    struct fault *why);

/* The RFC 7512 URI of a key; info may be NULL.  Owned. */
char *token_key_uri(const struct key_row *row, const struct lane_token *info);

#endif
