/*
 * Files and TCP by Landlock (Linux 5.13 and later).  Its numbers stand here
 * because the headers of Debian 12 end at the second version of the interface,
 * while the running kernel may know more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "sandbox.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule	     445
#define __NR_landlock_restrict_self  446
#endif

#define ASK_VERSION 1
#define PATH_BENEATH 1

#define FS(bit)	       (UINT64_C(1) << (bit))
#define FS_EXECUTE     FS(0)
#define FS_WRITE_FILE  FS(1)
#define FS_READ_FILE   FS(2)
#define FS_READ_DIR    FS(3)
#define FS_REMOVE_DIR  FS(4)
#define FS_REMOVE_FILE FS(5)
#define FS_MAKE_DIR    FS(7)
#define FS_MAKE_REG    FS(8)
#define FS_MAKE_SYM    FS(12)
#define FS_REFER       FS(13)
#define FS_TRUNCATE    FS(14)
#define FS_IOCTL_DEV   FS(15)
#define NET_BIND       FS(0)
#define NET_CONNECT    FS(1)
#define SCOPE_ABSTRACT FS(0) /* abstract Unix sockets of others */
#define SCOPE_SIGNAL   FS(1) /* signals to others */

/* The kernel takes a longer structure than it knows when the rest is zero. */
struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* What each version of the interface can forbid in addition. */
static const struct ruleset versions[] = {
	{ .fs = FS(13) - 1 },
	{ .fs = FS_REFER },
	{ .fs = FS_TRUNCATE },
	{ .net = NET_BIND | NET_CONNECT },
	{ .fs = FS_IOCTL_DEV },
	{ .scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL },
};

#define OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | \
	    FS_IOCTL_DEV)
#define READ (FS_READ_FILE | FS_READ_DIR)
#define FILL (FS_WRITE_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | \
	    FS_MAKE_REG | FS_TRUNCATE)

static const uint64_t rights[] = {
	[SANDBOX_READ] = READ,
	[SANDBOX_FILL] = FILL,
	[SANDBOX_KEEP] = READ | FILL | FS_REMOVE_DIR | FS_MAKE_SYM | FS_REFER,
	[SANDBOX_DEVICE] = FS_READ_FILE | FS_WRITE_FILE,
};

const struct sandbox_path sandbox_system[] = {
	{ "/lib", SANDBOX_READ },
	{ "/lib64", SANDBOX_READ },
	{ "/usr/lib", SANDBOX_READ },
	{ "/usr/lib64", SANDBOX_READ },
	{ "/dev/null", SANDBOX_DEVICE },
	{ "/dev/urandom", SANDBOX_READ },
};
const size_t sandbox_nsystem = nitems(sandbox_system);

/* Files as they were; ino 0: there was none.  Not folders, of which some file
 * systems change the number. */
struct place {
	char *path;
	dev_t dev;
	ino_t ino;
};

static struct {
	struct place *places;
	size_t n;
} allowed;

static void
remember(const char *path, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		allowed.places[allowed.n++] = (struct place){ xstrdup(path),
			st->st_dev, st->st_ino };
}

static enum err
allow(int ruleset, uint64_t handled, const struct sandbox_path *p,
    struct fault *why)
{
	struct path_rule rule = { .allowed = rights[p->access] & handled };
	struct stat st = { .st_ino = 0 };
	enum err e = OK;

	rule.parent = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0 || fstat(rule.parent, &st) != 0)
		log_debug("sandbox: no %s: %s", p->path, strerror(errno));
	remember(p->path, &st);
	if (rule.parent < 0)
		return OK;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	if (syscall(__NR_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0))
		e = fault_errno(why, ERR_IO, "Landlock refuses %s", p->path);
	close(rule.parent);
	return e;
}

/* Test points and sanitizers, in the flavours of the build that have them, read
 * and write where the environment says. */
#ifdef TEST_POINTS
static void
add_folder_of(struct sandbox_path *p, const char *file)
{
	char *slash = xstrndup(file, strcspn(file, ":"));

	if (strrchr(slash, '/') != NULL)
		*strrchr(slash, '/') = '\0';
	*p = (struct sandbox_path){ slash, SANDBOX_KEEP };
}

static size_t
for_tests(struct sandbox_path *p)
{
	static const char *const logs[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS",
		"TSAN_OPTIONS" };
	const char *text = getenv("KEYBROKER_POINT_FILE");
	size_t n = 0;

	if (text != NULL)
		add_folder_of(&p[n++], text);
	for (size_t i = 0; i < nitems(logs); i++) {
		text = getenv(logs[i]);
		text = text != NULL ? strstr(text, "log_path=/") : NULL;
		if (text != NULL)
			add_folder_of(&p[n++], strchr(text, '/'));
	}
	p[n++] = (struct sandbox_path){ "/proc/self", SANDBOX_READ };
	p[n++] = (struct sandbox_path){ "/proc/self/exe", SANDBOX_READ };
	return n;
}
#else
static size_t
for_tests(struct sandbox_path *p)
{
	(void)p;
	return 0;
}
#endif
#define FOR_TESTS_MAX 6

static enum err
allow_all(int ruleset, uint64_t handled, const struct sandbox *s,
    struct fault *why)
{
	struct sandbox_path extra[FOR_TESTS_MAX];
	size_t nextra = for_tests(extra);
	enum err e = OK;

	allowed.places = xcalloc(s->npaths + nextra, sizeof(*allowed.places));
	for (size_t i = 0; i < s->npaths && e == OK; i++)
		e = allow(ruleset, handled, &s->paths[i], why);
	for (size_t i = 0; i < nextra && e == OK; i++)
		e = allow(ruleset, handled, &extra[i], why);
	return e;
}

enum err
landlock_enter(const struct sandbox *s, struct fault *why)
{
	struct ruleset all = { .fs = 0 };
	long version = syscall(__NR_landlock_create_ruleset, NULL, 0,
	    ASK_VERSION);
	enum err e;
	int fd;

	if (version < 1)
		return fault_errno(why, ERR_IO, "this kernel has no Landlock");
	for (long i = 0; i < version && i < (long)nitems(versions); i++) {
		all.fs |= versions[i].fs;
		all.net |= versions[i].net;
		all.scoped |= versions[i].scoped;
	}
	if (s->network)
		all.net &= ~NET_CONNECT;
	fd = (int)syscall(__NR_landlock_create_ruleset, &all, sizeof(all), 0);
	if (fd < 0)
		return fault_errno(why, ERR_IO, "cannot use Landlock");
	e = allow_all(fd, all.fs, s, why);
	if (e == OK && syscall(__NR_landlock_restrict_self, fd, 0) != 0)
		e = fault_errno(why, ERR_IO, "cannot enter Landlock");
	close(fd);
	if (e == OK)
		log_debug("sandbox: Landlock, version %ld", version);
	return e;
}

static bool
lost(const struct place *p)
{
	struct stat st;

	if (stat(p->path, &st) != 0)
		return p->ino != 0;
	return st.st_ino != p->ino || st.st_dev != p->dev;
}

const char *
sandbox_stale(void)
{
	for (size_t i = 0; i < allowed.n; i++)
		if (lost(&allowed.places[i]))
			return allowed.places[i].path;
	return NULL;
}

bool
sandbox_lost(const char *path)
{
	for (size_t i = 0; i < allowed.n; i++)
		if (strcmp(allowed.places[i].path, path) == 0)
			return lost(&allowed.places[i]);
	return false;
}
