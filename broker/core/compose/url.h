/* URLs of ACME, as strangers give them. */
#ifndef CORE_URL_H
#define CORE_URL_H

#include <stdbool.h>

/*
 * What is wrong with a URL, as words that follow it in a sentence; NULL when
 * it is one: https, a host without a user, less than STORE_URL bytes, and only
 * bytes that all programs read alike.
 */
const char *url_complaint(const char *url);

/* True for a string that is there and is such a URL. */
bool url_valid(const char *url);

#endif
