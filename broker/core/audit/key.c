/*
 * The key that signs audit checkpoints: made in its token when that first
 * answers; its public half is published for verifiers.  The store remembers
 * the last checkpoint from one start to the next.
 */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/io.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../engine/job.h"
#include "../key/keys.h"
#include "../store/store.h"
#include "audit.h"

#define KEY_NAME    "audit"
#define MARK_NAME   "audit-checkpoint"
#define MARK_SIZE   96 /* bytes of "SEQ HASH" with its NUL */
#define RETRY_FIRST 500 /* milliseconds */
#define RETRY_MOST  60000

static enum err
sign(const void *p, size_t n, struct buf *signature, enum sig_alg *alg,
    unsigned char spki_sha256[static SHA256_SIZE], struct fault *why)
{
	struct signature sig;
	struct key_row key;
	enum err e;

	e = store_key_get(core.store, KEY_NAME, &key, why);
	if (e != OK)
		return e;
	*alg = alg_default(key.type);
	memcpy(spki_sha256, key.pin, SHA256_SIZE);
	e = keys_sign(core.keys, KEY_NAME, *alg, p, n, &sig, why);
	if (e == OK)
		buf_put(signature, sig.bytes, sig.n);
	return e;
}

static enum err
write_public(const struct key_row *key, struct fault *why)
{
	char *path = xasprintf("%s/audit/audit.pub", core.config->state);
	EVP_PKEY *public = spki_read(key->spki, key->spkilen, why);
	BIO *bio = BIO_new(BIO_s_mem());
	enum err e = ERR_CRYPTO;
	char *pem;
	long n;

	if (public == NULL || bio == NULL || PEM_write_bio_PUBKEY(bio,
		public) != 1)
		goto out;
	n = BIO_get_mem_data(bio, &pem);
	e = write_file(path, pem, (size_t)n, 0644, why);
out:
	BIO_free(bio);
	EVP_PKEY_free(public);
	free(path);
	return e;
}

static void
run(struct job *j)
{
	struct key_row key;
	struct fault why = { .code = OK };
	enum err e;

	e = store_key_get(core.store, KEY_NAME, &key, &why);
	if (e != OK || key.state != KEY_ACTIVE)
		e = keys_generate(core.keys, KEY_NAME, j->name, PURPOSE_AUDIT,
		    KEY_EC_P256, VERIFY_ALWAYS, &why);
	if (e == OK)
		e = store_key_get(core.store, KEY_NAME, &key, &why);
	if (e == OK)
		e = write_public(&key, &why);
	if (e == OK) {
		audit_checkpoints(core.audit, sign,
		    core.config->checkpoint_lines,
		    core.config->checkpoint_seconds);
		/* what was before a crash is proved soon */
		if (audit_checkpoint(core.audit, &why) != OK)
			log_warning("audit checkpoint: %s", why.text);
		j->over = true;
		return;
	}
	if (++j->failures % 16 == 1)
		log_warning("audit key: %s", why.text);
	job_again(j, backoff(j->failures, RETRY_FIRST, RETRY_MOST));
}

const struct job_class audit_key_class = { .run = run };

/* ------------------------------------------------------- what is remembered */

/* "SEQ HASH" */
static void
keep_mark(const struct audit_mark *mark)
{
	char hex[2 * SHA256_SIZE + 1], text[MARK_SIZE];
	struct fault why;

	hex_encode(hex, mark->hash, SHA256_SIZE);
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)mark->seq,
	    hex);
	if (store_setting_put(core.store, MARK_NAME, text, &why) != OK)
		log_warning("audit checkpoint: %s", why.text);
}

static enum err
read_mark(struct audit_mark *mark, struct fault *why)
{
	struct buf text;
	char *end;
	enum err e;

	buf_init(&text, MARK_SIZE);
	e = store_setting_get(core.store, MARK_NAME, &text, why);
	if (e == OK) {
		mark->seq = strtoull(buf_str(&text), &end, 10);
		if (*end != ' ' || !hex_decode(mark->hash, SHA256_SIZE,
			end + 1))
			e = fault_set(why, ERR_SYNTAX, "the store's "
			    "\"" MARK_NAME "\" is no checkpoint");
	}
	buf_free(&text);
	return e == ERR_NOT_FOUND ? OK : e;
}

enum err
audit_remember(struct fault *why)
{
	struct audit_mark mark = { .seq = 0 };
	enum err e = read_mark(&mark, why);

	if (e == OK)
		e = audit_expect(core.audit, &mark, why);
	audit_on_checkpoint(core.audit, keep_mark);
	return e;
}

/* Without a key, or when its token does not answer, the end of the log is
 * remembered at least from one orderly stop to the next start. */
void
audit_remember_end(void)
{
	struct audit_mark mark = audit_settle(core.audit);

	keep_mark(&mark);
}

/* -------------------------------------------------------------------- sweep */

#define SWEEP_EVERY 3600000 /* milliseconds */

static enum err
tell_destroyed(const char *name, struct fault *why)
{
	struct json_writer w;
	struct buf members;
	enum err e;

	buf_init(&members, 4 * STORE_NAME);
	json_write_start(&w, &members);
	json_put_string(&w, "by", "core");
	json_put_string(&w, "key", name);
	e = audit_append(core.audit, "destroy", buf_str(&members),
	    members.len, why);
	buf_free(&members);
	return e;
}

static void
run_sweep(struct job *j)
{
	keys_sweep(core.keys, clock_now(), tell_destroyed);
	job_again(j, SWEEP_EVERY);
}

const struct job_class sweep_class = { .run = run_sweep };
