/*
 * Proving audit logs: logs are made here with keys of OpenSSL, then damaged
 * in every way that touches a single line.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../api/cli/verify.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/buf.h"
#include "../../broker/base/io.h"
#include "../../broker/base/lane.h"
#include "../../broker/base/mem.h"

#define LINES	  12 /* of the log that is damaged; the last is a checkpoint */
#define EVERY	  4  /* each so manyth line is a checkpoint */
#define BIG_LINES 100000
#ifdef __SANITIZE_THREAD__
#define BIG_LIMIT_US 60000000
#else
#define BIG_LIMIT_US 5000000 /* the other sanitizers included */
#endif

static struct {
	char folder[64];
	char *log, *log2, *pub;
	EVP_PKEY *key;
	struct audit_key known;
	struct audit_claim claim; /* known, and nothing else */
} t;

/* ------------------------------------------------------------ a log of ours */

struct text {
	char **v; /* lines without their ends */
	size_t n;
};

static void
text_free(struct text *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i]);
	free(x->v);
}

/* A signature in JOSE form. */
static void
sign(struct buf *out, EVP_PKEY *key, enum sig_alg alg, const void *p,
    size_t n)
{
	const EVP_MD *md = alg == ALG_EDDSA ? NULL : alg == ALG_ES384 ?
	    EVP_sha384() : EVP_sha256();
	size_t half = alg == ALG_ES384 ? 48 : 32, len = SIGNATURE_MAX;
	unsigned char der[SIGNATURE_MAX], raw[SIGNATURE_MAX];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &len, p, n), 1);
	EVP_MD_CTX_free(ctx);
	if (alg == ALG_ES256 || alg == ALG_ES384) {
		assert_true(ecdsa_der_to_raw(raw, half, der, len));
		b64_put(out, raw, 2 * half);
	} else {
		b64_put(out, der, len);
	}
}

static void
key_id(char hex[static 65], EVP_PKEY *key)
{
	unsigned char *der = NULL, id[SHA256_SIZE];
	int n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	sha256(id, der, (size_t)n);
	hex_encode(hex, id, sizeof(id));
	OPENSSL_free(der);
}

/* One line as the broker writes it; hash is that of the line before, and
 * afterwards that of this one. */
static char *
make_line(uint64_t seq, unsigned char hash[static SHA256_SIZE],
    EVP_PKEY *key, bool checkpoint)
{
	enum sig_alg alg = alg_default(spki_type(key));
	struct buf preimage, line;
	char prev[65], id[65];
	char *out;

	buf_init(&line, 8192);
	buf_init(&preimage, 256);
	hex_encode(prev, hash, SHA256_SIZE);
	buf_putf(&line, "{\"seq\":%llu,\"time\":\"2026-11-23T14:30:02.%03uZ\","
	    "\"prev\":\"%s\",\"event\":\"%s\"", (unsigned long long)seq,
	    (unsigned)(seq % 1000), prev, checkpoint ? "checkpoint" :
	    "decision");
	if (checkpoint) {
		key_id(id, key);
		buf_putf(&preimage, AUDIT_PREIMAGE "%llu\n%s\n",
		    (unsigned long long)seq - 1, prev);
		buf_putf(&line, ",\"key\":\"%s\",\"alg\":\"%s\","
		    "\"signature\":\"", id, alg_name(alg));
		sign(&line, key, alg, preimage.data, preimage.len);
		buf_puts(&line, "\"}");
	} else {
		buf_putf(&line, ",\"operation\":\"order.create\",\"allow\":"
		    "true,\"line\":%llu,\"tenant\":\"web\",\"uid\":33,\"gid\":"
		    "33,\"pid\":4711,\"listener\":\"api\",\"certificate\":"
		    "\"www\"}", (unsigned long long)seq);
	}
	sha256(hash, line.data, line.len);
	out = xstrdup(buf_str(&line));
	buf_free(&line);
	buf_free(&preimage);
	return out;
}

static struct text
make_log(size_t n, size_t every, EVP_PKEY *key)
{
	struct text x = { xcalloc(n, sizeof(char *)), n };
	unsigned char hash[SHA256_SIZE] = { 0 };

	for (size_t i = 0; i < n; i++)
		x.v[i] = make_line(i + 1, hash, key, (i + 1) % every == 0);
	return x;
}

