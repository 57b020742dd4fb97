#include "jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "../../broker/base/mem.h"

#define FIELD_MAX 1024 /* bytes of a number */

static const struct {
	const char *crv, *group;
	size_t size; /* bytes of a coordinate */
} curves[] = {
	{ "P-256", "prime256v1", 32 },
	{ "P-384", "secp384r1", 48 },
};

/* Members in the order of RFC 7638. */
static const struct {
	const char *kty, *members[5];
} types[] = {
	{ "EC", { "crv", "kty", "x", "y" } },
	{ "RSA", { "e", "kty", "n" } },
};

static bool
member(const struct json *jwk, const char *name, struct buf *out)
{
	const char *text = json_get_string(jwk, name);

	return text != NULL && b64_get(out, text, strlen(text));
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* Coordinates have the full width of the field, RFC 7518 section 6.2.1. */
static EVP_PKEY *
ec_key(const struct json *jwk)
{
	const char *crv = json_get_string(jwk, "crv");
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	struct buf point;

	buf_init(&point, FIELD_MAX);
	buf_putc(&point, POINT_CONVERSION_UNCOMPRESSED);
	for (size_t i = 0; i < nitems(curves) && crv != NULL; i++) {
		size_t n = curves[i].size;

		if (strcmp(curves[i].crv, crv) != 0 ||
		    !member(jwk, "x", &point) || point.len != 1 + n ||
		    !member(jwk, "y", &point) || point.len != 1 + 2 * n)
			continue;
		OSSL_PARAM_BLD_push_utf8_string(bld,
		    OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group, 0);
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
		    point.data, point.len);
		key = from_params("EC", bld);
	}
	buf_free(&point);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *
rsa_key(const struct json *jwk)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;
	struct buf b;

	buf_init(&b, FIELD_MAX);
	if (member(jwk, "n", &b) && b.len > 0 && b.data[0] != 0)
		n = BN_bin2bn(b.data, (int)b.len, NULL);
	buf_reset(&b);
	if (member(jwk, "e", &b) && b.len > 0 && b.data[0] != 0)
		e = BN_bin2bn(b.data, (int)b.len, NULL);
	if (n != NULL && e != NULL) {
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
		key = from_params("RSA", bld);
	}
	BN_free(n);
	BN_free(e);
	buf_free(&b);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

EVP_PKEY *
jwk_key(const struct json *jwk)
{
	const char *kty = json_get_string(jwk, "kty");

	if (kty == NULL)
		return NULL;
	return strcmp(kty, "EC") == 0 ? ec_key(jwk) :
	    strcmp(kty, "RSA") == 0 ? rsa_key(jwk) : NULL;
}

char *
jwk_canonical(const struct json *jwk)
{
	const char *kty = json_get_string(jwk, "kty");
	struct json_writer w;
	struct buf out;

	buf_init(&out, 4 * FIELD_MAX);
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	for (size_t i = 0; i < nitems(types); i++)
		for (size_t k = 0; strcmp(types[i].kty, kty) == 0 &&
		    types[i].members[k] != NULL; k++)
			json_put_string(&w, types[i].members[k],
			    json_get_string(jwk, types[i].members[k]));
	json_close_object(&w);
	return (char *)buf_take(&out, NULL);
}
