/*
 * The configuration as text again: every row of the schema in its order, so
 * that nothing can be forgotten, and one way to write each value.
 */
#include <string.h>

#include "../broker/base/mem.h"
#include "schema.h"

/* A printer writes " value ..." and gives true, or nothing and false when
 * there is no value. */
#define PRINTER(name)                                              \
	bool name(struct buf *out, const struct row *row, const void *base)

static void print_block(struct buf *out, enum block block, const void *base,
    unsigned depth);

static const void *
at(const void *base, const struct row *row)
{
	return (const char *)base + row->offset;
}

static void
put_quoted(struct buf *out, const char *before, const char *text)
{
	buf_putf(out, " \"%s", before);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)*text);
	}
	buf_putc(out, '"');
}

static bool
is_number(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* Puts a number with the largest of units that divides it. */
static void
put_quantity(struct buf *out, unsigned v, const char *const *words,
    const unsigned *factors)
{
	while (*factors > 1 && (v == 0 || v % *factors != 0)) {
		factors++;
		words++;
	}
	buf_putf(out, " %u%s", v / *factors, *words);
}

static void
put_seconds(struct buf *out, unsigned v)
{
	static const char *const words[] = { "d", "h", "m", "s" };
	static const unsigned factors[] = { 86400, 3600, 60, 1 };

	put_quantity(out, v, words, factors);
}

void
rate_print(struct buf *out, const struct rate *rate)
{
	buf_putf(out, "%u per", (unsigned)rate->count);
	put_seconds(out, rate->seconds);
}

static
PRINTER(print_nothing)
{
	(void)out;
	(void)row;
	(void)base;
	return true;
}

static
PRINTER(print_text)
{
	const char *text = *(char *const *)at(base, row);

	if (text != NULL)
		put_quoted(out, "", text);
	return text != NULL;
}

static
PRINTER(print_texts)
{
	const struct strings *list = at(base, row);

	for (size_t i = 0; i < list->n; i++)
		put_quoted(out, "", list->v[i]);
	return list->n > 0;
}

static bool
put_choice(struct buf *out, const struct choice *choice)
{
	if (choice != NULL)
		buf_putf(out, " %s", choice->word);
	return choice != NULL;
}

/* The value of an enum, whose type only the schema knows. */
static int
enum_value(const struct row *row, const void *base)
{
	int value;

	memcpy(&value, at(base, row), sizeof(value));
	return value;
}

static
PRINTER(print_word)
{
	return put_choice(out, choice_value(row, enum_value(row, base)));
}

static
PRINTER(print_flag)
{
	return put_choice(out,
	    choice_value(row, *(const bool *)at(base, row)));
}

static
PRINTER(print_word_text)
{
	const char *word = *(char *const *)at(base, row);

	if (word != NULL)
		buf_putf(out, " %s", word);
	return word != NULL;
}

static
PRINTER(print_count)
{
	buf_putf(out, " %u", *(const unsigned *)at(base, row));
	return true;
}

static
PRINTER(print_seconds)
{
	put_seconds(out, *(const unsigned *)at(base, row));
	return true;
}

static
PRINTER(print_bytes)
{
	static const char *const words[] = { "MiB", "KiB", "B" };
	static const unsigned factors[] = { 1048576, 1024, 1 };

	put_quantity(out, *(const unsigned *)at(base, row), words, factors);
	return true;
}

static
PRINTER(print_mode)
{
	buf_putf(out, " %04o", *(const unsigned *)at(base, row));
	return true;
}

static
PRINTER(print_login)
{
	const char *text = *(char *const *)at(base, row);

	return text != NULL && !is_number(text) && print_text(out, row, base);
}

static
PRINTER(print_id)
{
	const char *text = *(char *const *)at(base, row);

	return text != NULL && is_number(text) &&
	    print_word_text(out, row, base);
}

/* The names, or the numbers, of a list that has both. */
static bool
put_logins(struct buf *out, const struct strings *list, bool numbers)
{
	bool any = false;

	for (size_t i = 0; i < list->n; i++) {
		if (is_number(list->v[i]) != numbers)
			continue;
		if (numbers)
			buf_putf(out, " %s", list->v[i]);
		else
			put_quoted(out, "", list->v[i]);
		any = true;
	}
	return any;
}

static
PRINTER(print_users)
{
	const struct config_tenant *tenant = base;

	return put_logins(out, &tenant->users, row->type == VALUE_UIDS);
}

static
PRINTER(print_groups)
{
	const struct config_tenant *tenant = base;

	return put_logins(out, &tenant->groups, row->type == VALUE_GIDS);
}

static
PRINTER(print_pin)
{
	static const char *const before[] = { [PIN_FILE] = "file:",
		[PIN_CREDENTIAL] = "credential:", [PIN_PROMPT] = "prompt" };
	const struct config_token *token = base;

	(void)row;
	put_quoted(out, before[token->pin_source],
	    token->pin != NULL ? token->pin : "");
	return true;
}

static
PRINTER(print_spki)
{
	const struct config_foreign_key *key = base;

	(void)row;
	if (!key->pinned)
		return false;
	buf_puts(out, " \"");
	for (size_t i = 0; i < SHA256_SIZE; i++)
		buf_putf(out, "%02x", key->spki_sha256[i]);
	buf_putc(out, '"');
	return true;
}

static
PRINTER(print_operations)
{
	const struct config_rule *rule = base;

	(void)row;
	for (size_t i = 0; i < rule->operation_words.n; i++)
		buf_putf(out, " %s", rule->operation_words.v[i]);
	return true;
}

static
PRINTER(print_rates)
{
	const struct rates *rates = at(base, row);

	for (size_t i = 0; i < rates->n; i++) {
		buf_putc(out, ' ');
		rate_print(out, &rates->v[i]);
	}
	return rates->n > 0;
}

static
PRINTER(print_until)
{
	const struct config_rule *rule = base;

	(void)row;
	if (rule->until_text == NULL)
		return false;
	buf_putf(out, " %s", rule->until_text);
	return true;
}

static PRINTER((*const printers[VALUE__MAX])) = {
	[VALUE_BLOCK] = print_nothing,
	[VALUE_TEXT] = print_text,
	[VALUE_TEXTS] = print_texts,
	[VALUE_WORD] = print_word,
	[VALUE_FLAG] = print_flag,
	[VALUE_WORD_TEXT] = print_word_text,
	[VALUE_COUNT] = print_count,
	[VALUE_SECONDS] = print_seconds,
	[VALUE_BYTES] = print_bytes,
	[VALUE_MODE] = print_mode,
	[VALUE_USER] = print_login,
	[VALUE_UID] = print_id,
	[VALUE_GROUP] = print_login,
	[VALUE_GID] = print_id,
	[VALUE_USERS] = print_users,
	[VALUE_UIDS] = print_users,
	[VALUE_GROUPS] = print_groups,
	[VALUE_GIDS] = print_groups,
	[VALUE_PIN] = print_pin,
	[VALUE_SPKI] = print_spki,
	[VALUE_RATES] = print_rates,
	[VALUE_OPERATIONS] = print_operations,
	[VALUE_UNTIL] = print_until,
};

static void
indent(struct buf *out, unsigned depth)
{
	while (depth-- > 0)
		buf_putc(out, '\t');
}

/* Takes back what was put after the first len bytes. */
static void
cut(struct buf *out, size_t len)
{
	if (out->failed)
		return;
	out->len = len;
	if (out->data != NULL)
		out->data[len] = '\0';
}

/* Puts a block's braces and what is in it; nothing when nothing is in it. */
static bool
put_braces(struct buf *out, enum block block, const void *base,
    unsigned depth)
{
	size_t before = out->len, inside;

	buf_puts(out, " {\n");
	inside = out->len;
	print_block(out, block, base, depth + 1);
	if (out->len == inside) {
		cut(out, before);
		return false;
	}
	indent(out, depth);
	buf_puts(out, "}");
	return true;
}

static void
print_statement(struct buf *out, const struct row *row, const void *base,
    unsigned depth)
{
	size_t before = out->len;
	const struct choice *choice = NULL;
	enum block block;
	bool braces = false;

	indent(out, depth);
	buf_puts(out, row->keyword);
	if (!printers[row->type](out, row, base)) {
		cut(out, before);
		return;
	}
	if (row->type == VALUE_WORD)
		choice = choice_value(row, enum_value(row, base));
	block = row_opens(row, choice != NULL ? choice->word : NULL);
	if (block != BLOCK_NONE)
		braces = put_braces(out, block,
		    (const char *)base + row->sub, depth);
	if (row->type == VALUE_BLOCK && !braces)
		cut(out, before);
	else
		buf_putc(out, '\n');
}

/* The elements of an array; the two kinds of rules share one, and its order
 * counts, so that the first kind's row prints both. */
static void
print_array(struct buf *out, const struct row *row, const void *base,
    unsigned depth)
{
	const char *element;
	size_t n;

	memcpy(&element, (const char *)base + row->array.pointer,
	    sizeof(element));
	memcpy(&n, (const char *)base + row->array.count, sizeof(n));
	for (; n > 0 && row->opens != BLOCK_DENY; n--) {
		const char *keyword = row->keyword;
		enum block block = row->opens;
		const char *name;

		if (row->type == VALUE_RULE &&
		    !((const struct config_rule *)element)->allow) {
			keyword = "deny";
			block = BLOCK_DENY;
		}
		memcpy(&name, row->type != VALUE_RULE ? element :
		    element + offsetof(struct config_rule, tenant),
		    sizeof(name));
		indent(out, depth);
		buf_puts(out, keyword);
		put_quoted(out, "", name);
		put_braces(out, block, element, depth);
		buf_putc(out, '\n');
		element += row->array.size;
	}
}

static void
print_block(struct buf *out, enum block block, const void *base,
    unsigned depth)
{
	for (size_t i = 0; i < schema_rows; i++) {
		if ((schema[i].in & IN(block)) == 0)
			continue;
		if (printers[schema[i].type] == NULL)
			print_array(out, &schema[i], base, depth);
		else
			print_statement(out, &schema[i], base, depth);
	}
}

void
config_print_rule(const struct config_rule *rule, struct buf *out)
{
	print_block(out, rule->allow ? BLOCK_ALLOW : BLOCK_DENY, rule, 0);
}

void
config_print(const struct config *c, struct buf *out)
{
	print_block(out, BLOCK_TOP, c, 0);
}
