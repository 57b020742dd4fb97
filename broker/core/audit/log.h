/*
 * The audit log from within: what audit.c and checkpoint.c share.
 */
#ifndef CORE_AUDIT_LOG_H
#define CORE_AUDIT_LOG_H

#include <pthread.h>
#include <stdbool.h>

#include "audit.h"
#include "file.h"
#include "segment.h"

#define AUDIT_FOLLOWERS 32 /* readers that wait, in all */

/* What there is between two failed writes; kept as long as anybody waits. */
struct audit_epoch {
	unsigned refs;
	bool ended;
	uint64_t kept;		/* seq on disk when it ended */
	struct fault why;
};

/*
 * Lines are chained in memory, in the order in which they are appended, and
 * written by whichever thread comes first, for all that wait.  What is behind
 * the end on disk may be lost again: when a write fails, everything since
 * then fails together (epoch) and the chain goes on from what is on disk,
 * with the same numbers.
 */
struct audit {
	char *folder;
	pthread_mutex_t lock;
	pthread_cond_t change;	/* written, failed, or a pause is over */
	pthread_cond_t tick;	/* wakes the log's own thread */
	pthread_t thread;
	bool stop;
	int fd;
	enum audit_mode mode;
	struct audit_end disk;	/* what is written */
	uint64_t seq;		/* of the last line appended */
	unsigned char hash[SHA256_SIZE];
	struct buf pending, writing;
	bool busy;		/* a thread writes */
	bool untidy;		/* the rest of a failed line is behind the end */
	bool unsynced;		/* relaxed: written, not flushed */
	bool turning;		/* what is pending begins a new file */
	struct audit_epoch *epoch;
	bool failing;
	int64_t paused;		/* for a checkpoint, until then; 0: not */
	uint64_t rotate_bytes;	/* 0: never */
	int64_t rotate_after;	/* not before then, after a failure */

	pthread_cond_t news;	/* written, for those who wait to read */
	unsigned waiting;	/* of these, now */
	uint32_t followers[AUDIT_FOLLOWERS]; /* their uids */
	unsigned nfollowers;
	bool dismissed;

	pthread_mutex_t checkpoint; /* one at a time, or one rotation */
	audit_sign_fn *sign;
	audit_keep_fn *keep;
	struct audit_mark mark;	/* the last checkpoint */
	unsigned every_lines, every_seconds;
	uint64_t checkpoint_seq; /* of the last one; 0: none since the start */
	int64_t checkpoint_at;	 /* microseconds, monotonic */
	int64_t checkpoint_after; /* not before then, after a failure */
};

/* Chains one line; the lock is held.  ERR_BUSY when too much is pending. */
enum err audit_chain(struct audit *a, const char *event, const char *members,
    size_t n, struct fault *why);

/* Returns when the line that was chained last is written, or lost; the lock
 * must have been held since then, and is held afterwards. */
enum err audit_await(struct audit *a, struct fault *why);

/* Writes what is pending, with the lock released meanwhile. */
void audit_write(struct audit *a);

/* Waits for a condition until a time; the lock is held. */
void audit_sleep(struct audit *a, pthread_cond_t *cond, int64_t until);

/* True when a new file is to be begun; the lock is held. */
bool audit_rotation_due(const struct audit *a, int64_t now);

/* True when a checkpoint is to be made; the lock is held. */
bool audit_checkpoint_due(const struct audit *a, int64_t now);

/* audit_checkpoint() for who holds the lock named so. */
enum err audit_checkpoint_locked(struct audit *a, struct fault *why);

#endif
