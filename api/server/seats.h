/* How many connections are open, in all and for each uid.  Locks itself. */
#ifndef API_SERVER_SEATS_H
#define API_SERVER_SEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../broker/base/err.h"

struct seats;

struct seats *seats_new(unsigned total, unsigned per_uid, unsigned room);
void seats_free(struct seats *s);

/* Takes a seat; ERR_BUSY when all of them, or all of this uid's, are taken. */
enum err seats_take(struct seats *s, uint32_t uid, struct fault *why);

/* Gives back a seat that uid took. */
void seats_give(struct seats *s, uint32_t uid);

/*
 * A client without a seat has to send its request before it can be told that
 * there is none.  Few of a uid may do so at a time: else one that sends
 * slowly would take the place of all others.  False: close at once.
 */
bool seats_wait(struct seats *s, uint32_t uid);
void seats_leave(struct seats *s, uint32_t uid);

unsigned seats_taken(struct seats *s);

#endif
