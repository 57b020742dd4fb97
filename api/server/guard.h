/*
 * What a request must look like before anybody acts on it.  Knows nothing of
 * the HTTP library: http.c feeds it what arrived.
 */
#ifndef API_SERVER_GUARD_H
#define API_SERVER_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../broker/base/err.h"

#define TARGET_MAX 512 /* bytes of a request target */

struct guard {
	unsigned headers;
	unsigned hosts;
	unsigned lengths;
	unsigned types;
	bool json;	 /* the Content-Type is application/json */
	uint64_t length; /* of the body; 0 when there is none */
	size_t size;	 /* bytes of the headers when written plainly */
	struct fault why; /* the first refusal; code OK when there is none */
};

/* The raw request target, before anything is decoded. */
enum err guard_target(const char *target, struct fault *why);

/* Starts the checks of one request's header section. */
void guard_start(struct guard *g);

/* One header line, as the library split it; value may be NULL. */
void guard_header(struct guard *g, const char *name, size_t nname,
    const char *value, size_t nvalue);

/*
 * After the last header: the request line, the size of the header section as
 * it arrived, and the bytes of body that this server takes.
 */
enum err guard_finish(struct guard *g, const char *method,
    const char *target, const char *version, size_t size, uint64_t body_max,
    struct fault *why);

#endif
