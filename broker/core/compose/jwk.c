/* Public keys as JSON, and what is derived from that. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "../../../api/json.h"
#include "../../base/b64.h"
#include "../../base/mem.h"
#include "compose.h"

#define JWK_MAX	  4096	/* bytes of a JWK */
#define TOKEN_MAX 256	/* bytes of a challenge token, RFC 8555 section 8 */
#define BIGNUM_MAX 512	/* bytes of an RSA-4096 modulus */

/* The name of the curve and the width of a coordinate, RFC 7518 6.2.1. */
static const struct {
	const char *curve;
	int width;
} curves[KEY_TYPE__MAX] = {
	[KEY_EC_P256] = { "P-256", 32 },
	[KEY_EC_P384] = { "P-384", 48 },
};

/*
 * One number of a key.  With a width it is padded on the left; without, it is
 * as short as can be.
 */
static bool
put_number(struct json_writer *w, const char *name, EVP_PKEY *key,
    const char *param, int width)
{
	unsigned char bytes[BIGNUM_MAX];
	BIGNUM *bn = NULL;
	bool good = false;
	char *text;

	if (EVP_PKEY_get_bn_param(key, param, &bn) != 1)
		return false;
	if (width == 0)
		width = BN_num_bytes(bn);
	if (width <= (int)sizeof(bytes) &&
	    BN_bn2binpad(bn, bytes, width) == width) {
		text = b64_encode(bytes, (size_t)width);
		json_put_string(w, name, text);
		free(text);
		good = true;
	}
	BN_free(bn);
	return good;
}

static bool
put_ec(struct json_writer *w, EVP_PKEY *key, enum key_type type)
{
	json_put_string(w, "crv", curves[type].curve);
	json_put_string(w, "kty", "EC");
	return put_number(w, "x", key, OSSL_PKEY_PARAM_EC_PUB_X,
	    curves[type].width) &&
	    put_number(w, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y,
	    curves[type].width);
}

static bool
put_ed25519(struct json_writer *w, EVP_PKEY *key)
{
	unsigned char raw[32];
	size_t n = sizeof(raw);
	char *text;

	if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1 || n != sizeof(raw))
		return false;
	text = b64_encode(raw, n);
	json_put_string(w, "crv", "Ed25519");
	json_put_string(w, "kty", "OKP");
	json_put_string(w, "x", text);
	free(text);
	return true;
}

static bool
put_rsa(struct json_writer *w, EVP_PKEY *key)
{
	bool good = put_number(w, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);

	json_put_string(w, "kty", "RSA");
	return good && put_number(w, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
}

enum err
jwk_write(struct buf *out, const unsigned char *spki, size_t n,
    struct fault *why)
{
	EVP_PKEY *key = spki_read(spki, n, why);
	struct json_writer w;
	enum key_type type;
	bool good;

	if (key == NULL)
		return ERR_KEY;
	type = spki_type(key);
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	if (type == KEY_ED25519)
		good = put_ed25519(&w, key);
	else if (curves[type].curve != NULL)
		good = put_ec(&w, key, type);
	else
		good = put_rsa(&w, key);
	json_close_object(&w);
	EVP_PKEY_free(key);
	if (!good || out->failed)
		return fault_set(why, ERR_CRYPTO,
		    "cannot write a %s key as JWK", key_type_name(type));
	return OK;
}

char *
jwk_thumbprint(const unsigned char *spki, size_t n, struct fault *why)
{
	unsigned char hash[SHA256_SIZE];
	char *text = NULL;
	struct buf jwk;

	buf_init(&jwk, JWK_MAX);
	if (jwk_write(&jwk, spki, n, why) == OK) {
		sha256(hash, jwk.data, jwk.len);
		text = b64_encode(hash, sizeof(hash));
	}
	buf_free(&jwk);
	return text;
}

/* The token becomes a file's name and a part of a URL. */
static bool
token_valid(const char *token)
{
	size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= TOKEN_MAX && token[n] == '\0';
}

char *
key_authorization(const char *token, const unsigned char *spki, size_t n,
    struct fault *why)
{
	char *thumbprint, *text;

	if (!token_valid(token)) {
		fault_set(why, ERR_SYNTAX, "challenge token is not 1 to %d "
		    "characters of base64url", TOKEN_MAX);
		return NULL;
	}
	thumbprint = jwk_thumbprint(spki, n, why);
	if (thumbprint == NULL)
		return NULL;
	text = xasprintf("%s.%s", token, thumbprint);
	free(thumbprint);
	return text;
}

char *
dns01_value(const char *authorization)
{
	unsigned char hash[SHA256_SIZE];

	sha256(hash, authorization, strlen(authorization));
	return b64_encode(hash, sizeof(hash));
}
