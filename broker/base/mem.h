/*
 * Memory that is always there: running out of it ends the process, because
 * no caller could do better.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* All of these return owned memory, never NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Overwrites n bytes in a way that the compiler keeps. */
void wipe(void *p, size_t n);

/*
 * A page-aligned, locked block for a secret, kept out of core files.
 * secret_free() wipes and unlocks it; p may be NULL.
 */
void *secret_alloc(size_t n);
void secret_free(void *p, size_t n);

#endif
