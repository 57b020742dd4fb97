#include "chain.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "authority.h"

#define DAY	   86400
#define HUGE_CHAIN 300 /* certificates, more than anybody's limit */
#define LONG_CHAIN 40

static void
put_leaf(struct buf *out, const struct wanted *w)
{
	X509 *x = authority_make(w);

	authority_pem(out, x);
	X509_free(x);
}

typedef void variant_fn(struct wanted *leaf, struct buf *out);

/* The leaf as it was changed by the variant, and the intermediate. */
static void
put_chain(struct wanted *leaf, struct buf *out)
{
	put_leaf(out, leaf);
	authority_pem(out, authority.intermediate);
}

static void
foreign_key(struct wanted *leaf, struct buf *out)
{
	leaf->key = authority.foreign;
	put_chain(leaf, out);
}

static void
wrong_names(struct wanted *leaf, struct buf *out)
{
	leaf->names = "wrong.example";
	put_chain(leaf, out);
}

static void
more_names(struct wanted *leaf, struct buf *out)
{
	char *more = xasprintf("%s more.example", leaf->names);

	leaf->names = more;
	put_chain(leaf, out);
	free(more);
}

static void
other_names(struct wanted *leaf, struct buf *out)
{
	char *san = authority_san(leaf->names), *more;

	more = xasprintf("%s,IP:192.0.2.1,email:a@example.org", san);
	leaf->names = NULL;
	leaf->san = more;
	put_chain(leaf, out);
	free(more);
	free(san);
}

static void
no_names(struct wanted *leaf, struct buf *out)
{
	leaf->subject = leaf->names;
	leaf->names = NULL;
	put_chain(leaf, out);
}

static void
expired(struct wanted *leaf, struct buf *out)
{
	leaf->from = -2 * DAY;
	leaf->to = -DAY;
	put_chain(leaf, out);
}

static void
future(struct wanted *leaf, struct buf *out)
{
	leaf->from = DAY;
	leaf->to = 2 * DAY;
	put_chain(leaf, out);
}

static void
backwards(struct wanted *leaf, struct buf *out)
{
	leaf->from = DAY;
	leaf->to = -DAY;
	put_chain(leaf, out);
}

static void
of_a_ca(struct wanted *leaf, struct buf *out)
{
	leaf->ca = true;
	put_chain(leaf, out);
}

static void
bad_signature(struct wanted *leaf, struct buf *out)
{
	leaf->signer = authority.foreign;
	put_chain(leaf, out);
}

static void
self_signed(struct wanted *leaf, struct buf *out)
{
	leaf->signer = authority.foreign;
	leaf->issuer = NULL;
	put_leaf(out, leaf);
}

static void
out_of_order(struct wanted *leaf, struct buf *out)
{
	authority_pem(out, authority.intermediate);
	put_leaf(out, leaf);
}

static void
alone(struct wanted *leaf, struct buf *out)
{
	put_leaf(out, leaf);
}

static void
with_root(struct wanted *leaf, struct buf *out)
{
	put_chain(leaf, out);
	authority_pem(out, authority.root);
}

static void
without_link(struct wanted *leaf, struct buf *out)
{
	put_leaf(out, leaf);
	authority_pem(out, authority.root);
}

static void
leaf_twice(struct wanted *leaf, struct buf *out)
{
	put_leaf(out, leaf);
	put_chain(leaf, out);
}

static void
repeat(struct wanted *leaf, struct buf *out, unsigned n)
{
	put_chain(leaf, out);
	for (unsigned i = 0; i < n; i++)
		authority_pem(out, authority.root);
}

static void
very_long(struct wanted *leaf, struct buf *out)
{
	repeat(leaf, out, LONG_CHAIN);
}

static void
very_large(struct wanted *leaf, struct buf *out)
{
	repeat(leaf, out, HUGE_CHAIN);
}

static void
no_newline(struct wanted *leaf, struct buf *out)
{
	put_chain(leaf, out);
	out->data[--out->len] = '\0';
}

static void
crlf(struct wanted *leaf, struct buf *out)
{
	struct buf unix_lines;

	buf_init(&unix_lines, 65536);
	put_chain(leaf, &unix_lines);
	for (size_t i = 0; i < unix_lines.len; i++) {
		if (unix_lines.data[i] == '\n')
			buf_putc(out, '\r');
		buf_putc(out, unix_lines.data[i]);
	}
	buf_free(&unix_lines);
}

static void
with_prose(struct wanted *leaf, struct buf *out)
{
	buf_puts(out, "Here is your certificate:\n");
	put_chain(leaf, out);
}

static void
with_key(struct wanted *leaf, struct buf *out)
{
	put_chain(leaf, out);
	buf_puts(out, "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n");
}

static void
with_nul(struct wanted *leaf, struct buf *out)
{
	put_chain(leaf, out);
	buf_put(out, "\0", 1);
	authority_pem(out, authority.root);
}

static void
no_der(struct wanted *leaf, struct buf *out)
{
	(void)leaf;
	buf_puts(out, "-----BEGIN CERTIFICATE-----\nAAAA\n"
	    "-----END CERTIFICATE-----\n");
}

static void
cut_off(struct wanted *leaf, struct buf *out)
{
	put_chain(leaf, out);
	out->len -= 60;
	out->data[out->len] = '\0';
}

static void
empty(struct wanted *leaf, struct buf *out)
{
	(void)leaf;
	(void)out;
}

static const struct {
	const char *name;
	variant_fn *put;
} variants[] = {
	{ "foreign-key", foreign_key },
	{ "wrong-names", wrong_names },
	{ "more-names", more_names },
	{ "other-names", other_names },
	{ "no-names", no_names },
	{ "expired", expired },
	{ "future", future },
	{ "backwards", backwards },
	{ "of-a-ca", of_a_ca },
	{ "bad-signature", bad_signature },
	{ "self-signed", self_signed },
	{ "out-of-order", out_of_order },
	{ "alone", alone },
	{ "with-root", with_root },
	{ "without-link", without_link },
	{ "leaf-twice", leaf_twice },
	{ "long", very_long },
	{ "huge", very_large },
	{ "no-newline", no_newline },
	{ "crlf", crlf },
	{ "with-prose", with_prose },
	{ "with-key", with_key },
	{ "with-nul", with_nul },
	{ "no-der", no_der },
	{ "cut-off", cut_off },
	{ "empty", empty },
};

bool
chain_put(const struct order *o, const char *variant, struct buf *out)
{
	struct wanted leaf = {
		.key = o->key,
		.signer = authority.key,
		.issuer = authority.intermediate,
		.names = o->names,
		.from = -60,
		.to = 30 * DAY,
		.serial = o->serial,
	};

	if (leaf.key == NULL) /* made before there was a CSR */
		leaf.key = authority.foreign;
	for (size_t i = 0; variant != NULL && i < nitems(variants); i++)
		if (strcmp(variants[i].name, variant) == 0) {
			variants[i].put(&leaf, out);
			return true;
		}
	if (variant == NULL)
		put_chain(&leaf, out);
	return variant == NULL;
}
