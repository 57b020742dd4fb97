#include "route.h"

#include <string.h>

bool
route_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Bytes of the name that p starts with; 0 when it is none or too long.  A
 * name of dots only would be a step in a path. */
static size_t
name_length(const char *p)
{
	size_t n = 0;

	while (n <= PARAM_MAX && route_name_byte(p[n]))
		n++;
	if (n > PARAM_MAX || n == strspn(p, "."))
		return 0;
	return n;
}

/* Matches a path against the pattern of a row, writing its parameters. */
static bool
path_matches(const char *pattern, const char *path,
    char params[ROUTE_PARAMS][PARAM_MAX + 1])
{
	size_t k = 0;

	while (*pattern != '\0') {
		size_t n;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		n = name_length(path);
		if (n == 0 || k == ROUTE_PARAMS)
			return false;
		memcpy(params[k], path, n);
		params[k++][n] = '\0';
		path += n;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

enum err
route_match(const struct route *table, size_t n, const char *method,
    const char *path, char params[ROUTE_PARAMS][PARAM_MAX + 1],
    const struct route **route, struct fault *why)
{
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (!path_matches(table[i].path, path, params))
			continue;
		found = true;
		if (strcmp(table[i].method, method) == 0) {
			*route = &table[i];
			return OK;
		}
	}
	if (found)
		return fault_set(why, ERR_METHOD, "%.16s is not allowed on "
		    "%.128s", method, path);
	return fault_set(why, ERR_NOT_FOUND, "no such path: %.128s", path);
}

/* The value of "name=value" when the field of n bytes at p is one. */
static const char *
field_value(const char *p, size_t n, const char *name, size_t *length)
{
	size_t k = strlen(name);

	if (n <= k || memcmp(p, name, k) != 0 || p[k] != '=')
		return NULL;
	*length = n - k - 1;
	return p + k + 1;
}

bool
query_get(const char *query, const char *name, char *out, size_t size)
{
	for (const char *p = query;; p++) {
		size_t n = strcspn(p, "&"), length = 0;
		const char *value = field_value(p, n, name, &length);

		if (value != NULL && length < size) {
			for (size_t i = 0; i < length; i++)
				if (!route_name_byte(value[i]))
					return false;
			memcpy(out, value, length);
			out[length] = '\0';
			return true;
		}
		if (value != NULL)
			return false;
		p += n;
		if (*p == '\0')
			return false;
	}
}
