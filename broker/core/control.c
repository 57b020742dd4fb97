#include "control.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../api/server/http.h"
#include "../base/frame.h"
#include "../base/io.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "core.h"
#include "engine/engine.h"
#include "key/lanes.h"

#define START_TIMEOUT_MS 30000
#define STATE_TIMEOUT_S	 5
#define BUFFER_SIZE	 (FRAME_MAX + 64)
#define NAMES_MAX	 4096

struct control {
	int fd;
	unsigned char *buffer;
	pthread_mutex_t send;
	/* the answer to the one CONTROL_STATE that may be asked at a time */
	pthread_mutex_t asking;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	uint64_t asked;
	struct buf state;
	bool have_state;
	bool over; /* nobody reads answers any more */
};

static void
on_lane_up(struct control *c, struct frame *f, struct reader *r)
{
	char token[NAME_MAX_LEN + 1];
	struct lane_token info;
	uint32_t lane;

	(void)c;
	reader_str(r, token, sizeof(token));
	lane = reader_u32(r);
	lane_get_token(r, &info);
	if (!reader_done(r) || f->nfds != 1)
		fatal("control: lane-up does not parse");
	lanes_up(core.lanes, token, lane, f->fds[0], &info);
	f->nfds = 0;
	engine_wake(core.engine);
}

static void
on_lane_down(struct control *c, struct frame *f, struct reader *r)
{
	char token[NAME_MAX_LEN + 1];
	struct fault why;
	uint32_t lane;

	(void)c;
	(void)f;
	reader_str(r, token, sizeof(token));
	lane = reader_u32(r);
	frame_get_fault(r, &why);
	if (!reader_done(r))
		fatal("control: lane-down does not parse");
	lanes_down(core.lanes, token, lane, &why);
}

static void
on_issuer_up(struct control *c, struct frame *f, struct reader *r)
{
	uint64_t issuer = engine_issuer(core.engine);
	struct fault why;

	(void)c;
	(void)r;
	for (unsigned i = 0; i < f->nfds; i++)
		if (http_server_adopt_issuer(core.http, f->fds[i], issuer,
			&why) != OK)
			log_error("issuer's channel: %s", why.text);
	f->nfds = 0;
}

static void
on_issuer_down(struct control *c, struct frame *f, struct reader *r)
{
	(void)c;
	(void)f;
	(void)r;
	engine_issuer_gone(core.engine);
}

static void
on_hook_done(struct control *c, struct frame *f, struct reader *r)
{
	char output[HOOK_OUTPUT_MAX + 1];
	uint32_t status;
	uint8_t timed_out;

	(void)c;
	status = reader_u32(r);
	timed_out = reader_u8(r);
	reader_str(r, output, sizeof(output));
	if (!reader_done(r))
		fatal("control: hook-done does not parse");
	engine_hook_done(core.engine, f->id, status, timed_out != 0, output);
}

static void
on_state(struct control *c, struct frame *f, struct reader *r)
{
	struct view text = reader_bytes(r, FRAME_MAX);

	pthread_mutex_lock(&c->lock);
	if (f->id == c->asked) {
		buf_reset(&c->state);
		buf_put(&c->state, text.p, text.n);
		c->have_state = true;
		pthread_cond_signal(&c->answered);
	}
	pthread_mutex_unlock(&c->lock);
}

typedef void control_fn(struct control *, struct frame *, struct reader *);

static control_fn *const handlers[CONTROL_OP__MAX] = {
	[CONTROL_LANE_UP] = on_lane_up,
	[CONTROL_LANE_DOWN] = on_lane_down,
	[CONTROL_ISSUER_UP] = on_issuer_up,
	[CONTROL_ISSUER_DOWN] = on_issuer_down,
	[CONTROL_HOOK_DONE] = on_hook_done,
	[CONTROL_STATE] = on_state,
};

