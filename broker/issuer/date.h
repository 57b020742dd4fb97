/* The two ways in which a CA writes a time, as seconds since the epoch. */
#ifndef ISSUER_DATE_H
#define ISSUER_DATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 3339 with any offset.  A fraction is cut off; a leap second counts as
 * the second after it.  False when the text is not exactly such a time.
 */
bool date_rfc3339(const char *text, int64_t *seconds);

/*
 * HTTP-date, RFC 9110 section 5.6.7, in its three forms.  now is needed for
 * the two-digit year of the oldest one.
 */
bool date_http(const char *text, int64_t now, int64_t *seconds);

#endif
