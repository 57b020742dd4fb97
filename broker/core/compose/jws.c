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

/* Appends the signing input: header "." payload, each in base64url. */
static enum err
put_input(struct buf *out, const struct buf *header, const void *payload,
    size_t n, struct fault *why)
{
	b64_put(out, header->data, header->len);
	buf_putc(out, '.');
	b64_put(out, payload, n);
	if (out->failed || header->failed)
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

enum err
jws_write(struct buf *out, struct keys *keys, const char *key,
    const char *kid, const char *nonce, const char *url, const char *payload,
    size_t n, struct signature *sig, struct fault *why)
{
	unsigned char spki[SPKI_MAX];
	struct buf header, input;
	struct signature own;
	struct json_writer w;
	enum key_type type;
	size_t spkilen;
	enum err e;

	if (!nonce_valid(nonce))
		return fault_set(why, ERR_SYNTAX, "nonce is not base64url");
	if (sig == NULL)
		sig = &own;
	buf_init(&header, HEADER_MAX);
	buf_init(&input, PREIMAGE_MAX);
	e = keys_public(keys, key, spki, &spkilen, &type, why);
	if (e != OK)
		goto out;
	json_write_start(&w, &header);
	json_open_object(&w, NULL);
	json_put_string(&w, "alg", alg_name(alg_default(type)));
	e = put_key(&w, kid, spki, spkilen, why);
	json_put_string(&w, "nonce", nonce);
	json_put_string(&w, "url", url);
	json_close_object(&w);
	if (e == OK)
		e = put_input(&input, &header, payload,
		    payload != NULL ? n : 0, why);
	if (e == OK)
		e = keys_sign(keys, key, alg_default(type), input.data,
		    input.len, sig, why);
	if (e == OK)
		e = put_flattened(out, &input, sig->bytes, sig->n, why);
out:
	buf_free(&header);
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
	e = put_input(&input, &header, jwk.data, jwk.len, why);
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
