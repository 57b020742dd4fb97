/*
 * How a process gives up what it does not need before it reads a stranger's
 * first byte: files and TCP by Landlock, system calls by seccomp.  Both are
 * taken as far as the running kernel has them; how far that is, is told and
 * may be demanded.
 *
 *	landlock.c	which files, and which TCP
 *	filter.c	which system calls; the only user of libseccomp
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* What was achieved, as a set. */
enum sandbox_level {
	SANDBOX_NONE = 0,
	SANDBOX_SECCOMP = 1 << 0,
	SANDBOX_LANDLOCK = 1 << 1,
	SANDBOX_FULL = SANDBOX_SECCOMP | SANDBOX_LANDLOCK
};

/* What the configuration wants, its word for it, and the least that makes a
 * start possible. */
#define SANDBOX_DEMANDS(X)                                                    \
	X(SANDBOX_OFF, "off", SANDBOX_NONE)                                   \
	X(SANDBOX_AVAILABLE, "available", SANDBOX_NONE)                       \
	X(SANDBOX_NEED_SECCOMP, "seccomp", SANDBOX_SECCOMP)                   \
	X(SANDBOX_NEED_FULL, "full", SANDBOX_FULL)

enum sandbox_demand {
#define X(id, word, least) id,
	SANDBOX_DEMANDS(X)
#undef X
	SANDBOX_DEMAND__MAX
};

enum sandbox_access {
	SANDBOX_READ,  /* the file; the folder and all below it */
	SANDBOX_FILL,  /* make, replace and remove files below; not read */
	SANDBOX_KEEP,  /* everything but devices, sockets and programs */
	SANDBOX_DEVICE /* read and write it */
};

struct sandbox_path {
	const char *path;
	enum sandbox_access access;
};

struct sandbox {
	enum sandbox_demand demand;
	bool network; /* sockets of IPv4 and IPv6, to connect to others */
	const struct sandbox_path *paths; /* those that exist are allowed */
	size_t npaths;
};

/* What programs open by themselves at any time: libraries that the C library
 * loads late, random numbers.  For the list of a struct sandbox. */
extern const struct sandbox_path sandbox_system[];
extern const size_t sandbox_nsystem;

/*
 * Confines this process, which must have one thread, for the rest of its life.
 * Ends it with EXIT_SETTING when that is less than what is demanded.  A system
 * call that is forbidden then ends it by SIGSYS.
 */
enum sandbox_level sandbox_enter(const struct sandbox *s);

/* False when there is no such word. */
bool sandbox_demand_parse(const char *word, enum sandbox_demand *out);

/*
 * Whether a path that sandbox_enter() allowed leads to another file or folder
 * now, which cannot be opened: replaced, made or moved since.  sandbox_stale()
 * gives the first such path, NULL when there is none.
 */
bool sandbox_lost(const char *path);
const char *sandbox_stale(void);

/* The two halves. */
enum err landlock_enter(const struct sandbox *s, struct fault *why);
enum err filter_enter(const struct sandbox *s, struct fault *why);

#endif
