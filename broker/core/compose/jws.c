/* Flattened JWS: signed by a key in a token, or, for external account
 * binding, with a secret that the CA gave out. */
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "../../../api/json.h"
#include "../../base/b64.h"
#include "../../base/io.h"
#include "../../base/mem.h"
#include "compose.h"

#define HEADER_MAX 8192	 /* bytes of a protected header */
#define JWK_MAX	   4096
#define NONCE_MAX  512
#define EAB_KEY_MAX 1024 /* bytes of the file with the MAC key */

static bool
nonce_valid(const char *nonce)
{
	size_t n = strspn(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= NONCE_MAX && nonce[n] == '\0';
}

static enum err
put_key(struct json_writer *w, const char *kid, const unsigned char *spki,
    size_t n, struct fault *why)
{
	struct buf jwk;
	enum err e;

	if (kid != NULL) {
		json_put_string(w, "kid", kid);
		return OK;
	}
	buf_init(&jwk, JWK_MAX);
	e = jwk_write(&jwk, spki, n, why);
	if (e == OK)
		json_put_raw(w, "jwk", buf_str(&jwk), jwk.len);
	buf_free(&jwk);
	return e;
}

static struct view
seen(const struct buf *b)
{
	return (struct view){ b->data, b->len };
}

/* Appends the signing input: header "." payload, each in base64url. */
static enum err
put_input(struct buf *out, struct view header, struct view payload,
    struct fault *why)
{
	b64_put(out, header.p, header.n);
	buf_putc(out, '.');
	b64_put(out, payload.p, payload.n);
	if (out->failed)
		return fault_set(why, ERR_LIMIT, "JWS of more than %d bytes",
		    PREIMAGE_MAX);
	return OK;
}

/* Appends the flattened object of a signing input and its signature. */
static enum err
put_flattened(struct buf *out, const struct buf *input, const void *sig,
    size_t n, struct fault *why)
{
	const char *text = (const char *)input->data;
	size_t dot = (size_t)(strchr(text, '.') - text);
	char *signature = b64_encode(sig, n);
	struct json_writer w;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_stringn(&w, "protected", text, dot);
	json_put_stringn(&w, "payload", text + dot + 1, input->len - dot - 1);
	json_put_string(&w, "signature", signature);
	json_close_object(&w);
	free(signature);
	return !out->failed ? OK :
	    fault_set(why, ERR_LIMIT, "JWS of more than %zu bytes", out->max);
}

static enum err
put_header(struct buf *out, struct keys *keys, const struct jws_header *h,
    enum sig_alg *alg, struct fault *why)
{
	unsigned char spki[SPKI_MAX];
	struct json_writer w;
	enum key_type type;
	size_t n;
	enum err e;

	e = keys_public(keys, h->key, spki, &n, &type, why);
	if (e != OK)
		return e;
	*alg = h->alg < ALG__MAX ? h->alg : alg_default(type);
	if (!alg_fits(*alg, type))
		return fault_set(why, ERR_UNSUPPORTED, "a %s key does not "
		    "sign with %s", key_type_name(type), alg_name(*alg));
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_string(&w, "alg", alg_name(*alg));
	e = put_key(&w, h->kid, spki, n, why);
	json_put_string(&w, "nonce", h->nonce);
	json_put_string(&w, "url", h->url);
	json_close_object(&w);
	if (e == OK && out->failed)
		e = fault_set(why, ERR_LIMIT, "a protected header of more "
		    "than %d bytes", HEADER_MAX);
	return e;
}

enum err
jws_write(struct buf *out, struct keys *keys, const struct jws_header *h,
    const char *payload, size_t n, struct signature *sig, struct fault *why)
{
	struct buf header, input;
	struct signature own;
	enum sig_alg alg;
	enum err e;

	if (!nonce_valid(h->nonce))
		return fault_set(why, ERR_SYNTAX, "nonce is not base64url");
	if (sig == NULL)
		sig = &own;
	buf_init(&header, HEADER_MAX);
	buf_init(&input, PREIMAGE_MAX);
	e = put_header(&header, keys, h, &alg, why);
	if (e == OK)
		e = put_input(&input, seen(&header),
		    (struct view){ (const unsigned char *)payload,
			payload != NULL ? n : 0 },
		    why);
	if (e == OK)
		e = keys_sign(
		    keys, h->key, alg, input.data, input.len, sig, why);
	if (e == OK)
		e = put_flattened(out, &input, sig->bytes, sig->n, why);
	buf_free(&header);
	buf_free(&input);
	return e;
}

enum err
jws_sign(struct keys *keys, const char *key, enum sig_alg alg,
    struct view header, struct view payload, struct signature *sig,
    struct fault *why)
{
	struct buf input;
	enum err e;

	buf_init(&input, PREIMAGE_MAX);
	e = put_input(&input, header, payload, why);
	if (e == OK)
		e = keys_sign(keys, key, alg, input.data, input.len, sig,
		    why);
	buf_free(&input);
	return e;
}

static const struct {
	const char *alg;
	const EVP_MD *(*md)(void);
} macs[] = {
	{ "HS256", EVP_sha256 },
	{ "HS384", EVP_sha384 },
	{ "HS512", EVP_sha512 },
};

static const EVP_MD *
mac_digest(const char *alg)
{
	for (size_t i = 0; i < nitems(macs); i++)
		if (strcmp(macs[i].alg, alg) == 0)
			return macs[i].md();
	return NULL;
}

/* CAs hand the key out in either alphabet, padded or not; people add a
 * newline. */
static enum err
read_mac_key(const char *path, struct buf *key, struct fault *why)
{
	struct buf text;
	enum err e;

	buf_init(&text, EAB_KEY_MAX);
	e = read_secret_file(path, &text, why);
	if (e != OK)
		goto out;
	while (text.len > 0 && strchr("=\r\n \t", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	for (size_t i = 0; i < text.len; i++)
		text.data[i] = text.data[i] == '+' ? '-' :
		    text.data[i] == '/' ? '_' : text.data[i];
	if (text.len == 0 || !b64_get(key, buf_str(&text), text.len))
		e = fault_set(why, ERR_CONFIG,
		    "%s does not hold a base64url MAC key", path);
out:
	buf_free(&text);
	return e;
}

enum err
eab_write(struct buf *out, const char *kid, const char *alg,
    const char *key_file, const char *url, const unsigned char *spki,
    size_t n, struct fault *why)
{
	struct buf key, header, input, jwk;
	unsigned char mac[EVP_MAX_MD_SIZE];
	const EVP_MD *md = mac_digest(alg);
	struct json_writer w;
	unsigned maclen;
	enum err e;

	if (md == NULL)
		return fault_set(why, ERR_UNSUPPORTED, "no MAC named %s", alg);
	buf_init(&key, EAB_KEY_MAX);
	buf_init(&header, HEADER_MAX);
	buf_init(&input, PREIMAGE_MAX);
	buf_init(&jwk, JWK_MAX);
	e = read_mac_key(key_file, &key, why);
	if (e == OK)
		e = jwk_write(&jwk, spki, n, why);
	if (e != OK)
		goto out;
	json_write_start(&w, &header);
	json_open_object(&w, NULL);
	json_put_string(&w, "alg", alg);
	json_put_string(&w, "kid", kid);
	json_put_string(&w, "url", url);
	json_close_object(&w);
	e = put_input(&input, seen(&header), seen(&jwk), why);
	if (e == OK && HMAC(md, key.data, (int)key.len, input.data, input.len,
	    mac, &maclen) == NULL)
		e = fault_set(why, ERR_CRYPTO, "cannot compute %s", alg);
	if (e == OK)
		e = put_flattened(out, &input, mac, maclen, why);
out:
	buf_free(&key);
	buf_free(&header);
	buf_free(&input);
	buf_free(&jwk);
	return e;
}
