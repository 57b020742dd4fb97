/*
 * Fuzzing the configuration: whatever the bytes are, they are refused with
 * mistakes in order, or they print to a text that parses and prints the same.
 *
 * Built by clang -fsanitize=fuzzer -DLIBFUZZER this is a libFuzzer target;
 * without, it runs over the files given, or over standard input.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "../../policy/evaluate.h"

#define PRINT_MAX (16 * CONFIG_MAX) /* defaults make a text longer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
somebody(const char *name, uint32_t *id)
{
	*id = (uint32_t)strlen(name);
	return name[0] != 'z';
}

static const struct config_names names = { somebody, somebody };

static void
require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "config_fuzz: %s\n", what);
	abort();
}

static void
check_errors(const struct config_errors *e)
{
	require(e->n > 0 && e->n <= 64, "refused without a mistake");
	for (size_t i = 0; i < e->n; i++) {
		require(e->v[i].line > 0 && e->v[i].column > 0 &&
		    e->v[i].text[0] != '\0', "a mistake without a place");
		require(i == 0 || e->v[i - 1].line < e->v[i].line ||
		    (e->v[i - 1].line == e->v[i].line &&
		    e->v[i - 1].column <= e->v[i].column),
		    "mistakes out of order");
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
	require(!first.failed, "the print is too long");
	again = config_parse(buf_str(&first), first.len, &names, &e);
	require(again != NULL || first.len > CONFIG_MAX,
	    "the print does not parse");
	if (again != NULL) {
		config_print(again, &second);
		require(first.len == second.len && memcmp(first.data,
		    second.data, first.len) == 0, "the print changes");
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
		require(e.n == 0, "accepted with mistakes");
		check_decisions(c);
		check_printing(c);
	} else {
		check_errors(&e);
	}
	config_free(c);
	config_errors_free(&e);
	return 0;
}

#ifndef LIBFUZZER
static int
run(FILE *f)
{
	size_t cap = CONFIG_MAX + 2, n;
	uint8_t *data = xmalloc(cap);
	int result;

	n = fread(data, 1, cap, f);
	result = LLVMFuzzerTestOneInput(data, n);
	free(data);
	return result;
}

int
main(int argc, char **argv)
{
	if (argc == 1)
		return run(stdin);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		run(f);
		fclose(f);
	}
	return 0;
}
#endif
