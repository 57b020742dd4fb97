/*
 * A lane without a token, for tests: a thread that speaks the protocol of
 * broker/base/lane.h with keys in memory, and misbehaves when told to.
 * Several lanes may share one box of keys, as they share a token.
 */
#ifndef TESTS_SOFT_LANE_H
#define TESTS_SOFT_LANE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../broker/base/crypto.h"
#include "../../broker/base/frame.h"
#include "../../broker/base/lane.h"
#include "../../broker/base/mem.h"

#define SOFT_KEYS 32

struct soft_key {
	struct lane_key key;
	EVP_PKEY *pkey; /* NULL: free */
};

struct soft_box {
	pthread_mutex_t lock;
	struct soft_key keys[SOFT_KEYS];
	atomic_uint signatures, generated;
	atomic_bool corrupt; /* signs wrongly */
	atomic_bool corrupt_once;
};

enum soft_mode {
	SOFT_WORK,	/* answer */
	SOFT_ECHO,	/* answer with the request's payload, whatever it is */
	SOFT_HANG,	/* read, and never answer */
	SOFT_DIE,	/* read one request, then close */
	SOFT_GARBAGE,	/* answer with bytes that are no frame */
	SOFT_WRONG_ID,
	SOFT_WRONG_OP,
	SOFT_BAD_FAULT,	/* a fault that does not parse */
	SOFT_REFUSE,	/* a good fault */
};

struct soft_lane {
	struct soft_box *box;
	atomic_uint mode; /* enum soft_mode */
	atomic_uint delay_us;
	atomic_uint served;
	int fd;
	pthread_t thread;
};

static inline void
soft_box_open(struct soft_box *box)
{
	memset(box, 0, sizeof(*box));
	pthread_mutex_init(&box->lock, NULL);
}

static inline void
soft_box_close(struct soft_box *box)
{
	for (unsigned i = 0; i < SOFT_KEYS; i++)
		EVP_PKEY_free(box->keys[i].pkey);
	pthread_mutex_destroy(&box->lock);
}

static inline EVP_PKEY *
soft_generate(enum key_type type)
{
	static const int bits[] = { [KEY_RSA_2048] = 2048,
		[KEY_RSA_3072] = 3072, [KEY_RSA_4096] = 4096 };

	switch (type) {
	case KEY_EC_P256:
		return EVP_EC_gen("P-256");
	case KEY_EC_P384:
		return EVP_EC_gen("P-384");
	case KEY_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return EVP_RSA_gen((unsigned)bits[type]);
	}
}

/* Puts a key into the box, which then owns it; gives its number. */
static inline unsigned
soft_box_add(struct soft_box *box, EVP_PKEY *pkey, enum key_purpose purpose,
    const char *name)
{
	unsigned char *der = NULL;
	struct lane_key *key;
	unsigned i = 0;
	int n;

	while (box->keys[i].pkey != NULL)
		i++;
	key = &box->keys[i].key;
	memset(key, 0, sizeof(*key));
	key->purpose = purpose;
	key->type = spki_type(pkey);
	key->idlen = 16;
	random_bytes(key->id, key->idlen);
	snprintf(key->name, sizeof(key->name), "%s", name);
	n = i2d_PUBKEY(pkey, &der);
	memcpy(key->spki, der, (size_t)n);
	key->spkilen = (size_t)n;
	key->attributes = KEY_SENSITIVE | KEY_LOCAL | KEY_PRIVATE | KEY_TOKEN;
	OPENSSL_free(der);
	box->keys[i].pkey = pkey;
	return i;
}

static inline struct soft_key *
soft_box_find(struct soft_box *box, struct view id)
{
	for (unsigned i = 0; i < SOFT_KEYS; i++)
		if (box->keys[i].pkey != NULL &&
		    box->keys[i].key.idlen == id.n &&
		    memcmp(box->keys[i].key.id, id.p, id.n) == 0)
			return &box->keys[i];
	return NULL;
}

