#include "settings.h"

#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/frame.h"
#include "../base/io.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "latch.h"

/* They travel to the core in one frame, beside the configuration's text. */
#define LISTENERS_MAX 31
_Static_assert(LISTENERS_MAX < FRAME_FDS, "a frame holds that many");

static bool
find_user(const char *name, uint32_t *uid)
{
	const struct passwd *pw = getpwnam(name);

	if (pw != NULL)
		*uid = pw->pw_uid;
	return pw != NULL;
}

static bool
find_group(const char *name, uint32_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr != NULL)
		*gid = gr->gr_gid;
	return gr != NULL;
}

/* Who may write the configuration may decide everything. */
static enum err
check_owner(int fd, const char *path, struct fault *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fault_errno(why, ERR_IO, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return fault_set(why, ERR_CONFIG, "%s is not a file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fault_set(why, ERR_CONFIG, "must belong to root or to "
		    "the user of keybrokerd");
	if ((st.st_mode & 022) != 0)
		return fault_set(why, ERR_CONFIG, "must not be writable by "
		    "group or others");
	return OK;
}

static enum err
read_text(const char *path, struct buf *out, struct fault *why)
{
	bool stdin_asked = strcmp(path, "-") == 0;
	int fd = stdin_asked ? dup(STDIN_FILENO) :
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char chunk[4096];
	enum err e = OK;
	ssize_t n = 0;

	if (fd < 0)
		return fault_errno(why, ERR_CONFIG, "cannot open it");
	if (!stdin_asked)
		e = check_owner(fd, path, why);
	while (e == OK && (n = read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	close(fd);
	if (e == OK && n < 0)
		e = fault_errno(why, ERR_CONFIG, "cannot read it");
	if (e == OK && out->failed)
		e = fault_set(why, ERR_CONFIG, "larger than %d bytes",
		    CONFIG_MAX);
	return e;
}

static void
mistake(const char *path, unsigned line, unsigned column, const char *text)
{
	fprintf(stderr, "%s:%u:%u: %s\n", path, line, column, text);
}

/* What the grammar allows but the supervisor cannot do. */
static enum err
check_limits(const char *path, const struct config *c)
{
	enum err e = OK;

	for (size_t i = 0; i < c->ntokens; i++)
		if (!latch_name_valid(c->tokens[i].name)) {
			mistake(path, c->tokens[i].line, 1, "the name of a "
			    "token must not end in \".trying\"");
			e = ERR_CONFIG;
		}
	if (c->nlisteners > LISTENERS_MAX) {
		mistake(path, c->listeners[LISTENERS_MAX].line, 1,
		    "there are more than 31 listeners");
		e = ERR_CONFIG;
	}
	return e;
}

enum err
settings_load(struct settings *out, const char *path)
{
	const struct config_names names = { find_user, find_group };
	const char *shown = strcmp(path, "-") == 0 ? "stdin" : path;
	struct config_errors errors = { NULL, 0 };
	struct fault why = { 0 };
	enum err e;

	*out = (struct settings){ .path = path };
	buf_init(&out->text, CONFIG_MAX);
	e = read_text(path, &out->text, &why);
	if (e != OK) {
		fprintf(stderr, "%s: %s\n", shown, why.text);
		return ERR_CONFIG;
	}
	out->config = config_parse(buf_str(&out->text), out->text.len, &names,
	    &errors);
	for (size_t i = 0; i < errors.n; i++)
		mistake(shown, errors.v[i].line, errors.v[i].column,
		    errors.v[i].text);
	config_errors_free(&errors);
	if (out->config == NULL)
		return ERR_CONFIG;
	return check_limits(shown, out->config);
}

/* Beside our own executable, as in a build folder, or where that folder's
 * neighbour is when installed; so that both are of one version. */
static enum err
find_program(const char *name, char **out, struct fault *why)
{
	static const char *const places[] = { ".", "../libexec/keybroker" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *folder;

	if (n < 0)
		return fault_errno(why, ERR_IO, "cannot read /proc/self/exe");
	self[n] = '\0';
	folder = dirname(self);
	for (size_t i = 0; i < nitems(places); i++) {
		free(*out);
		*out = xasprintf("%s/%s/%s", folder, places[i], name);
		if (access(*out, X_OK) == 0)
			return OK;
	}
	return fault_errno(why, ERR_CONFIG, "cannot run %s", *out);
}

enum err
settings_resolve(struct settings *s, struct fault *why)
{
	const struct {
		const char *program, *user;
	} roles[] = {
		[ROLE_CORE] = { "keybroker-core", s->config->user_core },
		[ROLE_SIGNER] = { "keybroker-signer", s->config->user_signer },
		[ROLE_ISSUER] = { "keybroker-issuer", s->config->user_issuer },
	};
	enum err e = OK;

	_Static_assert(nitems(roles) == ROLE__MAX, "every role has a program");
	for (unsigned i = 0; i < ROLE__MAX && e == OK; i++) {
		e = find_program(roles[i].program, &s->programs[i], why);
		if (e == OK)
			e = identity_find(roles[i].user, &s->users[i], why);
		if (e == OK && s->users[i].uid == 0)
			log_warning("%s runs as root: the configuration names "
			    "no user for it", roles[i].program);
	}
	return e;
}

void
settings_free(struct settings *s)
{
	for (unsigned i = 0; i < ROLE__MAX; i++) {
		identity_free(&s->users[i]);
		free(s->programs[i]);
	}
	if (s->config != NULL)
		config_free(s->config);
	buf_free(&s->text);
}
