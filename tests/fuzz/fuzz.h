/*
 * The seam between a fuzz target and what drives it, libFuzzer or main.c, and
 * what targets share.  A target states properties; one that does not hold
 * ends the process, as a sanitizer would.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define require(truth)                                                        \
	((truth) ? (void)0 : fuzz_broken(#truth, __FILE__, __LINE__))

static inline void
fuzz_broken(const char *property, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	abort();
}

/* A refusal says why, in one printable sentence. */
static inline void
require_fault(enum err e, const struct fault *why)
{
	require(e != OK && why->code == e && why->text[0] != '\0');
	require(memchr(why->text, '\0', sizeof(why->text)) != NULL);
	for (const char *p = why->text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
}

#endif
