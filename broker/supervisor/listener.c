#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "../base/process.h"
#include "identity.h"

#define BACKLOG	   128
#define PASSED_MAX 32 /* sockets that systemd may pass */
#define HTTP_NAME  "http-01"

static bool
is_listening(int fd, bool local)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof(at), m = sizeof(int);
	int listening = 0;

	return getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
	    (local ? at.ss_family == AF_UNIX :
	    at.ss_family == AF_INET || at.ss_family == AF_INET6) &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &m) == 0 &&
	    listening != 0;
}

/* How many sockets systemd has passed to this very process. */
static int
passed_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	int count;

	if (pid == NULL || n == NULL || atol(pid) != (long)getpid())
		return 0;
	count = atoi(n);
	return count > 0 && count <= PASSED_MAX ? count : 0;
}

/* Finds a passed socket by its name in LISTEN_FDNAMES; -1 when none. */
static int
passed_find(const char *name)
{
	const char *p = getenv("LISTEN_FDNAMES");
	int n = passed_count();

	for (int i = 0; i < n && p != NULL; i++) {
		size_t len = strcspn(p, ":");

		if (strlen(name) == len && strncmp(p, name, len) == 0)
			return PARENT_FD + i;
		p = p[len] == ':' ? p + len + 1 : NULL;
	}
	return -1;
}

/* Removes a socket at which nobody answers. */
static enum err
remove_stale(const struct sockaddr_un *at, struct fault *why)
{
	const char *path = at->sun_path;
	struct stat st;
	int fd, answered;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? OK :
		    fault_errno(why, ERR_IO, "cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return fault_set(why, ERR_CONFIG, "%s is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(why, ERR_IO, "cannot make a socket");
	answered = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ||
	    errno != ECONNREFUSED;
	close(fd);
	if (answered)
		return fault_set(why, ERR_BUSY, "somebody else serves %s",
		    path);
	if (unlink(path) != 0)
		return fault_errno(why, ERR_IO, "cannot remove %s", path);
	return OK;
}

/* The last folder of the path, which /run loses at every boot. */
static void
make_parent(const char *path)
{
	char *copy = xstrdup(path);
	const char *folder = dirname(copy);

	if (mkdir(folder, 0755) == 0 && chmod(folder, 0755) != 0)
		log_warning("cannot open folder %s to all", folder);
	free(copy);
}

/* The configuration gives a name, or a number in digits. */
static const struct group *
find_group(const char *group)
{
	if (group[strspn(group, "0123456789")] == '\0')
		return getgrgid((gid_t)strtoul(group, NULL, 10));
	return getgrnam(group);
}

/* Who is to own the socket; what is not said stays as it is. */
static enum err
find_owner(const struct config_listener *l, uid_t *uid, gid_t *gid,
    struct fault *why)
{
	const struct group *gr = NULL;
	struct identity id;
	enum err e;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (l->group != NULL && (gr = find_group(l->group)) == NULL)
		return fault_set(why, ERR_CONFIG, "listener %s: there is no "
		    "group %s", l->name, l->group);
	if (gr != NULL)
		*gid = gr->gr_gid;
	if (l->user == NULL)
		return OK;
	if (l->user[strspn(l->user, "0123456789")] == '\0') {
		*uid = (uid_t)strtoul(l->user, NULL, 10);
		return OK;
	}
	e = identity_find(l->user, &id, why);
	if (e == OK) {
		*uid = id.uid;
		identity_free(&id);
	}
	return e;
}

/* Clients must find us there and nobody else. */
static enum err
check_parent(const char *path, struct fault *why)
{
	char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	struct stat st;
	enum err e = OK;

	if (stat(folder, &st) != 0)
		e = fault_errno(why, ERR_IO, "cannot look at folder %s",
		    folder);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		e = fault_set(why, ERR_CONFIG, "folder %s belongs to somebody "
		    "who could put another socket there", folder);
	else if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0)
		e = fault_set(why, ERR_CONFIG, "folder %s is writable by group "
		    "or others, who could put another socket there", folder);
	free(copy);
	return e;
}

/* The socket that we have just bound, and not what may stand in its place
 * now. */
