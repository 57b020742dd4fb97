/*
 * Lines of the audit log that are signed by a key in a token, and what is
 * remembered of them elsewhere: a log that was cut behind its last checkpoint
 * does not show it itself.
 */
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "log.h"

#define PAUSE_US 500000	  /* that lines wait for a checkpoint, at most */
#define RETRY_US 10000000 /* between tries that fail */
#define TRIES	 3	  /* when the log went on */

bool
audit_checkpoint_due(const struct audit *a, int64_t now)
{
	if (a->sign == NULL || a->seq <= a->checkpoint_seq ||
	    now < a->checkpoint_after)
		return false;
	return a->seq - a->checkpoint_seq >= a->every_lines ||
	    now - a->checkpoint_at >= (int64_t)a->every_seconds * 1000000;
}

static enum err
sign_line(struct audit *a, uint64_t seq, const unsigned char *hash,
    struct buf *members, struct fault *why)
{
	unsigned char spki[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], key[2 * SHA256_SIZE + 1];
	struct buf text, signature;
	struct json_writer w;
	enum sig_alg alg;
	char *b64;
	enum err e;

	buf_init(&text, 512);
	buf_init(&signature, SIGNATURE_MAX);
	hex_encode(hex, hash, SHA256_SIZE);
	buf_putf(&text, AUDIT_PREIMAGE "%llu\n%s\n", (unsigned long long)seq,
	    hex);
	e = a->sign(text.data, text.len, &signature, &alg, spki, why);
	if (e == OK) {
		hex_encode(key, spki, sizeof(spki));
		b64 = b64_encode(signature.data, signature.len);
		json_write_start(&w, members);
		json_put_string(&w, "key", key);
		json_put_string(&w, "alg", alg_name(alg));
		json_put_string(&w, "signature", b64);
		free(b64);
	}
	buf_free(&text);
	buf_free(&signature);
	return e;
}

/* Appends the line if it still follows the one that was signed. */
static enum err
append_checkpoint(struct audit *a, uint64_t seq, const struct buf *members,
    struct fault *why)
{
	struct audit_mark mark = { .seq = seq + 1 };
	enum err e;

	if (a->seq != seq)
		return fault_set(why, ERR_BUSY,
		    "the audit log went on before its checkpoint was signed");
	e = audit_chain(a, "checkpoint", (const char *)members->data,
	    members->len, why);
	memcpy(mark.hash, a->hash, SHA256_SIZE);
	if (e == OK)
		e = audit_await(a, why);
	if (e != OK)
		return e;
	a->checkpoint_seq = seq + 1;
	a->mark = mark;
	return OK;
}

/*
 * The signature is for the last line and must stand right behind it, so
 * other lines are asked to wait while it is made; not for long, and without a
 * lock: a token that hangs must not stop the log.
 */
static enum err
try_checkpoint(struct audit *a, struct fault *why)
{
	unsigned char hash[SHA256_SIZE];
	struct buf members;
	uint64_t seq;
	enum err e = OK;

	buf_init(&members, 4096);
	pthread_mutex_lock(&a->lock);
	seq = a->seq;
	memcpy(hash, a->hash, sizeof(hash));
	if (seq == a->checkpoint_seq)
		goto out;
	a->paused = clock_monotonic_us() + PAUSE_US;
	pthread_mutex_unlock(&a->lock);
	e = sign_line(a, seq, hash, &members, why);
	pthread_mutex_lock(&a->lock);
	a->paused = 0;
	if (e == OK)
		e = append_checkpoint(a, seq, &members, why);
	pthread_cond_broadcast(&a->change);
	a->checkpoint_at = clock_monotonic_us();
	a->checkpoint_after = e == OK ? 0 : a->checkpoint_at + RETRY_US;
out:
	pthread_mutex_unlock(&a->lock);
	buf_free(&members);
	return e;
}

