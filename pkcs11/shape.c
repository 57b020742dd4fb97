#include "shape.h"

#include <string.h>

#include "../broker/base/mem.h"
#include "shape_jws.h"

#define AUDIT_MAX 512 /* bytes of an audit checkpoint */

struct der {
	unsigned char tag;
	struct view content;
	struct view whole; /* with tag and length */
};

/* Takes one DER element off the front of in; false when there is none, or
 * its length is not the shortest form. */
static bool
der_take(struct view *in, struct der *out)
{
	size_t header = 2, n;

	if (in->n < 2 || (in->p[0] & 0x1f) == 0x1f)
		return false;
	n = in->p[1];
	if (n >= 0x80) {
		size_t bytes = n & 0x7f;

		if (bytes == 0 || bytes > 3 || in->n < 2 + bytes ||
		    in->p[2] == 0)
			return false;
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | in->p[2 + i];
		if (n < 0x80)
			return false;
		header += bytes;
	}
	if (n > in->n - header)
		return false;
	out->tag = in->p[0];
	out->whole = (struct view){ in->p, header + n };
	out->content = (struct view){ in->p + header, n };
	in->p += header + n;
	in->n -= header + n;
	return true;
}

/* CertificationRequestInfo, RFC 2986 section 4.1, for the key itself. */
static enum err
certificate_shape(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	struct der outer, version, name, key, attributes;

	(void)alg;
	if (!der_take(&in, &outer) || outer.tag != 0x30 || in.n != 0)
		return fault_set(why, ERR_SHAPE,
		    "not one DER sequence of exactly that length");
	in = outer.content;
	if (!der_take(&in, &version) || version.tag != 0x02 ||
	    version.content.n != 1 || version.content.p[0] != 0)
		return fault_set(why, ERR_SHAPE,
		    "not a CertificationRequestInfo of version 0");
	if (!der_take(&in, &name) || name.tag != 0x30)
		return fault_set(why, ERR_SHAPE, "the CSR has no subject");
	if (!der_take(&in, &key) || key.whole.n != spki.n ||
	    memcmp(key.whole.p, spki.p, spki.n) != 0)
		return fault_set(why, ERR_SHAPE,
		    "the CSR is not for the key that signs it");
	if (!der_take(&in, &attributes) || attributes.tag != 0xa0)
		return fault_set(why, ERR_SHAPE, "the CSR has no attributes");
	if (in.n != 0)
		return fault_set(why, ERR_SHAPE,
		    "the CSR goes on behind its attributes");
	return OK;
}

static enum err
audit_shape(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	size_t head = sizeof(AUDIT_PREIMAGE) - 1;

	(void)alg;
	(void)spki;
	if (in.n < head || memcmp(in.p, AUDIT_PREIMAGE, head) != 0)
		return fault_set(why, ERR_SHAPE, "not an audit checkpoint");
	if (in.n > AUDIT_MAX)
		return fault_set(why, ERR_SHAPE,
		    "audit checkpoint is longer than %d bytes", AUDIT_MAX);
	for (size_t i = 0; i < in.n; i++)
		if ((in.p[i] < 0x20 || in.p[i] >= 0x7f) && in.p[i] != '\n')
			return fault_set(why, ERR_SHAPE,
			    "audit checkpoint is not printable (byte %zu)",
			    i + 1);
	return OK;
}

typedef enum err shape_fn(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why);

#define SHAPES_MAX 2

static shape_fn *const shapes[][SHAPES_MAX] = {
	[PURPOSE_ACCOUNT] = { shape_jws_acme },
	[PURPOSE_CERTIFICATE] = { certificate_shape },
	[PURPOSE_AUDIT] = { audit_shape },
};
_Static_assert(nitems(shapes) == PURPOSE__MAX, "every purpose has its shapes");

enum err
shape_check(enum key_purpose purpose, enum sig_alg alg, struct view spki,
    const void *p, size_t n, struct fault *why)
{
	enum err e = fault_set(why, ERR_SHAPE, "the key has no known purpose");

	if (n > PREIMAGE_MAX)
		return fault_set(why, ERR_LIMIT,
		    "more than %d bytes to be signed", PREIMAGE_MAX);
	if ((unsigned)purpose >= PURPOSE__MAX)
		return e;
	for (unsigned i = 0; i < SHAPES_MAX && e != OK; i++)
		if (shapes[purpose][i] != NULL)
			e = shapes[purpose][i](alg, spki,
			    (struct view){ p, n }, why);
	return e;
}
