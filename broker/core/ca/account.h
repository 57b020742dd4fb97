/* Our accounts at CAs.  Thread-safe. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include "../store/store.h"

/* Brings the configured accounts into the store and goes on with those that
 * are not registered. */
void accounts_load(void);

/* True, and its row, when it is valid. */
bool account_valid(const char *name, struct account_row *row);

/* The CA does not know it any more: it is looked for, and made anew. */
void account_lost(const char *name);

#endif
