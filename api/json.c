/*
 * The tree behind the gate.  This is the only home of
 * cJSON: since the gate went first, its leniency, its cut strings and its
 * doubles (exact within 2^53) cannot be seen.
 *
 * struct json is a cJSON node under another name; it has no definition.
 */
#include "json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "../broker/base/log.h"

static const cJSON *
node(const struct json *v)
{
	return (const cJSON *)v;
}

struct json *
json_parse(const char *text, size_t n, struct fault *why)
{
	cJSON *root;

	if (json_gate(text, n, JSON_DEPTH, why) != OK)
		return NULL;
	root = cJSON_ParseWithLength(text, n);
	if (root == NULL)
		fatal("out of memory: a JSON tree of %zu bytes", n);
	return (struct json *)root;
}

void
json_free(struct json *root)
{
	cJSON_Delete((cJSON *)root);
}

bool
json_is_object(const struct json *v)
{
	return cJSON_IsObject(node(v));
}

bool
json_is_array(const struct json *v)
{
	return cJSON_IsArray(node(v));
}

bool
json_is_string(const struct json *v)
{
	return cJSON_IsString(node(v));
}

bool
json_is_null(const struct json *v)
{
	return cJSON_IsNull(node(v));
}

const struct json *
json_first(const struct json *v)
{
	if (!json_is_object(v) && !json_is_array(v))
		return NULL;
	return (const struct json *)node(v)->child;
}

const struct json *
json_next(const struct json *v)
{
	return v != NULL ? (const struct json *)node(v)->next : NULL;
}

const char *
json_name(const struct json *v)
{
	return v != NULL ? node(v)->string : NULL;
}

const struct json *
json_get(const struct json *v, const char *name)
{
	if (!json_is_object(v))
		return NULL;
	return (const struct json *)cJSON_GetObjectItemCaseSensitive(node(v),
	    name);
}

const char *
json_string(const struct json *v)
{
	return json_is_string(v) ? node(v)->valuestring : NULL;
}

const char *
json_get_string(const struct json *v, const char *name)
{
	return json_string(json_get(v, name));
}

bool
json_int(const struct json *v, int64_t *out)
{
	if (!cJSON_IsNumber(node(v)))
		return false;
	*out = (int64_t)node(v)->valuedouble;
	return true;
}

bool
json_bool(const struct json *v, bool *out)
{
	if (!cJSON_IsBool(node(v)))
		return false;
	*out = cJSON_IsTrue(node(v));
	return true;
}

bool
json_get_int(const struct json *v, const char *name, int64_t *out)
{
	return json_int(json_get(v, name), out);
}

bool
json_get_bool(const struct json *v, const char *name, bool *out)
{
	return json_bool(json_get(v, name), out);
}

size_t
json_count(const struct json *v)
{
	size_t n = 0;

	for (v = json_first(v); v != NULL; v = json_next(v))
		n++;
	return n;
}

const struct json *
json_at(const struct json *array, size_t i)
{
	const struct json *v = json_first(array);

	while (v != NULL && i-- > 0)
		v = json_next(v);
	return v;
}

const char *
json_name_at(const struct json *object, size_t i)
{
	return json_name(json_at(object, i));
}

const struct json *
json_value_at(const struct json *object, size_t i)
{
	return json_at(object, i);
}

static bool
is_strings(const struct json *v)
{
	if (!json_is_array(v))
		return false;
	for (v = json_first(v); v != NULL; v = json_next(v))
		if (!json_is_string(v))
			return false;
	return true;
}

static const char *const type_words[] = {
	[JSON_STRING] = "a string",
	[JSON_INT] = "an integer",
	[JSON_BOOL] = "true or false",
	[JSON_OBJECT] = "an object",
	[JSON_ARRAY] = "an array",
	[JSON_STRINGS] = "an array of strings",
	[JSON_ANY] = "a value",
};

static bool
is_type(const struct json *v, enum json_type type)
{
	switch (type) {
	case JSON_STRING:
		return json_is_string(v);
	case JSON_INT:
		return cJSON_IsNumber(node(v));
	case JSON_BOOL:
		return cJSON_IsBool(node(v));
	case JSON_OBJECT:
		return json_is_object(v);
	case JSON_ARRAY:
		return json_is_array(v);
	case JSON_STRINGS:
		return is_strings(v);
	case JSON_ANY:
		return true;
	}
	return false;
}

static void
store(const struct json *v, const struct json_member *row)
{
	if (row->out == NULL)
		return;
	switch (row->type) {
	case JSON_STRING:
		*(const char **)row->out = json_string(v);
		break;
	case JSON_INT:
		json_int(v, row->out);
		break;
	case JSON_BOOL:
		json_bool(v, row->out);
		break;
	default:
		*(const struct json **)row->out = v;
	}
}

enum err
json_read(const struct json *object, const struct json_member *rows, size_t n,
    struct fault *why)
{
	const struct json *v;
	size_t i;

	if (!json_is_object(object))
		return fault_set(why, ERR_SYNTAX, "JSON: an object must be "
		    "given");
	for (v = json_first(object); v != NULL; v = json_next(v)) {
		for (i = 0; i < n; i++)
			if (strcmp(rows[i].name, json_name(v)) == 0)
				break;
		if (i == n)
			return fault_set(why, ERR_SYNTAX, "JSON: unknown "
			    "member \"%.64s\"", json_name(v));
		if (!is_type(v, rows[i].type))
			return fault_set(why, ERR_SYNTAX, "JSON: member "
			    "\"%s\" must be %s", rows[i].name,
			    type_words[rows[i].type]);
		store(v, &rows[i]);
	}
	for (i = 0; i < n; i++)
		if (rows[i].required && json_get(object, rows[i].name) == NULL)
			return fault_set(why, ERR_SYNTAX, "JSON: member "
			    "\"%s\" is missing", rows[i].name);
	return OK;
}
