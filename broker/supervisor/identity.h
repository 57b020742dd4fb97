/*
 * As whom a process runs.  keybrokerd started as root gives each program the
 * user that the configuration names; started by anybody else it can only run
 * programs as itself, and refuses a configuration that asks for more.
 */
#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "../base/err.h"

struct identity {
	bool change; /* false: stay who we are */
	uid_t uid;
	gid_t gid;
	char *name; /* owned */
	char *home; /* owned */
};

/* Looks a user up; NULL means the one that keybrokerd runs as.  ERR_CONFIG
 * when there is no such user or we may not become that user. */
enum err identity_find(const char *user, struct identity *out,
    struct fault *why);
void identity_free(struct identity *id);

/* Becomes that user for good; to be called in a child.  0, or -1. */
int identity_take(const struct identity *id);

#endif
