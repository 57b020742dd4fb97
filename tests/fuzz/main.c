/*
 * Runs a fuzz target without libFuzzer: on each file named, on each file in
 * a folder named, or on standard input when nothing is named.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX 4194304

static size_t ran;

/* The target gets a block of exactly n bytes, so that a sanitizer sees a
 * read behind its end. */
static void
run_stream(FILE *f)
{
	static uint8_t all[INPUT_MAX];
	size_t n = fread(all, 1, sizeof(all), f);
	uint8_t *exact = malloc(n != 0 ? n : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, all, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	ran++;
}

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	run_stream(f);
	fclose(f);
}

static void
run_path(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char inner[4096];

	if (folder == NULL) {
		run_file(path);
		return;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		run_file(inner);
	}
	closedir(folder);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	if (argc == 1)
		run_stream(stdin);
	printf("%zu inputs\n", ran);
	return ran != 0 ? 0 : 1;
}