static void
save(const char *path, const struct text *x, size_t from, size_t to)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (size_t i = from; i < to; i++)
		fprintf(f, "%s\n", x->v[i]);
	assert_int_equal(fclose(f), 0);
}

static void
save_bytes(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct verification
prove(void)
{
	const char *const files[] = { t.log };
	struct verification v;
	struct fault why = { 0 };

	assert_int_equal(audit_prove(files, 1, &t.claim, &v, &why), OK);
	return v;
}

/* What a damage did to the sample log. */
static void
expect(const struct text *x, enum damage damage, uint64_t line)
{
	struct verification v;

	save(t.log, x, 0, x->n);
	v = prove();
	if (v.damage != damage || v.line != line)
		fail_msg("%s in line %llu instead of %s in line %llu: %s",
		    damage_name(v.damage), (unsigned long long)v.line,
		    damage_name(damage), (unsigned long long)line, v.detail);
	assert_string_equal(v.file, t.log);
	assert_true(v.lines < v.line);
	assert_true(v.proved < v.line);
	assert_true(v.detail[0] != '\0');
}

static struct text
sample(void)
{
	return make_log(LINES, EVERY, t.key);
}

/* Replaces the first "from" of a line by "to". */
static void
replace(struct text *x, size_t i, const char *from, const char *to)
{
	char *p = strstr(x->v[i], from), *fresh;

	assert_non_null(p);
	fresh = xasprintf("%.*s%s%s", (int)(p - x->v[i]), x->v[i], to,
	    p + strlen(from));
	free(x->v[i]);
	x->v[i] = fresh;
}

static void
take_out(struct text *x, size_t i)
{
	free(x->v[i]);
	memmove(&x->v[i], &x->v[i + 1], (x->n - i - 1) * sizeof(char *));
	x->n--;
}

static void
put_in(struct text *x, size_t i, char *line)
{
	x->v = xreallocarray(x->v, x->n + 1, sizeof(char *));
	memmove(&x->v[i + 1], &x->v[i], (x->n - i) * sizeof(char *));
	x->v[i] = line;
	x->n++;
}

static bool
is_checkpoint(size_t i)
{
	return (i + 1) % EVERY == 0;
}

/* ------------------------------------------------------------------- tests */

static void
test_good(void **state)
{
	struct text x = sample();
	struct verification v;

	(void)state;
	save(t.log, &x, 0, x.n);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_NONE);
	assert_int_equal(v.lines, LINES);
	assert_int_equal(v.last.seq, LINES);
	assert_int_equal(v.checkpoints, LINES / EVERY);
	assert_int_equal(v.proved, LINES - 1);
	text_free(&x);
}

static void
test_empty(void **state)
{
	struct verification v;

	(void)state;
	save_bytes(t.log, "", 0);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_NONE);
	assert_int_equal(v.lines, 0);
	assert_int_equal(v.proved, 0);
}

/* Each byte of each line, changed: found at that line, whatever it was.  What
 * no checkpoint covers yet (the last line, but for what it signs) is the only
 * thing that may pass. */
static void
test_each_byte(void **state)
{
	struct text good = sample();

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		for (size_t k = 0; k < strlen(good.v[i]); k++) {
			struct verification v;
			char was = good.v[i][k];

			good.v[i][k] = was == '7' ? '8' : '7';
			save(t.log, &good, 0, LINES);
			v = prove();
			if (v.damage == DAMAGE_NONE && i + 1 == LINES &&
			    v.proved < LINES) {
				good.v[i][k] = was;
				continue;
			}
			if (v.damage == DAMAGE_NONE || v.line != i + 1)
				fail_msg("line %zu byte %zu: %s in %llu: %s",
				    i + 1, k, damage_name(v.damage),
				    (unsigned long long)v.line, v.detail);
			assert_true(v.proved <= i);
			assert_int_equal(v.lines, i);
			good.v[i][k] = was;
		}
	text_free(&good);
}

