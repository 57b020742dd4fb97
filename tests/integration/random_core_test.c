/*
 * A core that has been taken over, against a real lane: requests made up by
 * changing good ones a little, so that they come close.  ATTEMPTS (50000) is
 * how many, SEED where their randomness begins; `make check-long` makes a
 * million.
 */
#include "hostile_lane.h"

#define ATTEMPTS   "50000"
#define DEPTH_MAX  12	/* of DER that is taken apart */
#define GROWTH_MAX 4096 /* KiB of the lane */

static unsigned seed;
static unsigned long given;

static unsigned
pick(size_t n)
{
	return (unsigned)rand_r(&seed) % (unsigned)n;
}

/* ------------------------------------------------------------------ bytes */

/* Changes a few bytes: bits, cuts, copies of a piece, bytes that mean
 * something. */
static void
change_bytes(struct buf *b)
{
	static const unsigned char bytes[] = { 0, 0xff, 0x80, '.', '"', '\\',
		'\n', '{', 0x30, 0x31, 0xa0, 0x02, '=', '0' };

	for (unsigned i = pick(4); b->len > 1 && i > 0; i--) {
		size_t at = pick(b->len), n = b->len - at;

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
			memmove(b->data + pick(at + 1), b->data + at, n);
			break;
		default:
			buf_put(b, (unsigned char[8]){ 0xa0, 0 }, 1 + pick(8));
		}
	}
}

/* ------------------------------------------------------------------- JSON */

static const char *const members[] = {
	"\"alg\":\"ES256\"", "\"alg\":\"ES384\"", "\"alg\":\"RS256\"",
	"\"alg\":\"PS256\"", "\"alg\":\"EdDSA\"", "\"alg\":\"none\"",
	"\"alg\":[\"ES256\"]", "\"kid\":\"https://ca.test/1\"", "\"kid\":\"x\"",
	"\"jwk\":{\"kty\":\"EC\",\"x\":\"eA\"}",
	"\"url\":\"https://ca.test/1\"",
	"\"nonce\":\"bm9uY2U\"", "\"nonce\":\"\"", "\"nonce\":\"a b\"",
	"\"url\":\"https://ca.test/\"", "\"url\":\"http://ca.test/\"",
	"\"url\":\"https:///\"", "\"typ\":\"passport\"", "\"typ\":\"JWT\"",
	"\"ppt\":\"shaken\"", "\"x5u\":\"https://c.test/\"",
	"\"crit\":[\"b64\"]", "\"b64\":false", "\"jwk\":{\"kty\":\"EC\"}",
	"\"jwk\":{\"kty\":\"EC\",\"kty\":\"EC\"}", "\"jwk\":{}", "\"\":\"\"",
};
static const char *const links[] = { ",", ",", ",", ",", ",", ",", ",", " ,",
	", ", ",,", "" };

/* The members that a header has, some exchanged, left out or added. */
static void
make_header(struct buf *out)
{
	const unsigned usual[] = { 0, pick(4) != 0 ? 7 : 9, 11,
		pick(4) != 0 ? 14 : 10 }; /* of members */
	unsigned n = pick(8) != 0 ? 4 : 1 + pick(6);

	buf_putc(out, '{');
	for (unsigned i = 0; i < n; i++) {
		unsigned which = i < nitems(usual) && pick(4) != 0 ?
		    usual[i] : pick(nitems(members));

		if (i > 0)
			buf_puts(out, links[pick(nitems(links))]);
		buf_puts(out, members[which]);
	}
	buf_putc(out, '}');
	if (pick(4) == 0)
		change_bytes(out);
}

static const char *const parts[] = {
	"\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]",
	"\"csr\":\"MA\"", "\"contact\":[\"mailto:a@b.test\"]",
	"\"termsOfServiceAgreed\":true", "\"onlyReturnExisting\":true",
	"\"externalAccountBinding\":{\"payload\":\"\"}", "\"reason\":1",
	"\"certificate\":\"MA\"", "\"replaces\":\"a.b\"",
	"\"status\":\"deactivated\"", "\"status\":\"revoked\"",
	"\"account\":\"https://ca.test/1\"", "\"oldKey\":{\"kty\":\"EC\"}",
	"\"protected\":\"e30\"", "\"attest\":\"A\"", "\"iat\":1",
	"\"iss\":\"x\"", "\"orig\":{\"tn\":\"1\"}", "\"atc\":{}", "\"\":0",
};

