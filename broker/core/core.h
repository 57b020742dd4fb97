/*
 * What the parts of keybroker-core share.  One instance, built in main.c,
 * read by many threads (one a connection, the engine, the control reader);
 * each part guards itself and says so in its header.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../policy/config.h"

struct core {
	const struct config *config; /* never changes */
	struct store *store;	     /* store.h: locks itself */
	struct audit *audit;	     /* audit.h: locks itself */
	struct lanes *lanes;	     /* lanes.h: locks itself */
	struct keys *keys;	     /* keys.h: locks itself */
	struct control *control;     /* control.h: locks itself */
	struct engine *engine;	     /* engine.h: locks itself */
	struct gatekeeper *gate;     /* authorize.h: locks itself */
	struct http_server *http;
	struct line_server *lines;
	int64_t started;	     /* seconds since the epoch */
};

extern struct core core; /* defined in main.c */

#endif