static void
test_edited(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		struct text x = sample();

		if (is_checkpoint(i))
			replace(&x, i, "ature\":\"", "ature\":\"AA");
		else
			replace(&x, i, "\"uid\":33", "\"uid\":0");
		expect(&x, i + 1 == LINES ? DAMAGE_FORGED : DAMAGE_EDITED,
		    i + 1);
		text_free(&x);
	}
}

static void
test_members(void **state)
{
	static const struct { const char *from, *to; } edits[] = {
		{ "{\"seq\":6,", "{\"seq\":7," },
		{ "{\"seq\":6,", "{\"seq\":5," },
		{ "{\"seq\":6,", "{\"seq\":-6," },
		{ "{\"seq\":6,", "{\"seq\":\"6\"," },
		{ "{\"seq\":6,", "{\"seq\":6,\"seq\":6," },
		{ "{\"seq\":6,", "{" },
		{ "\"prev\":\"", "\"prev\":\"0" },
		{ "\"prev\":", "\"prew\":" },
		{ "\"event\":\"decision\"", "\"event\":1" },
		{ "\"event\":\"decision\"", "\"event\":\"checkpoint\"" },
		{ "\"time\":\"2026", "\"time\":\"2027" },
		{ "}", "} " },
		{ "}", "}}" },
		{ "}", "" },
		{ "{\"seq\":6", "[{\"seq\":6" },
		{ "web", "w\xff" "b" },
		{ "web", "w\\u0000b" },
	};

	(void)state;
	for (size_t k = 0; k < nitems(edits); k++) {
		struct text x = sample();

		replace(&x, 5, edits[k].from, edits[k].to);
		expect(&x, DAMAGE_EDITED, 6);
		text_free(&x);
	}
}

static void
test_removed(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < LINES; i++) {
		struct text x = sample();

		take_out(&x, i);
		expect(&x, DAMAGE_REMOVED, i + 1);
		text_free(&x);
	}
}

/* The last lines can go without a trace but what is proved; this is what
 * --last is for. */
static void
test_removed_end(void **state)
{
	struct text x = sample();
	struct verification v;

	(void)state;
	save(t.log, &x, 0, LINES - 2);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_NONE);
	assert_int_equal(v.last.seq, LINES - 2);
	assert_int_equal(v.proved, LINES - EVERY - 1);
	text_free(&x);
}

static void
test_reordered(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++)
		for (size_t k = 0; k < LINES; k++) {
			struct text x;
			char *line;

			if (i == k)
				continue;
			x = sample();
			line = xstrdup(x.v[i]);
			take_out(&x, i);
			put_in(&x, k, line);
			expect(&x, DAMAGE_REORDERED, i < k ? i + 1 : k + 1);
			text_free(&x);
		}
}

static void
test_repeated(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++)
		for (size_t k = i + 1; k <= LINES; k++) {
			struct text x = sample();

			put_in(&x, k, xstrdup(x.v[i]));
			expect(&x, DAMAGE_REPEATED, k + 1);
			text_free(&x);
		}
}

static void
test_inserted(void **state)
{
	static const char *const lines[] = { "", "{}", "null", "garbage",
		"{\"seq\":1}", "[]" };

	(void)state;
	for (size_t i = 0; i <= LINES; i++)
		for (size_t k = 0; k < nitems(lines); k++) {
			struct text x = sample();

			put_in(&x, i, xstrdup(lines[k]));
			expect(&x, DAMAGE_EDITED, i + 1);
			text_free(&x);
		}
}

/* A crash or an attacker cuts in the middle of a line. */
static void
test_cut(void **state)
{
	struct text x = sample();
	struct buf all;

	(void)state;
	buf_init(&all, 1 << 20);
	for (size_t i = 0; i < LINES; i++)
		buf_putf(&all, "%s\n", x.v[i]);
	for (size_t n = 1; n < all.len; n += 7) {
		struct verification v;
		size_t lines = 0;

		for (size_t i = 0; i < n; i++)
			lines += all.data[i] == '\n';
		save_bytes(t.log, all.data, n);
		v = prove();
		assert_int_equal(v.lines, lines);
		if (all.data[n - 1] == '\n') {
			assert_int_equal(v.damage, DAMAGE_NONE);
			continue;
		}
		assert_int_equal(v.damage, DAMAGE_CUT);
		assert_int_equal(v.line, lines + 1);
	}
	buf_free(&all);
	text_free(&x);
}

