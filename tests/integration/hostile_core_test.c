/*
 * A core that has been taken over, against a real lane: it asks for
 * everything that the channel can carry, and gets what each key was born for.
 * HOSTILE_REQUESTS (20000) is how many made-up requests there are, and
 * HOSTILE_SEED where their randomness begins.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"
#include "../../pkcs11/lane_client.h"
#include "soft_token.c"

#define WAIT_MS	 60000
#define REQUESTS "20000"
#define PURPOSES 3

static struct soft_token token;
static struct lane_client lane;
static struct lane_key keys[PURPOSES], other;
static struct buf good[PURPOSES]; /* what each key may sign */
static struct buf request = { .max = FRAME_MAX };

static int
start_lane(void **state)
{
	const char *build = getenv("BUILD");
	char program[512], *argv[] = { (char *)"keybroker-signer",
		(char *)"--module", (char *)SOFT_MODULE, (char *)"--token",
		(char *)SOFT_URI, (char *)"--name", (char *)"test",
		(char *)"--lane", (char *)"0", NULL };
	struct lane_token about;
	struct fault why;

	(void)state;
	snprintf(program, sizeof(program), "%s/keybroker-signer",
	    build != NULL ? build : "build/test");
	if (lane_client_start(&lane, program, argv, token.pin_fd, &why) != OK ||
	    lane_client_ready(&lane, &about, WAIT_MS, &why) != OK) {
		fprintf(stderr, "%s\n", why.text);
		return -1;
	}
	return 0;
}

static int
stop_lane(void **state)
{
	(void)state;
	return lane_client_stop(&lane);
}

static enum err
ask(enum lane_op op, struct reader *r, struct fault *why)
{
	enum err e = lane_client_send(&lane, op, &request, why);

	if (e == OK)
		e = lane_client_receive(&lane, op, r, WAIT_MS, why);
	buf_reset(&request);
	return e;
}

static void
generate(enum key_purpose purpose, const char *name, struct lane_key *key)
{
	struct fault why;
	struct reader r;

	buf_put_u8(&request, (uint8_t)purpose);
	buf_put_u8(&request, KEY_EC_P256);
	buf_put_str(&request, name);
	buf_put_u8(&request, 0);
	if (ask(LANE_GENERATE, &r, &why) != OK)
		fail_msg("%s", why.text);
	lane_get_key(&r, key);
	assert_true(reader_done(&r));
}

static const char header[] = "{\"alg\":\"ES256\",\"kid\":"
    "\"https://ca.test/account/1\",\"nonce\":\"bm9uY2U\","
    "\"url\":\"https://ca.test/new-order\"}";

static void
put_jws(struct buf *out, const char *head, const char *payload)
{
	b64_put(out, head, strlen(head));
	buf_putc(out, '.');
	b64_put(out, payload, strlen(payload));
}

static void
put_csr(struct buf *out, const struct lane_key *key)
{
	const unsigned char *p = key->spki;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &p, (long)key->spkilen);
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *san;
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n;

	X509_REQ_set_version(req, 0);
	X509_REQ_set_pubkey(req, public);
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
	    MBSTRING_ASC, (const unsigned char *)"a.test", -1, -1, 0);
	san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
	    "DNS:a.test,DNS:b.test");
	sk_X509_EXTENSION_push(extensions, san);
	assert_int_equal(X509_REQ_add_extensions(req, extensions), 1);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	n = i2d_re_X509_REQ_tbs(req, &der);
	assert_true(n > 0);
	buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(req);
	EVP_PKEY_free(public);
}

static void
test_births(void **state)
{
	static const char *const names[] = { "one", "two", "three" };

	(void)state;
	for (unsigned i = 0; i < PURPOSES; i++) {
		generate((enum key_purpose)i, names[i], &keys[i]);
		buf_init(&good[i], PREIMAGE_MAX);
	}
	generate(PURPOSE_CERTIFICATE, "other", &other);
	put_jws(&good[PURPOSE_ACCOUNT], header, "{\"identifiers\":[]}");
	put_csr(&good[PURPOSE_CERTIFICATE], &keys[PURPOSE_CERTIFICATE]);
	buf_puts(&good[PURPOSE_AUDIT], AUDIT_SAMPLE);
}

