/*
 * Tasks: jobs that are at the issuer.  What it asks is in engine.h.
 */
#ifndef CORE_TASK_H
#define CORE_TASK_H

/* Takes back what a silent issuer has kept for too long. */
void tasks_lose_expired(void);

#endif
