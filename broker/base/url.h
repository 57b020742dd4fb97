/* URLs of ACME, as strangers give them: one rule for all processes, so that
 * what one of them lets pass the next does not refuse. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#define URL_SIZE 2048 /* bytes of a URL, with its NUL */

/*
 * What is wrong with a URL, as words that follow it in a sentence; NULL when
 * it is one: https, a host without a user, less than URL_SIZE bytes, and only
 * bytes that all programs read alike.
 */
const char *url_complaint(const char *url);

/* True for a string that is there and is such a URL. */
bool url_valid(const char *url);

#endif
