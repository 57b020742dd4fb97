#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../broker/base/clock.h"
#include "output.h"

/*
 * Following an order.  Its events only ever grow, so the number of those
 * already printed says where to go on.  Signals are held back during a
 * request and taken between two: Ctrl-C never cuts anything in half.
 */

#define POLL_MS	    200
#define LOOK_MS	    5000     /* of one request */
#define PATIENCE_US 15000000 /* how long the broker may be away */

struct watch {
	struct cli *cli;
	int64_t id;
	size_t seen;	    /* events printed */
	int64_t started_us;
	int64_t answered_us; /* when the broker last did */
	unsigned frame;	    /* of the spinner */
};

static void
clear_spinner(const struct watch *w)
{
	if (w->cli->terminal && !w->cli->json)
		fputs("\r\033[K", stdout);
}

static void
draw_spinner(struct watch *w, const struct json *order)
{
	static const char frames[] = "|/-\\";
	const char *state = json_get_string(order, "state");
	struct buf line;

	if (!w->cli->terminal || w->cli->json)
		return;
	buf_init(&line, 1024);
	text_put(&line, state != NULL ? state : "?");
	printf("\r\033[K%c order %" PRId64 ": %s, %" PRId64 " s",
	    frames[w->frame++ % 4], w->id, buf_str(&line),
	    (clock_monotonic_us() - w->started_us) / 1000000);
	fflush(stdout);
	buf_free(&line);
}

static void
print_events(struct watch *w, const struct json *order)
{
	static const struct column columns[] = {
		{ "", "time", format_time, false },
		{ "", "text", NULL, false },
	};
	const struct json *events = json_get(order, "events");
	struct buf raw, clean;

	buf_init(&raw, 65536);
	buf_init(&clean, 65536);
	for (; w->seen < json_count(events); w->seen++) {
		const struct json *event = json_at(events, w->seen);

		buf_reset(&raw);
		buf_reset(&clean);
		column_put(&raw, &columns[0], event);
		buf_puts(&raw, "  ");
		column_put(&raw, &columns[1], event);
		text_put(&clean, buf_str(&raw));
		clear_spinner(w);
		puts(buf_str(&clean));
	}
	fflush(stdout);
	buf_free(&raw);
	buf_free(&clean);
}

/* The order has ended: says how. */
static enum err
conclude(struct watch *w, const struct client_reply *reply, struct fault *why)
{
	const char *state = json_get_string(reply->json, "state");
	const char *error = json_get_string(reply->json, "error");
	const char *certificate = json_get_string(reply->json, "certificate");
	bool issued = state != NULL && strcmp(state, "issued") == 0;

	clear_spinner(w);
	if (w->cli->json)
		output_reply(reply);
	else if (issued)
		printf("order %" PRId64 ": certificate %s is issued\n", w->id,
		    certificate != NULL ? certificate : "?");
	if (issued)
		return OK;
	if (state != NULL && strcmp(state, "canceled") == 0)
		return fault_set(why, ERR_CONFLICT,
		    "order %" PRId64 " was canceled", w->id);
	return fault_set(why, ERR_CA, "order %" PRId64 " failed: %s", w->id,
	    error != NULL ? error : "the broker does not say why");
}

/* A broker that is being restarted is waited for. */
static bool
forgivable(const struct watch *w, enum err e)
{
	return w->answered_us != 0 &&
	    (e == ERR_CLOSED || e == ERR_IO || e == ERR_TIMEOUT ||
	    e == ERR_BUSY) &&
	    clock_monotonic_us() - w->answered_us < PATIENCE_US;
}

/* One look at the order; true when the watch is over. */
static bool
look(struct watch *w, const char *path, enum err *e, struct fault *why)
{
	struct client_reply reply = { 0 };
	bool ended = false;

	*e = cli_call_within(w->cli, "GET", path, NULL, LOOK_MS, &reply, why);
	if (*e == OK && !json_get_bool(reply.json, "ended", &ended))
		*e = fault_set(why, ERR_SYNTAX, "no order in the reply");
	if (*e == OK) {
		w->answered_us = clock_monotonic_us();
		if (!w->cli->json)
			print_events(w, reply.json);
		if (ended)
			*e = conclude(w, &reply, why);
		else
			draw_spinner(w, reply.json);
	} else if (forgivable(w, *e)) {
		*e = OK;
	} else {
		clear_spinner(w);
		ended = true;
	}
	client_reply_free(&reply);
	return ended;
}

/* Sleeps until the next look; true when the user wants to leave. */
static bool
pause_watch(const sigset_t *signals)
{
	const struct timespec wait = { 0, POLL_MS * 1000000L };

	return sigtimedwait(signals, NULL, &wait) > 0;
}

enum err
watch_order(struct cli *cli, int64_t id, struct fault *why)
{
	struct watch w = { .cli = cli, .id = id,
	    .started_us = clock_monotonic_us() };
	char *path = xasprintf("/v1/orders/%" PRId64, id);
	sigset_t signals, before;
	enum err e = OK;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	while (!look(&w, path, &e, why)) {
		if (!pause_watch(&signals))
			continue;
		clear_spinner(&w);
		fprintf(stderr, "keybroker: order %" PRId64 " goes on; follow "
		    "it with: keybroker order watch %" PRId64 "\n", id, id);
		cli->exit = EXIT_INTERRUPTED;
		break;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(path);
	return e;
}
