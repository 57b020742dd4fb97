/*
 * The audit log: STATE/audit/audit.log, one JSON object a line, each with the
 * SHA-256 of the line before ("prev"; hex; of the bytes without the newline;
 * 64 zeros in the first line).  Line members in this order: "seq" (from 1),
 * "time", "prev", "event", then what the event brings.  Checkpoint lines
 * (event "checkpoint") carry "key" (hex SHA-256 of the SPKI), "alg" and
 * "signature" (base64url) over AUDIT_PREIMAGE, the decimal seq of the line
 * before, "\n", its hash in hex, "\n".  STATE/audit/audit.pub is the PEM
 * public key.
 *
 * durable: audit_append() returns after the line is flushed to disk; lines of
 * many threads share one flush.  relaxed: flushed within a second.
 * If a line cannot be written nothing may be released: the caller gets the
 * error and refuses.
 *
 * Thread-safe.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "../../../api/json.h"
#include "../../../policy/config.h"
#include "../../base/err.h"

struct audit;

/* Opens or creates the log in folder; an incomplete last line (a crash) is
 * cut off and a line of event "recovered" says how many bytes were. */
struct audit *audit_open(const char *folder, enum audit_mode mode,
    struct fault *why);
void audit_close(struct audit *a);

/*
 * Appends a line: members is the text of JSON members without braces, as a
 * json_writer makes them, or "".
 */
enum err audit_append(struct audit *a, const char *event, const char *members,
    size_t n, struct fault *why);

/*
 * How checkpoints are signed; without this there are none.  Called by a
 * thread of the audit log's own, never while a lock is held.
 */
typedef enum err audit_sign_fn(const void *p, size_t n, struct buf *signature,
    enum sig_alg *alg, unsigned char spki_sha256[static SHA256_SIZE],
    struct fault *why);
void audit_checkpoints(struct audit *a, audit_sign_fn *sign,
    unsigned every_lines, unsigned every_seconds);

/* Writes a checkpoint now (at the stop of the broker, or for a test). */
enum err audit_checkpoint(struct audit *a, struct fault *why);

/* seq of the last line, for status. */
uint64_t audit_last(struct audit *a);

/* Appends to out, as a JSON array, at most max lines with seq greater than
 * after, oldest first. */
enum err audit_read(struct audit *a, uint64_t after, size_t max,
    struct buf *out, struct fault *why);

#endif
