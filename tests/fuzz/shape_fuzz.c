/*
 * What a lane signs.  The first byte chooses purpose and algorithm; what is
 * accepted must be just what the purpose allows, in the eyes of other code
 * than that which accepted it: the strict JSON parser and OpenSSL.
 */
#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../pkcs11/shape.h"
#include "der.h"
#include "fuzz.h"

/* Nothing but strings, and an object of strings where jwk is. */
static void
require_strings(const struct json *object, bool flat)
{
	for (const struct json *v = json_first(object); v != NULL;
	     v = json_next(v))
		if (!json_is_string(v)) {
			require(!flat && json_is_object(v));
			require(strcmp(json_name(v), "jwk") == 0);
			require_strings(v, true);
		}
}

static void
require_jws(enum sig_alg alg, const char *p, size_t n)
{
	const char *dot = memchr(p, '.', n), *text;
	struct json *header;
	struct buf b;

	require(dot != NULL);
	buf_init(&b, PREIMAGE_MAX);
	require(b64_get(&b, dot + 1, n - (size_t)(dot - p) - 1));
	buf_reset(&b);
	require(b64_get(&b, p, (size_t)(dot - p)));
	header = json_parse(buf_str(&b), b.len, NULL);
	require(json_is_object(header) && json_count(header) == 4);
	text = json_get_string(header, "alg");
	require(text != NULL && alg_parse(text) == alg);
	text = json_get_string(header, "nonce");
	require(text != NULL && text[0] != '\0');
	text = json_get_string(header, "url");
	require(text != NULL && strncmp(text, "https://", 8) == 0);
	text = json_get_string(header, "kid");
	require((text == NULL) == json_is_object(json_get(header, "jwk")));
	require_strings(header, false);
	json_free(header);
	buf_free(&b);
}

static void
require_checkpoint(const char *p, size_t n)
{
	char *text = xstrndup(p, n), hex[65] = "", again[256];
	unsigned long long number = 0;

	require(sscanf(text, "keybroker audit checkpoint 1\n%llu\n%64[0-9a-f]",
	    &number, hex) == 2);
	snprintf(again, sizeof(again), "keybroker audit checkpoint 1\n%llu\n"
	    "%s\n", number, hex);
	require(strlen(text) == n && strcmp(text, again) == 0);
	require(number > 0 && strlen(hex) == 64);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct view spki = { der_spki, sizeof(der_spki) };
	enum key_purpose purpose;
	struct fault why = { 0 };
	enum sig_alg alg;
	enum err e;

	if (n == 0)
		return 0;
	purpose = (enum key_purpose)(p[0] % (PURPOSE__MAX + 1));
	alg = (enum sig_alg)(p[0] / (PURPOSE__MAX + 1) % ALG__MAX);
	e = shape_check(purpose, alg, spki, p + 1, n - 1, &why);
	if (e != OK)
		require_fault(e, &why);
	else if (purpose == PURPOSE_ACCOUNT)
		require_jws(alg, (const char *)p + 1, n - 1);
	else if (purpose == PURPOSE_CERTIFICATE)
		der_require_request(p + 1, n - 1);
	else if (purpose == PURPOSE_AUDIT)
		require_checkpoint((const char *)p + 1, n - 1);
	else
		require(purpose < PURPOSE__MAX);
	return 0;
}
