#include "shape.h"

#include <string.h>

#include "../broker/base/mem.h"
#include "shape_jws.h"

#define AUDIT_DIGITS   16 /* of the number of a line */
#define EXTENSIONS_MAX 16 /* of a CSR */

/* Universal tags of DER that a CSR has, ITU-T X.690. */
#define TAG_BOOLEAN    0x01
#define TAG_INTEGER    0x02
#define TAG_OCTETS     0x04
#define TAG_OID	       0x06
#define TAG_UTF8       0x0c
#define TAG_PRINTABLE  0x13
#define TAG_IA5	       0x16
#define TAG_SEQUENCE   0x30
#define TAG_SET	       0x31
#define TAG_ATTRIBUTES 0xa0 /* [0] */

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

/* True when in is nothing but elements of a tag whose contents pass. */
static bool
all_are(struct view in, unsigned char tag, bool (*passes)(struct view))
{
	struct der element;

	while (in.n != 0)
		if (!der_take(&in, &element) || element.tag != tag ||
		    !passes(element.content))
			return false;
	return true;
}

/* Numbers in base 128 in their shortest form. */
static bool
is_oid(const struct der *d)
{
	bool begins = true;

	for (size_t i = 0; i < d->content.n; i++) {
		if (begins && d->content.p[i] == 0x80)
			return false;
		begins = d->content.p[i] < 0x80;
	}
	return d->tag == TAG_OID && d->content.n != 0 && begins;
}

/* An OID and one element more. */
static bool
is_typed(struct view in, struct der *value)
{
	struct der oid;

	return der_take(&in, &oid) && is_oid(&oid) && der_take(&in, value) &&
	    in.n == 0;
}

/* AttributeTypeAndValue, with a text that reads alike in all of its types. */
static bool
is_name_part(struct view in)
{
	struct der value;

	if (!is_typed(in, &value) || (value.tag != TAG_UTF8 &&
	    value.tag != TAG_PRINTABLE && value.tag != TAG_IA5))
		return false;
	for (size_t i = 0; i < value.content.n; i++)
		if (value.content.p[i] < 0x20 || value.content.p[i] > 0x7e)
			return false;
	return value.content.n != 0;
}

/* One part: DER would order several, ours have none to order. */
static bool
is_relative_name(struct view in)
{
	struct der part;

	return der_take(&in, &part) && part.tag == TAG_SEQUENCE &&
	    in.n == 0 && is_name_part(part.content);
}

/* Extension, with its OID; critical is there only when it is true. */
static bool
is_extension(struct view in, struct view *id)
{
	struct der oid, next;

	if (!der_take(&in, &oid) || !is_oid(&oid) || !der_take(&in, &next))
		return false;
	*id = oid.content;
	if (next.tag == TAG_BOOLEAN && (next.content.n != 1 ||
	    next.content.p[0] != 0xff || !der_take(&in, &next)))
		return false;
	return next.tag == TAG_OCTETS && in.n == 0;
}

static bool
seen_before(const struct view *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i].n == ids[n].n &&
		    memcmp(ids[i].p, ids[n].p, ids[n].n) == 0)
			return true;
	return false;
}

/* Extensions, at least one and none twice: which one counts would be up to
 * who reads them (RFC 5280 section 4.2). */
static bool
are_extensions(struct view in)
{
	struct view ids[EXTENSIONS_MAX];
	struct der element;
	size_t n = 0;

	for (; in.n != 0; n++)
		if (n == EXTENSIONS_MAX || !der_take(&in, &element) ||
		    element.tag != TAG_SEQUENCE ||
		    !is_extension(element.content, &ids[n]) ||
		    seen_before(ids, n))
			return false;
	return n != 0;
}

/* The one attribute that our requests have: extensionRequest, RFC 2985
 * section 5.4.2. */
static bool
is_attribute(struct view in)
{
	static const unsigned char request[] = { 0x06, 0x09, 0x2a, 0x86, 0x48,
		0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e };
	struct der values, value;

	if (in.n < sizeof(request) ||
	    memcmp(in.p, request, sizeof(request)) != 0)
		return false;
	return is_typed(in, &values) && values.tag == TAG_SET &&
	    der_take(&values.content, &value) && values.content.n == 0 &&
	    value.tag == TAG_SEQUENCE && are_extensions(value.content);
}

/* None or that one: of two, some would read the first and some the last. */
static bool
are_attributes(struct view in)
{
	struct der attribute;

	return in.n == 0 || (der_take(&in, &attribute) && in.n == 0 &&
	    attribute.tag == TAG_SEQUENCE && is_attribute(attribute.content));
}

/* CertificationRequestInfo, RFC 2986 section 4.1, for the key itself. */
static enum err
certificate_shape(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	struct der outer, version, name, key, attributes;

	(void)alg;
	if (!der_take(&in, &outer) || outer.tag != TAG_SEQUENCE || in.n != 0)
		return fault_set(why, ERR_SHAPE,
		    "not one DER sequence of exactly that length");
	in = outer.content;
	if (!der_take(&in, &version) || version.tag != TAG_INTEGER ||
	    version.content.n != 1 || version.content.p[0] != 0)
		return fault_set(why, ERR_SHAPE,
		    "not a CertificationRequestInfo of version 0");
	if (!der_take(&in, &name) || name.tag != TAG_SEQUENCE ||
	    !all_are(name.content, TAG_SET, is_relative_name))
		return fault_set(why, ERR_SHAPE, "the CSR has no subject");
	if (!der_take(&in, &key) || key.whole.n != spki.n ||
	    memcmp(key.whole.p, spki.p, spki.n) != 0)
		return fault_set(why, ERR_SHAPE,
		    "the CSR is not for the key that signs it");
	if (!der_take(&in, &attributes) || attributes.tag != TAG_ATTRIBUTES ||
	    !are_attributes(attributes.content))
		return fault_set(why, ERR_SHAPE, "the CSR has no attributes, "
		    "or others than one request for extensions, each once");
	if (in.n != 0)
		return fault_set(why, ERR_SHAPE,
		    "the CSR goes on behind its attributes");
	return OK;
}

/* Takes bytes out of an alphabet, from least to most of them, and a newline
 * off the front of in. */
static bool
take_line(struct view *in, const char *alphabet, size_t least, size_t most)
{
	size_t n = 0;

	while (n < in->n && in->p[n] != '\0' &&
	    strchr(alphabet, in->p[n]) != NULL)
		n++;
	if (n < least || n > most || n == in->n || in->p[n] != '\n')
		return false;
	in->p += n + 1;
	in->n -= n + 1;
	return true;
}

static enum err
audit_shape(enum sig_alg alg, struct view spki, struct view in,
    struct fault *why)
{
	size_t head = sizeof(AUDIT_PREIMAGE) - 1;

	(void)alg;
	(void)spki;
	if (in.n <= head || memcmp(in.p, AUDIT_PREIMAGE, head) != 0)
		return fault_set(why, ERR_SHAPE, "not an audit checkpoint");
	in.p += head;
	in.n -= head;
	if (in.p[0] == '0' || !take_line(&in, "0123456789", 1, AUDIT_DIGITS))
		return fault_set(why, ERR_SHAPE,
		    "the audit checkpoint has no number of a line");
	if (!take_line(&in, "0123456789abcdef", 2 * SHA256_SIZE,
		2 * SHA256_SIZE))
		return fault_set(why, ERR_SHAPE,
		    "the audit checkpoint has no SHA-256 in hex");
	if (in.n != 0)
		return fault_set(why, ERR_SHAPE,
		    "the audit checkpoint goes on behind its hash");
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
