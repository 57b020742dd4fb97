#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include "grow.h"

struct parser {
	struct lexer lx;
	struct token next; /* not taken yet */
	unsigned line;	   /* of the token taken last */
	struct config_errors *errors;
};

static void parse_block(struct parser *ps, struct node *node, unsigned depth);

/* Hands over the next token, which the caller then owns. */
static struct token
take(struct parser *ps)
{
	struct token token = ps->next;

	ps->line = token.at.line;
	ps->next = lex_next(&ps->lx);
	return token;
}

static void
drop(struct parser *ps)
{
	struct token token = take(ps);

	token_free(&token);
}

static bool
is_value(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

static bool
same_line(const struct parser *ps)
{
	return ps->next.at.line == ps->line;
}

/* True when the next token is a value of the statement of that row, which is
 * NULL for an unknown one. */
static bool
goes_on(const struct parser *ps, const struct row *row)
{
	if (!is_value(&ps->next))
		return false;
	return same_line(ps) || ps->next.kind == TOKEN_STRING ||
	    (row != NULL && row_bare(row) && !keyword_like(&ps->next));
}

/*
 * Steps over a block that has no meaning, from its brace to the one that
 * closes it.  The depth is bounded all the same, so that a file full of
 * braces is told what is wrong with it.
 */
static void
skip_block(struct parser *ps, unsigned depth)
{
	unsigned open = 0;

	do {
		if (ps->next.kind == TOKEN_OPEN) {
			if (depth + ++open == CONFIG_DEPTH + 1)
				mistake(ps->errors, ps->next.at,
				    "blocks are nested deeper than %d",
				    CONFIG_DEPTH);
		} else if (ps->next.kind == TOKEN_CLOSE) {
			open--;
		}
		drop(ps);
	} while (open > 0 && ps->next.kind != TOKEN_END);
	if (open > 0)
		mistake(ps->errors, ps->next.at, "a closing } is missing");
}

/* True when the next token begins a known statement, of this block or not. */
static bool
at_keyword(const struct parser *ps)
{
	return keyword_like(&ps->next) && schema_keyword(ps->next.text);
}

/* Steps over the rest of a statement that is not understood. */
static void
skip_statement(struct parser *ps, unsigned depth)
{
	while (goes_on(ps, NULL) && !at_keyword(ps))
		drop(ps);
	if (ps->next.kind == TOKEN_OPEN)
		skip_block(ps, depth);
}

static void
parse_values(struct parser *ps, struct node *node)
{
	size_t most = row_most(node->row);

	while (node->nvalues < most && goes_on(ps, node->row)) {
		if (most == UNBOUNDED && node->nvalues > 0 && at_keyword(ps))
			break;
		node->values = grow(node->values, node->nvalues,
		    sizeof(*node->values));
		node->values[node->nvalues++] = take(ps);
	}
}

static void
note_surplus(struct parser *ps, const struct node *node, enum block in)
{
	size_t most = row_most(node->row);
	const char *takes = most == 0 ? "no value" : most == 1 ?
	    "one value" : "three values";
	char text[SHOWN_MAX];

	if (keyword_like(&ps->next))
		mistake(ps->errors, ps->next.at,
		    "unknown statement \"%s\" in %s, and %s takes %s",
		    shown(ps->next.text, text), block_name(in),
		    node->row->keyword, takes);
	else
		mistake(ps->errors, ps->next.at,
		    "too many values: %s takes %s", node->row->keyword,
		    takes);
}

/* Notes what stands behind the values that the statement takes, once. */
static void
refuse_surplus(struct parser *ps, const struct node *node, enum block in)
{
	bool noted = node->nvalues > 0 && node->values[node->nvalues - 1].bad;

	while (goes_on(ps, NULL) && !at_keyword(ps)) {
		if (!noted && !ps->next.bad)
			note_surplus(ps, node, in);
		noted = true;
		drop(ps);
	}
}

/* Takes the block of a statement, or notes that there should be (n)one. */
static void
parse_body(struct parser *ps, struct node *node, unsigned depth)
{
	const struct row *row = node->row;
	const char *first = node->nvalues > 0 ? node->values[0].text : NULL;
	bool may;

	node->block = row_opens(row, first);
	may = node->block != BLOCK_NONE || (row->choices != NULL &&
	    row->choices->opens != BLOCK_NONE &&
	    (first == NULL || choice_word(row, first) == NULL));
	node->has_block = ps->next.kind == TOKEN_OPEN;
	if (!node->has_block) {
		if (may && (row->flags & BLOCK_OPTIONAL) == 0)
			mistake(ps->errors, node->keyword.at,
			    "%s needs a block in braces", row->keyword);
		return;
	}
	if (!may)
		mistake(ps->errors, ps->next.at, "%s takes no block",
		    row->keyword);
	if (node->block == BLOCK_NONE)
		skip_block(ps, depth);
	else
		parse_block(ps, node, depth);
}

static void
check_count(struct parser *ps, const struct node *node)
{
	size_t least = row_least(node->row);

	if (node->nvalues < least)
		mistake(ps->errors, node->keyword.at, "%s needs %s",
		    node->row->keyword, least == 1 ? "a value" :
		    "three values, as in: 10 per 1h");
}

static bool
is_double(const struct node *parent, const struct row *row)
{
	if ((row->flags & REPEATED) != 0)
		return false;
	for (size_t i = 0; i < parent->nchildren; i++)
		if (parent->children[i].row == row)
			return true;
	return false;
}

static void
node_free(struct node *node)
{
	token_free(&node->keyword);
	for (size_t i = 0; i < node->nvalues; i++)
		token_free(&node->values[i]);
	free(node->values);
	for (size_t i = 0; i < node->nchildren; i++)
		node_free(&node->children[i]);
	free(node->children);
}

static void
unknown_statement(struct parser *ps, const struct token *keyword,
    enum block in)
{
	char text[SHOWN_MAX];

	if (keyword->bad)
		return;
	if (keyword->kind == TOKEN_STRING)
		mistake(ps->errors, keyword->at,
		    "a statement begins with a keyword, not with text");
	else
		mistake(ps->errors, keyword->at,
		    "unknown statement \"%s\" in %s",
		    shown(keyword->text, text), block_name(in));
}

static void
parse_statement(struct parser *ps, struct node *parent, unsigned depth)
{
	struct node node = { .keyword = take(ps) };

	if (node.keyword.kind == TOKEN_WORD && !node.keyword.bad)
		node.row = schema_find(parent->block, node.keyword.text);
	if (node.row == NULL) {
		unknown_statement(ps, &node.keyword, parent->block);
		skip_statement(ps, depth);
		token_free(&node.keyword);
		return;
	}
	parse_values(ps, &node);
	refuse_surplus(ps, &node, parent->block);
	check_count(ps, &node);
	parse_body(ps, &node, depth);
	if (is_double(parent, node.row)) {
		mistake(ps->errors, node.keyword.at,
		    "%s stands twice in %s", node.row->keyword,
		    block_name(parent->block));
		node_free(&node);
		return;
	}
	parent->children = grow(parent->children, parent->nchildren,
	    sizeof(*parent->children));
	parent->children[parent->nchildren++] = node;
}

/*
 * Takes the statements up to the closing brace, or up to the end of the text
 * at depth 0.  Recursion ends with the schema, whose blocks nest no deeper
 * than three.  Mistakes are found in order of place here, so that nothing
 * after the last one that counts matters.
 */
static void
parse_statements(struct parser *ps, struct node *node, unsigned depth)
{
	while (ps->errors->n < MISTAKES_MAX) {
		if (is_value(&ps->next)) {
			parse_statement(ps, node, depth);
		} else if (ps->next.kind == TOKEN_OPEN) {
			mistake(ps->errors, ps->next.at,
			    "a block without a statement");
			skip_block(ps, depth);
		} else if (ps->next.kind == TOKEN_CLOSE && depth == 0) {
			mistake(ps->errors, ps->next.at,
			    "a closing } without an opening {");
			drop(ps);
		} else {
			return;
		}
	}
}

static void
parse_block(struct parser *ps, struct node *node, unsigned depth)
{
	drop(ps);
	parse_statements(ps, node, depth + 1);
	if (ps->next.kind == TOKEN_CLOSE)
		drop(ps);
	else
		mistake(ps->errors, ps->next.at, "a closing } is missing");
}

void
tree_parse(struct node *root, const char *text, size_t n,
    struct config_errors *errors)
{
	struct parser ps = { .errors = errors, .line = 0 };

	*root = (struct node){ .block = BLOCK_TOP,
		.keyword.at = { 1, 1 } };
	lex_init(&ps.lx, text, n, errors);
	ps.next = lex_next(&ps.lx);
	parse_statements(&ps, root, 0);
	token_free(&ps.next);
}

void
tree_free(struct node *root)
{
	node_free(root);
}

const struct node *
tree_child(const struct node *node, const char *keyword)
{
	for (size_t i = 0; i < node->nchildren; i++)
		if (strcmp(node->children[i].row->keyword, keyword) == 0)
			return &node->children[i];
	return NULL;
}
