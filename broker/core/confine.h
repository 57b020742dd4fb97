#ifndef CORE_CONFINE_H
#define CORE_CONFINE_H

#include "../../policy/config.h"
#include "../base/sandbox.h"

/*
 * Confines the core to its state folder, the webroots and the files that the
 * configuration names, and to Unix sockets.  To be called when the
 * configuration was read and before anything else is opened, so that the start
 * proves that what is allowed is enough; and before there are threads.
 */
enum sandbox_level confine(const struct config *config);

#endif
