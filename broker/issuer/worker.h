/*
 * A worker: one thread, one channel to the core, one connection pool to the
 * CAs.  It asks for work, does it and tells how it went, for ever; when the
 * core is gone the process ends.
 */
#ifndef ISSUER_WORKER_H
#define ISSUER_WORKER_H

#include "../base/err.h"

/* Starts worker i on its channel, which it then owns. */
void worker_start(unsigned i, int fd);

/* Ends the process because the core gave no answer: it is gone, or its
 * channel is out of step. */
void worker_core_gone(const struct fault *why) __attribute__((noreturn));

#endif
