/* How keybrokerd tells about its processes: to the core, and to systemd. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"
#include "notify.h"
#include "supervisor.h"

static const char *const words[] = {
	[CHILD_WAITING] = "waiting",
	[CHILD_STARTING] = "starting",
	[CHILD_UP] = "up",
	[CHILD_LATCHED] = "latched",
};
_Static_assert(nitems(words) == CHILD_STATE__MAX, "every state has a word");

static const char *const levels[] = {
	[SANDBOX_NONE] = "none",
	[SANDBOX_SECCOMP] = "seccomp",
	[SANDBOX_LANDLOCK] = "landlock",
	[SANDBOX_FULL] = "landlock+seccomp",
};

/* Roles are our own words; of a token's name its grammar leaves nothing that
 * JSON would escape.  pid is absent when nothing runs, and so is sandbox, which
 * is NULL for what only the service's unit confines. */
static void
put(struct buf *out, const char *role, const char *name,
    const struct child *c, const char *sandbox)
{
	buf_putf(out, "%s{\"role\":\"%s\",\"name\":\"%s\",",
	    out->len > 1 ? "," : "", role, name);
	if (c->pid > 0)
		buf_putf(out, "\"pid\":%d,", (int)c->pid);
	buf_putf(out, "\"state\":\"%s\",\"restarts\":%u", words[c->state],
	    c->restarts);
	if (c->state == CHILD_UP && sandbox != NULL)
		buf_putf(out, ",\"sandbox\":\"%s\"", sandbox);
	buf_putc(out, '}');
}

void
state_json(struct supervisor *s, struct buf *out)
{
	const struct child self = { .state = CHILD_UP, .pid = getpid() };
	char name[NAME_MAX_LEN + 16];

	buf_putc(out, '[');
	put(out, "supervisor", "keybrokerd", &self, NULL);
	put(out, "core", "keybroker-core", &s->core.child,
	    levels[s->core.sandbox]);
	put(out, "issuer", "keybroker-issuer", &s->issuer.child,
	    levels[issuer_sandbox(s)]);
	for (size_t i = 0; i < s->nlanes; i++) {
		const struct lane *l = &s->lanes[i];

		snprintf(name, sizeof(name), "%s/%u", l->token->config->name,
		    l->number);
		put(out, "lane", name, &l->child, NULL);
	}
	buf_putc(out, ']');
}

static bool
all_tried(const struct supervisor *s)
{
	for (size_t i = 0; i < s->nlanes; i++)
		if (!s->lanes[i].tried)
			return false;
	return s->core.ready;
}

void
state_notify(struct supervisor *s)
{
	static char told[160];
	char text[160];
	size_t up = 0;

	for (size_t i = 0; i < s->nlanes; i++)
		up += s->lanes[i].child.state == CHILD_UP;
	snprintf(text, sizeof(text), "core %s, issuer %s, %zu of %zu lanes up",
	    words[s->core.child.state], words[s->issuer.child.state], up,
	    s->nlanes);
	if (strcmp(text, told) != 0)
		notify("STATUS=%s", text);
	memcpy(told, text, sizeof(told));
	if (s->phase == PHASE_RUN && !s->told_ready && all_tried(s)) {
		s->told_ready = true;
		notify("READY=1");
	}
}
