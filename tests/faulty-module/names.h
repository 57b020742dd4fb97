/* The constants of PKCS#11 that a script may name. */
#ifndef FAULTY_NAMES_H
#define FAULTY_NAMES_H

#include <stdbool.h>

/* "C_Sign" and so on, by enum function. */
extern const char *const function_names[];

/*
 * The number of a word that begins with prefix, such as "CKR_" or "CKF_", or
 * of any number in decimal or with 0x.  False when there is no such name.
 */
bool name_number(const char *prefix, const char *word, unsigned long *out);

/* A number of digits only, or 0x and hexadecimal ones; nothing else. */
bool number_parse(const char *word, unsigned long *out);

#endif
