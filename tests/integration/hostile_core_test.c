/*
 * A core that has been taken over, against a real lane: requests made by
 * hand.  It gets what each key was born for, and nothing else.  (A million
 * more, made up, are in random_core_test.c.)
 */
#include "hostile_lane.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../broker/base/process.h"

static unsigned attempts;

static void
test_births(void **state)
{
	(void)state;
	lane_births();
}

static void
test_purposes(void **state)
{
	(void)state;
	lane_try_purposes();
	attempts += world.nkeys * (world.nkeys - 1);
}

static void
refuses(enum key_purpose purpose, const struct buf *text, const char *what)
{
	const struct lane_key *key = &world.keys[lane_key_for(purpose)];
	struct wish w = wish_for(key, text->data, text->len);
	enum err e = wish_ask(&w);

	attempts++;
	if (e != ERR_SHAPE)
		fail_msg("%s: %s", err_name(e), what);
}

/* ------------------------------------------------------------ account keys */

#define ES	"\"alg\":\"ES256\""
#define KID	"\"kid\":\"https://ca.test/1\""
#define NONCE	"\"nonce\":\"bm9u\""
#define URL	"\"url\":\"https://ca.test/\""
#define JWK	"\"jwk\":{\"kty\":\"OKP\",\"crv\":\"X\",\"x\":\"eA\"}"
#define ALL	ES "," KID "," NONCE "," URL

/* Headers that are those of other protocols, or can be read in two ways. */
static const char *const headers[] = {
	/* tokens of others */
	"{" ES ",\"typ\":\"passport\",\"ppt\":\"shaken\",\"x5u\":"
	    "\"https://c.test/a.pem\"}",
	"{" ES ",\"typ\":\"JWT\"}",
	"{" ES "}",
	"{" ES ",\"typ\":\"JWT\",\"kid\":\"1\"}",
	"{" ES ",\"typ\":\"dpop+jwt\"," JWK "}",
	"{" ES ",\"typ\":\"at+jwt\"," KID "}",
	"{" ALL ",\"typ\":\"passport\"}",
	"{" ALL ",\"typ\":\"JWT\"}",
	"{" ALL ",\"ppt\":\"shaken\"}",
	"{" ALL ",\"x5u\":\"https://c.test/a.pem\"}",
	"{" ALL ",\"x5c\":[\"MIIB\"]}",
	"{" ALL ",\"x5t\":\"eA\"}",
	"{" ALL ",\"cty\":\"JWT\"}",
	"{" ALL ",\"jku\":\"https://c.test/\"}",
	"{" ALL ",\"b64\":false,\"crit\":[\"b64\"]}",
	"{" ALL ",\"crit\":[\"b64\"]}",
	"{" ALL ",\"\":\"\"}",
	/* members missing, doubled, or of another type */
	"{" ES "," KID "," NONCE "}",
	"{" ES "," KID "," URL "}",
	"{" ES "," NONCE "," URL "}",
	"{" KID "," NONCE "," URL "}",
	"{" ES "," KID "," JWK "," NONCE "," URL "}",
	"{" ES "," JWK "," URL "}",
	"{" ALL "," ES "}", "{" ALL "," KID "}", "{" ALL "," NONCE "}",
	"{" ALL "," URL "}", "{" ALL ",\"Url\":\"https://evil.test/\"}",
	"{" ES "," JWK "," JWK "," NONCE "," URL "}",
	"{\"alg\":null," KID "," NONCE "," URL "}",
	"{\"alg\":[\"ES256\"]," KID "," NONCE "," URL "}",
	"{" ES ",\"kid\":1," NONCE "," URL "}",
	"{" ES ",\"kid\":{}," NONCE "," URL "}",
	"{" ES "," KID ",\"nonce\":true," URL "}",
	"{" ES "," KID "," NONCE ",\"url\":[\"https://ca.test/\"]}",
	"{" ES ",\"jwk\":\"x\"," NONCE "," URL "}",
	"{" ES ",\"jwk\":{}," NONCE "," URL "}",
	"{" ES ",\"jwk\":{\"kty\":{}}," NONCE "," URL "}",
	"{" ES ",\"jwk\":{\"kty\":\"EC\",\"kty\":\"RSA\"}," NONCE "," URL "}",
	"{" ES ",\"jwk\":[\"kty\"]," NONCE "," URL "}",
	/* algorithms */
	"{\"alg\":\"none\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"HS256\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"es256\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"ES256K\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"ES384\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"RS256\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"EdDSA\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"\"," KID "," NONCE "," URL "}",
	/* nonces and URLs */
	"{" ES "," KID ",\"nonce\":\"\"," URL "}",
	"{" ES "," KID ",\"nonce\":\"a b\"," URL "}",
	"{" ES "," KID ",\"nonce\":\"ab==\"," URL "}",
	"{" ES "," KID ",\"nonce\":\"a+b/\"," URL "}",
	"{" ES "," KID ",\"nonce\":\"a.b\"," URL "}",
	"{" ES "," KID "," NONCE ",\"url\":\"http://ca.test/\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https:///x\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://ca.test/ x\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"HTTPS://ca.test/\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"ca.test\"}",
	"{" ES ",\"kid\":\"1\"," NONCE "," URL "}",
	"{" ES ",\"kid\":\"\"," NONCE "," URL "}",
	"{" ES ",\"kid\":\"sip:a@b.test\"," NONCE "," URL "}",
	/* text with two readings */
	"{ " ALL "}", "{" ALL "} ", " {" ALL "}", "{" ALL "}\n",
	"{" ES " ," KID "," NONCE "," URL "}",
	"{\"alg\" :\"ES256\"," KID "," NONCE "," URL "}",
	"{" ALL ",}", "{," ALL "}", "{" ALL, ALL, ALL "}", "[" ALL "]",
	"{" ALL "}{" ALL "}", "{" ALL "}x", "", "{}", "null", "\"\"",
	"{\"\\u0061lg\":\"ES256\"," KID "," NONCE "," URL "}",
	"{\"alg\":\"\\u0045S256\"," KID "," NONCE "," URL "}",
	"{" ES "," KID "," NONCE ",\"url\":\"https:\\/\\/ca.test\\/\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://ca.test/\\u0000\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://c\xd0\xb0.test/\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://ca.test/\x7f\"}",
	"{" ES "," KID "," NONCE ",\"url\":\"https://ca.test/\t\"}",
	"\xef\xbb\xbf{" ALL "}", "{'alg':'ES256'," KID "," NONCE "," URL "}",
	"{" ALL "/**/}", "{alg:\"ES256\"," KID "," NONCE "," URL "}",
};

