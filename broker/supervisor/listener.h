/*
 * The sockets that keybrokerd binds, or takes from systemd by name, and hands
 * to the core (API) and the issuer (http-01).
 */
#ifndef SUPERVISOR_LISTENER_H
#define SUPERVISOR_LISTENER_H

#include <stdbool.h>

#include "../../policy/config.h"
#include "../base/err.h"

struct listener {
	const struct config_listener *config;
	int fd;
	bool bound; /* by us, so its path is ours to remove */
};

/* Opens all API listeners into an owned array of config->nlisteners.
 * ERR_CONFIG when one has no path and systemd has not passed it. */
enum err listeners_open(const struct config *config, struct listener **out,
    struct fault *why);

/* Closes them, and removes the paths that were bound. */
void listeners_close(struct listener *l, size_t n);

/* Takes the socket that systemd passed as "http-01", or binds "127.0.0.1:80" or
 * "[::]:80". */
enum err listener_open_http(const char *address, int *fd, struct fault *why);

/* When all were opened: nothing below us is to take them for its own. */
void listeners_forget_passed(void);

#endif
