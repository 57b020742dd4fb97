/* The faulty module of tests/faulty-module, as tests use it: a copy in a
 * folder of their own, its script, and its counts. */
#ifndef TESTS_FAULTY_H
#define TESTS_FAULTY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../broker/base/mem.h"

/* Copies the module; its path goes to out.  0, or -1. */
static inline int
faulty_copy(const char *build, const char *folder, char out[static 128])
{
	char *command = xasprintf("cp %s/tests/faulty-module/faulty.so %s/",
	    build, folder);
	int status = system(command);

	snprintf(out, 128, "%s/faulty.so", folder);
	free(command);
	return status == 0 ? 0 : -1;
}

/* Replaces the script, at once for all who look. */
static inline void
faulty_script(const char *module, const char *text)
{
	char *path = xasprintf("%s.script", module);
	char *fresh = xasprintf("%s.new", path);
	FILE *f = fopen(fresh, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 ||
	    rename(fresh, path) != 0)
		abort();
	free(fresh);
	free(path);
}

/* Calls of a function by all processes, ever; or another line's figure. */
static inline unsigned long
faulty_calls(const char *module, const char *function)
{
	char *path = xasprintf("%s.calls", module), name[64];
	FILE *f = fopen(path, "r");
	unsigned long n = 0, found = 0;

	while (f != NULL && fscanf(f, "%63s %lu %*u", name, &n) == 2)
		if (strcmp(name, function) == 0)
			found = n;
	if (f != NULL)
		fclose(f);
	free(path);
	return found;
}

/* No script and no counts; while nobody uses the module. */
static inline void
faulty_forget(const char *module)
{
	char *command = xasprintf("rm -f %s.script %s.calls", module, module);

	(void)!system(command);
	free(command);
}

#endif