/* Payloads behind a good header that are of other protocols or of acts that
 * end an account; behind one with a key, and one at the account's own URL. */
static const struct {
	const char *header, *payload;
} payloads[] = {
#define AT_KID	"{" ALL "}"
#define AT_KEY	"{" ES "," JWK "," NONCE "," URL "}"
#define AT_OWN	"{" ES "," KID "," NONCE ",\"url\":\"https://ca.test/1\"}"
	{ AT_KID, "x" }, { AT_KID, "[]" }, { AT_KID, "null" },
	{ AT_KID, "\"\"" }, { AT_KID, "{} " }, { AT_KID, "{}{}" },
	{ AT_KID, "{\"account\":\"https://ca.test/1\",\"oldKey\":{}}" },
	{ AT_KID, "{\"protected\":\"e30\",\"payload\":\"\",\"signature\":"
	    "\"\"}" },
	{ AT_KID, "{\"attest\":\"A\",\"dest\":{\"tn\":[\"1\"]},\"iat\":1,"
	    "\"orig\":{\"tn\":\"2\"},\"origid\":\"x\"}" },
	{ AT_KID, "{\"iss\":\"x\"}" }, { AT_KID, "{\"contact\":[]}" },
	{ AT_KID, "{\"status\":\"valid\"}" },
	{ AT_KID, "{\"csr\":\"MA\",\"csr\":\"MB\"}" },
	{ AT_KID, "{\"csr\":\"MA\",\"iat\":1}" },
	{ AT_KID, "{\"c\\u0073r\":\"MA\"}" }, { AT_KID, "{\"Csr\":\"MA\"}" },
	{ AT_KEY, "" }, { AT_KEY, "{\"identifiers\":[]}" },
	{ AT_KEY, "{\"csr\":\"MA\"}" },
	{ AT_KEY, "{\"status\":\"deactivated\"}" },
	{ AT_KEY, "{\"account\":\"https://ca.test/1\",\"oldKey\":{}}" },
	{ AT_OWN, "{\"status\":\"deactivated\"}" },
	{ AT_OWN, "{\"contact\":[],\"status\":\"deactivated\"}" },
	{ AT_OWN, "{\"identifiers\":[]}" },
};

