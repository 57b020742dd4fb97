#include "verify.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/io.h"
#include "../../broker/base/lane.h"
#include "entry.h"

#define PEM_MAX 16384 /* bytes of a file with a public key */
#define HEX_SIZE (2 * SHA256_SIZE + 1)

static const char *const names[] = {
	[DAMAGE_NONE] = "none",
	[DAMAGE_EDITED] = "edited",
	[DAMAGE_REMOVED] = "removed",
	[DAMAGE_REORDERED] = "reordered",
	[DAMAGE_REPEATED] = "repeated",
	[DAMAGE_CUT] = "cut",
	[DAMAGE_FORGED] = "forged",
	[DAMAGE_KEY] = "unknown-key",
	[DAMAGE_UNPROVED] = "unproved",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == DAMAGE__MAX,
    "every damage has a name");

const char *
damage_name(enum damage d)
{
	return (unsigned)d < DAMAGE__MAX ? names[d] : "unknown";
}

enum err
audit_key_read(const char *path, struct audit_key *key, struct fault *why)
{
	unsigned char *der = NULL;
	struct buf pem;
	BIO *bio;
	enum err e;
	int n;

	*key = (struct audit_key){ 0 };
	buf_init(&pem, PEM_MAX);
	e = read_file(path, &pem, why);
	if (e != OK)
		goto out;
	bio = BIO_new_mem_buf(buf_str(&pem), (int)pem.len);
	key->key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) :
	    NULL;
	BIO_free(bio);
	n = key->key != NULL ? i2d_PUBKEY(key->key, &der) : 0;
	if (n <= 0 || spki_type(key->key) == KEY_TYPE__MAX) {
		e = fault_set(why, ERR_KEY, "%s is no PEM public key of a "
		    "supported type", path);
		audit_key_free(key);
	} else {
		sha256(key->id, der, (size_t)n);
	}
	OPENSSL_free(der);
out:
	buf_free(&pem);
	return e;
}

void
audit_key_free(struct audit_key *key)
{
	EVP_PKEY_free(key->key);
	*key = (struct audit_key){ 0 };
}

/* What has been read and found good so far. */
struct proof {
	struct lines *lines;
	const struct audit_claim *claim;
	struct verification *v;
	struct audit_line before; /* the last good line */
	const char *last_file; /* where the last good line stands */
	uint64_t last_line;
};

static void
damaged(struct proof *p, enum damage d, const char *file, uint64_t line,
    const char *detail)
{
	p->v->damage = d;
	p->v->file = file;
	p->v->line = line;
	snprintf(p->v->detail, sizeof(p->v->detail), "%s", detail);
}

#define DAMAGED(p, d, e, ...)                                                 \
	do {                                                                  \
		struct fault text_;                                           \
		fault_set(&text_, OK, __VA_ARGS__);                           \
		damaged(p, d, (e)->line.file, (e)->line.number, text_.text);  \
	} while (0)

static enum err
next(struct proof *p, struct entry *e, struct fault *why)
{
	return entry_next(p->lines, e, why);
}

/* Whether the line behind e vouches for e as it stands. */
enum vouched { VOUCHED_YES, VOUCHED_NO, VOUCHED_NOBODY };

static enum err
vouched(struct proof *p, const struct entry *e, enum vouched *out,
    struct fault *why)
{
	struct entry later;
	enum err code = next(p, &later, why);

	if (code != OK)
		return code;
	*out = later.line.text == NULL || !later.good ? VOUCHED_NOBODY :
	    memcmp(later.prev, e->hash, SHA256_SIZE) == 0 ? VOUCHED_YES :
	    VOUCHED_NO;
	entry_free(&later);
	return OK;
}

/* True in *found when a line with this number comes later. */
static enum err
comes_later(struct proof *p, uint64_t seq, bool *found, struct fault *why)
{
	struct entry e;
	enum err code;

	*found = false;
	while ((code = next(p, &e, why)) == OK && e.line.text != NULL) {
		bool here = e.good && e.seq == seq;

		entry_free(&e);
		if (here) {
			*found = true;
			break;
		}
	}
	return code;
}

