/* The two clocks, in one place so that a test can link its own. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define RFC3339_SIZE 32 /* of "2026-11-23T14:30:02.123Z" with its NUL */

int64_t clock_now(void);	 /* seconds since the epoch */
int64_t clock_now_ms(void);	 /* milliseconds since the epoch */
int64_t clock_monotonic_us(void);/* microseconds since some start */

/* Writes UTC with milliseconds, RFC 3339; returns out. */
char *clock_rfc3339(int64_t ms, char out[static RFC3339_SIZE]);

#endif
