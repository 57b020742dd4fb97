#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define FIRST_CAP 1024

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_free(struct buf *b)
{
	wipe(b->data, b->cap);
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void
buf_reset(struct buf *b)
{
	wipe(b->data, b->len);
	b->len = 0;
	b->failed = false;
}

/* Grows by copying, so that no unwiped copy is left behind by realloc(). */
static bool
reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : FIRST_CAP;
	unsigned char *data;

	if (b->failed || n > b->max || b->len > b->max - n) {
		b->failed = true;
		return false;
	}
	if (b->cap > b->len + n)
		return true;
	while (cap <= b->len + n)
		cap *= 2;
	data = xmalloc(cap);
	if (b->len != 0)
		memcpy(data, b->data, b->len);
	wipe(b->data, b->cap);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return true;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n != 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(struct buf *b, unsigned char c)
{
	buf_put(b, &c, 1);
}

void
buf_putf(struct buf *b, const char *fmt, ...)
{
	size_t room;
	va_list ap;
	int n;

	if (!reserve(b, 0))
		return;
	room = b->cap - b->len;
	va_start(ap, fmt);
	n = vsnprintf((char *)b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->failed = true;
		b->data[b->len] = '\0';
		return;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void
buf_put_int(struct buf *b, int64_t v)
{
	char digits[20], *p = digits + sizeof(digits);
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (v < 0)
		*--p = '-';
	buf_put(b, p, (size_t)(digits + sizeof(digits) - p));
}

const char *
buf_str(struct buf *b)
{
	return b->data != NULL ? (const char *)b->data : "";
}

unsigned char *
buf_take(struct buf *b, size_t *len)
{
	unsigned char *data = b->data != NULL ? b->data : xcalloc(1, 1);

	if (len != NULL)
		*len = b->len;
	*b = (struct buf){ .max = b->max };
	return data;
}

static void
put_be(struct buf *b, uint64_t v, size_t n)
{
	unsigned char be[8];

	for (size_t i = 0; i < n; i++)
		be[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
	buf_put(b, be, n);
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_putc(b, v);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void
buf_put_bytes(struct buf *b, const void *p, size_t n)
{
	if (n > UINT32_MAX) {
		b->failed = true;
		return;
	}
	buf_put_u32(b, (uint32_t)n);
	buf_put(b, p, n);
}

void
buf_put_str(struct buf *b, const char *s)
{
	buf_put_bytes(b, s, s != NULL ? strlen(s) : 0);
}

void
reader_init(struct reader *r, const void *p, size_t n)
{
	*r = (struct reader){ .p = p, .left = n };
}

static const unsigned char *
take(struct reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (r->failed || n > r->left) {
		r->failed = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static uint64_t
get_be(struct reader *r, size_t n)
{
	const unsigned char *p = take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)get_be(r, 1);
}

uint32_t
reader_u32(struct reader *r)
{
	return (uint32_t)get_be(r, 4);
}

uint64_t
reader_u64(struct reader *r)
{
	return get_be(r, 8);
}

struct view
reader_bytes(struct reader *r, size_t max)
{
	struct view v = { NULL, reader_u32(r) };

	if (v.n > max)
		r->failed = true;
	v.p = take(r, v.n);
	if (v.p == NULL)
		v.n = 0;
	return v;
}

void
reader_str(struct reader *r, char *out, size_t size)
{
	struct view v = reader_bytes(r, size - 1);

	if (v.n != 0 && memchr(v.p, '\0', v.n) != NULL) {
		r->failed = true;
		v.n = 0;
	}
	if (v.n != 0)
		memcpy(out, v.p, v.n);
	out[v.n] = '\0';
}

bool
reader_done(const struct reader *r)
{
	return !r->failed && r->left == 0;
}
