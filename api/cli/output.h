/*
 * What a person sees: text made harmless for a terminal, tables, fields and
 * lists that follow all pages.  With --json none of it is used: the broker's
 * own words are printed.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "command.h"

/* ------------------------------------------------------------------ text */

/*
 * Appends UTF-8 text with everything replaced by '?' that could move the
 * cursor, change colours or turn the direction of writing.  Line ends and
 * tabs become a space.
 */
void text_put(struct buf *out, const char *s);

/* As text_put(), keeping line ends, for text of several lines. */
void text_put_lines(struct buf *out, const char *s);

/* Columns that a text takes on a terminal. */
size_t text_width(const char *s);

/* Bytes of the longest beginning that takes at most this many columns. */
size_t text_fit(const char *s, size_t columns);

/* ---------------------------------------------------------------- values */

/* Appends the member called name of object as a person reads it. */
typedef void format_fn(struct buf *out, const struct json *object,
    const char *name);

format_fn format_plain;	/* strings, numbers, booleans, lists */
format_fn format_time;	/* RFC 3339 to "2026-11-23 14:30:02Z" */
format_fn format_left;	/* the time until then: "63 days", "over" */
format_fn format_state;	/* a word that gets a colour */
format_fn format_lanes;	/* {"configured","up"} to "2/2" */

struct column {
	const char *title;
	const char *path; /* member, or members joined by "." */
	format_fn *format; /* NULL: format_plain */
	bool long_text;	   /* cut first when the terminal is narrow */
};

/* Appends the value that the column's path leads to; nothing when absent. */
void column_put(struct buf *out, const struct column *column,
    const struct json *item);

/* ---------------------------------------------------------------- tables */

struct table;

struct table *table_new(const struct column *columns, size_t n);
void table_add(struct table *t, const struct json *item);
size_t table_rows(const struct table *t);
/* width 0: never cut. */
void table_print(const struct table *t, FILE *out, unsigned width,
    bool color);
void table_free(struct table *t);

/* Prints an array with the columns; nothing when it is empty. */
void output_array(const struct cli *cli, const struct json *array,
    const struct column *columns, size_t n);

/* Prints one object as lines "title  value"; absent members are left out. */
void output_fields(const struct cli *cli, const struct json *object,
    const struct column *columns, size_t n);

/* Prints the broker's reply as it is. */
void output_reply(const struct client_reply *reply);

/* Prints one value as JSON, without a line end. */
void output_item(const struct json *item);

/* Prints a reply: as it is with --json, else as fields. */
void output_object(const struct cli *cli, const struct client_reply *reply,
    const struct column *columns, size_t n);

/* Begins or ends colours that suit a state word, when there are colours. */
const char *state_color(const char *word);

/* ----------------------------------------------------------------- lists */

/* Gets each item in turn; false ends the list. */
typedef bool list_visit(const struct json *item, void *arg);

/*
 * GETs a list and all its further pages.  query holds parameters for the
 * first and all other pages ("certificate=www") or is ""; NULL: the route
 * takes none.
 */
enum err list_each(struct cli *cli, const char *path, const char *query,
    list_visit *visit, void *arg, struct fault *why);

/* Prints a whole list as a table, or with --json as one document. */
enum err list_print(struct cli *cli, const char *path, const char *query,
    const struct column *columns, size_t n, struct fault *why);

/* One JSON document {"items":[...]} of many pages; the first is a visitor
 * whose argument is the document. */
struct document {
	bool begun;
};
list_visit document_add;
void document_end(const struct document *d);

/* --------------------------------------------------------------- objects */

/* A request about one thing, whose reply is that thing. */
struct object_call {
	const char *method;
	const char *noun; /* as in the path: "keys" */
	const char *name;
	const char *tail; /* behind the name, or NULL */
	const struct column *columns;
	size_t ncolumns;
	int timeout_ms; /* 0: the usual */
};

/* Sends it (body may be NULL) and prints the reply. */
enum err object_call(struct cli *cli, const struct object_call *o,
    struct buf *body, struct fault *why);

/* The same with an empty object as its body. */
enum err object_post(struct cli *cli, const struct object_call *o,
    struct fault *why);

/* Makes sure that what was printed has left; ERR_IO otherwise. */
enum err output_flush(struct fault *why);

#endif
