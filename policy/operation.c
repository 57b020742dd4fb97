#include "operation.h"

#include <string.h>

static const struct {
	const char *name, *text;
} operations[] = {
#define X(id, name, text) [OP_##id] = { name, text },
	OPERATIONS(X)
#undef X
};

const char *
operation_name(enum operation op)
{
	return (unsigned)op < OP__MAX ? operations[op].name : "unknown";
}

const char *
operation_text(enum operation op)
{
	return (unsigned)op < OP__MAX ? operations[op].text : "unknown";
}

enum operation
operation_parse(const char *name)
{
	for (enum operation op = 0; op < OP__MAX; op++)
		if (strcmp(operations[op].name, name) == 0)
			return op;
	return OP__MAX;
}

bool
operation_reads(enum operation op)
{
	const char *verb = strrchr(operation_name(op), '.');

	return verb != NULL && strcmp(verb, ".read") == 0;
}
