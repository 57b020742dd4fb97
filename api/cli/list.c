#include <stdlib.h>
#include <string.h>

#include "output.h"

/* Lists of the broker, followed through all their pages. */

#define PAGE	   500	 /* items asked for at once */
#define CURSOR_MAX 256	 /* bytes of a cursor that are believed */

/* The next page's address, owned. */
static char *
page_path(const char *path, const char *query, const char *after)
{
	if (query == NULL)
		return xstrdup(path);
	return xasprintf("%s?limit=%d%s%s%s%s", path, PAGE,
	    *query != '\0' ? "&" : "", query, *after != '\0' ? "&after=" : "",
	    after);
}

/* Takes the cursor over; it must be what a query may carry, and must move. */
static enum err
next_cursor(char after[static CURSOR_MAX], const char *next,
    struct fault *why)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (*next == '\0' || strlen(next) >= CURSOR_MAX ||
	    next[strspn(next, alphabet)] != '\0' || strcmp(next, after) == 0)
		return fault_set(why, ERR_SYNTAX,
		    "the broker gave a cursor that leads nowhere");
	strcpy(after, next);
	return OK;
}

enum err
list_each(struct cli *cli, const char *path, const char *query,
    list_visit *visit, void *arg, struct fault *why)
{
	char after[CURSOR_MAX] = "";
	bool more = true;
	enum err e = OK;

	while (more && e == OK) {
		char *page = page_path(path, query, after);
		struct client_reply reply = { 0 };
		const char *next;

		e = cli_call(cli, "GET", page, NULL, &reply, why);
		const struct json *items = json_get(reply.json, "items");
		if (e == OK && !json_is_array(items))
			e = fault_set(why, ERR_SYNTAX, "no list in the reply");
		for (size_t i = 0; e == OK && more && i < json_count(items);
		    i++)
			more = visit(json_at(items, i), arg);
		next = e == OK ? json_get_string(reply.json, "next") : NULL;
		if (next != NULL && query == NULL)
			fputs("keybroker: the list is longer than the broker "
			    "shows\n", stderr);
		if (next == NULL || query == NULL)
			more = false;
		else if (more)
			e = next_cursor(after, next, why);
		client_reply_free(&reply);
		free(page);
	}
	return e;
}

static bool
add_row(const struct json *item, void *arg)
{
	table_add(arg, item);
	return true;
}

/* Items leave as they come, so that no list is too long. */
bool
document_add(const struct json *item, void *arg)
{
	struct document *d = arg;

	fputs(d->begun ? "," : "{\"items\":[", stdout);
	output_item(item);
	d->begun = true;
	return !ferror(stdout);
}

void
document_end(const struct document *d)
{
	puts(d->begun ? "]}" : "{\"items\":[]}");
}

static enum err
print_document(struct cli *cli, const char *path, const char *query,
    struct fault *why)
{
	struct document d = { false };
	enum err e = list_each(cli, path, query, document_add, &d, why);

	if (e == OK)
		document_end(&d);
	return e;
}

enum err
list_print(struct cli *cli, const char *path, const char *query,
    const struct column *columns, size_t n, struct fault *why)
{
	struct table *t;
	enum err e;

	if (cli->json)
		return print_document(cli, path, query, why);
	t = table_new(columns, n);
	e = list_each(cli, path, query, add_row, t, why);
	if (e == OK && table_rows(t) != 0)
		table_print(t, stdout, cli->width, cli->color);
	else if (e == OK)
		fprintf(stderr, "keybroker: nothing to list\n");
	table_free(t);
	return e;
}
