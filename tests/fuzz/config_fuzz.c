/*
 * Fuzzing the configuration: whatever the bytes are, they are refused with
 * mistakes in order, or they print to a text that parses and prints the same.
 */
#include "../../broker/base/mem.h"
#include "../../policy/evaluate.h"
#include "fuzz.h"

#define PRINT_MAX (16 * CONFIG_MAX) /* defaults make a text longer */

static bool
somebody(const char *name, uint32_t *id)
{
	*id = (uint32_t)strlen(name);
	return name[0] != 'z';
}

static const struct config_names names = { somebody, somebody };

static void
check_errors(const struct config_errors *e)
{
	require(e->n > 0 && e->n <= 64);
	for (size_t i = 0; i < e->n; i++) {
		require(e->v[i].line > 0 && e->v[i].column > 0 &&
		    e->v[i].text[0] != '\0');
		require(i == 0 || e->v[i - 1].line < e->v[i].line ||
		    (e->v[i - 1].line == e->v[i].line &&
		    e->v[i - 1].column <= e->v[i].column));
	}
}

static void
check_decisions(const struct config *c)
{
	static const char *const list[] = { "a.example" };
	struct limits *l = limits_new(c);
	struct facts f = { .uid = 1, .listener = "api", .names = list };

	for (f.operation = 0; f.operation < OP__MAX; f.operation++) {
		f.nnames = f.operation % 2;
		(void)policy_evaluate(c, l, &f, 1800000000, true);
	}
	limits_free(l);
}

static void
check_printing(const struct config *c)
{
	struct buf first, second;
	struct config_errors e;
	struct config *again;

	buf_init(&first, PRINT_MAX);
	buf_init(&second, PRINT_MAX);
	config_print(c, &first);
	require(!first.failed);
	again = config_parse(buf_str(&first), first.len, &names, &e);
	require(again != NULL || first.len > CONFIG_MAX);
	if (again != NULL) {
		config_print(again, &second);
		require(first.len == second.len && memcmp(first.data,
		    second.data, first.len) == 0);
	}
	config_free(again);
	config_errors_free(&e);
	buf_free(&first);
	buf_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors e;
	struct config *c;

	c = config_parse((const char *)data, size, &names, &e);
	if (c != NULL) {
		require(e.n == 0);
		check_decisions(c);
		check_printing(c);
	} else {
		check_errors(&e);
	}
	config_free(c);
	config_errors_free(&e);
	return 0;
}
