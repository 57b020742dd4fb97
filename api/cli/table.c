#include <stdlib.h>
#include <string.h>

#include "output.h"

/*
 * Tables: all rows are kept, columns get the width of their widest cell, and
 * on a narrow terminal the longest texts are cut.
 */

#define GAP	   2	   /* spaces between columns */
#define SHORTEST   8	   /* columns that a cut cell keeps */
#define CELL_MAX   8192	   /* bytes */
#define ELLIPSIS   "\xe2\x80\xa6"

struct table {
	const struct column *columns;
	size_t ncolumns;
	char **cells; /* nrows times ncolumns */
	size_t nrows;
	size_t room; /* rows that fit */
};

struct table *
table_new(const struct column *columns, size_t n)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->columns = columns;
	t->ncolumns = n;
	return t;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->nrows * t->ncolumns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

size_t
table_rows(const struct table *t)
{
	return t->nrows;
}

/* The text of one cell, harmless and owned; "-" for what is absent. */
static char *
cell_text(const struct column *column, const struct json *item)
{
	struct buf raw, clean;
	char *text;

	buf_init(&raw, CELL_MAX);
	buf_init(&clean, CELL_MAX);
	column_put(&raw, column, item);
	text_put(&clean, buf_str(&raw));
	text = xstrdup(clean.len != 0 ? buf_str(&clean) : "-");
	buf_free(&raw);
	buf_free(&clean);
	return text;
}

void
table_add(struct table *t, const struct json *item)
{
	char **row;

	if (t->nrows == t->room) {
		t->room = t->room != 0 ? t->room * 2 : 16;
		t->cells = xreallocarray(t->cells, t->room * t->ncolumns,
		    sizeof(*t->cells));
	}
	row = &t->cells[t->nrows++ * t->ncolumns];
	for (size_t i = 0; i < t->ncolumns; i++)
		row[i] = cell_text(&t->columns[i], item);
}

/* The column to cut next: a long text before anything else, then the widest.
 * ncolumns when none can give more. */
static size_t
widest(const struct table *t, const size_t *widths)
{
	size_t best = t->ncolumns;

	for (size_t i = 0; i < t->ncolumns; i++) {
		if (widths[i] <= SHORTEST)
			continue;
		if (best == t->ncolumns ||
		    (t->columns[i].long_text && !t->columns[best].long_text) ||
		    (t->columns[i].long_text == t->columns[best].long_text &&
		    widths[i] > widths[best]))
			best = i;
	}
	return best;
}

static void
measure(const struct table *t, size_t *widths, unsigned width)
{
	size_t total = (t->ncolumns - 1) * GAP;

	for (size_t i = 0; i < t->ncolumns; i++) {
		widths[i] = text_width(t->columns[i].title);
		for (size_t r = 0; r < t->nrows; r++) {
			size_t w = text_width(t->cells[r * t->ncolumns + i]);

			if (w > widths[i])
				widths[i] = w;
		}
		total += widths[i];
	}
	while (width != 0 && total > width) {
		size_t i = widest(t, widths);

		if (i == t->ncolumns)
			return;
		widths[i]--;
		total--;
	}
}

/* One cell, cut or padded to width; the last of a line is not padded. */
static void
print_cell(FILE *out, const char *text, size_t width, bool last,
    const char *color)
{
	size_t have = text_width(text), fit = strlen(text);
	bool cut = have > width;

	if (cut) {
		fit = text_fit(text, width - 1);
		have = width;
	}
	fprintf(out, "%s%.*s%s%s", color, (int)fit, text, cut ? ELLIPSIS : "",
	    *color != '\0' ? "\033[0m" : "");
	if (!last)
		fprintf(out, "%*s", (int)(width - have + GAP), "");
}

void
table_print(const struct table *t, FILE *out, unsigned width, bool color)
{
	size_t *widths = xcalloc(t->ncolumns, sizeof(*widths));

	measure(t, widths, width);
	for (size_t i = 0; i < t->ncolumns; i++)
		print_cell(out, t->columns[i].title, widths[i],
		    i + 1 == t->ncolumns, color ? "\033[1m" : "");
	putc('\n', out);
	for (size_t r = 0; r < t->nrows; r++) {
		char **row = &t->cells[r * t->ncolumns];

		for (size_t i = 0; i < t->ncolumns; i++)
			print_cell(out, row[i], widths[i],
			    i + 1 == t->ncolumns,
			    color && t->columns[i].format == format_state ?
			    state_color(row[i]) : "");
		putc('\n', out);
	}
	free(widths);
}