/* Some members of a payload, most often one. */
static void
make_payload(struct buf *out)
{
	unsigned n = pick(4) != 0 ? pick(2) : pick(4);

	if (n == 0 && pick(2) != 0)
		return;
	buf_putc(out, '{');
	for (unsigned i = 0; i < n; i++)
		buf_putf(out, "%s%s", i == 0 ? "" : links[pick(nitems(links))],
		    parts[pick(nitems(parts))]);
	buf_putc(out, '}');
	if (pick(8) == 0)
		change_bytes(out);
}

static void
make_jws(struct buf *out)
{
	struct buf text;

	buf_init(&text, PREIMAGE_MAX);
	make_header(&text);
	b64_put(out, text.data, text.len);
	buf_putc(out, '.');
	buf_reset(&text);
	make_payload(&text);
	b64_put(out, text.data, text.len);
	buf_free(&text);
	if (pick(8) == 0)
		change_bytes(out);
}

/* -------------------------------------------------------------------- DER */

/* The header of the element at p, and its whole length; 0: there is none. */
static size_t
element(struct view in, size_t *header)
{
	size_t n, bytes = 0;

	if (in.n < 2)
		return 0;
	n = in.p[1];
	if (n >= 0x80) {
		bytes = n & 0x7f;
		if (bytes == 0 || bytes > 2 || in.n < 2 + bytes)
			return 0;
		n = bytes == 1 ? in.p[2] : (size_t)(in.p[2] << 8 | in.p[3]);
	}
	*header = 2 + bytes;
	return *header + n <= in.n ? *header + n : 0;
}

static void
put_element(struct buf *out, unsigned char tag, const struct buf *inner)
{
	unsigned odd = pick(256);

	buf_putc(out, tag);
	if (inner->len >= 0x100 || odd == 0)
		buf_put(out, (unsigned char[2]){ 0x82,
		    (unsigned char)(inner->len >> 8) }, 2);
	else if (inner->len >= 0x80 || odd == 1)
		buf_putc(out, 0x81);
	buf_putc(out, (unsigned char)inner->len);
	buf_put(out, inner->data, inner->len);
}

static void copy_der(struct buf *out, struct view in, unsigned depth);

/* One element as it is or as it should not be; lengths around it fit. */
static void
copy_element(struct buf *out, struct view whole, size_t header, unsigned depth)
{
	static const unsigned char tags[] = { 0x01, 0x02, 0x04, 0x05, 0x06,
		0x0c, 0x13, 0x16, 0x1e, 0x30, 0x31, 0xa0, 0xa1, 0x80 };
	unsigned char tag = whole.p[0];
	unsigned how = pick(96);
	struct buf inner;

	if (how == 0)
		return;
	buf_init(&inner, PREIMAGE_MAX);
	if ((tag & 0x20) != 0)
		copy_der(&inner, (struct view){ whole.p + header,
		    whole.n - header }, depth + 1);
	else
		buf_put(&inner, whole.p + header, whole.n - header);
	if (how == 1)
		tag = tags[pick(sizeof(tags))];
	else if (how == 2)
		change_bytes(&inner);
	else if (how == 3)
		buf_reset(&inner);
	put_element(out, tag, &inner);
	if (how == 4)
		put_element(out, tag, &inner);
	buf_free(&inner);
}

static void
copy_der(struct buf *out, struct view in, unsigned depth)
{
	size_t header, n;

	while (in.n > 0) {
		n = depth < DEPTH_MAX ? element(in, &header) : 0;
		if (n == 0) {
			buf_put(out, in.p, in.n);
			return;
		}
		copy_element(out, (struct view){ in.p, n }, header, depth);
		in.p += n;
		in.n -= n;
	}
}

static void
make_csr(struct buf *out)
{
	unsigned i = pick(world.nkeys);

	while (world.keys[i].purpose != PURPOSE_CERTIFICATE)
		i = (i + 1) % world.nkeys;
	copy_der(out, (struct view){ world.good[i].data, world.good[i].len },
	    0);
}

/* ------------------------------------------------------------------ audit */

static void
make_checkpoint(struct buf *out)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	unsigned number = pick(4) != 0 ? 1 + pick(16) : pick(20);
	unsigned hash = pick(4) != 0 ? 64 : 62 + pick(5);
	unsigned of = pick(8) != 0 ? 10 : (unsigned)strlen(digits);

	buf_puts(out, AUDIT_PREIMAGE);
	for (unsigned i = 0; i < number; i++)
		buf_putc(out, (unsigned char)digits[pick(of)]);
	buf_putc(out, '\n');
	of = pick(8) != 0 ? 16 : (unsigned)strlen(digits);
	for (unsigned i = 0; i < hash; i++)
		buf_putc(out, (unsigned char)digits[pick(of)]);
	buf_putc(out, '\n');
	if (pick(8) == 0)
		change_bytes(out);
}

