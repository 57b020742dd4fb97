/*
 * Random valid configurations, made by walking the schema: what has a row
 * there is written here sooner or later.  Included by tests only.
 */
#ifndef TESTS_POLICY_RANDOM_H
#define TESTS_POLICY_RANDOM_H

#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../policy/schema.h"
#include "../../policy/text.h"

#define ITEMS_MAX 4

struct random_config {
	uint64_t seed;
	unsigned paths, keys; /* given so far; they must differ */
	struct buf text;
};

/* A small generator (xorshift64*), so that a seed repeats a failure. */
static inline unsigned
pick(struct random_config *g, unsigned below)
{
	g->seed ^= g->seed >> 12;
	g->seed ^= g->seed << 25;
	g->seed ^= g->seed >> 27;
	return (unsigned)((g->seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static const struct {
	const char *(*check)(const char *);
	const char *samples[6];
} random_texts[] = {
	{ check_text, { "x", "Gr\xc3\xbc\xc3\x9f" "e", "a \\\"b\\\" \\\\c",
	    "{", "#1" } },
	{ check_argument, { "", "--x", "a b", "\\\\", "\\\"", "$(id)" } },
	{ check_path, { "/a", "/srv/a b", "/x/.y", "/\\\"\\\\" } },
	{ check_module, { "softhsm2", "/usr/lib/m.so", "p11-kit_x.1" } },
	{ check_contact, { "mailto:a@b.c", "mailto:x+y@z" } },
	{ check_address, { "127.0.0.1:80", "[::]:65535", "[::1]:1" } },
	{ check_login, { "root", "www-data", "a.b", "x1" } },
	{ check_pin_source, { "prompt", "file:/pin", "credential:pin" } },
	{ check_https, { "https://a/", "https://a.b:443", "https://[::1]/x?y",
	    "https://127.0.0.1:1/%41" } },
	{ check_token_uri, { "pkcs11:token=x", "pkcs11:serial=1;model=a%20b",
	    "pkcs11:manufacturer=m;token=%c3%bc" } },
	{ check_key_uri, { "pkcs11:object=x;type=private", "pkcs11:id=%00%ff",
	    "pkcs11:token=t;object=o" } },
	{ check_dns_name, { "a.example", "xn--bcher-kva.example", "x.y.z" } },
	{ check_name_pattern, { "*", ".example", "*.a.example", "a.example",
	    "b.a.example" } },
	{ check_pattern, { "*", "x0", "x*", "x-*", "x.y" } },
	{ check_ip_pattern, { "*", "192.0.2.0/24", "192.0.2.7", "::/0",
	    "2001:db8::/33", "0.0.0.0/0" } },
	{ check_profile_pattern, { "*", "classic", "tls*", "TLS_server.v1" } },
	{ check_name, { "x0" } },
};

static inline const char *
random_text(struct random_config *g, const char *(*check)(const char *))
{
	unsigned n = 0;

	for (size_t i = 0; i < nitems(random_texts); i++) {
		if (random_texts[i].check != check)
			continue;
		while (n < 6 && random_texts[i].samples[n] != NULL)
			n++;
		return random_texts[i].samples[pick(g, n)];
	}
	abort();
}

static inline void
put_text(struct random_config *g, const struct row *row)
{
	if (row->check == check_socket)
		buf_putf(&g->text, " \"/run/%u\"", g->paths++);
	else if (row->check == check_owned)
		buf_putf(&g->text, " \"own%u-%s\"", g->paths++,
		    pick(g, 2) ? "*" : "a");
	else if (row->refers != REFERS_NOWHERE)
		buf_puts(&g->text, " \"x0\"");
	else
		buf_putf(&g->text, " \"%s\"", random_text(g, row->check));
}

/* One quantity in range; the factor of its unit is f. */
static inline void
put_unit(struct random_config *g, const struct row *row, unsigned f,
    const char *unit)
{
	uint64_t low = (row->low + f - 1) / f, high = row->high / f;

	if (high > low + 1000)
		high = low + 1000;
	buf_putf(&g->text, " %llu%s", (unsigned long long)(low +
	    pick(g, (unsigned)(high - low) + 1)), unit);
}

static inline void
put_seconds_of(struct random_config *g, const struct row *row)
{
	static const char *const units[] = { "s", "m" };
	unsigned i = row->high >= 60 * (row->low + 1) ? pick(g, 2) : 0;

	put_unit(g, row, i == 0 ? 1 : 60, units[i]);
}

static inline void
put_operations(struct random_config *g)
{
	switch (pick(g, 4)) {
	case 0: case 1:
		buf_puts(&g->text, " *");
		break;
	case 2:
		buf_puts(&g->text, " key.* order.read");
		break;
	default:
		buf_putf(&g->text, " %s",
		    operation_name((enum operation)pick(g, OP__MAX)));
	}
}

/* The first value of a statement with choices; chosen is set. */
static inline void
put_choice_of(struct random_config *g, const struct row *row,
    const char **chosen)
{
	unsigned n = 0;

	while (row->choices[n].word != NULL)
		n++;
	*chosen = row->choices[pick(g, n)].word;
	buf_putf(&g->text, " %s", *chosen);
}

static inline void
put_values(struct random_config *g, const struct row *row,
    const char **chosen)
{
	switch (row->type) {
	case VALUE_WORD: case VALUE_FLAG: case VALUE_WORD_TEXT:
		put_choice_of(g, row, chosen);
		break;
	case VALUE_COUNT:
		put_unit(g, row, 1, "");
		break;
	case VALUE_SECONDS:
		put_seconds_of(g, row);
		break;
	case VALUE_BYTES:
		put_unit(g, row, 1024, "KiB");
		break;
	case VALUE_MODE:
		buf_putf(&g->text, " 0%u%u%u", pick(g, 8), pick(g, 8),
		    pick(g, 8));
		break;
	case VALUE_UID: case VALUE_GID: case VALUE_UIDS: case VALUE_GIDS:
		buf_putf(&g->text, " %u", pick(g, 1000));
		break;
	case VALUE_SPKI:
		buf_putf(&g->text, " \"%064x\"", pick(g, 65536));
		break;
	case VALUE_OPERATIONS:
		put_operations(g);
		break;
	case VALUE_RATES:
		for (unsigned i = 0, n = 1 + pick(g, 3); i < n; i++)
			buf_putf(&g->text, " %u per %us", pick(g, 9) + 1,
			    (pick(g, 9) * 30 + 1) * (1 + 999 * i));
		break;
	case VALUE_UNTIL:
		buf_putf(&g->text, " 20%02u-%02u-%02u", pick(g, 100),
		    pick(g, 12) + 1, pick(g, 28) + 1);
		break;
	case VALUE_BLOCK:
		break;
	default:
		put_text(g, row);
	}
}

static inline void random_block(struct random_config *g, enum block block,
    const struct row *parent);

static inline void
put_body(struct random_config *g, enum block block, const struct row *row)
{
	if (block == BLOCK_NONE)
		return;
	buf_puts(&g->text, pick(g, 2) ? " {\n" : " { ");
	random_block(g, block, row);
	buf_puts(&g->text, "}");
}

static inline void
put_statement(struct random_config *g, const struct row *row, unsigned nth)
{
	const char *chosen = NULL;
	enum block opens;

	buf_puts(&g->text, row->keyword);
	if (row->opens == BLOCK_FOREIGN)
		buf_putf(&g->text, " \"k%u\"", g->keys++);
	else if (row->type == VALUE_ITEM)
		buf_putf(&g->text, " \"x%u\"", nth);
	else if (row->type == VALUE_RULE)
		buf_puts(&g->text, pick(g, 2) ? " \"*\"" : " \"x0\"");
	else
		put_values(g, row, &chosen);
	opens = row_opens(row, chosen);
	put_body(g, opens, row);
	buf_puts(&g->text, pick(g, 2) ? " # end\n" : "\n");
}

/* A user or group stands by name or by number, not both. */
static inline bool
excluded(const struct row *row, bool by_number)
{
	if (row->type == VALUE_UID || row->type == VALUE_GID)
		return !by_number;
	return (row->type == VALUE_USER || row->type == VALUE_GROUP) &&
	    by_number;
}

/* What the checks between statements want is given by hand. */
static inline bool
random_special(struct random_config *g, enum block block,
    const struct row *parent)
{
	if (block == BLOCK_KEY_FOREIGN)
		buf_putf(&g->text, "token \"fixed\" name \"%s\"\n",
		    (parent->in & IN(BLOCK_ACCOUNT)) != 0 ? "mine" : "web");
	else if (block == BLOCK_TENANT)
		buf_putf(&g->text, "uid %u\n", 2000 + pick(g, 3));
	return block == BLOCK_KEY_FOREIGN;
}

static inline void
random_block(struct random_config *g, enum block block,
    const struct row *parent)
{
	bool by_number = pick(g, 2);

	if (random_special(g, block, parent))
		return;
	for (size_t i = 0; i < schema_rows; i++) {
		const struct row *row = &schema[i];
		unsigned n = pick(g, 2);

		if ((row->in & IN(block)) == 0 ||
		    excluded(row, by_number))
			continue;
		if ((row->flags & REQUIRED) != 0 ||
		    row->check == check_address)
			n = 1;
		else if (block == BLOCK_TOP && row->type == VALUE_ITEM)
			n = 1 + pick(g, ITEMS_MAX);
		else if (row->type == VALUE_RULE)
			n = pick(g, ITEMS_MAX);
		else if (block == BLOCK_ALLOW || block == BLOCK_DENY)
			n = pick(g, 4) == 0; /* or nothing would match */
		for (unsigned j = 0; j < n; j++)
			put_statement(g, row, j);
	}
}

/* Makes the configuration of a seed; g->text is its text. */
static inline void
random_config(struct random_config *g, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	buf_init(&g->text, CONFIG_MAX);
	buf_puts(&g->text,
	    "token \"fixed\" { module \"m\" uri \"pkcs11:token=m\"\n"
	    "pin-source \"prompt\"\n"
	    "key \"mine\" { uri \"pkcs11:object=a\" purpose account }\n"
	    "key \"web\" { uri \"pkcs11:object=b\" purpose cert } }\n");
	random_block(g, BLOCK_TOP, NULL);
}

#endif
