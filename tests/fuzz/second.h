/* JSON as somebody else reads it. */
#ifndef TESTS_FUZZ_SECOND_H
#define TESTS_FUZZ_SECOND_H

#include <stddef.h>

/* What the other parser understood, serialised by itself, owned; NULL when it
 * refuses the text, as it does with duplicate members and with NUL. */
char *second_reading(const char *text, size_t n);

#endif
