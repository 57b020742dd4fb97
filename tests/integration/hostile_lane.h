/*
 * A core that has been taken over and a real lane on a SoftHSM token: the
 * channel, a key of each purpose and type, and something that each may sign.
 */
#ifndef TESTS_HOSTILE_LANE_H
#define TESTS_HOSTILE_LANE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "../../broker/base/b64.h"
#include "../../pkcs11/lane_client.h"
#include "oracle.h"
#include "soft_token.c"

#define LANE_WAIT_MS 60000
#define LANE_KEYS    (PURPOSE__MAX * KEY_TYPE__MAX)

static struct {
	struct soft_token token;
	struct lane_client client;
	struct lane_token about;
	struct lane_key keys[LANE_KEYS];
	struct buf good[LANE_KEYS]; /* what each key may sign */
	unsigned nkeys;
	struct buf request;
} world = { .request = { .max = FRAME_MAX } };

static inline void
lane_start(void)
{
	const char *build = getenv("BUILD");
	char program[512], *argv[] = { (char *)"keybroker-signer",
		(char *)"--module", (char *)SOFT_MODULE, (char *)"--token",
		(char *)SOFT_URI, (char *)"--name", (char *)"test",
		(char *)"--lane", (char *)"0", NULL };
	struct fault why;

	snprintf(program, sizeof(program), "%s/keybroker-signer",
	    build != NULL ? build : "build/test");
	if (lane_client_start(&world.client, program, argv, world.token.pin_fd,
		&why) != OK ||
	    lane_client_ready(&world.client, &world.about, LANE_WAIT_MS,
		&why) != OK)
		fail_msg("%s", why.text);
}

static inline enum err
lane_ask(enum lane_op op, struct reader *r, struct fault *why)
{
	enum err e = lane_client_send(&world.client, op, &world.request, why);

	if (e == OK)
		e = lane_client_receive(&world.client, op, r, LANE_WAIT_MS,
		    why);
	buf_reset(&world.request);
	return e;
}

static inline enum err
lane_generate(unsigned purpose, unsigned type, const char *name,
    struct lane_key *key)
{
	struct fault why;
	struct reader r;
	enum err e;

	buf_put_u8(&world.request, (uint8_t)purpose);
	buf_put_u8(&world.request, (uint8_t)type);
	buf_put_str(&world.request, name);
	buf_put_u8(&world.request, 0);
	e = lane_ask(LANE_GENERATE, &r, &why);
	if (e != OK)
		return e;
	lane_get_key(&r, key);
	assert_true(reader_done(&r));
	return OK;
}

static inline uint32_t
lane_count_keys(void)
{
	struct fault why;
	struct reader r;

	buf_put_u32(&world.request, 0);
	assert_int_equal(lane_ask(LANE_LIST, &r, &why), OK);
	return reader_u32(&r);
}

/* ---------------------------------------------------------------- a wish */

/* What LANE_SIGN is asked, right or wrong. */
struct wish {
	unsigned char id[CKA_ID_MAX], pin[SHA256_SIZE + 1];
	size_t idlen, pinlen;
	unsigned alg;
	struct view text;
};

static inline struct wish
wish_for(const struct lane_key *key, const void *text, size_t n)
{
	struct wish w = { .idlen = key->idlen, .pinlen = SHA256_SIZE,
		.alg = alg_default(key->type), .text = { text, n } };

	memcpy(w.id, key->id, key->idlen);
	sha256(w.pin, key->spki, key->spkilen);
	return w;
}

static inline void
wish_put(const struct wish *w)
{
	buf_put_bytes(&world.request, w->id, w->idlen);
	buf_put_bytes(&world.request, w->pin, w->pinlen);
	buf_put_u8(&world.request, (uint8_t)w->alg);
	buf_put_bytes(&world.request, w->text.p, w->text.n);
}

/* A signature was given: it must be one of the key that the wish names and
 * pins, over that text, and within what the key was born for. */
static inline void
wish_judge(const struct wish *w, struct reader *r)
{
	struct oracle_claim claim = { .alg = (enum sig_alg)w->alg,
		.text = w->text, .sig = reader_bytes(r, SIGNATURE_MAX) };
	const char *complaint = "a signature by no key of that name and pin";
	unsigned char pin[SHA256_SIZE];

	(void)reader_u32(r);
	assert_true(reader_done(r));
	for (unsigned i = 0; i < world.nkeys; i++) {
		const struct lane_key *key = &world.keys[i];

		sha256(pin, key->spki, key->spkilen);
		if (w->idlen != key->idlen || w->pinlen != SHA256_SIZE ||
		    memcmp(w->id, key->id, w->idlen) != 0 ||
		    memcmp(w->pin, pin, SHA256_SIZE) != 0)
			continue;
		claim.purpose = key->purpose;
		claim.spki = (struct view){ key->spki, key->spkilen };
		complaint = oracle_complaint(&claim);
	}
	if (complaint != NULL) {
		char *hex = xcalloc(2 * w->text.n + 1, 1);

		hex_encode(hex, w->text.p, w->text.n);
		fail_msg("key of purpose %s, %s, %s: %s",
		    purpose_name(claim.purpose), alg_name(claim.alg),
		    complaint, hex);
	}
}