/* Signing inputs whose outside is wrong; H is a good header in base64url. */
static const char *const inputs[] = {
	"", ".", "..", "H", "H.e30.", "H.e30.e30", ".H.e30", "H.e3", "H.e30=",
	"H.e3 0", "H.e30\n", "H.*", "H=.e30", "H .e30", "\nH.e30", "H.e3+",
	"H.e31", "H.a", "H..", "e30.e30", "H\n.e30", "H.{}", "{}.e30",
};

static void
test_account(void **state)
{
	struct buf text, good;

	(void)state;
	buf_init(&text, PREIMAGE_MAX);
	buf_init(&good, PREIMAGE_MAX);
	for (size_t i = 0; i < nitems(headers); i++) {
		buf_reset(&text);
		put_jws(&text, headers[i], "{}");
		refuses(PURPOSE_ACCOUNT, &text, headers[i]);
	}
	for (size_t i = 0; i < nitems(payloads); i++) {
		buf_reset(&text);
		put_jws(&text, payloads[i].header, payloads[i].payload);
		refuses(PURPOSE_ACCOUNT, &text, payloads[i].payload);
	}
	buf_reset(&text);
	b64_put(&text, "{" ALL "}\0{}", strlen("{" ALL "}") + 3);
	buf_puts(&text, ".e30");
	refuses(PURPOSE_ACCOUNT, &text, "a NUL behind the header");
	b64_put(&good, "{" ALL "}", strlen("{" ALL "}"));
	for (size_t i = 0; i < nitems(inputs); i++) {
		buf_reset(&text);
		for (const char *p = inputs[i]; *p != '\0'; p++)
			if (*p == 'H')
				buf_put(&text, good.data, good.len);
			else
				buf_putc(&text, (unsigned char)*p);
		refuses(PURPOSE_ACCOUNT, &text, inputs[i]);
	}
	buf_free(&good);
	buf_free(&text);
}

/* -------------------------------------------------------- certificate keys */

/*
 * DER as text: bytes in hex; a byte and a bracket are a tag and what its
 * length counts.  K is the key's SPKI, O another key's.
 */
static const char *
assemble(struct buf *out, const char *s)
{
	const struct lane_key *own =
	    &world.keys[lane_key_for(PURPOSE_CERTIFICATE)];
	const struct lane_key *other =
	    &world.keys[lane_key_for(PURPOSE_ACCOUNT)];
	const char *from = s;
	unsigned char byte;
	struct buf inner;

	for (; *s != '\0' && *s != ')'; s++) {
		const struct lane_key *key = *s == 'K' ? own : other;

		if (*s == ' ')
			continue;
		if (*s == 'K' || *s == 'O') {
			buf_put(out, key->spki, key->spkilen);
			continue;
		}
		if (!hex_decode(&byte, 1, (char[3]){ s[0], s[1], '\0' }))
			fail_msg("hex: %s", s);
		buf_putc(out, byte);
		if (*++s != '\0' && s[1] != '(')
			continue;
		if (*s == '\0')
			break;
		buf_init(&inner, PREIMAGE_MAX);
		s = assemble(&inner, s + 2);
		if (*s != ')')
			fail_msg("a bracket is open: %s", from);
		if (inner.len >= 0x80)
			buf_putc(out, inner.len < 0x100 ? 0x81 : 0x82);
		if (inner.len >= 0x100)
			buf_putc(out, (unsigned char)(inner.len >> 8));
		buf_putc(out, (unsigned char)inner.len);
		buf_put(out, inner.data, inner.len);
		buf_free(&inner);
	}
	return s;
}

