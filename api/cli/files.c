#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"

static void
add(struct log_files *f, char *path)
{
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = path;
}

static int
is_file(const struct dirent *d)
{
	return strcmp(d->d_name, "audit.log") == 0 ||
	    fnmatch("audit-[0-9]*.log", d->d_name, 0) == 0;
}

/* Numbers have all their digits, and '-' comes before '.'. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err
add_folder(struct log_files *f, const char *path, struct fault *why)
{
	struct dirent **found = NULL;
	int n = scandir(path, &found, is_file, by_name);

	if (n < 0 && errno == ENOTDIR) {
		add(f, xstrdup(path));
		return OK;
	}
	if (n < 0)
		return fault_errno(why, errno == ENOENT ? ERR_NOT_FOUND :
		    ERR_IO, "cannot open %s", path);
	for (int i = 0; i < n; i++) {
		add(f, xasprintf("%s/%s", path, found[i]->d_name));
		free(found[i]);
	}
	free(found);
	return n > 0 ? OK : fault_set(why, ERR_NOT_FOUND,
	    "there is no audit log in %s", path);
}

enum err
log_files_find(struct log_files *f, const char *const *operands, size_t n,
    struct fault *why)
{
	enum err e = OK;

	*f = (struct log_files){ NULL, 0 };
	for (size_t i = 0; e == OK && i < n; i++)
		e = add_folder(f, operands[i], why);
	return e;
}

void
log_files_free(struct log_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i]);
	free(f->v);
	*f = (struct log_files){ NULL, 0 };
}