/* Whoever makes a new chain cannot make the signature. */
static void
test_forged(void **state)
{
	struct text x = sample();
	unsigned char hash[SHA256_SIZE] = { 0 };
	char prev[65], *signature;

	(void)state;
	signature = xstrdup(strstr(x.v[3], ",\"key\""));
	for (size_t i = 0; i < LINES; i++) {
		free(x.v[i]);
		x.v[i] = make_line(i + 1, hash, t.key, false);
		if (i == 1) {
			replace(&x, i, "\"uid\":33", "\"uid\":0");
			sha256(hash, x.v[i], strlen(x.v[i]));
		}
		if (i != 3)
			continue;
		sha256(hash, x.v[2], strlen(x.v[2]));
		hex_encode(prev, hash, SHA256_SIZE);
		free(x.v[i]);
		x.v[i] = xasprintf("{\"seq\":4,\"time\":\"2026-11-23T14:30:02Z"
		    "\",\"prev\":\"%s\",\"event\":\"checkpoint\"%s", prev,
		    signature);
		sha256(hash, x.v[i], strlen(x.v[i]));
	}
	expect(&x, DAMAGE_FORGED, 4);
	free(signature);
	text_free(&x);
}

static void
test_other_key(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	struct text x = make_log(LINES, EVERY, other);

	(void)state;
	expect(&x, DAMAGE_KEY, EVERY);
	text_free(&x);
	EVP_PKEY_free(other);
}

/* A signature by another key under the name of ours. */
static void
test_borrowed_name(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	struct text x = make_log(EVERY, EVERY, other);
	char theirs[65], ours[65];

	(void)state;
	key_id(theirs, other);
	key_id(ours, t.key);
	replace(&x, EVERY - 1, theirs, ours);
	expect(&x, DAMAGE_FORGED, EVERY);
	text_free(&x);
	EVP_PKEY_free(other);
}

static void
test_algorithms(void **state)
{
	EVP_PKEY *keys[] = { EVP_EC_gen("P-256"), EVP_EC_gen("P-384"),
		EVP_RSA_gen(2048), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	const char *const files[] = { t.log };

	(void)state;
	for (size_t i = 0; i < nitems(keys); i++) {
		struct text x = make_log(LINES, EVERY, keys[i]);
		struct audit_key known;
		struct audit_claim claim = { .keys = &known, .nkeys = 1 };
		struct verification v;
		struct fault why = { 0 };
		FILE *f = fopen(t.pub, "w");

		assert_non_null(f);
		assert_int_equal(PEM_write_PUBKEY(f, keys[i]), 1);
		fclose(f);
		assert_int_equal(audit_key_read(t.pub, &known, &why), OK);
		save(t.log, &x, 0, x.n);
		assert_int_equal(audit_prove(files, 1, &claim, &v, &why),
		    OK);
		assert_int_equal(v.damage, DAMAGE_NONE);
		assert_int_equal(v.proved, LINES - 1);
		audit_key_free(&known);
		text_free(&x);
		EVP_PKEY_free(keys[i]);
	}
}

/* Two files are one log, and damage is counted in its own file. */
static void
test_two_files(void **state)
{
	const char *const files[] = { t.log, t.log2 };
	const char *const wrong[] = { t.log2, t.log };
	struct text x = sample();
	struct verification v;

	(void)state;
	save(t.log, &x, 0, 5);
	save(t.log2, &x, 5, LINES);
	assert_int_equal(audit_prove(files, 2, &t.claim, &v, NULL), OK);
	assert_int_equal(v.damage, DAMAGE_NONE);
	assert_int_equal(v.lines, LINES);
	assert_int_equal(audit_prove(wrong, 2, &t.claim, &v, NULL), OK);
	assert_int_equal(v.damage, DAMAGE_REORDERED);
	assert_string_equal(v.file, t.log2);
	replace(&x, 4, "\"uid\":33", "\"uid\":0");
	save(t.log, &x, 0, 5);
	assert_int_equal(audit_prove(files, 2, &t.claim, &v, NULL), OK);
	assert_int_equal(v.damage, DAMAGE_EDITED);
	assert_string_equal(v.file, t.log);
	assert_int_equal(v.line, 5);
	text_free(&x);
}

static void
test_long_line(void **state)
{
	size_t n = AUDIT_LINE_MAX + 10;
	char *p = xmalloc(n);
	struct verification v;

	(void)state;
	memset(p, 'a', n);
	p[n - 1] = '\n';
	save_bytes(t.log, p, n);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_EDITED);
	assert_int_equal(v.line, 1);
	memset(p + AUDIT_LINE_MAX, '\n', 1);
	save_bytes(t.log, p, AUDIT_LINE_MAX + 1);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_EDITED);
	assert_int_equal(v.line, 1);
	free(p);
}

