#include "token.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/frame.h"
#include "../../base/mem.h"

#define FOREIGN_PREFIX "name:" /* an id that is a name, see the lane */
#define SCHEME	       "pkcs11:"
#define URI_MAX	       4096
#define LIST_MAX       250000  /* keys of one token that are looked through */

static enum err
malformed(struct fault *why, const char *token)
{
	return fault_set(why, ERR_TOKEN,
	    "a lane of token \"%s\" gave a malformed answer", token);
}

/* One request whose answer is one key. */
static enum err
ask_key(struct lanes *l, const char *token, enum lane_op op,
    const struct buf *request, struct lane_key *key, struct fault *why)
{
	struct buf answer;
	struct reader r;
	enum err e;

	buf_init(&answer, FRAME_MAX);
	e = lanes_call(l, token, op, request->data, request->len, &answer,
	    NULL, why);
	if (e == OK) {
		reader_init(&r, answer.data, answer.len);
		lane_get_key(&r, key);
		if (!reader_done(&r) || key->idlen == 0 || key->spkilen == 0)
			e = malformed(why, token);
	}
	buf_free(&answer);
	return e;
}

static enum err
read_signature(const struct buf *answer, const char *token,
    struct signature *sig, struct fault *why)
{
	struct reader r;
	struct view bytes;

	reader_init(&r, answer->data, answer->len);
	bytes = reader_bytes(&r, SIGNATURE_MAX);
	reader_u32(&r); /* the time, which lanes_call() has read */
	if (!reader_done(&r) || bytes.n == 0)
		return malformed(why, token);
	memcpy(sig->bytes, bytes.p, bytes.n);
	sig->n = bytes.n;
	return OK;
}

enum err
token_sign(struct lanes *l, enum lane_op op, const struct key_row *row,
    enum sig_alg alg, const void *p, size_t n, struct signature *sig,
    struct fault *why)
{
	struct buf request, answer;
	enum err e;

	if (n > PREIMAGE_MAX)
		return fault_set(why, ERR_LIMIT, "%zu bytes to be signed", n);
	buf_init(&request, FRAME_MAX);
	buf_init(&answer, 2 * SIGNATURE_MAX);
	buf_put_bytes(&request, row->id, row->idlen);
	buf_put_bytes(&request, row->pin, SHA256_SIZE);
	buf_put_u8(&request, (uint8_t)alg);
	buf_put_bytes(&request, p, n);
	e = lanes_call(l, row->token, op, request.data, request.len,
	    &answer, &sig->times, why);
	if (e == OK)
		e = read_signature(&answer, row->token, sig, why);
	buf_free(&request);
	buf_free(&answer);
	return e;
}

enum err
token_generate(struct lanes *l, const struct key_row *row, bool again,
    struct lane_key *key, struct fault *why)
{
	struct buf request;
	enum err e;

	buf_init(&request, FRAME_MAX);
	buf_put_u8(&request, (uint8_t)row->purpose);
	buf_put_u8(&request, (uint8_t)row->type);
	buf_put_str(&request, row->name);
	buf_put_u8(&request, again ? 1 : 0);
	e = ask_key(l, row->token, LANE_GENERATE, &request, key, why);
	if (e == OK && strcmp(key->name, row->name) != 0)
		e = malformed(why, row->token);
	buf_free(&request);
	return e;
}

enum err
token_find_foreign(struct lanes *l, const char *token, const char *name,
    struct lane_key *key, struct fault *why)
{
	char id[sizeof(FOREIGN_PREFIX) + STORE_NAME];
	struct buf request;
	enum err e;
	int n;

	n = snprintf(id, sizeof(id), FOREIGN_PREFIX "%s", name);
	buf_init(&request, FRAME_MAX);
	buf_put_bytes(&request, id, (size_t)n);
	e = ask_key(l, token, LANE_FIND, &request, key, why);
	buf_free(&request);
	return e;
}

enum err
token_destroy(struct lanes *l, const struct key_row *row, struct fault *why)
{
	struct buf request, answer;
	enum err e;

	buf_init(&request, FRAME_MAX);
	buf_init(&answer, FRAME_MAX);
	buf_put_bytes(&request, row->id, row->idlen);
	buf_put_bytes(&request, row->pin, SHA256_SIZE);
	e = lanes_call(l, row->token, LANE_DESTROY, request.data, request.len,
	    &answer, NULL, why);
	buf_free(&request);
	buf_free(&answer);
	return e;
}

/* RFC 7512 section 2.3: what is not unreserved (nor a colon) becomes %XX. */
static void
put_value(struct buf *b, const char *name, const void *value, size_t n,
    bool binary)
{
	const unsigned char *p = value;

	if (n == 0)
		return;
	if (b->len > sizeof(SCHEME) - 1)
		buf_putc(b, ';');
	buf_putf(b, "%s=", name);
	for (size_t i = 0; i < n; i++)
		if (!binary && p[i] < 0x80 &&
		    (isalnum(p[i]) || strchr("-._~:", p[i]) != NULL))
			buf_putc(b, p[i]);
		else
			buf_putf(b, "%%%02X", p[i]);
}

char *
token_key_uri(const struct key_row *row, const struct lane_token *info)
{
	char *object;
	struct buf b;

	buf_init(&b, URI_MAX);
	buf_puts(&b, SCHEME);
	if (info != NULL) {
		put_value(&b, "token", info->label, strlen(info->label),
		    false);
		put_value(&b, "serial", info->serial, strlen(info->serial),
		    false);
	}
	put_value(&b, "id", row->id, row->idlen, true);
	if (!row->foreign) {
		object = xasprintf(KEY_LABEL_TAG ":%s:%s",
		    purpose_name(row->purpose), row->name);
		put_value(&b, "object", object, strlen(object), false);
		free(object);
	}
	put_value(&b, "type", "private", 7, false);
	return (char *)buf_take(&b, NULL);
}
