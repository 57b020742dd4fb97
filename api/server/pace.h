/*
 * Each refusal leaves a line in the audit log, so a client that may do nothing
 * could fill the disk with them.  A uid that is refused often waits for each
 * further refusal; nobody else does.  Locks itself.
 */
#ifndef API_SERVER_PACE_H
#define API_SERVER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace;

/* burst: refusals of a uid before it waits; 0: it never does. */
struct pace *pace_new(unsigned burst);
void pace_free(struct pace *p);

/* Called by the thread of a request that was refused: sleeps if it must. */
void pace_refused(struct pace *p, uint32_t uid, bool issuer);

#endif