static void
test_no_file(void **state)
{
	const char *const files[] = { "/nonexistent/audit.log" };
	const struct audit_claim none = { .nkeys = 0 };
	struct verification v;
	struct audit_key key;
	struct fault why;

	(void)state;
	assert_int_equal(audit_prove(files, 1, &none, &v, &why),
	    ERR_NOT_FOUND);
	assert_int_equal(audit_key_read(files[0], &key, &why), ERR_NOT_FOUND);
	save_bytes(t.log, "no key", 6);
	assert_int_equal(audit_key_read(t.log, &key, &why), ERR_KEY);
}

/* Of ours, whatever else runs on the machine. */
static int64_t
cpu_us(void)
{
	return (int64_t)clock() * 1000000 / CLOCKS_PER_SEC;
}

static void
test_fast(void **state)
{
	struct text x = make_log(BIG_LINES, 1000, t.key);
	struct verification v;
	int64_t us;

	(void)state;
	save(t.log, &x, 0, x.n);
	us = -cpu_us();
	v = prove();
	us += cpu_us();
	print_message("%d lines in %lld ms\n", BIG_LINES, (long long)us / 1000);
	assert_true(us < BIG_LIMIT_US || getenv("UNDER") != NULL);
	assert_int_equal(v.damage, DAMAGE_NONE);
	assert_int_equal(v.lines, BIG_LINES);
	assert_int_equal(v.checkpoints, BIG_LINES / 1000);
	text_free(&x);
}

/* ------------------------------------------------ what somebody remembers */

static struct verification
prove_claim(struct audit_claim claim)
{
	const char *const files[] = { t.log };
	struct verification v;
	struct fault why = { 0 };

	claim.keys = &t.known;
	claim.nkeys = 1;
	assert_int_equal(audit_prove(files, 1, &claim, &v, &why), OK);
	return v;
}

static struct audit_line
line_of(const struct text *x, size_t i)
{
	struct audit_line l = { .seq = i + 1 };

	sha256(l.hash, x->v[i], strlen(x->v[i]));
	return l;
}

/* Each line can be remembered; a new chain without it is found out. */
static void
test_expected(void **state)
{
	struct text x = sample(), y = make_log(LINES, LINES + 1, t.key);
	struct verification v;

	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		struct audit_line l = line_of(&x, i);
		struct audit_claim claim = { .lines = &l, .nlines = 1 };

		save(t.log, &x, 0, LINES);
		assert_int_equal(prove_claim(claim).damage, DAMAGE_NONE);
		save(t.log, &x, 0, i);
		v = prove_claim(claim);
		assert_int_equal(v.damage, DAMAGE_CUT);
		assert_int_equal(v.line, i + 1);
		save(t.log, &y, 0, LINES);
		v = prove_claim(claim);
		assert_int_equal(v.damage, i + 1 < EVERY ? DAMAGE_NONE :
		    DAMAGE_EDITED);
		assert_int_equal(v.line, i + 1 < EVERY ? 0 : i + 1);
	}
	text_free(&x);
	text_free(&y);
}

static void
test_last(void **state)
{
	struct text x = sample();
	struct verification v;

	(void)state;
	save(t.log, &x, 0, 7);
	v = prove_claim((struct audit_claim){ .last = 7 });
	assert_int_equal(v.damage, DAMAGE_NONE);
	v = prove_claim((struct audit_claim){ .last = 8 });
	assert_int_equal(v.damage, DAMAGE_CUT);
	assert_int_equal(v.line, 8);
	text_free(&x);
}

