#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

/*
 * The configuration is read by one program only, keybrokerd; these commands
 * become it.  It is taken from where this program itself stands, never from
 * PATH, so that both are of one version.
 */

/* The folder of this program, owned. */
static char *
own_folder(struct fault *why)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0) {
		fault_errno(why, ERR_IO, "cannot find this program");
		return NULL;
	}
	path[n] = '\0';
	return xstrdup(dirname(path));
}

static enum err
become(const char *mode, const struct args *a, struct fault *why)
{
	static const char *const places[] = { ".", "../sbin" };
	const char *file = a->noperands != 0 ? a->operands[0] :
	    args_text(a, "config");
	char *folder = own_folder(why);
	char *option = file != NULL ? xasprintf("--config=%s", file) : NULL;
	char *argv[] = { (char *)"keybrokerd", (char *)mode, option, NULL };
	enum err e = folder != NULL ? OK : ERR_IO;

	for (size_t i = 0; e == OK && i < nitems(places); i++) {
		char *path = xasprintf("%s/%s/keybrokerd", folder, places[i]);

		execv(path, argv); /* comes back only when it failed */
		if (errno != ENOENT && errno != ENOTDIR)
			e = fault_errno(why, ERR_IO, "cannot run %s", path);
		free(path);
	}
	if (e == OK)
		e = fault_set(why, ERR_NOT_FOUND, "no keybrokerd in %s or "
		    "../sbin", folder);
	free(option);
	free(folder);
	return e;
}

enum err
cmd_config_check(struct cli *cli, struct fault *why)
{
	return become("--check", &cli->args, why);
}

enum err
cmd_config_print(struct cli *cli, struct fault *why)
{
	return become("--print", &cli->args, why);
}
