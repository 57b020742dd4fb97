/*
 * Statements to the struct config: one reader for each type of value, chosen
 * by the statement's row.
 */
#ifndef POLICY_READ_H
#define POLICY_READ_H

#include "tree.h"

struct reading {
	struct config_errors *errors;
	const struct config_names *names;
};

/* Fills c from the tree: values, defaults, and what is missing. */
void read_config(struct config *c, struct node *root,
    const struct config_names *names, struct config_errors *errors);

/*
 * A reader stores the values of node into base + row->offset, or notes a
 * mistake and stores nothing.  Values that are marked bad are left out.
 */
#define READER(name)                                                       \
	void name(const struct reading *r, const struct row *row,          \
	    const struct node *node, void *base)

/* read_text.c */
READER(read_text);
READER(read_texts);
READER(read_word);
READER(read_flag);
READER(read_word_text);
READER(read_pin);
READER(read_spki);
READER(read_operations);

/* read_number.c */
READER(read_count);
READER(read_seconds);
READER(read_bytes);
READER(read_mode);
READER(read_rates);
READER(read_until);

/* read_login.c */
READER(read_user);
READER(read_uid);
READER(read_group);
READER(read_gid);
READER(read_users);
READER(read_uids);
READER(read_groups);
READER(read_gids);

/* Decimal digits without a leading zero, at most the given most. */
bool decimal(const char *s, size_t n, uint64_t most, uint64_t *value);

/* Notes a complaint about a value. */
void complain(const struct reading *r, const struct row *row,
    const struct token *value, const char *complaint);

/* Appends a copy; false and a mistake when the list is full, or the value is
 * in it and must not be there twice. */
bool add_string(const struct reading *r, const struct row *row,
    const struct token *value, struct strings *list);

static inline void *
field(void *base, const struct row *row)
{
	return (char *)base + row->offset;
}

#endif