/* A range is proved by the checkpoint behind it, wherever it begins. */
static void
test_from(void **state)
{
	struct text x = sample();
	struct verification v;

	(void)state;
	for (size_t i = 1; i < LINES; i++) {
		save(t.log, &x, i, LINES);
		v = prove_claim((struct audit_claim){ .from = i + 1 });
		assert_int_equal(v.damage, DAMAGE_NONE);
		assert_int_equal(v.lines, LINES - i);
		/* a checkpoint that comes first proves lines elsewhere */
		assert_int_equal(v.checkpoints, (LINES - i - 1) / EVERY + 1);
		v = prove_claim((struct audit_claim){ .from = i });
		assert_int_equal(v.damage, DAMAGE_REMOVED);
		assert_int_equal(v.line, 1);
		v = prove_claim((struct audit_claim){ .from = i + 2 });
		assert_int_equal(v.damage, DAMAGE_REPEATED);
		v = prove();
		assert_int_equal(v.damage, DAMAGE_REMOVED);
	}
	save(t.log, &x, 5, LINES);
	replace(&x, 5, "\"uid\":33", "\"uid\":0");
	save(t.log, &x, 5, LINES);
	v = prove_claim((struct audit_claim){ .from = 6 });
	assert_int_equal(v.damage, DAMAGE_EDITED);
	assert_int_equal(v.line, 1);
	assert_int_equal(v.lines, 0);
	text_free(&x);
}

/* The broker found out itself, and its own words are not overlooked. */
static void
test_admission(void **state)
{
	struct text x = make_log(3, 10, t.key);
	struct verification v;

	(void)state;
	replace(&x, 2, "\"event\":\"decision\"", "\"event\":\"shortened\","
	    "\"expected\":70");
	save(t.log, &x, 0, 3);
	v = prove();
	assert_int_equal(v.damage, DAMAGE_CUT);
	assert_int_equal(v.line, 3);
	assert_non_null(strstr(v.detail, "seq 70"));
	text_free(&x);
}

/* A file in the middle is gone. */
static void
test_missing_file(void **state)
{
	const char *const files[] = { t.log, t.log2 };
	struct text x = sample();
	struct verification v;

	(void)state;
	save(t.log, &x, 0, 5);
	save(t.log2, &x, 8, LINES);
	assert_int_equal(audit_prove(files, 2, &t.claim, &v, NULL), OK);
	assert_int_equal(v.damage, DAMAGE_REMOVED);
	assert_string_equal(v.file, t.log2);
	assert_int_equal(v.line, 1);
	assert_non_null(strstr(v.detail, "seq 6 to 8"));
	text_free(&x);
}

/* ---------------------------------------------------------- a log of a size */

static struct {
	struct text x;
	char *all;     /* its bytes */
	size_t *start; /* of each line, and of what is behind the last */
	struct audit_line checkpoint; /* the last one */
} big;

static void
big_make(void)
{
	size_t at = 0;

	big.x = make_log(BIG_LINES, 1000, t.key);
	big.start = xcalloc(BIG_LINES + 1, sizeof(size_t));
	for (size_t i = 0; i < BIG_LINES; i++)
		big.start[i + 1] = big.start[i] + strlen(big.x.v[i]) + 1;
	big.all = xmalloc(big.start[BIG_LINES] + 1);
	for (size_t i = 0; i < BIG_LINES; i++) {
		at = big.start[i];
		memcpy(big.all + at, big.x.v[i], strlen(big.x.v[i]));
		big.all[big.start[i + 1] - 1] = '\n';
	}
	big.checkpoint = line_of(&big.x, BIG_LINES - 1);
}

/* The log with another text in the place of lines i to k. */
static void
big_save(size_t i, size_t k, const char *text, size_t n)
{
	FILE *f = fopen(t.log, "w");
	size_t rest = big.start[BIG_LINES] - big.start[k];

	assert_non_null(f);
	assert_int_equal(fwrite(big.all, 1, big.start[i], f), big.start[i]);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fwrite(big.all + big.start[k], 1, rest, f), rest);
	assert_int_equal(fclose(f), 0);
}