/* ------------------------------------------------------------ what to say */

struct wish {
	const unsigned char *id;
	size_t idlen;
	unsigned char pin[SHA256_SIZE + 1];
	size_t pinlen;
	unsigned alg;
	const void *text;
	size_t n;
};

static struct wish
wish_for(const struct lane_key *key, const void *text, size_t n)
{
	struct wish w = { .id = key->id, .idlen = key->idlen,
		.pinlen = SHA256_SIZE, .alg = ALG_ES256, .text = text,
		.n = n };

	sha256(w.pin, key->spki, key->spkilen);
	return w;
}

static void
put_wish(const struct wish *w)
{
	buf_put_bytes(&request, w->id, w->idlen);
	buf_put_bytes(&request, w->pin, w->pinlen);
	buf_put_u8(&request, (uint8_t)w->alg);
	buf_put_bytes(&request, w->text, w->n);
}

static enum err
sign(const struct wish *w)
{
	struct fault why;
	struct reader r;

	put_wish(w);
	return ask(LANE_SIGN, &r, &why);
}

/* A lane that is asked for one key's preimage by another's. */
static void
test_purposes(void **state)
{
	struct wish w;

	(void)state;
	for (unsigned key = 0; key < PURPOSES; key++)
		for (unsigned of = 0; of < PURPOSES; of++) {
			w = wish_for(&keys[key], good[of].data, good[of].len);
			assert_int_equal(sign(&w), key == of ? OK : ERR_SHAPE);
		}
	w = wish_for(&other, good[PURPOSE_CERTIFICATE].data,
	    good[PURPOSE_CERTIFICATE].len);
	assert_int_equal(sign(&w), ERR_SHAPE);
}

/* Tokens of other protocols that an account key must not sign. */
static void
test_dressed_up(void **state)
{
	static const struct {
		const char *header, *payload;
	} table[] = {
		{ "{\"alg\":\"ES256\",\"typ\":\"passport\",\"ppt\":\"shaken\","
		    "\"x5u\":\"https://c.test/a.pem\"}",
		    "{\"attest\":\"A\",\"dest\":{\"tn\":[\"1\"]},\"iat\":1,"
		    "\"orig\":{\"tn\":\"2\"},\"origid\":\"x\"}" },
		{ "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{\"iss\":\"x\"}" },
		{ "{\"alg\":\"ES256\",\"kid\":\"https://ca.test/1\",\"nonce\":"
		    "\"bm9u\",\"url\":\"https://ca.test/\",\"typ\":"
		    "\"passport\"}", "{}" },
		{ "{\"alg\":\"ES256\",\"kid\":\"https://ca.test/1\",\"nonce\":"
		    "\"bm9u\",\"url\":\"https://ca.test/\",\"x5u\":"
		    "\"https://c.test/a.pem\"}", "{}" },
		{ "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"},\"url\":"
		    "\"https://ca.test/key-change\"}", "{\"account\":\"x\"}" },
		{ "{\"alg\":\"ES256\",\"kid\":\"https://ca.test/1\",\"nonce\":"
		    "\"bm9u\",\"url\":\"https://ca.test/\",\"crit\":[\"b64\"],"
		    "\"b64\":false}", "x" },
		{ "{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":"
		    "\"https://ca.test/new-account\"}", "{}" },
	};
	struct wish w;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		buf_init(&b, PREIMAGE_MAX);
		put_jws(&b, table[i].header, table[i].payload);
		w = wish_for(&keys[PURPOSE_ACCOUNT], b.data, b.len);
		assert_int_equal(sign(&w), ERR_SHAPE);
		buf_free(&b);
	}
}

