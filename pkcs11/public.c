#include "public.h"

#include <stdio.h>
#include <string.h>

#include "../broker/base/mem.h"

#define POINT_MAX   256
#define PARAMS_MAX  64
#define MODULUS_MAX 1024
#define CERT_MAX    16384

static EVP_PKEY *
read_ec(struct session *s, CK_OBJECT_HANDLE object, struct fault *why)
{
	unsigned char params[PARAMS_MAX], point[POINT_MAX];
	size_t nparams, npoint;
	enum key_type type;

	if (attribute_bytes(s, object, CKA_EC_PARAMS, params, sizeof(params),
		&nparams, why) != OK ||
	    attribute_bytes(s, object, CKA_EC_POINT, point, sizeof(point),
		&npoint, why) != OK)
		return NULL;
	type = curve_parse(params, nparams);
	if (type != KEY_TYPE__MAX)
		return public_from_point(type, point, npoint, why);
	fault_set(why, ERR_KEY, "the key's curve is not supported");
	return NULL;
}

static EVP_PKEY *
read_rsa(struct session *s, CK_OBJECT_HANDLE object, struct fault *why)
{
	unsigned char modulus[MODULUS_MAX], exponent[MODULUS_MAX];
	size_t nmodulus, nexponent;

	if (attribute_bytes(s, object, CKA_MODULUS, modulus, sizeof(modulus),
		&nmodulus, why) != OK ||
	    attribute_bytes(s, object, CKA_PUBLIC_EXPONENT, exponent,
		sizeof(exponent), &nexponent, why) != OK)
		return NULL;
	return public_from_rsa(modulus, nmodulus, exponent, nexponent, why);
}

static EVP_PKEY *
read_key(struct session *s, CK_OBJECT_HANDLE object, struct fault *why)
{
	CK_KEY_TYPE type = CKK_VENDOR_DEFINED;
	size_t n;

	if (attribute_bytes(s, object, CKA_KEY_TYPE, &type, sizeof(type), &n,
		why) != OK)
		return NULL;
	if (type == CKK_RSA)
		return read_rsa(s, object, why);
	if (type == CKK_EC || type == CKK_EC_EDWARDS)
		return read_ec(s, object, why);
	fault_set(why, ERR_KEY, "the key is of an unsupported type");
	return NULL;
}

static EVP_PKEY *
read_certificate(struct session *s, CK_OBJECT_HANDLE object,
    struct fault *why)
{
	unsigned char *der = xmalloc(CERT_MAX);
	EVP_PKEY *key = NULL;
	size_t n;

	if (attribute_bytes(s, object, CKA_VALUE, der, CERT_MAX, &n, why) == OK)
		key = public_from_certificate(der, n, why);
	free(der);
	return key;
}

static EVP_PKEY *
read_info(struct session *s, CK_OBJECT_HANDLE object, struct fault *why)
{
	unsigned char der[SPKI_MAX];
	size_t n;

	if (attribute_bytes(s, object, CKA_PUBLIC_KEY_INFO, der, sizeof(der),
		&n, why) != OK)
		return NULL;
	return spki_read(der, n, why);
}

/* The one object of a class with that CKA_ID; CK_INVALID_HANDLE when there is
 * none.  Several certificates may stand for one key: the first will do. */
static enum err
companion(struct session *s, CK_OBJECT_CLASS class, struct view id,
    CK_OBJECT_HANDLE *object, struct fault *why)
{
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, (void *)(uintptr_t)id.p, id.n },
	};
	CK_OBJECT_HANDLE found[2];
	size_t n = 0;
	enum err e = OK;

	*object = CK_INVALID_HANDLE;
	if (id.n != 0)
		e = object_find(s, template, nitems(template), found, 2, &n,
		    why);
	if (e == OK && n > 1 && class == CKO_PUBLIC_KEY)
		return fault_set(why, ERR_KEY,
		    "several public keys have that CKA_ID");
	if (e == OK && n > 0)
		*object = found[0];
	return e;
}

/* NULL with why->ckr set means that the token failed, not that it lacks. */
static EVP_PKEY *
search(struct session *s, CK_OBJECT_HANDLE private, struct view id,
    struct fault *why)
{
	static const struct {
		CK_OBJECT_CLASS class;
		EVP_PKEY *(*read)(struct session *, CK_OBJECT_HANDLE,
		    struct fault *);
	} places[] = {
		{ CKO_PUBLIC_KEY, read_key },
		{ CKO_CERTIFICATE, read_certificate },
		{ CKO_PRIVATE_KEY, read_info },
		{ CKO_PRIVATE_KEY, read_key },
	};

	char first[128] = ""; /* why what was there was of no use */

	for (size_t i = 0; i < nitems(places); i++) {
		CK_OBJECT_HANDLE object = private;
		EVP_PKEY *key;

		if (places[i].class != CKO_PRIVATE_KEY &&
		    companion(s, places[i].class, id, &object, why) != OK)
			return NULL;
		if (object == CK_INVALID_HANDLE)
			continue;
		key = places[i].read(s, object, why);
		if (key != NULL || why->ckr != CKR_OK)
			return key;
		if (first[0] == '\0' && object != private)
			snprintf(first, sizeof(first), " (%.120s)", why->text);
	}
	fault_set(why, ERR_KEY, "the token shows no public half of the key%s: "
	    "it needs a public key object or a certificate with its CKA_ID",
	    first);
	return NULL;
}

enum err
public_find(struct session *s, struct key *key, struct view id,
    struct fault *why)
{
	EVP_PKEY *public;

	why->ckr = CKR_OK;
	public = search(s, key->handle, id, why);
	if (public == NULL)
		return why->code;
	key->about.type = spki_type(public);
	key->about.spkilen = spki_write(public, key->about.spki, why);
	EVP_PKEY_free(public);
	if (key->about.type == KEY_TYPE__MAX)
		return fault_set(why, ERR_KEY,
		    "the key is of an unsupported type or size");
	if (key->about.spkilen == 0)
		return ERR_KEY;
	sha256(key->hash, key->about.spki, key->about.spkilen);
	return OK;
}
