/*
 * Frames as they come out of a socket, and what processes read out of their
 * payloads.  What is read must be written back as the same bytes, so that
 * nothing in a frame is overlooked.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../../broker/base/frame.h"
#include "../../broker/base/lane.h"
#include "../../broker/base/mem.h"
#include "fuzz.h"

static int pair[2] = { -1, -1 };

static void
require_same(struct buf *written, struct view read)
{
	require(!written->failed && written->len == read.n);
	require(read.n == 0 ||
	    memcmp(written->data, read.p, read.n) == 0);
	buf_reset(written);
}

static void
read_payload(struct view payload)
{
	struct lane_token token;
	struct lane_key key;
	struct fault why;
	struct reader r;
	struct buf b;

	buf_init(&b, FRAME_MAX);
	reader_init(&r, payload.p, payload.n);
	lane_get_key(&r, &key);
	if (reader_done(&r)) {
		require(key.idlen <= CKA_ID_MAX && key.spkilen <= SPKI_MAX);
		require(key.purpose < PURPOSE__MAX);
		lane_put_key(&b, &key);
		require_same(&b, payload);
	}
	reader_init(&r, payload.p, payload.n);
	lane_get_token(&r, &token);
	if (reader_done(&r)) {
		lane_put_token(&b, &token);
		require_same(&b, payload);
	}
	reader_init(&r, payload.p, payload.n);
	frame_get_fault(&r, &why);
	require(why.code < ERR__MAX && strlen(why.text) < FAULT_MAX);
	for (const char *p = why.text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
	buf_free(&b);
}

static void
send_again(const struct frame *f)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct frame again, head = { .op = f->op, .status = f->status,
		.id = f->id };
	struct fault why;

	require(frame_send(pair[0], &head, f->payload.p, f->payload.n, &why) ==
	    OK);
	require(frame_recv(pair[1], &again, buffer, sizeof(buffer), 0, &why) ==
	    OK);
	require(again.op == f->op && again.status == f->status &&
	    again.id == f->id && again.nfds == 0 &&
	    again.payload.n == f->payload.n &&
	    memcmp(again.payload.p, f->payload.p, f->payload.n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct fault why = { 0 };
	struct frame f;
	enum err e;

	if (pair[0] < 0)
		require(frame_pair(pair, &why) == OK);
	if (n == 0 || send(pair[0], p, n, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)n)
		return 0;
	e = frame_recv(pair[1], &f, buffer, sizeof(buffer), 0, &why);
	if (e == OK) {
		require(f.payload.n <= FRAME_MAX && f.status < ERR__MAX);
		read_payload(f.payload);
		send_again(&f);
	} else {
		require_fault(e, &why);
	}
	return 0;
}
