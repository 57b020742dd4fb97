#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include "../route.h"

#define PAGE	   500
#define WAIT_MORE  10000 /* milliseconds that a reply may come late */
#define QUERY_MAX  2048

static enum err
add_text(struct pages *p, const struct args *a, const char *name,
    struct fault *why)
{
	const char *text = args_text(a, name);

	if (text == NULL)
		return OK;
	for (const char *c = text; *c != '\0'; c++)
		if (!route_name_byte(*c))
			return fault_set(why, ERR_USAGE,
			    "--%s: \"%s\" is not a name", name, text);
	if (*text == '\0' || strlen(text) > PARAM_MAX)
		return fault_set(why, ERR_USAGE,
		    "--%s wants 1 to %d letters", name, PARAM_MAX);
	buf_putf(&p->query, "&%s=%s", name, text);
	return OK;
}

enum err
pages_open(struct pages *p, const struct args *a, struct fault *why)
{
	static const char *const names[] = { "event", "operation",
		"decision", "tenant", "key" };
	int64_t since;
	enum err e = OK;

	*p = (struct pages){ .more = true };
	buf_init(&p->query, QUERY_MAX);
	for (size_t i = 0; e == OK && i < nitems(names); i++)
		e = add_text(p, a, names[i], why);
	if (args_number(a, "since", &since))
		buf_putf(&p->query, "&since=%lld", (long long)since);
	return e;
}

void
pages_close(struct pages *p)
{
	buf_free(&p->query);
}

static char *
path_of(struct pages *p, const char *first, int wait)
{
	char waits[32] = "", *from, *path;

	if (wait >= 0)
		snprintf(waits, sizeof(waits), "&wait=%d", wait);
	from = first != NULL ? xstrdup(first) :
	    xasprintf("after=%s", p->next);
	path = xasprintf("/v1/audit?%s&limit=%d%s%s", from, PAGE, waits,
	    buf_str(&p->query));
	free(from);
	return path;
}

/* A page that leads nowhere would be asked for for ever. */
static enum err
read_place(struct pages *p, const struct json *reply, struct fault *why)
{
	const char *next = json_get_string(reply, "next");

	if (next == NULL || strlen(next) >= sizeof(p->next) ||
	    !json_get_bool(reply, "more", &p->more))
		return fault_set(why, ERR_SYNTAX,
		    "no \"next\" or \"more\" in the reply");
	for (const char *c = next; *c != '\0'; c++)
		if (!route_name_byte(*c))
			return fault_set(why, ERR_SYNTAX,
			    "\"next\" is not a place in the log");
	if (p->more && strcmp(next, p->next) == 0)
		return fault_set(why, ERR_SYNTAX,
		    "the broker's lines do not go on");
	strcpy(p->next, next);
	return OK;
}

enum err
pages_get(struct cli *cli, struct pages *p, const char *first, int wait,
    list_visit *visit, void *arg, struct fault *why)
{
	int timeout = cli->timeout_ms;
	char *path = path_of(p, first, wait);
	struct client_reply reply = { 0 };
	const struct json *items, *v;
	enum err e;

	if (wait > 0)
		timeout = wait * 1000 + WAIT_MORE;
	e = cli_call_within(cli, "GET", path, NULL, timeout, &reply, why);
	items = json_get(reply.json, "items");
	if (e == OK && !json_is_array(items))
		e = fault_set(why, ERR_SYNTAX, "no list in the reply");
	if (e == OK)
		e = read_place(p, reply.json, why);
	for (v = json_first(items); e == OK && v != NULL; v = json_next(v))
		if (!visit(v, arg)) {
			p->more = false;
			break;
		}
	client_reply_free(&reply);
	free(path);
	return e;
}
