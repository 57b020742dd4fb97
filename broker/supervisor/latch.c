#include "latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/io.h"
#include "../base/login.h"
#include "../base/log.h"
#include "../base/mem.h"

#define MARKER ".trying"
#define LOGIN  ".login"

enum err
latch_open(const char *state, int *folder, struct fault *why)
{
	char *path = xasprintf("%s/latch", state);
	struct stat st;
	enum err e;

	*folder = -1;
	e = make_folder(path, 0700, why);
	if (e != OK)
		goto out;
	*folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*folder < 0)
		e = fault_errno(why, ERR_IO, "cannot open %s", path);
	else if (fstat(*folder, &st) != 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		e = fault_set(why, ERR_CONFIG, "%s must belong to the user of "
		    "keybrokerd and be writable by nobody else", path);
	if (e == OK)
		e = sync_folder(state, why);
out:
	free(path);
	return e;
}

static bool
ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

bool
latch_name_valid(const char *token)
{
	return !ends_in(token, MARKER) && !ends_in(token, LOGIN);
}

enum err
latch_open_login(int folder, const char *token, int *fd, struct fault *why)
{
	char *name = xasprintf("%s" LOGIN, token);

	*fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (*fd < 0)
		fault_errno(why, ERR_IO, "cannot open latch/%s", name);
	free(name);
	return *fd >= 0 ? OK : ERR_IO;
}

/* Tells the lanes, those that are up as well. */
static enum err
tell_lanes(int folder, const char *token, enum login_state state,
    struct fault *why)
{
	int fd;
	enum err e = latch_open_login(folder, token, &fd, why);

	if (e != OK)
		return e;
	e = login_put(fd, state, why);
	close(fd);
	return e;
}

static void
read_reason(int folder, const char *token, struct fault *reason)
{
	char text[256] = "";
	int fd = openat(folder, token, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK);

	if (fd >= 0 && read_full(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	text[strcspn(text, "\n")] = '\0';
	fault_set(reason, ERR_PIN, "%s", text[0] != '\0' ? text :
	    "latched without a reason");
}

bool
latch_is_set(int folder, const char *token, struct fault *reason)
{
	struct stat st;

	if (fstatat(folder, token, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		read_reason(folder, token, reason);
		return true;
	}
	if (errno == ENOENT)
		return false;
	fault_errno(reason, ERR_PIN, "cannot see whether token %s is latched",
	    token);
	return true;
}

/* Writes one line to a file of the folder and flushes both. */
static enum err
put(int folder, const char *name, const char *line, struct fault *why)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	enum err e = OK;

	if (fd < 0)
		return fault_errno(why, ERR_IO, "cannot create latch/%s", name);
	if (write_full(fd, line, strlen(line)) != 0 || fsync(fd) != 0 ||
	    fsync(folder) != 0)
		e = fault_errno(why, ERR_IO, "cannot write latch/%s", name);
	close(fd);
	return e;
}

enum err
latch_trying(int folder, const char *token, bool *died, struct fault *why)
{
	char *name = xasprintf("%s" MARKER, token);
	struct stat st;
	enum err e;

	*died = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
	e = put(folder, name, "login under way; keybrokerd or the lane was "
	    "killed if this stays\n", why);
	free(name);
	return e;
}

static bool
gone(int folder, const char *name)
{
	return unlinkat(folder, name, 0) == 0 || errno == ENOENT;
}

void
latch_tried(int folder, const char *token)
{
	char *name = xasprintf("%s" MARKER, token);

	if (!gone(folder, name) || fsync(folder) != 0)
		log_warning("cannot remove latch/%s: %s", name,
		    strerror(errno));
	free(name);
}

enum err
latch_set(int folder, const char *token, const char *reason,
    struct fault *why)
{
	char *name = xasprintf("%s" MARKER, token);
	char when[RFC3339_SIZE];
	char *line = xasprintf("%s %s\n",
	    clock_rfc3339(clock_now_ms(), when), reason);
	struct fault told;
	bool renamed;
	enum err e;

	renamed = renameat(folder, name, folder, token) == 0 &&
	    fsync(folder) == 0;
	e = put(folder, token, line, why);
	if (e != OK && renamed) {
		log_warning("the reason of the latch is lost: %s", why->text);
		e = OK;
	}
	if (e == OK && tell_lanes(folder, token, LOGIN_LATCHED, &told) != OK)
		log_warning("%s", told.text);
	free(line);
	free(name);
	return e;
}

enum err
latch_clear(int folder, const char *token, struct fault *why)
{
	char *name = xasprintf("%s" MARKER, token);
	enum err e = OK;

	if (!gone(folder, token) || !gone(folder, name) || fsync(folder) != 0)
		e = fault_errno(why, ERR_IO, "cannot remove latch/%s", token);
	if (e == OK)
		e = tell_lanes(folder, token, LOGIN_FREE, why);
	free(name);
	return e;
}