static enum err
open_socket(const char *path, int *fd, struct fault *why)
{
	struct stat st;

	*fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return fault_errno(why, ERR_IO, "cannot look at %s", path);
	if (fstat(*fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_uid == geteuid())
		return OK;
	close(*fd);
	return fault_set(why, ERR_CONFIG, "%s is not the socket that was "
	    "bound", path);
}

/* The socket is nobody else's until group and mode are what they should be:
 * process_start() has set the umask to 077. */
static enum err
set_access(const struct config_listener *l, struct fault *why)
{
	char *magic;
	uid_t uid;
	gid_t gid;
	enum err e;
	int fd;

	e = find_owner(l, &uid, &gid, why);
	if (e == OK)
		e = open_socket(l->path, &fd, why);
	if (e != OK)
		return e;
	magic = xasprintf("/proc/self/fd/%d", fd);
	if (chmod(magic, l->mode) != 0)
		e = fault_errno(why, ERR_IO, "cannot set the mode of %s",
		    l->path);
	else if ((l->user != NULL || l->group != NULL) &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) != 0)
		e = fault_errno(why, ERR_CONFIG, "cannot give %s away",
		    l->path);
	free(magic);
	close(fd);
	return e;
}

static enum err
bind_path(struct listener *l, struct fault *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *path = l->config->path;
	enum err e;

	if (strlen(path) >= sizeof(at.sun_path))
		return fault_set(why, ERR_CONFIG, "listener %s: its path is "
		    "longer than %zu bytes", l->config->name,
		    sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, path);
	make_parent(path);
	e = check_parent(path, why);
	if (e == OK)
		e = remove_stale(&at, why);
	if (e != OK)
		return e;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    bind(l->fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
		return fault_errno(why, ERR_IO, "cannot bind %s", path);
	l->bound = true;
	e = set_access(l->config, why);
	if (e == OK && listen(l->fd, BACKLOG) != 0)
		e = fault_errno(why, ERR_IO, "cannot listen at %s", path);
	return e;
}

static enum err
open_one(struct listener *l, struct fault *why)
{
	l->fd = passed_find(l->config->name);
	if (l->fd >= 0 && !is_listening(l->fd, true))
		return fault_set(why, ERR_CONFIG, "what systemd passed as %s "
		    "is not a listening Unix socket", l->config->name);
	if (l->fd >= 0)
		return OK;
	if (l->config->path == NULL)
		return fault_set(why, ERR_CONFIG, "listener %s has no path, "
		    "and systemd has not passed it", l->config->name);
	return bind_path(l, why);
}

enum err
listeners_open(const struct config *config, struct listener **out,
    struct fault *why)
{
	struct listener *l = xcalloc(config->nlisteners, sizeof(*l));
	enum err e = OK;
	size_t n;

	for (n = 0; n < config->nlisteners && e == OK; n++) {
		l[n].config = &config->listeners[n];
		l[n].fd = -1;
		e = open_one(&l[n], why);
	}
	if (e == OK) {
		*out = l;
		return OK;
	}
	listeners_close(l, n);
	return e;
}

void
listeners_close(struct listener *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (l[i].bound)
			unlink(l[i].config->path);
		if (l[i].fd >= 0)
			close(l[i].fd);
	}
	free(l);
}

/* Splits "host:port" at the last colon; brackets stand around IPv6. */
static struct addrinfo *
resolve(const char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	const char *colon = strrchr(address, ':');
	struct addrinfo *found = NULL;
	char *host;
	size_t n;

	if (colon == NULL)
		return NULL;
	n = (size_t)(colon - address);
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']')
		host = xstrndup(address + 1, n - 2);
	else
		host = xstrndup(address, n);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		found = NULL;
	free(host);
	return found;
}

static enum err
bind_address(const char *address, int *fd, struct fault *why)
{
	struct addrinfo *ai = resolve(address);
	const int on = 1, off = 0;
	enum err e = OK;

	*fd = -1;
	if (ai == NULL)
		return fault_set(why, ERR_CONFIG, "http-listen: %s is not an "
		    "address and a port", address);
	*fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (*fd >= 0 && ai->ai_family == AF_INET6)
		setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (*fd < 0 || bind(*fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
	    listen(*fd, BACKLOG) != 0)
		e = fault_errno(why, ERR_IO, "cannot listen at %s", address);
	freeaddrinfo(ai);
	return e;
}

enum err
listener_open_http(const char *address, int *fd, struct fault *why)
{
	*fd = passed_find(HTTP_NAME);
	if (*fd < 0)
		return bind_address(address, fd, why);
	if (!is_listening(*fd, false))
		return fault_set(why, ERR_CONFIG, "what systemd passed as "
		    HTTP_NAME " is not a listening TCP socket");
	return OK;
}

void
listeners_forget_passed(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}