#define V0	"020100 "
#define CN	"30(31(30(0603550403 0c(61)))) "
#define SAN	"30(0603551d11 04(30(82(612e74)))) "
#define EXTREQ	"06092a864886f70d01090e "
#define ASK	"a0(30(" EXTREQ "31(30(" SAN ")))) "
#define NO_ASK	"a0() "

static const char *const requests[] = {
	/* what is not a request for a certificate at all */
	"", "30()", "3000", "0500", "30(0500)", "30(" V0 ")", "30(" V0 CN ")",
	"30(" V0 CN "K)", "30(" V0 "K" NO_ASK ")", "30(" CN "K" NO_ASK ")",
	"30(a0(020102) 020101 30(06082a8648ce3d040302) " CN
	    "30(170d3236303130313030303030305a 170d3336303130313030303030305a)"
	    CN "K)", /* TBSCertificate */
	"30(020101 30(06082a8648ce3d040302) " CN
	    "170d3236303130313030303030305a)", /* TBSCertList */
	"30(3021300906052b0e03021a05000414"
	    "0000000000000000000000000000000000000000)", /* DigestInfo */
	"31(30(06092a864886f70d010903 31(06092a864886f70d010701)))", /* CMS */
	"30(30(" V0 CN "K" NO_ASK ") 30(06082a8648ce3d040302) 030100)",
	/* another version, another key */
	"30(020101 " CN "K" NO_ASK ")", "30(020102 " CN "K" NO_ASK ")",
	"30(02020000 " CN "K" NO_ASK ")", "30(0200 " CN "K" NO_ASK ")",
	"30(0201ff " CN "K" NO_ASK ")", "30(0a0100 " CN "K" NO_ASK ")",
	"30(" V0 CN "O" NO_ASK ")", "30(" V0 CN "OK" NO_ASK ")",
	"30(" V0 CN "KO" NO_ASK ")", "30(" V0 CN "30(K)" NO_ASK ")",
	/* subjects */
	"30(" V0 "K K" NO_ASK ")", "30(" V0 "31() K" NO_ASK ")",
	"30(" V0 "30(30()) K" NO_ASK ")", "30(" V0 "30(31()) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 0c()))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 0c(61) 0c(62)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 0c(610062)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 0c(c3a9)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 1e(0061)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 14(61)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603550403 0c(62)) 30(0603550403 0c(61)))) K"
	    NO_ASK ")",
	"30(" V0 "30(31(30(06() 0c(61)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(0603558003 0c(61)))) K" NO_ASK ")",
	"30(" V0 "30(31(30(06025584 0c(61)))) K" NO_ASK ")",
	/* attributes */
	"30(" V0 CN "K a0(0500))", "30(" V0 CN "K a0(30()))",
	"30(" V0 CN "K a0(30(06092a864886f70d010907 31(0c(61)))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31())))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30()))))",
	"30(" V0 CN "K a0(30(" EXTREQ "30(30(" SAN ")))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30(" SAN ") 30(" SAN ")))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30(" SAN ")))"
	    "30(" EXTREQ "31(30(" SAN ")))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30(" SAN SAN ")))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30(30(0603551d11))))))",
	"30(" V0 CN "K a0(30(" EXTREQ "31(30(30(0603551d11 0c(61)))))))",
	"30(" V0 CN "K a0(30(" EXTREQ
	    "31(30(30(0603551d0f 010100 04(0500)))))))",
	"30(" V0 CN "K a0(30(" EXTREQ
	    "31(30(30(0603551d0f 010101 04(0500)))))))",
	"30(" V0 CN "K a0(30(" EXTREQ
	    "31(30(30(0603551d0f 0101ff 0101ff 04(0500)))))))",
	/* lengths */
	"30(" V0 CN "K" NO_ASK ") 00", "30(" V0 CN "K" NO_ASK NO_ASK ")",
	"30(" V0 CN "K" NO_ASK "0500)", "30(" V0 CN "K a08100)",
	"30(" V0 CN "K a0820000)", "3080" V0 CN "K" NO_ASK "0000",
	"30(0281 0100 " CN "K" NO_ASK ")", "30ff" V0 CN "K" NO_ASK,
	"308400000000", "3081", "30", "3f01(" V0 CN "K" NO_ASK ")",
};

