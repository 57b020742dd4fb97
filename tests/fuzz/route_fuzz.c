/*
 * "METHOD target": the guard's view of the target, the route that it
 * matches, and its query.  What passes the guard has no second reading.
 */
#include "../../api/route.h"
#include "../../api/server/guard.h"
#include "../../broker/base/mem.h"
#include "fuzz.h"

#define X(id, method, path, query) { #id, method, path, query, NULL },
static const struct route table[] = { ROUTES(X) ISSUER_ROUTES(X) };
#undef X

static void
check_params(char params[ROUTE_PARAMS][PARAM_MAX + 1], const char *pattern)
{
	size_t k = 0;

	for (; (pattern = strchr(pattern, '{')) != NULL; pattern++, k++) {
		require(params[k][0] != '\0');
		for (const char *p = params[k]; *p != '\0'; p++)
			require(route_name_byte(*p));
	}
}

static void
try_target(const char *method, char *target)
{
	char params[ROUTE_PARAMS][PARAM_MAX + 1], value[32];
	const struct route *route;
	struct fault why;
	char *query;

	if (guard_target(target, &why) != OK)
		return;
	require(strlen(target) <= TARGET_MAX);
	require(strpbrk(target, "%\\ ") == NULL);
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	if (query != NULL && query_get(query, "after", value, sizeof(value)))
		for (const char *p = value; *p != '\0'; p++)
			require(route_name_byte(*p));
	if (route_match(table, nitems(table), method, target, params, &route,
	    &why) == OK)
		check_params(params, route->path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *line = xstrndup((const char *)p, n);
	char *space = strchr(line, ' ');

	if (space != NULL) {
		*space = '\0';
		try_target(line, space + 1);
	}
	free(line);
	return 0;
}
