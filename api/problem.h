/* Problem documents, RFC 9457: what a refused request gets. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "../broker/base/buf.h"
#include "../broker/base/err.h"

#define PROBLEM_TYPE	   "application/problem+json"
#define PROBLEM_URN_PREFIX "urn:keybroker:error:"

/* The HTTP status of an error. */
unsigned problem_status(enum err code);

/* The exit code of the command line for an error: 0, 1 or 2 to 9. */
int problem_exit_code(enum err code);

/*
 * Writes {"type","title","status","detail"} and, where set, "line",
 * "column", "retryAfter", "ckr".
 */
void problem_write(struct buf *out, const struct fault *why);

/* Reads one back on the client's side; an unreadable document becomes
 * ERR_INTERNAL with the status in its text. */
void problem_read(const char *text, size_t n, unsigned status,
    struct fault *why);

#endif