static void
test_certificate(void **state)
{
	static const char *const fine[] = {
		"30(" V0 CN "K" NO_ASK ")", "30(" V0 "30()K" NO_ASK ")",
		"30(" V0 CN "K" ASK ")",
	};
	const struct lane_key *key =
	    &world.keys[lane_key_for(PURPOSE_CERTIFICATE)];
	struct buf text;
	struct wish w;

	(void)state;
	buf_init(&text, PREIMAGE_MAX);
	for (size_t i = 0; i < nitems(fine); i++) {
		buf_reset(&text);
		assemble(&text, fine[i]);
		w = wish_for(key, text.data, text.len);
		assert_int_equal(wish_ask(&w), OK);
	}
	for (size_t i = 0; i < nitems(requests); i++) {
		buf_reset(&text);
		assemble(&text, requests[i]);
		refuses(PURPOSE_CERTIFICATE, &text, requests[i]);
	}
	buf_free(&text);
}

/* -------------------------------------------------------------- audit keys */

#define LINE	"keybroker audit checkpoint 1\n"
#define H16	"0123456789abcdef"
#define HASH	H16 H16 H16 H16 "\n"

static const char *const checkpoints[] = {
	"", "1\n" HASH, LINE, LINE "1\n", LINE "\n" HASH, LINE "0\n" HASH,
	LINE "01\n" HASH, LINE "-1\n" HASH, LINE "+1\n" HASH, LINE " 1\n" HASH,
	LINE "1 \n" HASH, LINE "1\r\n" HASH, LINE "0x1\n" HASH,
	LINE "1e3\n" HASH, LINE "12345678901234567\n" HASH,
	LINE "1\n" H16 H16 H16 H16, LINE "1\n" H16 H16 H16 "\n",
	LINE "1\n" H16 HASH, LINE "1\n" H16 H16 H16 "0123456789ABCDEF\n",
	LINE "1\n" HASH "\n", LINE "1\n" HASH HASH, LINE "1\n" HASH "x",
	LINE LINE "1\n" HASH, " " LINE "1\n" HASH,
	"keybroker audit checkpoint 2\n1\n" HASH,
	"Keybroker audit checkpoint 1\n1\n" HASH,
	"keybroker audit checkpoint 1\r\n1\n" HASH,
	LINE "1\n\n" HASH, "\0" LINE "1\n" HASH,
};

static void
test_audit(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, PREIMAGE_MAX);
	for (size_t i = 0; i < nitems(checkpoints); i++) {
		buf_reset(&text);
		buf_puts(&text, checkpoints[i]);
		refuses(PURPOSE_AUDIT, &text, checkpoints[i]);
	}
	buf_reset(&text);
	buf_put(&text, LINE "1\n" HASH, sizeof(LINE "1\n" HASH));
	refuses(PURPOSE_AUDIT, &text, "a NUL at the end");
	buf_free(&text);
}

/* ------------------------------------------------- pins, names, algorithms */

static void
test_wrong_names(void **state)
{
	unsigned at = lane_key_for(PURPOSE_AUDIT);
	const struct buf *text = &world.good[at];
	const struct lane_key *key = &world.keys[at];
	const struct wish good = wish_for(key, text->data, text->len);
	struct wish w = good;

	(void)state;
	w.pin[31] ^= 1;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w = wish_for(&world.keys[lane_key_for(PURPOSE_ACCOUNT)], text->data,
	    text->len);
	memcpy(w.id, key->id, key->idlen);
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w = good;
	w.pinlen = 0;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w.pinlen = SHA256_SIZE - 1;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w.pinlen = SHA256_SIZE + 1;
	assert_int_equal(wish_ask(&w), ERR_SYNTAX);
	w = good;
	w.idlen = 0;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w.idlen = good.idlen - 1;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	memcpy(w.id, "name:key-2", 10);
	w.idlen = 10;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w.idlen = 5;
	assert_int_equal(wish_ask(&w), ERR_KEY);
	w = good;
	for (unsigned alg = 0; alg < 256; alg += alg < ALG__MAX ? 1 : 50) {
		w.alg = alg;
		if (alg != good.alg)
			assert_int_equal(wish_ask(&w), alg < ALG__MAX ?
			    ERR_UNSUPPORTED : ERR_SYNTAX);
	}
	attempts += 9 + ALG__MAX + 5;
}