/* Signs in JOSE form with OpenSSL. */
static inline size_t
soft_sign(EVP_PKEY *pkey, enum sig_alg alg, const void *p, size_t n,
    unsigned char out[static SIGNATURE_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	const EVP_MD *md = alg == ALG_EDDSA ? NULL :
	    alg == ALG_ES384 ? EVP_sha384() : EVP_sha256();
	unsigned char der[SIGNATURE_MAX];
	size_t len = sizeof(der);

	if (EVP_DigestSignInit(ctx, &pctx, md, NULL, pkey) != 1)
		abort();
	if (alg == ALG_PS256 &&
	    (EVP_PKEY_CTX_set_rsa_padding(pctx, 6) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32) != 1))
		abort();
	if (EVP_DigestSign(ctx, der, &len, p, n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	if (alg != ALG_ES256 && alg != ALG_ES384) {
		memcpy(out, der, len);
		return len;
	}
	if (!ecdsa_der_to_raw(out, alg == ALG_ES256 ? 32 : 48, der, len))
		abort();
	return alg == ALG_ES256 ? 64 : 96;
}

static inline enum err
soft_do_sign(struct soft_box *box, struct reader *r, struct buf *out)
{
	unsigned char sig[SIGNATURE_MAX], pin[SHA256_SIZE];
	struct view id = reader_bytes(r, CKA_ID_MAX);
	struct view hash = reader_bytes(r, SHA256_SIZE);
	enum sig_alg alg = (enum sig_alg)reader_u8(r);
	struct view preimage = reader_bytes(r, PREIMAGE_MAX);
	struct soft_key *k = soft_box_find(box, id);
	size_t n;

	if (!reader_done(r))
		return ERR_SYNTAX;
	if (k == NULL)
		return ERR_KEY;
	sha256(pin, k->key.spki, k->key.spkilen);
	if (hash.n != sizeof(pin) || memcmp(pin, hash.p, hash.n) != 0)
		return ERR_KEY;
	n = soft_sign(k->pkey, alg, preimage.p, preimage.n, sig);
	if (box->corrupt || atomic_exchange(&box->corrupt_once, false))
		sig[n / 2] ^= 1;
	box->signatures++;
	buf_put_bytes(out, sig, n);
	buf_put_u32(out, 47);
	return OK;
}

static inline enum err
soft_do_generate(struct soft_box *box, struct reader *r, struct buf *out)
{
	enum key_purpose purpose = (enum key_purpose)reader_u8(r);
	enum key_type type = (enum key_type)reader_u8(r);
	char name[KEY_NAME_MAX];
	bool again;

	reader_str(r, name, sizeof(name));
	again = reader_u8(r) != 0;
	if (!reader_done(r))
		return ERR_SYNTAX;
	for (unsigned i = 0; again && i < SOFT_KEYS; i++)
		if (box->keys[i].pkey != NULL &&
		    box->keys[i].key.type == type &&
		    box->keys[i].key.purpose == purpose &&
		    strcmp(box->keys[i].key.name, name) == 0) {
			lane_put_key(out, &box->keys[i].key);
			return OK;
		}
	lane_put_key(out, &box->keys[soft_box_add(box, soft_generate(type),
	    purpose, name)].key);
	box->generated++;
	return OK;
}

static inline enum err
soft_do_list(struct soft_box *box, struct reader *r, struct buf *out)
{
	uint32_t first = reader_u32(r), total = 0, count = 0;
	struct buf page;

	if (!reader_done(r))
		return ERR_SYNTAX;
	buf_init(&page, FRAME_MAX);
	for (unsigned i = 0; i < SOFT_KEYS; i++) {
		if (box->keys[i].pkey == NULL || total++ < first || count == 2)
			continue;
		lane_put_key(&page, &box->keys[i].key);
		count++;
	}
	buf_put_u32(out, total);
	buf_put_u32(out, count);
	buf_put(out, page.data, page.len);
	buf_free(&page);
	return OK;
}

static inline enum err
soft_do_find(struct soft_box *box, struct reader *r, struct buf *out)
{
	struct soft_key *k = soft_box_find(box, reader_bytes(r, CKA_ID_MAX));

	if (k == NULL)
		return ERR_KEY;
	lane_put_key(out, &k->key);
	return OK;
}

static inline enum err
soft_do_destroy(struct soft_box *box, struct reader *r, struct buf *out)
{
	struct soft_key *k = soft_box_find(box, reader_bytes(r, CKA_ID_MAX));

	(void)out;
	if (k == NULL)
		return ERR_KEY;
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
	return OK;
}

static inline void
soft_token_info(struct lane_token *info)
{
	memset(info, 0, sizeof(*info));
	snprintf(info->label, sizeof(info->label), "soft token");
	snprintf(info->serial, sizeof(info->serial), "0123abcd");
	info->key_types = (1U << KEY_TYPE__MAX) - 1;
	info->algs = (1U << ALG__MAX) - 1;
}

static inline enum err
soft_do_token(struct soft_box *box, struct reader *r, struct buf *out)
{
	struct lane_token info;

	(void)box;
	(void)r;
	soft_token_info(&info);
	lane_put_token(out, &info);
	return OK;
}

static inline void
soft_work(struct soft_lane *lane, const struct frame *in)
{
	static enum err (*const ops[])(struct soft_box *, struct reader *,
	    struct buf *) = {
		[LANE_SIGN] = soft_do_sign, [LANE_SIGN_AGAIN] = soft_do_sign,
		[LANE_GENERATE] = soft_do_generate,
		[LANE_FIND] = soft_do_find, [LANE_LIST] = soft_do_list,
		[LANE_DESTROY] = soft_do_destroy, [LANE_TOKEN] = soft_do_token,
	};
	struct frame head = { .op = in->op, .id = in->id };
	struct fault why;
	struct reader r;
	struct buf out;

	buf_init(&out, FRAME_MAX);
	reader_init(&r, in->payload.p, in->payload.n);
	pthread_mutex_lock(&lane->box->lock);
	head.status = (uint16_t)ops[in->op](lane->box, &r, &out);
	pthread_mutex_unlock(&lane->box->lock);
	if (head.status != OK) {
		buf_reset(&out);
		fault_set(&why, (enum err)head.status, "soft lane refuses");
		frame_put_fault(&out, &why);
	}
	frame_send(lane->fd, &head, out.data, out.len, NULL);
	buf_free(&out);
}

static inline void
soft_misbehave(struct soft_lane *lane, const struct frame *in)
{
	struct frame head = { .op = in->op, .id = in->id };
	struct fault why;
	struct buf out;

	buf_init(&out, FRAME_MAX);
	fault_set(&why, ERR_SHAPE, "not a shape");
	switch ((enum soft_mode)lane->mode) {
	case SOFT_GARBAGE:
		if (write(lane->fd, "not a frame at all", 18) != 18)
			abort();
		break;
	case SOFT_WRONG_ID:
		head.id += 7;
		frame_send(lane->fd, &head, "x", 1, NULL);
		break;
	case SOFT_WRONG_OP:
		head.op = LANE_OP__MAX;
		frame_send(lane->fd, &head, "x", 1, NULL);
		break;
	case SOFT_BAD_FAULT:
		head.status = ERR_SHAPE;
		frame_send(lane->fd, &head, "x", 1, NULL);
		break;
	case SOFT_REFUSE:
		head.status = ERR_SHAPE;
		frame_put_fault(&out, &why);
		frame_send(lane->fd, &head, out.data, out.len, NULL);
		break;
	case SOFT_ECHO:
		frame_send(lane->fd, &head, in->payload.p, in->payload.n, NULL);
		break;
	default:
		break;
	}
	buf_free(&out);
}

static inline void *
soft_lane_run(void *arg)
{
	unsigned char *buffer = malloc(FRAME_MAX + 64);
	struct soft_lane *lane = arg;
	struct frame in;

	while (frame_recv(lane->fd, &in, buffer, FRAME_MAX + 64, -1, NULL) ==
	    OK) {
		lane->served++;
		if (lane->delay_us != 0)
			usleep(lane->delay_us);
		if (lane->mode == SOFT_DIE)
			break;
		if (lane->mode == SOFT_WORK)
			soft_work(lane, &in);
		else
			soft_misbehave(lane, &in);
	}
	close(lane->fd);
	free(buffer);
	return NULL;
}

/* Starts the lane; gives the core's end of its socket.  The thread ends when
 * that is closed; join it. */
static inline int
soft_lane_start(struct soft_lane *lane, struct soft_box *box,
    enum soft_mode mode)
{
	int fds[2];

	memset(lane, 0, sizeof(*lane));
	if (frame_pair(fds, NULL) != OK)
		abort();
	lane->box = box;
	lane->mode = mode;
	lane->fd = fds[1];
	if (pthread_create(&lane->thread, NULL, soft_lane_run, lane) != 0)
		abort();
	return fds[0];
}

#endif
