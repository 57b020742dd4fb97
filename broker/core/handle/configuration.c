#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../base/sandbox.h"
#include "handle.h"

#define ENTRY_MAX 65536 /* bytes of a user's or group's entry */

static bool
find_user(const char *name, uint32_t *uid)
{
	char *room = xmalloc(ENTRY_MAX);
	struct passwd entry, *found = NULL;

	if (getpwnam_r(name, &entry, room, ENTRY_MAX, &found) == 0 &&
	    found != NULL)
		*uid = entry.pw_uid;
	free(room);
	return found != NULL;
}

static bool
find_group(const char *name, uint32_t *gid)
{
	char *room = xmalloc(ENTRY_MAX);
	struct group entry, *found = NULL;

	if (getgrnam_r(name, &entry, room, ENTRY_MAX, &found) == 0 &&
	    found != NULL)
		*gid = entry.gr_gid;
	free(room);
	return found != NULL;
}

static enum err
answer(struct reply *rp, const struct config_errors *errors, bool valid,
    struct fault *why)
{
	struct json_writer w;

	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_bool(&w, "valid", valid);
	json_open_array(&w, "mistakes");
	for (size_t i = 0; i < errors->n; i++) {
		json_open_object(&w, NULL);
		json_put_int(&w, "line", errors->v[i].line);
		json_put_int(&w, "column", errors->v[i].column);
		json_put_string(&w, "detail", errors->v[i].text);
		json_close_object(&w);
	}
	json_close_array(&w);
	json_close_object(&w);
	return reply_done(rp, why);
}

enum err
handle_configuration_check(struct request *rq, struct reply *rp,
    struct fault *why)
{
	static const struct config_names names = { find_user, find_group };
	const char *text = NULL;
	const struct json_member rows[] = {
		{ "text", JSON_STRING, true, &text },
	};
	struct config_errors errors = { .n = 0 };
	struct config *config;
	struct decision d;
	struct facts facts;
	enum err err;

	err = json_read(rq->body, rows, nitems(rows), why);
	if (err != OK)
		return err;
	facts_from(&facts, rq, OP_CONFIGURATION_CHECK);
	err = authorize(&facts, rq->peer->pid, &d, why);
	if (err != OK)
		return err;
	if (sandbox_lost("/etc/passwd") || sandbox_lost("/etc/group"))
		return fault_set(why, ERR_UNSUPPORTED, "users or groups have "
		    "changed since the broker started, which its sandbox keeps "
		    "it from seeing; \"keybroker config check\" sees them");
	config = config_parse(text, strlen(text), &names, &errors);
	err = answer(rp, &errors, config != NULL, why);
	config_free(config);
	config_errors_free(&errors);
	return err;
}