static void
make_from_good(struct buf *out)
{
	const struct buf *good = &world.good[pick(world.nkeys)];

	buf_put(out, good->data, good->len);
	change_bytes(out);
}

/* --------------------------------------------------------------- requests */

static void
make_wish(struct wish *w, const struct buf *text)
{
	const struct lane_key *other = &world.keys[pick(world.nkeys)];

	*w = wish_for(&world.keys[pick(world.nkeys)], text->data, text->len);
	if (pick(16) == 0)
		memcpy(w->id, other->id, other->idlen);
	if (pick(16) == 0)
		w->pin[pick(SHA256_SIZE)] ^= (unsigned char)pick(256);
	if (pick(16) == 0)
		w->pinlen = pick(sizeof(w->pin) + 1);
	if (pick(8) == 0)
		w->alg = pick(ALG__MAX + 2);
	if (pick(32) == 0)
		w->idlen = pick(w->idlen + 1);
}

static enum err
judged(enum lane_op op, const struct wish *w)
{
	struct fault why;
	struct reader r;
	enum err e = lane_ask(op, &r, &why);

	if (e == ERR_CLOSED || e == ERR_TIMEOUT)
		fail_msg("the lane is gone: %s", why.text);
	if (e == OK && w != NULL) {
		wish_judge(w, &r);
		given++;
	}
	return e;
}

static void
one_signature(void)
{
	static void (*const makers[])(struct buf *) = { make_jws, make_jws,
		make_csr, make_csr, make_checkpoint, make_from_good };
	struct buf text;
	struct wish w;

	buf_init(&text, PREIMAGE_MAX);
	makers[pick(nitems(makers))](&text);
	make_wish(&w, &text);
	wish_put(&w);
	judged(LANE_SIGN, &w);
	buf_free(&text);
}

/* A request of another kind, or a signature's that is broken as a whole;
 * its key is never asked for what it may sign. */
static void
one_request(void)
{
	static const enum lane_op ops[] = { LANE_SIGN, LANE_FIND, LANE_LIST,
		LANE_TOKEN, LANE_SIGN, LANE_SIGN, LANE_READY, LANE_CHANNEL };
	struct wish w = wish_for(&world.keys[pick(world.nkeys)], "x", 1);
	enum lane_op op = ops[pick(nitems(ops))];
	enum err e;

	wish_put(&w);
	change_bytes(&world.request);
	e = judged(op, NULL);
	if (op == LANE_SIGN || op == LANE_READY || op == LANE_CHANNEL)
		assert_int_not_equal(e, OK);
}

/* Births and deaths that must not be: a key's number and pin never fit. */
static void
one_death(void)
{
	unsigned a = pick(world.nkeys), b = pick(world.nkeys);
	struct wish w = wish_for(&world.keys[a], "", 0);

	buf_put_bytes(&world.request, a != b ? world.keys[b].id : w.pin,
	    w.idlen);
	buf_put_bytes(&world.request, w.pin, w.pinlen);
	assert_int_not_equal(judged(LANE_DESTROY, NULL), OK);
	buf_put_u8(&world.request, (uint8_t)(PURPOSE__MAX + pick(200)));
	buf_put_u8(&world.request, (uint8_t)pick(256));
	buf_put_str(&world.request, "made-up");
	buf_put_u8(&world.request, (uint8_t)pick(2));
	assert_int_not_equal(judged(LANE_GENERATE, NULL), OK);
}

static long
memory(void)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)world.client.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void
one_attempt(void)
{
	unsigned what = pick(100);

	if (what < 92)
		one_signature();
	else if (what < 99)
		one_request();
	else
		one_death();
}

static void
test_many(void **state)
{
	const char *many = getenv("ATTEMPTS"), *from = getenv("SEED");
	unsigned long n = strtoul(many != NULL ? many : ATTEMPTS, NULL, 10);
	uint32_t before;
	long kib = 0;

	(void)state;
	seed = from != NULL ? (unsigned)atoi(from) : 1;
	lane_births();
	before = lane_count_keys();
	for (unsigned long i = 0; i < n; i++) {
		one_attempt();
		if (i == n / 10)
			kib = memory();
	}
	print_message("%lu attempts, %lu signatures, all within purpose and "
	    "shape; %ld KiB more\n", n, given, memory() - kib);
	assert_true(given > n / 100);
	assert_true(given < n / 2);
	assert_true(KEEPS_FREED || memory() - kib < GROWTH_MAX);
	assert_int_equal(lane_count_keys(), before);
	lane_try_purposes();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
	};

	return lane_main(tests, nitems(tests));
}
