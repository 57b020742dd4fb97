#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../../broker/base/clock.h"
#include "output.h"

/* Values of the API as a person reads them. */

#define PATH_PART 64 /* bytes of one member in a column's path */

static void
put_element(struct buf *out, const struct json *v)
{
	const char *s = json_string(v);
	const char *of_object = json_get_string(v, "detail");

	if (s == NULL)
		s = of_object;
	buf_puts(out, s != NULL ? s : "...");
}

void
format_plain(struct buf *out, const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);
	int64_t number;
	bool truth;

	if (v == NULL || json_is_null(v))
		return;
	if (json_get_int(object, name, &number))
		buf_putf(out, "%" PRId64, number);
	else if (json_get_bool(object, name, &truth))
		buf_puts(out, truth ? "yes" : "no");
	else if (!json_is_array(v))
		put_element(out, v);
	for (size_t i = 0; json_is_array(v) && i < json_count(v); i++) {
		if (i != 0)
			buf_puts(out, ", ");
		put_element(out, json_at(v, i));
	}
}

void
format_state(struct buf *out, const struct json *object, const char *name)
{
	format_plain(out, object, name);
}

/* Drops the "T" and the fraction of a second; the "Z" stays. */
void
format_time(struct buf *out, const struct json *object, const char *name)
{
	const char *s = json_get_string(object, name);

	if (s == NULL || strlen(s) < 20 || s[10] != 'T') {
		format_plain(out, object, name);
		return;
	}
	buf_putf(out, "%.10s %.8sZ", s, s + 11);
}

void
format_left(struct buf *out, const struct json *object, const char *name)
{
	const char *s = json_get_string(object, name);
	struct tm tm = { 0 };
	int64_t left;

	if (s == NULL || strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return;
	left = (int64_t)timegm(&tm) - clock_now();
	if (left <= 0)
		buf_puts(out, "over");
	else if (left < 2 * 3600)
		buf_putf(out, "%" PRId64 " min", left / 60);
	else if (left < 2 * 86400)
		buf_putf(out, "%" PRId64 " h", left / 3600);
	else
		buf_putf(out, "%" PRId64 " days", left / 86400);
}

void
format_lanes(struct buf *out, const struct json *object, const char *name)
{
	const struct json *lanes = json_get(object, name);
	int64_t up, configured;

	if (json_get_int(lanes, "up", &up) &&
	    json_get_int(lanes, "configured", &configured))
		buf_putf(out, "%" PRId64 "/%" PRId64, up, configured);
}

void
column_put(struct buf *out, const struct column *column,
    const struct json *item)
{
	format_fn *format = column->format != NULL ? column->format :
	    format_plain;
	const char *path = column->path, *dot;
	char part[PATH_PART];

	while ((dot = strchr(path, '.')) != NULL) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
		item = json_get(item, part);
		path = dot + 1;
	}
	if (item != NULL)
		format(out, item, path);
}

/* Green for what works, red for what failed, yellow for what is on its way. */
const char *
state_color(const char *word)
{
	static const struct { const char *word, *color; } colors[] = {
		{ "ok", "\033[32m" }, { "up", "\033[32m" },
		{ "running", "\033[32m" }, { "active", "\033[32m" },
		{ "valid", "\033[32m" }, { "issued", "\033[32m" },
		{ "deployed", "\033[32m" }, { "degraded", "\033[31m" },
		{ "down", "\033[31m" }, { "latched", "\033[31m" },
		{ "failed", "\033[31m" }, { "invalid", "\033[31m" },
		{ "expired", "\033[31m" }, { "canceled", "\033[31m" },
		{ "deactivated", "\033[31m" }, { "destroyed", "\033[2m" },
		{ "retired", "\033[2m" }, { "none", "\033[2m" },
		{ "-", "" },
	};

	for (size_t i = 0; i < nitems(colors); i++)
		if (strcmp(colors[i].word, word) == 0)
			return colors[i].color;
	return "\033[33m";
}
