/* How many connections are open: in all, for each uid, and for each tenant.
 * Locks itself. */
#ifndef API_SERVER_SEATS_H
#define API_SERVER_SEATS_H

#include "../route.h"

struct seats;

/* room is how many may wait to be told that there is no seat. */
struct seats *seats_new(unsigned total, unsigned per_uid, unsigned per_tenant,
    unsigned room);
void seats_free(struct seats *s);

/* Takes a seat for a peer's uid and tenant; ERR_BUSY when all of them, or all
 * of that uid's or that tenant's, are taken. */
enum err seats_take(struct seats *s, const struct peer *peer,
    struct fault *why);

/* Gives back a seat that such a peer took. */
void seats_give(struct seats *s, const struct peer *peer);

/*
 * A client without a seat has to send its request before it can be told that
 * there is none.  Few of a uid or tenant may do so at a time: else one that
 * sends slowly would take the place of all others.  False: close at once.
 */
bool seats_wait(struct seats *s, const struct peer *peer);
void seats_leave(struct seats *s, const struct peer *peer);

unsigned seats_taken(struct seats *s);

#endif