/* The number is wrong. */
static enum err
blame_seq(struct proof *p, const struct entry *e, struct fault *why)
{
	uint64_t wanted = p->v->last.seq + 1;
	bool later;
	enum err code;

	if (memcmp(e->prev, p->v->last.hash, SHA256_SIZE) == 0) {
		DAMAGED(p, DAMAGE_EDITED, e, "seq %" PRIu64 " where %" PRIu64
		    " must stand", e->seq, wanted);
		return OK;
	}
	if (e->seq < wanted) {
		DAMAGED(p, DAMAGE_REPEATED, e, "seq %" PRIu64 " stands in the "
		    "log already", e->seq);
		return OK;
	}
	code = comes_later(p, wanted, &later, why);
	if (code != OK)
		return code;
	if (later)
		DAMAGED(p, DAMAGE_REORDERED, e, "seq %" PRIu64 " stands "
		    "before seq %" PRIu64, e->seq, wanted);
	else if (e->seq == wanted + 1)
		DAMAGED(p, DAMAGE_REMOVED, e, "seq %" PRIu64 " is missing "
		    "before this line", wanted);
	else
		DAMAGED(p, DAMAGE_REMOVED, e, "seq %" PRIu64 " to %" PRIu64
		    " are missing before this line", wanted, e->seq - 1);
	return OK;
}

static const struct audit_key *
find_key(const struct proof *p, const char *hex)
{
	unsigned char id[SHA256_SIZE];

	if (!hex_decode(id, sizeof(id), hex))
		return NULL;
	for (size_t i = 0; i < p->claim->nkeys; i++)
		if (memcmp(p->claim->keys[i].id, id, sizeof(id)) == 0)
			return &p->claim->keys[i];
	return NULL;
}

/* The signature of a checkpoint over the line before it. */
static bool
signature_good(const struct proof *p, const struct entry *e,
    const struct audit_key *key, struct fault *why)
{
	const char *alg = json_get_string(e->json, "alg");
	const char *text = json_get_string(e->json, "signature");
	struct buf preimage, signature;
	char hex[HEX_SIZE];
	bool good = false;

	buf_init(&preimage, 256);
	buf_init(&signature, SIGNATURE_MAX);
	hex_encode(hex, p->v->last.hash, SHA256_SIZE);
	buf_putf(&preimage, AUDIT_PREIMAGE "%" PRIu64 "\n%s\n",
	    p->v->last.seq, hex);
	if (alg == NULL || alg_parse(alg) == ALG__MAX || text == NULL ||
	    !b64_get(&signature, text, strlen(text)))
		fault_set(why, ERR_SYNTAX, "no \"alg\" or \"signature\" that "
		    "can be read");
	else
		good = signature_verify(key->key, alg_parse(alg),
		    preimage.data, preimage.len, signature.data,
		    signature.len, why) == OK;
	buf_free(&preimage);
	buf_free(&signature);
	return good;
}

/* The key that a good checkpoint was signed with; NULL when e is none. */
static const struct audit_key *
checkpoint_key(const struct proof *p, const struct entry *e,
    struct fault *why)
{
	const char *hex = json_get_string(e->json, "key");
	const struct audit_key *key = hex != NULL ? find_key(p, hex) : NULL;

	if (!entry_is(e, "checkpoint"))
		return NULL;
	return key != NULL && signature_good(p, e, key, why) ? key : NULL;
}

/* The number is right and the hash is wrong: this line or the one before was
 * edited.  The line behind tells which, or a signature. */
static enum err
blame_hash(struct proof *p, const struct entry *e, struct fault *why)
{
	enum vouched by;
	enum err code;

	if (p->last_line == 0) {
		DAMAGED(p, DAMAGE_EDITED, e, "\"prev\" of the first line is "
		    "not all zeros");
		return OK;
	}
	code = vouched(p, e, &by, why);
	if (code != OK)
		return code;
	if (by == VOUCHED_NO || checkpoint_key(p, e, NULL) != NULL) {
		DAMAGED(p, DAMAGE_EDITED, e, "seq %" PRIu64 " does not carry "
		    "the hash of the line before, which is good", e->seq);
		return OK;
	}
	DAMAGED(p, DAMAGE_EDITED, e, "seq %" PRIu64 " is not the line whose "
	    "hash the line behind it carries%s", e->seq - 1,
	    by == VOUCHED_NOBODY ? " (or the hash there was edited)" : "");
	p->v->file = p->last_file;
	p->v->line = p->last_line;
	p->v->lines--;
	p->v->last = p->before;
	return OK;
}