/* Births that nobody may wish, and the death of one key by another's pin. */
static void
test_births_and_deaths(void **state)
{
	static const struct {
		unsigned purpose, type;
		const char *name;
	} table[] = {
		{ PURPOSE__MAX, KEY_EC_P256, "x" },
		{ 255, KEY_EC_P256, "x" },
		{ PURPOSE_AUDIT, KEY_TYPE__MAX, "x" },
		{ PURPOSE_AUDIT, 255, "x" },
		{ PURPOSE_AUDIT, KEY_EC_P256, "" },
		{ PURPOSE_AUDIT, KEY_EC_P256, "a b" },
		{ PURPOSE_AUDIT, KEY_EC_P256, "a\nb" },
		{ PURPOSE_AUDIT, KEY_EC_P256, "\xc3\xa9" },
		{ PURPOSE_AUDIT, KEY_EC_P256, "0123456789012345678901234567890"
		    "123456789012345678901234567890123456789" },
	};
	const unsigned wrong[][2] = { { 0, 1 }, { 1, 2 }, { 2, 0 } };
	uint32_t before = lane_count_keys();
	struct lane_key key;
	struct fault why;
	struct reader r;
	struct wish w;

	(void)state;
	for (size_t i = 0; i < nitems(table); i++)
		assert_int_not_equal(lane_generate(table[i].purpose,
		    table[i].type, table[i].name, &key), OK);
	for (size_t i = 0; i < nitems(wrong); i++) {
		w = wish_for(&world.keys[wrong[i][1]], "", 0);
		buf_put_bytes(&world.request, world.keys[wrong[i][0]].id,
		    world.keys[wrong[i][0]].idlen);
		buf_put_bytes(&world.request, w.pin, w.pinlen);
		assert_int_not_equal(lane_ask(LANE_DESTROY, &r, &why), OK);
	}
	/* a name that looks like a label does not change the purpose */
	assert_int_equal(lane_generate(PURPOSE_AUDIT, KEY_EC_P256,
	    "kb1:account:x", &key), OK);
	assert_int_equal(key.purpose, PURPOSE_AUDIT);
	w = wish_for(&key, world.good[lane_key_for(PURPOSE_ACCOUNT)].data,
	    world.good[lane_key_for(PURPOSE_ACCOUNT)].len);
	assert_int_equal(wish_ask(&w), ERR_SHAPE);
	assert_int_equal(lane_count_keys(), before + 1);
	attempts += nitems(table) + nitems(wrong) + 2;
}

/* ----------------------------------------------------------------- frames */

/* Operations that are none, and requests that are too short or long. */
static void
test_frames(void **state)
{
	static const unsigned ops[] = { 0, LANE_READY, LANE_CHANNEL,
		LANE_OP__MAX, 255, 65535 };
	const struct lane_key *key = &world.keys[lane_key_for(PURPOSE_AUDIT)];
	const struct buf *text = &world.good[lane_key_for(PURPOSE_AUDIT)];
	struct wish w = wish_for(key, text->data, text->len);
	struct fault why;
	struct reader r;
	size_t whole;

	(void)state;
	for (size_t i = 0; i < nitems(ops); i++)
		assert_int_equal(lane_ask((enum lane_op)ops[i], &r, &why),
		    ERR_SYNTAX);
	wish_put(&w);
	buf_putc(&world.request, 0);
	assert_int_equal(lane_ask(LANE_SIGN, &r, &why), ERR_SYNTAX);
	wish_put(&w);
	world.request.data[0] = 0xff;
	assert_int_equal(lane_ask(LANE_SIGN, &r, &why), ERR_SYNTAX);
	wish_put(&w);
	whole = world.request.len;
	buf_reset(&world.request);
	for (size_t n = 0; n < whole; n++) {
		wish_put(&w);
		world.request.len = n;
		assert_int_equal(lane_ask(LANE_SIGN, &r, &why), ERR_SYNTAX);
	}
	attempts += nitems(ops) + 2 + (unsigned)whole;
}