static void
read_text(int fd, struct buf *config)
{
	unsigned char chunk[4096];
	ssize_t n;

	while ((n = read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_put(config, chunk, (size_t)n);
	if (n < 0 || config->failed)
		fatal("control: cannot read the configuration");
	close(fd);
}

static void
read_start(struct frame *f, struct buf *config, struct buf *names, int *fds,
    unsigned *nfds)
{
	char name[NAME_MAX_LEN + 1];
	struct reader r;
	uint32_t n;

	reader_init(&r, f->payload.p, f->payload.n);
	n = reader_u32(&r);
	for (uint32_t i = 0; i < n && !r.failed; i++) {
		reader_str(&r, name, sizeof(name));
		buf_putf(names, "%s%s", i > 0 ? " " : "", name);
	}
	if (!reader_done(&r) || n + 1 != f->nfds || f->op != CONTROL_START)
		fatal("control: start does not parse");
	read_text(f->fds[0], config);
	*nfds = n;
	memcpy(fds, f->fds + 1, sizeof(int) * n);
}

struct control *
control_open(int fd, struct buf *config, struct buf *names, int *fds,
    unsigned *nfds, struct fault *why)
{
	struct control *c = xcalloc(1, sizeof(*c));
	struct frame f;

	c->fd = fd;
	c->buffer = xmalloc(BUFFER_SIZE);
	pthread_mutex_init(&c->send, NULL);
	pthread_mutex_init(&c->asking, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->answered, NULL);
	buf_init(&c->state, FRAME_MAX);
	if (frame_recv(fd, &f, c->buffer, BUFFER_SIZE, START_TIMEOUT_MS,
		why) != OK) {
		free(c->buffer);
		free(c);
		return NULL;
	}
	read_start(&f, config, names, fds, nfds);
	return c;
}

static void
serve(struct control *c)
{
	struct reader r;
	struct frame f;
	struct fault why;

	for (;;) {
		if (frame_recv(c->fd, &f, c->buffer, BUFFER_SIZE, -1, &why) !=
		    OK) {
			if (why.code != ERR_CLOSED)
				log_error("control: %s", why.text);
			return;
		}
		if (f.op == CONTROL_STOP)
			return;
		if (f.op >= CONTROL_OP__MAX || handlers[f.op] == NULL)
			fatal("control: unknown op %u", f.op);
		reader_init(&r, f.payload.p, f.payload.n);
		handlers[f.op](c, &f, &r);
	}
}

void
control_run(struct control *c)
{
	serve(c);
	pthread_mutex_lock(&c->lock);
	c->over = true;
	pthread_cond_broadcast(&c->answered);
	pthread_mutex_unlock(&c->lock);
}

static enum err
send_frame(struct control *c, enum control_op op, uint64_t id,
    const struct buf *payload, struct fault *why)
{
	struct frame f = { .op = (uint16_t)op, .id = id };
	enum err e;

	pthread_mutex_lock(&c->send);
	e = frame_send(c->fd, &f, payload != NULL ? payload->data : NULL,
	    payload != NULL ? payload->len : 0, why);
	pthread_mutex_unlock(&c->send);
	return e;
}

void
control_ready(struct control *c, unsigned level)
{
	struct fault why;
	struct buf b;

	buf_init(&b, FRAME_MAX);
	buf_put_u8(&b, (uint8_t)level);
	if (send_frame(c, CONTROL_READY, 0, &b, &why) != OK)
		fatal("control: %s", why.text);
	buf_free(&b);
}

void
control_kill_lane(const char *token, unsigned lane)
{
	struct fault why;
	struct buf b;

	buf_init(&b, FRAME_MAX);
	buf_put_str(&b, token);
	buf_put_u32(&b, lane);
	log_warning("lane %u of token %s is to be replaced", lane, token);
	if (send_frame(core.control, CONTROL_LANE_KILL, 0, &b, &why) != OK)
		log_error("control: %s", why.text);
	buf_free(&b);
}

enum err
control_unlatch(struct control *c, const char *token, struct fault *why)
{
	struct buf b;
	enum err e;

	buf_init(&b, FRAME_MAX);
	buf_put_str(&b, token);
	e = send_frame(c, CONTROL_UNLATCH, 0, &b, why);
	buf_free(&b);
	return e;
}

enum err
control_hook(struct control *c, uint64_t id, enum hook_kind kind,
    const char *certificate, const char *const *values, size_t n,
    struct fault *why)
{
	struct buf b;
	enum err e;

	buf_init(&b, FRAME_MAX);
	buf_put_u8(&b, (uint8_t)kind);
	buf_put_str(&b, certificate);
	buf_put_u32(&b, (uint32_t)(n / 2));
	for (size_t i = 0; i < n; i++)
		buf_put_str(&b, values[i]);
	e = b.failed ? fault_set(why, ERR_LIMIT, "too much for a program's "
	    "environment") : send_frame(c, CONTROL_HOOK, id, &b, why);
	buf_free(&b);
	return e;
}

enum err
control_state(struct control *c, struct buf *out, struct fault *why)
{
	struct timespec end;
	enum err e;
	int late = 0;

	pthread_mutex_lock(&c->asking);
	pthread_mutex_lock(&c->lock);
	c->asked++;
	c->have_state = false;
	e = send_frame(c, CONTROL_STATE, c->asked, NULL, why);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += STATE_TIMEOUT_S;
	while (e == OK && !c->have_state && !c->over && late == 0)
		late = pthread_cond_timedwait(&c->answered, &c->lock, &end);
	if (e == OK && c->have_state)
		buf_put(out, c->state.data, c->state.len);
	else if (e == OK)
		e = c->over ? fault_set(why, ERR_CLOSED, "the broker stops") :
		    fault_set(why, ERR_TIMEOUT, "keybrokerd does not answer");
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_unlock(&c->asking);
	return e;
}