static enum err
check_checkpoint(struct proof *p, const struct entry *e, struct fault *why)
{
	const char *hex = json_get_string(e->json, "key");
	enum vouched by = VOUCHED_NOBODY;
	struct fault bad = { 0 };
	enum err code;

	if (checkpoint_key(p, e, &bad) != NULL) {
		p->v->checkpoints++;
		p->v->proved = p->v->last.seq;
		return OK;
	}
	code = vouched(p, e, &by, why);
	if (code != OK)
		return code;
	if (by == VOUCHED_NO)
		DAMAGED(p, DAMAGE_EDITED, e, "this checkpoint is not the line "
		    "whose hash the line behind it carries");
	else if (hex == NULL || find_key(p, hex) == NULL)
		DAMAGED(p, DAMAGE_KEY, e, "signed by key %.64s, which was "
		    "not given", hex != NULL ? hex : "(none)");
	else
		DAMAGED(p, DAMAGE_FORGED, e, "the checkpoint does not prove "
		    "the lines before it: %s", bad.text);
	return OK;
}

/* The broker compares its log, when it starts, with what it remembers. */
static void
check_admission(struct proof *p, const struct entry *e)
{
	int64_t expected = 0;

	if (!entry_is(e, "shortened") && !entry_is(e, "rewritten"))
		return;
	json_get_int(e->json, "expected", &expected);
	DAMAGED(p, DAMAGE_CUT, e, "the broker found here that seq %" PRId64
	    " was gone or another line", expected);
}

/* What somebody remembers of this line. */
static void
check_claim(struct proof *p, const struct entry *e)
{
	const struct audit_claim *c = p->claim;
	char hex[HEX_SIZE];

	for (size_t i = 0; i < c->nlines; i++) {
		if (c->lines[i].seq != e->seq ||
		    memcmp(c->lines[i].hash, e->hash, SHA256_SIZE) == 0)
			continue;
		hex_encode(hex, e->hash, SHA256_SIZE);
		DAMAGED(p, DAMAGE_EDITED, e, "the hash of seq %" PRIu64
		    " is %s, not the expected one", e->seq, hex);
	}
}

static enum err
check_entry(struct proof *p, const struct entry *e, struct fault *why)
{
	enum err code = OK;

	if (!e->line.complete && e->why.code != ERR_LIMIT) {
		DAMAGED(p, DAMAGE_CUT, e, "the line has no end");
		return OK;
	}
	if (!e->good) {
		DAMAGED(p, DAMAGE_EDITED, e, "not a line of an audit log: %s",
		    e->why.text);
		return OK;
	}
	if (p->v->lines == 0 && e->seq == p->claim->from && e->seq > 1)
		memcpy(p->v->last.hash, e->prev, SHA256_SIZE);
	if (e->seq != p->v->last.seq + 1)
		return blame_seq(p, e, why);
	if (memcmp(e->prev, p->v->last.hash, SHA256_SIZE) != 0)
		return blame_hash(p, e, why);
	check_claim(p, e);
	check_admission(p, e);
	if (entry_is(e, "checkpoint"))
		code = check_checkpoint(p, e, why);
	return code;
}

static void
accept(struct proof *p, const struct entry *e)
{
	p->before = p->v->last;
	p->v->lines++;
	p->v->last.seq = e->seq;
	memcpy(p->v->last.hash, e->hash, SHA256_SIZE);
	p->last_file = e->line.file;
	p->last_line = e->line.number;
}

/* Lines that must be there and are not. */
static void
check_end(struct proof *p, const char *file)
{
	const struct audit_claim *c = p->claim;
	uint64_t last = c->last;
	char text[FAULT_MAX];

	for (size_t i = 0; i < c->nlines; i++)
		if (c->lines[i].seq > last)
			last = c->lines[i].seq;
	if (p->v->last.seq >= last)
		return;
	snprintf(text, sizeof(text), "the log ends with seq %" PRIu64
	    ", before seq %" PRIu64, p->v->last.seq, last);
	if (p->last_file != NULL)
		file = p->last_file;
	damaged(p, DAMAGE_CUT, file, p->last_line + 1, text);
}

enum err
audit_prove(const char *const *files, size_t n,
    const struct audit_claim *claim, struct verification *v,
    struct fault *why)
{
	struct proof p = { .claim = claim, .v = v };
	struct entry e;
	enum err code;

	memset(v, 0, sizeof(*v));
	if (claim->from > 1)
		v->last.seq = claim->from - 1;
	p.before = v->last;
	p.lines = lines_open(files, n, AUDIT_LINE_MAX);
	while ((code = next(&p, &e, why)) == OK && e.line.text != NULL) {
		code = check_entry(&p, &e, why);
		entry_free(&e);
		if (code != OK || v->damage != DAMAGE_NONE)
			break;
		accept(&p, &e);
	}
	if (code == OK && v->damage == DAMAGE_NONE)
		check_end(&p, files[n - 1]);
	lines_close(p.lines);
	return code;
}
