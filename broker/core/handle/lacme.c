#include "lacme.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../acme/sign.h"
#include "../compose/compose.h"
#include "../engine/engine.h"
#include "handle.h"

#define VERSION_LINE "1 OK " /* of the protocol */

/* The first line: algorithm, thumbprint (RFC 7638) and account URL; with that
 * URL the client need not ask the CA for it. */
static void
put_greeting(struct buf *out, enum key_type type, const char *thumbprint,
    const char *kid)
{
	struct json_writer w;

	buf_puts(out, VERSION_LINE);
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_string(&w, "alg", alg_name(alg_default(type)));
	json_put_string(&w, "jwk-thumbprint", thumbprint);
	json_put_string(&w, "kid", kid);
	json_close_object(&w);
	buf_puts(out, "\r\n");
}

static enum err
greet(const struct peer *peer, const char *account, struct buf *out,
    struct fault *why)
{
	unsigned char spki[SPKI_MAX];
	struct account_row row;
	enum key_type type;
	char *thumbprint;
	size_t n;
	enum err e;

	(void)peer;
	e = engine_account(core.engine, account, &row, why);
	if (e == OK)
		e = keys_public(core.keys, row.key, spki, &n, &type, why);
	if (e != OK)
		return e;
	thumbprint = jwk_thumbprint(spki, n, why);
	if (thumbprint == NULL)
		return why->code;
	put_greeting(out, type, thumbprint, row.kid);
	free(thumbprint);
	e = jwk_write(out, spki, n, why);
	buf_puts(out, "\r\n");
	return e;
}

/* The two parts of a signing input, without their base64url. */
static enum err
read_input(const char *line, size_t n, struct buf *header,
    struct buf *payload, struct fault *why)
{
	const char *dot = memchr(line, '.', n);
	size_t first = dot != NULL ? (size_t)(dot - line) : n;

	if (dot != NULL && b64_get(header, line, first) &&
	    b64_get(payload, dot + 1, n - first - 1))
		return OK;
	return fault_set(why, ERR_SYNTAX, "not a signing input of two parts "
	    "in base64url");
}

static enum err
answer(const struct peer *peer, const char *account, char *line, size_t n,
    struct buf *out, struct fault *why)
{
	struct acme_bytes bytes = { .peer = peer, .account = account,
		.start_us = clock_monotonic_us() };
	struct buf header, payload;
	struct signature sig;
	enum err e;

	buf_init(&header, LINE_SIZE);
	buf_init(&payload, LINE_SIZE);
	e = read_input(line, n, &header, &payload, why);
	if (e != OK) {
		audit_refusal(peer, "JWS", account, why);
		goto out;
	}
	bytes.header = (struct view){ header.data, header.len };
	bytes.payload = (struct view){ payload.data, payload.len };
	e = acme_sign_bytes(&bytes, &sig, why);
	if (e == OK) {
		b64_put(out, sig.bytes, sig.n);
		buf_puts(out, "\r\n");
	}
out:
	buf_free(&header);
	buf_free(&payload);
	return e;
}

const struct line_service lacme_service = { greet, answer };