static unsigned
descriptors(void)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)world.client.pid);
	d = opendir(path);
	if (d == NULL)
		return 0; /* only root may look */
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Descriptors that nobody asked for, with a request that is fine. */
static void
test_descriptors(void **state)
{
	const struct lane_key *key = &world.keys[lane_key_for(PURPOSE_ACCOUNT)];
	const struct buf *text = &world.good[lane_key_for(PURPOSE_AUDIT)];
	static const enum lane_op ops[] = { LANE_SIGN, LANE_CHANNEL,
		LANE_TOKEN };
	struct wish w = wish_for(key, text->data, text->len);
	unsigned before = descriptors();
	int pair[2], file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct fault why;
	struct reader r;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (unsigned n = 1; n <= FRAME_FDS; n++) {
		enum lane_op op = ops[n % nitems(ops)];
		struct frame f = { .op = (uint16_t)op, .nfds = n,
			.id = ++world.client.id };

		for (unsigned i = 0; i < n; i++)
			f.fds[i] = i % 2 != 0 ? file : pair[0];
		wish_put(&w);
		assert_int_equal(frame_send(world.client.fd, &f,
		    world.request.data, world.request.len, &why), OK);
		buf_reset(&world.request);
		assert_int_not_equal(lane_client_receive(&world.client, op,
		    &r, LANE_WAIT_MS, &why), OK);
	}
	close(pair[0]);
	close(pair[1]);
	close(file);
	(void)lane_count_keys(); /* they are closed behind the answer */
	assert_int_equal(descriptors(), before);
	attempts += FRAME_FDS;
}

/* A further channel is no way around anything. */
static void
test_second_channel(void **state)
{
	struct frame f = { .op = LANE_CHANNEL, .nfds = 1 };
	int first = world.client.fd, pair[2];
	struct fault why;

	(void)state;
	assert_int_equal(frame_pair(pair, &why), OK);
	f.fds[0] = pair[1];
	assert_int_equal(frame_send(first, &f, NULL, 0, &why), OK);
	close(pair[1]);
	world.client.fd = pair[0];
	test_purposes(NULL);
	world.client.fd = first;
	test_purposes(NULL);
}

/* Messages that are no frames end the lane, as what the core says is to be
 * trusted more than what a lane believes; and it dies of no signal. */
static void
test_no_frames(void **state)
{
	static const char magic[] = "kb1f";
	char *big = xcalloc(FRAME_MAX + 4096, 1);
	const struct view messages[] = {
		{ (const unsigned char *)"x", 1 },
		{ (const unsigned char *)magic, 4 },
		{ (const unsigned char *)"kb1f\0\2\0\0\0\0\0\0\0\0\0\1\xff\xff"
		    "\xff\xff", 20 },
		{ (const unsigned char *)"kb1f\0\2\xff\xff\0\0\0\0\0\0\0\1"
		    "\0\0\0\0", 20 },
		{ (const unsigned char *)"kb1f\0\2\0\0\0\0\0\0\0\0\0\1\0\0\0\0"
		    "x", 21 },
		{ (const unsigned char *)big, FRAME_MAX + 4096 },
		{ NULL, 0 },
	};
	int status;

	(void)state;
	for (size_t i = 0; i < nitems(messages); i++) {
		if (i > 0)
			lane_start();
		assert_int_equal(send(world.client.fd, messages[i].p,
		    messages[i].n, MSG_NOSIGNAL), (ssize_t)messages[i].n);
		status = lane_client_stop(&world.client);
		assert_true(status == EXIT_BROKEN ||
		    (messages[i].n == 0 && status == EXIT_FINE));
	}
	lane_start();
	lane_try_purposes();
	free(big);
	attempts += nitems(messages);
	print_message("%u attempts\n", attempts);
	assert_true(attempts > 100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_births),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_wrong_names),
		cmocka_unit_test(test_births_and_deaths),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_second_channel),
		cmocka_unit_test(test_no_frames),
	};

	return lane_main(tests, nitems(tests));
}
