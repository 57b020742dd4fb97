/* base64url without padding, RFC 4648 section 5, and lower-case hex. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Characters that n bytes become, without a NUL. */
#define B64_LEN(n) (((n) * 4 + 2) / 3)

/* Appends the text of n bytes. */
void b64_put(struct buf *out, const void *p, size_t n);

/* The text as an owned C string. */
char *b64_encode(const void *p, size_t n);

/*
 * Appends the bytes of a text of n characters.  Padding, any character
 * outside the alphabet, an impossible length and stray bits in the last
 * character are refused: then nothing is appended and false is returned.
 */
bool b64_get(struct buf *out, const char *text, size_t n);

/* Writes 2 * n hex digits and a NUL. */
void hex_encode(char *out, const void *p, size_t n);

/* Reads exactly n bytes from exactly 2 * n hex digits, either case. */
bool hex_decode(unsigned char *out, size_t n, const char *text);

#endif