static inline enum err
wish_ask(const struct wish *w)
{
	struct fault why;
	struct reader r;
	enum err e;

	wish_put(w);
	e = lane_ask(LANE_SIGN, &r, &why);
	if (e == OK)
		wish_judge(w, &r);
	return e;
}

/* ------------------------------------------------- what each key may sign */

static inline void
put_jws(struct buf *out, const char *header, const char *payload)
{
	b64_put(out, header, strlen(header));
	buf_putc(out, '.');
	b64_put(out, payload, strlen(payload));
}

static inline void
put_acme(struct buf *out, const struct lane_key *key)
{
	char *header = xasprintf("{\"alg\":\"%s\",\"kid\":"
	    "\"https://ca.test/account/1\",\"nonce\":\"bm9uY2U\","
	    "\"url\":\"https://ca.test/new-order\"}",
	    alg_name(alg_default(key->type)));

	put_jws(out, header, "{\"identifiers\":[]}");
	free(header);
}

static inline void
put_extension(X509_EXTENSIONS *list, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	sk_X509_EXTENSION_push(list, e);
}

static inline void
put_csr(struct buf *out, const struct lane_key *key)
{
	const unsigned char *p = key->spki;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &p, (long)key->spkilen);
	X509_EXTENSIONS *extensions = sk_X509_EXTENSION_new_null();
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n;

	X509_REQ_set_version(req, 0);
	X509_REQ_set_pubkey(req, public);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
	    MBSTRING_ASC, (const unsigned char *)"a.test", -1, -1, 0);
	put_extension(extensions, NID_subject_alt_name,
	    "DNS:a.test,DNS:b.test");
	put_extension(extensions, NID_key_usage, "critical,digitalSignature");
	assert_int_equal(X509_REQ_add_extensions(req, extensions), 1);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	n = i2d_re_X509_REQ_tbs(req, &der);
	assert_true(n > 0);
	buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(req);
	EVP_PKEY_free(public);
}

static inline void
put_audit(struct buf *out, const struct lane_key *key)
{
	(void)key;
	buf_puts(out, AUDIT_SAMPLE);
}

/* A key of each purpose and of each type that the token makes. */
static inline void
lane_births(void)
{
	static void (*const put[])(struct buf *, const struct lane_key *) = {
		[PURPOSE_ACCOUNT] = put_acme,
		[PURPOSE_CERTIFICATE] = put_csr,
		[PURPOSE_AUDIT] = put_audit,
	};
	char name[32];

	_Static_assert(nitems(put) == PURPOSE__MAX, "a text for each");
	for (unsigned i = 0; i < LANE_KEYS; i++) {
		unsigned type = i / PURPOSE__MAX, purpose = i % PURPOSE__MAX;
		struct lane_key *key = &world.keys[world.nkeys];
		struct buf *good = &world.good[world.nkeys];

		if ((world.about.key_types & 1U << type) == 0 ||
		    type == KEY_RSA_3072 || type == KEY_RSA_4096)
			continue; /* they are made for seconds */
		snprintf(name, sizeof(name), "key-%u", i);
		assert_int_equal(lane_generate(purpose, type, name, key), OK);
		buf_init(good, PREIMAGE_MAX);
		put[purpose](good, key);
		world.nkeys++;
	}
	assert_true(world.nkeys >= PURPOSE__MAX);
}

/* The first key of a purpose, of type P-256. */
static inline unsigned
lane_key_for(enum key_purpose purpose)
{
	return (unsigned)purpose;
}

/* Every key and what another may sign. */
static inline void
lane_try_purposes(void)
{
	for (unsigned key = 0; key < world.nkeys; key++)
		for (unsigned of = 0; of < world.nkeys; of++) {
			const struct buf *text = &world.good[of];
			struct wish w = wish_for(&world.keys[key], text->data,
			    text->len);
			bool may = key == of ||
			    (world.keys[key].purpose == PURPOSE_AUDIT &&
			    world.keys[of].purpose == PURPOSE_AUDIT);

			assert_int_equal(wish_ask(&w), may ? OK : ERR_SHAPE);
		}
}

static inline int
lane_open(void **state)
{
	(void)state;
	lane_start();
	return 0;
}

static inline int
lane_close(void **state)
{
	(void)state;
	for (unsigned i = 0; i < world.nkeys; i++)
		buf_free(&world.good[i]);
	buf_free(&world.request);
	return lane_client_stop(&world.client);
}

/* Runs main(): 77 when there is no SoftHSM. */
static inline int
lane_main(const struct CMUnitTest *tests, size_t n)
{
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (soft_token_make(&world.token) != 0) {
		puts("skipped: SoftHSM is not installed");
		return 77;
	}
	failed = _cmocka_run_group_tests("lane", tests, n, lane_open,
	    lane_close);
	soft_token_remove(&world.token);
	return failed;
}

#endif
