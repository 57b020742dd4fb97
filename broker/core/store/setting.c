#include "sql.h"

struct setting_row {
	const char *name;
	const char *value;
};

static const struct column columns[] = {
	COL_OWNED_TEXT(setting_row, name, "name"),
	COL_OWNED_TEXT(setting_row, value, "value"),
};
static const struct columns settings = { "setting",
	sizeof(struct setting_row), columns, nitems(columns) };

enum err
store_setting_put(struct store *s, const char *name, const char *value,
    struct fault *why)
{
	const struct setting_row row = { name, value };

	return store_put(s, SQL_SETTING_PUT, &settings, &row, NULL, why);
}

enum err
store_setting_get(struct store *s, const char *name, struct buf *out,
    struct fault *why)
{
	struct setting_row row;
	enum err err;

	err = store_get(s, SQL_SETTING_GET, &settings, &row,
	    VALUES({ .text = name }), why);
	if (err != OK)
		return err;
	buf_puts(out, row.value);
	store_row_free(&settings, &row);
	return OK;
}
