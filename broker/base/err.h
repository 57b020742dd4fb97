/*
 * The one error enumeration, and the sentence that goes with an error.
 *
 * A function that can fail returns an enum err and, where the caller may
 * show the reason to a person, fills a struct fault whose text names the
 * check that failed.  Running out of memory is not an error: see mem.h.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#define FAULT_MAX 512 /* bytes of a fault's text, with its NUL */

enum err {
	OK = 0,
	ERR_USAGE,	 /* the command line is wrong */
	ERR_CONFIG,	 /* the configuration is wrong */
	ERR_SYNTAX,	 /* a stranger's bytes do not parse */
	ERR_LIMIT,	 /* larger, deeper or longer than allowed */
	ERR_DENIED,	 /* policy says no */
	ERR_RATE,	 /* policy says not now */
	ERR_NOT_FOUND,	 /* no such thing */
	ERR_METHOD,	 /* no such verb on this thing */
	ERR_CONFLICT,	 /* not in this state */
	ERR_UNSUPPORTED, /* neither we nor the other side can do it */
	ERR_BUSY,	 /* try again soon */
	ERR_TIMEOUT,	 /* a deadline passed */
	ERR_TOKEN,	 /* the token does not answer as it should */
	ERR_PIN,	 /* PIN refused or locked: an operator must act */
	ERR_KEY,	 /* key missing, ambiguous or not the pinned one */
	ERR_SHAPE,	 /* not a shape this key's purpose signs */
	ERR_SIGNATURE,	 /* a signature does not verify */
	ERR_CA,		 /* the CA refused */
	ERR_NETWORK,	 /* the CA could not be reached */
	ERR_CERTIFICATE, /* a certificate or chain fails a check */
	ERR_CRYPTO,	 /* the cryptographic library failed */
	ERR_IO,		 /* the operating system failed */
	ERR_FULL,	 /* no room on the disk */
	ERR_CLOSED,	 /* the process at the other end is gone */
	ERR_INTERNAL,	 /* our own mistake */
	ERR__MAX
};

struct fault {
	enum err code;
	char text[FAULT_MAX]; /* one sentence, printable, no newline */
	unsigned line;	      /* of a configuration; 0 when not applicable */
	unsigned column;
	uint32_t retry_after; /* seconds; 0 when not applicable */
	unsigned long ckr;    /* the CK_RV behind ERR_TOKEN, ERR_PIN, ERR_KEY */
};

/* A stable word for an error, such as "not-found"; used in logs and URNs. */
const char *err_name(enum err);

/* The reverse of err_name(); ERR__MAX when the word is unknown. */
enum err err_parse(const char *name);

/*
 * Writes code and sentence into why (which may be NULL) and returns code, so
 * that a check reads: return fault_set(why, ERR_SYNTAX, "...").  Control
 * characters in the result are replaced by '?'.
 */
enum err fault_set(struct fault *why, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As fault_set(), with ": " and strerror(errno) appended; ENOSPC and EDQUOT
 * turn code ERR_IO into ERR_FULL. */
enum err fault_errno(struct fault *why, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
