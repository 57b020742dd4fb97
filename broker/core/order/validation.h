/* The authorizations of an order: read, answered, and polled, one by one. */
#ifndef CORE_VALIDATION_H
#define CORE_VALIDATION_H

#include "../../../api/json.h"
#include "stage.h"

/* The list in the CA's order object: whether it can be used; takes it into
 * the store instead of what was there. */
bool authorizations_usable(const struct json *list);
enum err authorizations_keep(const struct order_row *o,
    const struct json *list, struct fault *why);

/* Goes where the authorizations stand, when they are further than the order
 * because a process died between the two; false: they are not. */
bool order_catch_up(struct order_row *o, struct job *j);

/* Marks every unfinished authorization to be read again. */
void order_reread(const struct order_row *o);

#endif
