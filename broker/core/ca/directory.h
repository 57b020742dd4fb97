/* The directories of the configured CAs.  Thread-safe. */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

#include "../store/store.h"

/* Takes what the store remembers of them. */
void directory_load(void);

/* A URL by its member name; "" when the CA has none; NULL when the directory
 * is not there yet (it is then fetched). */
const char *directory_url(const char *ca, const char *member,
    char out[static STORE_URL]);

/* The member of the directory whose URL is, by that comparison, url; "" for
 * the directory's own.  False when there is none. */
bool directory_find(const char *ca, const char *url,
    bool (*same)(const char *, const char *), char member[static STORE_NAME]);

/* It is out of date: fetched again, used meanwhile. */
void directory_forget(const char *ca);

/* Why the last try to fetch it failed; "" when it did not. */
void directory_trouble(const char *ca, char out[static FAULT_MAX]);

#endif
