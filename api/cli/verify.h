/*
 * Proving an audit log offline: the chain of hashes, the sequence numbers and
 * the signed checkpoints.  What broker/core/audit.h writes is read here by
 * code of its own, so that a mistake in one does not hide in the other.
 *
 * Several files are one log in the order given.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "../../broker/base/crypto.h"
#include "../../broker/base/err.h"

#define AUDIT_LINE_MAX 1048576 /* bytes of a line that is read */

enum damage {
	DAMAGE_NONE,
	DAMAGE_EDITED,	  /* a line is not what was written */
	DAMAGE_REMOVED,	  /* lines are missing */
	DAMAGE_REORDERED, /* lines stand in another order */
	DAMAGE_REPEATED,  /* a line stands there that was there before */
	DAMAGE_CUT,	  /* the end is missing */
	DAMAGE_FORGED,	  /* a good chain under a bad signature */
	DAMAGE_KEY,	  /* signed by a key that was not given */
	DAMAGE_UNPROVED,  /* good, but for the checkpoint that was expected */
	DAMAGE__MAX
};
const char *damage_name(enum damage);

struct audit_key {
	EVP_PKEY *key;
	unsigned char id[SHA256_SIZE]; /* SHA-256 of its SPKI */
};

/* Reads a PEM public key; to be freed with audit_key_free(). */
enum err audit_key_read(const char *path, struct audit_key *key,
    struct fault *why);
void audit_key_free(struct audit_key *key);

/* A line that somebody remembers. */
struct audit_line {
	uint64_t seq;
	unsigned char hash[SHA256_SIZE];
};

/* What a log is to be proved against. */
struct audit_claim {
	const struct audit_key *keys;
	size_t nkeys;
	const struct audit_line *lines; /* that must be in it */
	size_t nlines;
	uint64_t from; /* the first line, if not 1: what is before is elsewhere,
			* and its hash is believed */
	uint64_t last; /* the log reaches this one at least */
};

struct verification {
	uint64_t lines;	      /* that are good */
	struct audit_line last; /* the last good line */
	uint64_t checkpoints; /* good ones */
	uint64_t proved;      /* last seq that a checkpoint proves */
	enum damage damage;
	const char *file;     /* where the damage is; points to the caller's */
	uint64_t line;	      /* in that file, from 1; 0: the whole of it */
	char detail[FAULT_MAX]; /* one sentence about it */
};

/*
 * Reads the files to their end or to the first bad line.  OK when the result
 * is filled, whatever it says; an error when a file cannot be read.
 */
enum err audit_prove(const char *const *files, size_t n,
    const struct audit_claim *claim, struct verification *v,
    struct fault *why);

#endif
