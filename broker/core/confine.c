#include "confine.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "../base/mem.h"

/* Users and groups are looked up for clients that have a configuration
 * checked; the services behind nsswitch.conf are asked by Unix sockets.  The
 * list of public suffixes is read at the start. */
static const struct sandbox_path lookups[] = {
	{ "/etc/nsswitch.conf", SANDBOX_READ },
	{ "/etc/passwd", SANDBOX_READ },
	{ "/etc/group", SANDBOX_READ },
	{ "/run/systemd/userdb", SANDBOX_READ },
	{ "/usr/share/publicsuffix", SANDBOX_READ },
};

struct list {
	struct sandbox_path *v;
	size_t n;
};

static void
add(struct list *list, const char *path, enum sandbox_access access)
{
	if (path == NULL)
		return;
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = (struct sandbox_path){ path, access };
}

static void
add_all(struct list *list, const struct sandbox_path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(list, paths[i].path, paths[i].access);
}

/* Whoever answers such questions here is loaded now. */
static void
warm_up(void)
{
	(void)getpwnam("keybroker-nobody");
	(void)getgrnam("keybroker-nobody");
}

enum sandbox_level
confine(const struct config *c)
{
	struct list list = { NULL, 0 };
	struct sandbox s = { .demand = c->sandbox };
	enum sandbox_level level;

	add_all(&list, sandbox_system, sandbox_nsystem);
	add_all(&list, lookups, nitems(lookups));
	add(&list, c->state, SANDBOX_KEEP);
	for (size_t i = 0; i < c->ncas; i++)
		add(&list, c->cas[i].anchors, SANDBOX_READ);
	for (size_t i = 0; i < c->naccounts; i++)
		add(&list, c->accounts[i].eab_key_file, SANDBOX_READ);
	for (size_t i = 0; i < c->ncertificates; i++)
		add(&list, c->certificates[i].webroot, SANDBOX_FILL);
	s.paths = list.v;
	s.npaths = list.n;
	warm_up();
	level = sandbox_enter(&s);
	free(list.v);
	return level;
}
