/*
 * The audit log: STATE/audit/audit.log and the full files before it
 * (segment.h), one JSON object a line, each with the SHA-256 of the line
 * before ("prev"; hex; of the bytes without the newline; 64 zeros in the first
 * line).  Line members in this order: "seq" (from 1), "time", "prev", "event",
 * then what the event brings.  Checkpoint lines (event "checkpoint") carry
 * "key" (hex SHA-256 of the SPKI), "alg" and "signature" (base64url) over
 * AUDIT_PREIMAGE, the decimal seq of the line before, "\n", its hash in hex,
 * "\n".  STATE/audit/audit.pub is the PEM public key.
 *
 * durable: audit_append() returns after the line is flushed to disk; lines of
 * many threads share one flush.  relaxed: flushed within a second.
 * If a line cannot be written nothing may be released: the caller gets the
 * error and refuses.
 *
 *	audit.c		appending, and the log's own thread
 *	checkpoint.c	lines that are signed, and what is remembered of them
 *	rotate.c	the step from a full file to a new one
 *	read.c		reading, and waiting for more to read
 *	filter.c	which lines a reader wants and may see
 *	file.c, segment.c	the files
 *	key.c		the key in the token
 *
 * Thread-safe.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "../../../api/json.h"
#include "../../../policy/config.h"
#include "../../base/err.h"
#include "file.h"

struct audit;

/* Opens or creates the log in folder, whose full files are found there, too;
 * an incomplete last line (a crash) is cut off and a line of event "recovered"
 * says how many bytes were. */
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

/* ------------------------------------------------------------- rotation */

/* Begins a new file when the current one has that many bytes; 0: never. */
void audit_rotate_at(struct audit *a, uint64_t bytes);

/*
 * Begins a new file now, whose first line (event "continued") names the one
 * before, behind a checkpoint if there is a key.  Writes the name that the
 * full file got into name (SEGMENT_NAME).  ERR_CONFLICT when there is no line
 * yet.
 */
enum err audit_rotate(struct audit *a, char *name, struct fault *why);

/* --------------------------------------- what is remembered elsewhere of it */

/* A line of the log and its hash. */
struct audit_mark {
	uint64_t seq; /* 0: none */
	unsigned char hash[SHA256_SIZE];
};

/* The last line, when all lines until there are flushed to disk. */
struct audit_mark audit_settle(struct audit *a);

/* Is given each new checkpoint, flushed; called like audit_sign_fn. */
typedef void audit_keep_fn(const struct audit_mark *mark);
void audit_on_checkpoint(struct audit *a, audit_keep_fn *keep);

/*
 * Compares the log with what was remembered of it.  When the line is gone or
 * another one, the log says so itself, in a line of event "shortened" or
 * "rewritten".
 */
enum err audit_expect(struct audit *a, const struct audit_mark *mark,
    struct fault *why);

/* Does that with what the store remembers, and has it remember each new
 * checkpoint; and has it remember the last line of all (key.c). */
enum err audit_remember(struct fault *why);
void audit_remember_end(void);

/* The last checkpoint since the start, for status. */
struct audit_mark audit_last_checkpoint(struct audit *a);

/* -------------------------------------------------------------- reading */

/* Appends to out what a reader sees of a line; false: nothing. */
typedef bool audit_show_fn(const char *line, size_t n, struct buf *out,
    void *arg);

struct audit_query {
	struct audit_start from;
	size_t tail; /* not 0: the last so many that are shown, instead */
	size_t max;  /* lines that are shown, at most */
	audit_show_fn *show; /* NULL: each line as it is */
	void *arg;
};

struct audit_page {
	size_t shown;
	uint64_t next; /* behind which to go on */
	bool more;     /* there are lines behind that */
};

/*
 * Appends to out, as a JSON array, the lines that were asked for, oldest
 * first; less when out has no more room or many lines were looked at.  What
 * was moved away is passed over.
 */
enum err audit_read(struct audit *a, const struct audit_query *q,
    struct buf *out, struct audit_page *page, struct fault *why);

/*
 * Waiting for lines.  Each reader that waits holds a place, of which there
 * are few, and few for each uid: ERR_BUSY.
 */
enum err audit_follow(struct audit *a, uint32_t uid, struct fault *why);
void audit_unfollow(struct audit *a, uint32_t uid);

/* True as soon as there are lines behind that number; false when the time
 * (clock_monotonic_us()) is over or nobody may wait any more. */
bool audit_wait(struct audit *a, uint64_t after, int64_t until);

/* Wakes all who wait; nobody waits from now on. */
void audit_dismiss(struct audit *a);

#endif
