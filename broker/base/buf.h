/*
 * A bounded, growing byte buffer whose failure is sticky: put as much as you
 * like, ask once.  Freeing it wipes it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	unsigned char *data; /* always followed by a NUL that len excludes */
	size_t len;
	size_t cap;
	size_t max;
	bool failed; /* something did not fit into max; len stays as it was */
};

/* An empty buffer that holds at most max bytes. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, unsigned char c);
void buf_putf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_put_int(struct buf *b, int64_t v); /* in decimal */

/* The content as a C string, valid until the next put. */
const char *buf_str(struct buf *b);

/* Takes the content out: owned memory with a NUL behind it; b is empty. */
unsigned char *buf_take(struct buf *b, size_t *len);

/* Big-endian integers and length-prefixed bytes (u32), for msg readers. */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_bytes(struct buf *b, const void *p, size_t n);
void buf_put_str(struct buf *b, const char *s); /* NULL counts as "" */

/*
 * A checked reader over somebody's bytes.  Failure is sticky; getters then
 * give 0 or an empty view.  Nothing is copied: views point into the input.
 */
struct reader {
	const unsigned char *p;
	size_t left;
	bool failed;
};

struct view {
	const unsigned char *p;
	size_t n;
};

void reader_init(struct reader *r, const void *p, size_t n);
uint8_t reader_u8(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct view reader_bytes(struct reader *r, size_t max);

/* Copies a length-prefixed string into out; NUL inside it or more than
 * size - 1 bytes is a failure. */
void reader_str(struct reader *r, char *out, size_t size);

/* True when nothing failed and no byte is left over. */
bool reader_done(const struct reader *r);

#endif