enum err
audit_checkpoint_locked(struct audit *a, struct fault *why)
{
	uint64_t before = a->mark.seq;
	enum err e = ERR_BUSY;

	if (a->sign == NULL)
		e = fault_set(why, ERR_CONFLICT, "no audit key");
	for (unsigned i = 0; e == ERR_BUSY && i < TRIES; i++)
		e = try_checkpoint(a, why);
	if (a->mark.seq != before && a->keep != NULL) {
		audit_settle(a);
		a->keep(&a->mark);
	}
	return e;
}

enum err
audit_checkpoint(struct audit *a, struct fault *why)
{
	enum err e;

	pthread_mutex_lock(&a->checkpoint);
	e = audit_checkpoint_locked(a, why);
	pthread_mutex_unlock(&a->checkpoint);
	return e;
}

void
audit_checkpoints(struct audit *a, audit_sign_fn *sign, unsigned every_lines,
    unsigned every_seconds)
{
	pthread_mutex_lock(&a->checkpoint);
	pthread_mutex_lock(&a->lock);
	a->sign = sign;
	a->every_lines = every_lines;
	a->every_seconds = every_seconds;
	pthread_cond_signal(&a->tick);
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(&a->checkpoint);
}

void
audit_on_checkpoint(struct audit *a, audit_keep_fn *keep)
{
	pthread_mutex_lock(&a->checkpoint);
	a->keep = keep;
	pthread_mutex_unlock(&a->checkpoint);
}

struct audit_mark
audit_last_checkpoint(struct audit *a)
{
	struct audit_mark mark;

	pthread_mutex_lock(&a->lock);
	mark = a->mark;
	pthread_mutex_unlock(&a->lock);
	return mark;
}

/* ------------------------------------------------------- what is remembered */

/* The first line of a page, compared with what was remembered. */
struct comparison {
	const struct audit_mark *mark;
	bool done, differs;
};

static bool
compare(const char *line, size_t n, struct buf *out, void *arg)
{
	struct comparison *c = arg;
	unsigned char hash[SHA256_SIZE];

	(void)out;
	if (c->done)
		return true;
	c->done = true;
	sha256(hash, line, n);
	c->differs = memcmp(hash, c->mark->hash, SHA256_SIZE) != 0;
	return true;
}

/* A line whose file was moved away cannot be compared. */
static enum err
differs(struct audit *a, const struct audit_mark *mark, bool *out,
    struct fault *why)
{
	struct comparison c = { .mark = mark };
	struct audit_query q = { .from.after = mark->seq - 1, .max = 1,
		.show = compare, .arg = &c };
	struct audit_page page;
	struct buf none;
	enum err e;

	buf_init(&none, 2 * AUDIT_LINE_MAX);
	e = audit_read(a, &q, &none, &page, why);
	buf_free(&none);
	*out = e == OK && page.next == mark->seq && c.differs;
	return e;
}

static enum err
tell(struct audit *a, const char *event, const struct audit_mark *mark,
    struct fault *why)
{
	char hex[2 * SHA256_SIZE + 1];
	uint64_t last = audit_last(a);
	struct json_writer w;
	struct buf members;
	enum err e;

	log_error("audit log: it was %s: line %llu is not the one that was "
	    "there, or gone; the last one is %llu", event,
	    (unsigned long long)mark->seq, (unsigned long long)last);
	hex_encode(hex, mark->hash, SHA256_SIZE);
	buf_init(&members, 512);
	json_write_start(&w, &members);
	json_put_int(&w, "expected", (int64_t)mark->seq);
	json_put_string(&w, "sha256", hex);
	json_put_int(&w, "last", (int64_t)last);
	e = audit_append(a, event, buf_str(&members), members.len, why);
	buf_free(&members);
	return e;
}

enum err
audit_expect(struct audit *a, const struct audit_mark *mark,
    struct fault *why)
{
	bool other = false;
	enum err e;

	if (mark->seq == 0)
		return OK;
	if (audit_last(a) < mark->seq)
		return tell(a, "shortened", mark, why);
	e = differs(a, mark, &other, why);
	return e == OK && other ? tell(a, "rewritten", mark, why) : e;
}
