#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"

/* The configuration gives a name, or a number in digits. */
static const struct passwd *
find(const char *user)
{
	if (user == NULL)
		return getpwuid(geteuid());
	if (user[strspn(user, "0123456789")] == '\0')
		return getpwuid((uid_t)strtoul(user, NULL, 10));
	return getpwnam(user);
}

enum err
identity_find(const char *user, struct identity *out, struct fault *why)
{
	const struct passwd *pw;

	*out = (struct identity){ .uid = geteuid(), .gid = getegid() };
	errno = 0;
	pw = find(user);
	if (user != NULL && pw == NULL)
		return fault_set(why, ERR_CONFIG, "there is no user %s", user);
	if (user != NULL && pw->pw_uid != geteuid() && geteuid() != 0)
		return fault_set(why, ERR_CONFIG, "only root can run programs "
		    "as user %s", user);
	if (user != NULL && pw->pw_uid != geteuid()) {
		out->change = true;
		out->uid = pw->pw_uid;
		out->gid = pw->pw_gid;
	}
	if (pw != NULL)
		out->name = xstrdup(pw->pw_name);
	out->home = xstrdup(pw != NULL ? pw->pw_dir : "/");
	return OK;
}

void
identity_free(struct identity *id)
{
	free(id->name);
	free(id->home);
	*id = (struct identity){ .change = false };
}

int
identity_take(const struct identity *id)
{
	if (!id->change)
		return 0;
	if (initgroups(id->name, id->gid) != 0 ||
	    setresgid(id->gid, id->gid, id->gid) != 0 ||
	    setresuid(id->uid, id->uid, id->uid) != 0)
		return -1;
	return setuid(0) == 0 && id->uid != 0 ? -1 : 0;
}
