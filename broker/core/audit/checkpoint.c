/* Lines of the audit log that are signed by a key in a token. */
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
	enum err e;

	if (a->seq != seq)
		return fault_set(why, ERR_BUSY,
		    "the audit log went on before its checkpoint was signed");
	e = audit_chain(a, "checkpoint", (const char *)members->data,
	    members->len, why);
	if (e == OK)
		e = audit_await(a, why);
	if (e == OK)
		a->checkpoint_seq = seq + 1;
	return e;
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
audit_checkpoint(struct audit *a, struct fault *why)
{
	enum err e = ERR_BUSY;

	pthread_mutex_lock(&a->checkpoint);
	if (a->sign == NULL)
		e = fault_set(why, ERR_CONFLICT, "no audit key");
	for (unsigned i = 0; e == ERR_BUSY && i < TRIES; i++)
		e = try_checkpoint(a, why);
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