/* Pins, ids and algorithms that do not belong together. */
static void
test_wrong_names(void **state)
{
	const struct buf *text = &good[PURPOSE_AUDIT];
	const struct lane_key *key = &keys[PURPOSE_AUDIT];
	struct wish w;

	(void)state;
	w = wish_for(key, text->data, text->len);
	w.pin[31] ^= 1;
	assert_int_equal(sign(&w), ERR_KEY);
	w = wish_for(&keys[PURPOSE_ACCOUNT], text->data, text->len);
	w.id = key->id;
	assert_int_equal(sign(&w), ERR_KEY);
	w = wish_for(key, text->data, text->len);
	w.pinlen = 0;
	assert_int_equal(sign(&w), ERR_KEY);
	w.pinlen = SHA256_SIZE - 1;
	assert_int_equal(sign(&w), ERR_KEY);
	w.pinlen = SHA256_SIZE + 1;
	assert_int_equal(sign(&w), ERR_SYNTAX);
	w = wish_for(key, text->data, text->len);
	w.idlen = 0;
	assert_int_equal(sign(&w), ERR_KEY);
	w.id = (const unsigned char *)"name:three";
	w.idlen = 10;
	assert_int_equal(sign(&w), ERR_KEY);
	w = wish_for(key, text->data, text->len);
	w.alg = ALG_ES384;
	assert_int_equal(sign(&w), ERR_UNSUPPORTED);
	w.alg = ALG_RS256;
	assert_int_equal(sign(&w), ERR_UNSUPPORTED);
	w.alg = ALG_EDDSA;
	assert_int_equal(sign(&w), ERR_UNSUPPORTED);
	w.alg = ALG__MAX;
	assert_int_equal(sign(&w), ERR_SYNTAX);
	w.alg = 255;
	assert_int_equal(sign(&w), ERR_SYNTAX);
}

/* Frames that are no requests, and descriptors that nobody asked for. */
static void
test_frames(void **state)
{
	static const unsigned ops[] = { 0, LANE_READY, LANE_OP__MAX, 255,
		65535 };
	struct wish w = wish_for(&keys[PURPOSE_AUDIT],
	    good[PURPOSE_AUDIT].data, good[PURPOSE_AUDIT].len);
	unsigned char *answer = xmalloc(FRAME_MAX + 64);
	struct fault why;
	struct reader r;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nitems(ops); i++) {
		f = (struct frame){ .op = (uint16_t)ops[i], .id = 1 };
		assert_int_equal(frame_send(lane.fd, &f, NULL, 0, &why), OK);
		assert_int_equal(frame_recv(lane.fd, &f, answer,
		    FRAME_MAX + 64, WAIT_MS, &why), OK);
		assert_int_not_equal(f.status, OK);
	}
	put_wish(&w);
	f = (struct frame){ .op = LANE_SIGN, .id = 2, .nfds = 3,
		.fds = { 0, 1, 2 } };
	assert_int_equal(frame_send(lane.fd, &f, request.data, request.len,
	    &why), OK);
	assert_int_equal(frame_recv(lane.fd, &f, answer, FRAME_MAX + 64,
	    WAIT_MS, &why), OK);
	buf_putc(&request, 0); /* a byte too many */
	assert_int_equal(ask(LANE_SIGN, &r, &why), ERR_SYNTAX);
	put_wish(&w);
	request.data[0] = 0xff; /* lengths that reach beyond the end */
	assert_int_equal(ask(LANE_SIGN, &r, &why), ERR_SYNTAX);
	buf_put_bytes(&request, keys[0].id, keys[0].idlen);
	buf_put_bytes(&request, "", 0);
	assert_int_not_equal(ask(LANE_DESTROY, &r, &why), OK);
	w = wish_for(&keys[1], "", 0);
	buf_put_bytes(&request, keys[0].id, keys[0].idlen);
	buf_put_bytes(&request, w.pin, SHA256_SIZE);
	assert_int_not_equal(ask(LANE_DESTROY, &r, &why), OK);
	free(answer);
}

/* --------------------------------------------- what it may have meant, too */