static void
big_expect(enum damage damage, size_t line, const char *what)
{
	struct audit_claim claim = { .lines = &big.checkpoint, .nlines = 1 };
	struct verification v = prove_claim(claim);

	if (v.damage != damage || v.line != line)
		fail_msg("%s: %s in line %llu instead of %s in %zu: %s", what,
		    damage_name(v.damage), (unsigned long long)v.line,
		    damage_name(damage), line, v.detail);
	assert_string_equal(v.file, t.log);
	assert_true(v.lines < line);
	assert_true(v.proved < line);
}

/* All that can be done to one line, at line i (from 0). */
static void
big_damage(size_t i)
{
	size_t n = big.start[i + 1] - big.start[i];
	char *line = xmemdup(big.all + big.start[i], n), *two;
	size_t both = i + 1 < BIG_LINES ?
	    big.start[i + 2] - big.start[i] : n;
	bool last = i + 1 == BIG_LINES;

	line[n - 20] ^= 1;
	big_save(i, i + 1, line, n);
	big_expect(last ? DAMAGE_FORGED : DAMAGE_EDITED, i + 1, "edit");
	line[n - 20] ^= 1;
	big_save(i, i + 1, "", 0);
	big_expect(last ? DAMAGE_CUT : DAMAGE_REMOVED, i + 1, "delete");
	big_save(i, i, line, n);
	big_expect(DAMAGE_REPEATED, i + 2, "insert again");
	big_save(i, i, "{}\n", 3);
	big_expect(DAMAGE_EDITED, i + 1, "insert");
	if (!last) {
		two = xmalloc(both);
		memcpy(two, big.all + big.start[i + 1], both - n);
		memcpy(two + both - n, line, n);
		big_save(i, i + 2, two, both);
		big_expect(DAMAGE_REORDERED, i + 1, "swap");
		free(two);
	}
	free(line);
}

static void
big_cut(size_t n)
{
	size_t line = 0;

	while (big.start[line + 1] <= n)
		line++;
	assert_int_equal(truncate(t.log, (off_t)n), 0);
	big_expect(DAMAGE_CUT, line + 1, "truncate");
}

/* Each single-line manipulation at many places, and truncation to many
 * lengths; all are found, and where. */
static void
test_big(void **state)
{
	static const size_t places[] = { 0, 1, 2, 998, 999, 1000, 4321, 31337,
		BIG_LINES - 1001, BIG_LINES - 1000, BIG_LINES - 2,
		BIG_LINES - 1 };
	size_t size;

	(void)state;
	big_make();
	for (size_t i = 0; i < nitems(places); i++)
		big_damage(places[i]);
	size = big.start[BIG_LINES];
	big_save(0, 0, "", 0);
	big_cut(size - 1);
	big_cut(big.start[BIG_LINES - 1]);
	big_cut(big.start[BIG_LINES - 1] - 1);
	for (size_t n = size / 2; n > big.start[50]; n = n * 2 / 5)
		big_cut(n);
	for (size_t i = 40; i > 0; i--) {
		big_cut(big.start[i]);
		big_cut(big.start[i] - 1);
		big_cut(big.start[i] - 1 - i);
	}
	big_cut(0);
	text_free(&big.x);
	free(big.all);
	free(big.start);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(t.folder, "/tmp/verify_test.XXXXXX");
	if (mkdtemp(t.folder) == NULL)
		return -1;
	t.log = xasprintf("%s/audit.log", t.folder);
	t.log2 = xasprintf("%s/audit.log.2", t.folder);
	t.pub = xasprintf("%s/audit.pub", t.folder);
	t.key = EVP_EC_gen("P-256");
	save_bytes(t.log2, "", 0);
	FILE *f = fopen(t.pub, "w");
	PEM_write_PUBKEY(f, t.key);
	fclose(f);
	t.claim = (struct audit_claim){ .keys = &t.known, .nkeys = 1 };
	return audit_key_read(t.pub, &t.known, NULL) == OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(t.log);
	unlink(t.log2);
	unlink(t.pub);
	rmdir(t.folder);
	free(t.log);
	free(t.log2);
	free(t.pub);
	EVP_PKEY_free(t.key);
	audit_key_free(&t.known);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_edited),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_removed_end),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_inserted),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_borrowed_name),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_two_files),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_fast),
		cmocka_unit_test(test_big),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
