#include "read.h"

#include <stdlib.h>
#include <string.h>

#include "grow.h"

static void read_block(const struct reading *r, enum block block,
    struct node *node, void *base);

/*
 * Adds an element to the array of the row.  The pointer is copied as bytes,
 * because its type is known only to the schema.
 */
static void *
add_element(const struct row *row, void *base)
{
	const struct array *a = &row->array;
	char *elements;
	size_t n;

	memcpy(&elements, (char *)base + a->pointer, sizeof(elements));
	memcpy(&n, (char *)base + a->count, sizeof(n));
	elements = grow(elements, n, a->size);
	memset(elements + n * a->size, 0, a->size);
	memcpy((char *)base + a->pointer, &elements, sizeof(elements));
	n++;
	memcpy((char *)base + a->count, &n, sizeof(n));
	return elements + (n - 1) * a->size;
}

/* A thing whose name is wrong is read all the same, for its own mistakes; it
 * has the empty name then. */
static void *
read_item(const struct reading *r, const struct row *row,
    const struct node *node, void *base)
{
	void *item = add_element(row, base);
	const struct token *value = node->nvalues > 0 ? node->values : NULL;
	char *name;

	if (value != NULL && !value->bad && !name_valid(value->text) &&
	    !(row->type == VALUE_RULE && strcmp(value->text, "*") == 0)) {
		complain(r, row, value, "is not a name: a-z, 0-9, then also "
		    ". _ -, at most 63 of them");
		value = NULL;
	}
	name = xstrdup(value != NULL && !value->bad ? value->text : "");
	memcpy(item, &name, sizeof(name));
	memcpy((char *)item + row->array.line, &node->keyword.at.line,
	    sizeof(node->keyword.at.line));
	return item;
}

static void *
read_rule(const struct reading *r, const struct row *row,
    const struct node *node, void *base)
{
	struct config_rule *rule = add_element(row, base);
	const struct token *value = node->nvalues > 0 ? node->values : NULL;
	bool good = value != NULL && !value->bad;

	if (good && strcmp(value->text, "*") != 0 &&
	    !name_valid(value->text)) {
		complain(r, row, value, "is neither a tenant nor \"*\"");
		good = false;
	}
	rule->tenant = xstrdup(good ? value->text : "");
	rule->allow = row->opens == BLOCK_ALLOW;
	rule->line = node->keyword.at.line;
	return rule;
}

static READER((*const readers[VALUE__MAX])) = {
	[VALUE_TEXT] = read_text,
	[VALUE_TEXTS] = read_texts,
	[VALUE_WORD] = read_word,
	[VALUE_FLAG] = read_flag,
	[VALUE_WORD_TEXT] = read_word_text,
	[VALUE_COUNT] = read_count,
	[VALUE_SECONDS] = read_seconds,
	[VALUE_BYTES] = read_bytes,
	[VALUE_MODE] = read_mode,
	[VALUE_USER] = read_user,
	[VALUE_UID] = read_uid,
	[VALUE_GROUP] = read_group,
	[VALUE_GID] = read_gid,
	[VALUE_USERS] = read_users,
	[VALUE_UIDS] = read_uids,
	[VALUE_GROUPS] = read_groups,
	[VALUE_GIDS] = read_gids,
	[VALUE_PIN] = read_pin,
	[VALUE_SPKI] = read_spki,
	[VALUE_RATES] = read_rates,
	[VALUE_OPERATIONS] = read_operations,
	[VALUE_UNTIL] = read_until,
};

/* Marks values that should have (no) quotes; false when the statement cannot
 * be read at all. */
static bool
values_usable(const struct reading *r, const struct node *node)
{
	const struct row *row = node->row;
	bool good = node->nvalues >= row_least(row);

	for (size_t i = 0; i < node->nvalues; i++) {
		struct token *value = &node->values[i];

		if (!value->bad &&
		    row_bare(row) != (value->kind == TOKEN_WORD)) {
			complain(r, row, value, row_bare(row) ?
			    "must stand without quotes" :
			    "must stand in double quotes");
			value->bad = true;
		}
		if (value->bad && row_most(row) != UNBOUNDED)
			good = false;
	}
	return good;
}

static void
read_statement(const struct reading *r, struct node *node, void *base)
{
	const struct row *row = node->row;
	bool usable = values_usable(r, node);
	void *inner = (char *)base + row->sub;

	if (row->type == VALUE_ITEM)
		inner = read_item(r, row, node, base);
	else if (row->type == VALUE_RULE)
		inner = read_rule(r, row, node, base);
	else if (usable && readers[row->type] != NULL)
		readers[row->type](r, row, node, base);
	if (node->block != BLOCK_NONE && (node->has_block ||
	    (row->flags & BLOCK_OPTIONAL) != 0))
		read_block(r, node->block, node, inner);
}

/*
 * What holds when a statement is absent: its default is read as if it had
 * been written, and so are the defaults within its block.
 */
static void
read_absent(const struct reading *r, const struct row *row,
    const struct node *parent, void *base)
{
	struct token value = { .kind = TOKEN_WORD };
	struct node node = { .row = row, .keyword.at = parent->keyword.at };

	if ((row->flags & REQUIRED) != 0)
		mistake(r->errors, parent->keyword.at,
		    "\"%s\" is missing in %s", row->keyword,
		    block_name(parent->block));
	if (row->fallback != NULL) {
		value.text = xstrdup(row->fallback);
		node.values = &value;
		node.nvalues = 1;
	}
	if ((row->flags & IMPLIED) != 0) {
		node.block = row->opens;
		node.has_block = true;
	}
	if (row->fallback != NULL || node.has_block)
		read_statement(r, &node, base);
	token_free(&value);
}

/* Reads the statements of a block in their order, then what is absent. */
static void
read_block(const struct reading *r, enum block block, struct node *node,
    void *base)
{
	bool *seen = xcalloc(schema_rows, sizeof(*seen));

	for (size_t i = 0; i < node->nchildren; i++) {
		seen[node->children[i].row - schema] = true;
		read_statement(r, &node->children[i], base);
	}
	for (size_t i = 0; i < schema_rows; i++)
		if (!seen[i] && (schema[i].in & IN(block)) != 0)
			read_absent(r, &schema[i], node, base);
	free(seen);
}

void
read_config(struct config *c, struct node *root,
    const struct config_names *names, struct config_errors *errors)
{
	struct reading r = { errors, names };

	read_block(&r, BLOCK_TOP, root, c);
}