/* Judges a preimage by other programs than the lane does. */
static bool
account_may(const unsigned char *p, size_t n)
{
	static const char *const members[] = { "alg", "kid", "jwk", "nonce",
		"url" };
	const unsigned char *dot = memchr(p, '.', n);
	struct buf head, payload;
	struct json *v = NULL;
	bool may = false;

	buf_init(&head, PREIMAGE_MAX);
	buf_init(&payload, PREIMAGE_MAX);
	if (dot == NULL ||
	    !b64_get(&head, (const char *)p, (size_t)(dot - p)) ||
	    !b64_get(&payload, (const char *)dot + 1,
		n - (size_t)(dot - p) - 1))
		goto out;
	v = json_parse(buf_str(&head), head.len, NULL);
	may = v != NULL && json_is_object(v) && json_count(v) == 4 &&
	    json_get_string(v, "nonce") != NULL &&
	    json_get_string(v, "alg") != NULL &&
	    strcmp(json_get_string(v, "alg"), "ES256") == 0 &&
	    json_get_string(v, "url") != NULL &&
	    strncmp(json_get_string(v, "url"), "https://", 8) == 0;
	for (size_t i = 0; may && i < json_count(v); i++) {
		bool known = false;

		for (size_t k = 0; k < nitems(members); k++)
			known |= strcmp(json_name_at(v, i), members[k]) == 0;
		may = known;
	}
out:
	json_free(v);
	buf_free(&head);
	buf_free(&payload);
	return may;
}

static bool
certificate_may(const struct lane_key *key, const unsigned char *p, size_t n)
{
	const unsigned char *at = p;
	X509_REQ_INFO *info = d2i_X509_REQ_INFO(NULL, &at, (long)n);
	bool may = info != NULL && at == p + n &&
	    memmem(p, n, key->spki, key->spkilen) != NULL;

	X509_REQ_INFO_free(info);
	return may;
}

static bool
audit_may(const unsigned char *p, size_t n)
{
	char hash[65] = "", *text = xstrndup((const char *)p, n);
	unsigned long long seq;
	int end = 0;
	bool may;

	may = sscanf(text, AUDIT_PREIMAGE "%16llu\n%64[0-9a-f]\n%n", &seq,
	    hash, &end) == 2 && strlen(hash) == 64 && (size_t)end == n &&
	    strlen(text) == n;
	free(text);
	return may;
}

/* A signature that was given must be one that the key was born for. */
static void
judge(const struct wish *w, struct reader *r)
{
	unsigned char sig[SIGNATURE_MAX], pin[SHA256_SIZE];
	const struct lane_key *key = NULL;
	EVP_PKEY *public;
	struct fault why;
	bool may = false;
	size_t n;

	for (unsigned i = 0; i < PURPOSES; i++)
		if (w->idlen == keys[i].idlen &&
		    memcmp(w->id, keys[i].id, w->idlen) == 0)
			key = &keys[i];
	assert_non_null(key);
	sha256(pin, key->spki, key->spkilen);
	assert_memory_equal(pin, w->pin, SHA256_SIZE);
	assert_int_equal(w->pinlen, SHA256_SIZE);
	assert_int_equal(w->alg, ALG_ES256);
	if (key->purpose == PURPOSE_ACCOUNT)
		may = account_may(w->text, w->n);
	else if (key->purpose == PURPOSE_CERTIFICATE)
		may = certificate_may(key, w->text, w->n);
	else
		may = audit_may(w->text, w->n);
	if (!may) {
		char *hex = xcalloc(2 * w->n + 1, 1);

		hex_encode(hex, w->text, w->n);
		fail_msg("key of purpose %s signed %s",
		    purpose_name(key->purpose), hex);
	}
	assert_int_equal(lane_client_get_signature(r, sig, &n, &why), OK);
	public = spki_read(key->spki, key->spkilen, &why);
	assert_int_equal(signature_verify(public, ALG_ES256, w->text, w->n,
	    sig, n, &why), OK);
	EVP_PKEY_free(public);
}

/* ------------------------------------------------------------------ a lot */

static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

/* Changes a few bytes: bits, cuts, copies of a piece, bytes that mean
 * something. */
static void
mutate(struct buf *b)
{
	static const unsigned char bytes[] = { 0, 0xff, 0x80, '.', '"', '\\',
		'\n', '{', 0x30, 0x31, 0xa0, 0x02, '=', '0' };

	for (unsigned i = pick(4); b->len > 1 && i > 0; i--) {
		size_t at = pick((unsigned)b->len), n = b->len - at;

		switch (pick(5)) {
		case 0:
			b->data[at] ^= (unsigned char)(1U << pick(8));
			break;
		case 1:
			b->data[at] = bytes[pick(sizeof(bytes))];
			break;
		case 2:
			b->len = at;
			break;
		case 3:
			memmove(b->data + pick((unsigned)at + 1), b->data + at,
			    n);
			break;
		default:
			buf_put(b, (unsigned char[8]){ 0xa0, 0 }, 1 + pick(8));
		}
	}
}

