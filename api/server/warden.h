/*
 * Hangs up on clients that take too long, however busy they keep their
 * connection: the HTTP library's own time-out starts anew with every byte.
 */
#ifndef API_SERVER_WARDEN_H
#define API_SERVER_WARDEN_H

#include <stdbool.h>
#include <stdint.h>

struct warden;

/* One connection, within its owner's structure. */
struct watched {
	int fd;
	int64_t due; /* monotonic microseconds; 0: never */
	struct watched *prev, *next;
};

struct warden *warden_new(void);
void warden_free(struct warden *w); /* NULL is fine; nobody may be watched */

/* From here on, until warden_forget(), which must come before fd is closed. */
void warden_watch(struct warden *w, struct watched *c, int fd);
void warden_forget(struct warden *w, struct watched *c);

/* What the connection does now may take so many seconds; 0: as long as it
 * likes. */
void warden_allow(struct warden *w, struct watched *c, unsigned seconds);

#endif
