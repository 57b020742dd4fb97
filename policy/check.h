/* What one statement cannot know alone: names that are used must exist, names
 * that are given must differ, and some things need others. */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "tree.h"

/* c has been read from root; every item of the tree has its element. */
void check_config(const struct config *c, const struct node *root,
    struct config_errors *errors);

#endif
