/* The characters inside a JSON string, as they stand in its text. */
#ifndef API_CHARACTER_H
#define API_CHARACTER_H

#include <stddef.h>
#include <stdint.h>

/* Reads one UTF-8 character of the n bytes at p: gives its length and code
 * point; 0 when they do not start with one (RFC 3629). */
size_t character_utf8(const unsigned char *p, size_t n, uint32_t *out);

/* As character_utf8(), but an escape (RFC 8259 section 7), or the pair of
 * them that is one character, counts as what it stands for.  A lone
 * surrogate comes out as itself. */
size_t character_read(const unsigned char *p, size_t n, uint32_t *out);

/*
 * What is wrong with a code point in a string; NULL when nothing is.  RFC
 * 7493 section 2.1 forbids surrogates and noncharacters; NUL is legal there,
 * but ends the string for too many readers.
 */
const char *character_check(uint32_t c);

#endif
