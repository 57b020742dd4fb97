#include "output.h"

#include <stdlib.h>
#include <string.h>

/* Whole replies: as they are, as fields, or as tables. */

#define VALUE_MAX 65536 /* bytes of one field */

enum err
output_flush(struct fault *why)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return OK;
	return fault_errno(why, ERR_IO, "cannot write to standard output");
}

void
output_reply(const struct client_reply *reply)
{
	if (reply->text == NULL)
		return;
	fwrite(reply->text, 1, reply->length, stdout);
	if (reply->length == 0 || reply->text[reply->length - 1] != '\n')
		putchar('\n');
}

void
output_item(const struct json *item)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, CLIENT_REPLY_MAX);
	json_write_start(&w, &out);
	json_put_value(&w, NULL, item);
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_free(&out);
}

void
output_array(const struct cli *cli, const struct json *array,
    const struct column *columns, size_t n)
{
	struct table *t = table_new(columns, n);

	for (size_t i = 0; i < json_count(array); i++)
		table_add(t, json_at(array, i));
	if (table_rows(t) != 0)
		table_print(t, stdout, cli->width, cli->color);
	table_free(t);
}

/* One "title  value" line; further lines of the value are indented. */
static void
print_field(const struct cli *cli, const struct column *column,
    size_t title_width, const char *value)
{
	const char *color = cli->color && column->format == format_state ?
	    state_color(value) : "";
	const char *end;

	printf("%-*s  %s", (int)title_width, column->title, color);
	while ((end = strchr(value, '\n')) != NULL && end[1] != '\0') {
		printf("%.*s\n%*s", (int)(end - value), value,
		    (int)title_width + 2, "");
		value = end + 1;
	}
	printf("%.*s%s\n", (int)strcspn(value, "\n"), value,
	    *color != '\0' ? "\033[0m" : "");
}

void
output_fields(const struct cli *cli, const struct json *object,
    const struct column *columns, size_t n)
{
	size_t width = 0;
	struct buf raw, clean;

	buf_init(&raw, VALUE_MAX);
	buf_init(&clean, VALUE_MAX);
	for (size_t i = 0; i < n; i++)
		if (strlen(columns[i].title) > width)
			width = strlen(columns[i].title);
	for (size_t i = 0; i < n; i++) {
		buf_reset(&raw);
		buf_reset(&clean);
		column_put(&raw, &columns[i], object);
		if (raw.len == 0)
			continue;
		text_put_lines(&clean, buf_str(&raw));
		print_field(cli, &columns[i], width, buf_str(&clean));
	}
	buf_free(&raw);
	buf_free(&clean);
}

void
output_object(const struct cli *cli, const struct client_reply *reply,
    const struct column *columns, size_t n)
{
	if (cli->json)
		output_reply(reply);
	else
		output_fields(cli, reply->json, columns, n);
}