/* The header of a JWS is mutated as text, too: below its base64url. */
static void
make_text(struct buf *out)
{
	unsigned what = pick(PURPOSES + 1);
	struct buf head;

	if (what < PURPOSES) {
		buf_put(out, good[what].data, good[what].len);
		mutate(out);
		return;
	}
	buf_init(&head, PREIMAGE_MAX);
	buf_puts(&head, header);
	mutate(&head);
	b64_put(out, head.data, head.len);
	buf_puts(out, ".e30");
	buf_free(&head);
}

static unsigned long given;

static void
one_signature(void)
{
	const struct lane_key *key = &keys[pick(PURPOSES)];
	struct fault why;
	struct reader r;
	struct wish w;
	struct buf text;
	enum err e;

	buf_init(&text, PREIMAGE_MAX);
	make_text(&text);
	w = wish_for(key, text.data, text.len);
	if (pick(16) == 0)
		w.id = keys[pick(PURPOSES)].id;
	if (pick(16) == 0)
		w.pin[pick(SHA256_SIZE)] ^= (unsigned char)pick(256);
	if (pick(16) == 0)
		w.alg = pick(ALG__MAX + 2);
	if (pick(32) == 0)
		w.idlen = pick((unsigned)w.idlen + 1);
	put_wish(&w);
	e = ask(LANE_SIGN, &r, &why);
	assert_int_not_equal(e, ERR_CLOSED);
	assert_int_not_equal(e, ERR_TIMEOUT);
	if (e == OK) {
		given++;
		judge(&w, &r);
	}
	buf_free(&text);
}

/* A request of another kind, or a signature's that is broken as a whole. */
static void
one_request(void)
{
	static const enum lane_op ops[] = { LANE_SIGN, LANE_FIND, LANE_LIST,
		LANE_TOKEN, LANE_SIGN, LANE_SIGN };
	enum lane_op op = ops[pick(nitems(ops))];
	struct wish w = wish_for(&keys[pick(PURPOSES)], "x", 1);
	struct fault why;
	struct reader r;
	enum err e;

	put_wish(&w);
	mutate(&request);
	e = ask(op, &r, &why);
	assert_int_not_equal(e, ERR_CLOSED);
	assert_int_not_equal(e, ERR_TIMEOUT);
	if (op == LANE_SIGN)
		assert_int_not_equal(e, OK);
}

static long
memory(void)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)lane.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static uint32_t
count_keys(void)
{
	struct fault why;
	struct reader r;

	buf_put_u32(&request, 0);
	assert_int_equal(ask(LANE_LIST, &r, &why), OK);
	return reader_u32(&r);
}

static void
test_many(void **state)
{
	const char *many = getenv("HOSTILE_REQUESTS");
	const char *from = getenv("HOSTILE_SEED");
	unsigned long n = strtoul(many != NULL ? many : REQUESTS, NULL, 10);
	uint32_t before = count_keys();
	long kib;

	(void)state;
	seed = from != NULL ? (unsigned)atoi(from) : 1;
	for (unsigned i = 0; i < 1000; i++)
		one_request();
	kib = memory();
	for (unsigned long i = 0; i < n; i++)
		if (pick(10) == 0)
			one_request();
		else
			one_signature();
	print_message("%lu requests, %lu signatures, %ld KiB more\n", n, given,
	    memory() - kib);
	assert_true(given > 0);
	assert_true(KEEPS_FREED || memory() - kib < 4096);
	assert_int_equal(count_keys(), before);
	assert_int_equal(kill(lane.pid, 0), 0);
	test_purposes(NULL);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_births),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_dressed_up),
		cmocka_unit_test(test_wrong_names),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_many),
	};
	int failed;

	(void)argv;
	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	if (soft_token_make(&token) != 0) {
		puts("skipped: SoftHSM is not installed");
		return 77;
	}
	failed = cmocka_run_group_tests(tests, start_lane, stop_lane);
	soft_token_remove(&token);
	return failed;
}
