/*
 * Tokens to statements.  A statement is a keyword, its values, and a block in
 * braces where its row of the schema has one.  It ends when it has the values
 * that its keyword takes, or with its line; a line that begins with something
 * that cannot be a keyword goes on with the statement before.
 */
#ifndef POLICY_TREE_H
#define POLICY_TREE_H

#include "lex.h"
#include "schema.h"

struct node {
	const struct row *row;
	struct token keyword;
	struct token *values;
	size_t nvalues;
	bool has_block;
	enum block block; /* BLOCK_NONE when it has or takes none */
	struct node *children;
	size_t nchildren;
};

/* Parses a whole text into root, whose children are the statements.  What is
 * unknown, doubled or of the wrong shape is noted and left out. */
void tree_parse(struct node *root, const char *text, size_t n,
    struct config_errors *errors);
void tree_free(struct node *root);

/* The first child with that keyword, or NULL. */
const struct node *tree_child(const struct node *node, const char *keyword);

#endif
