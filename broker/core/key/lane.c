#include "lane.h"

#include <stdlib.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"

void
lane_unref(struct lane *lane)
{
	if (--lane->refs > 0)
		return;
	for (unsigned i = 0; i < lane->n; i++)
		channel_free(lane->channels[i]);
	free(lane);
}

void
lane_end(struct token *t, struct lane *lane, const struct fault *why,
    bool kill)
{
	if (lane->ended)
		return;
	log_warning("token %s, lane %u: %s", t->config->name, lane->number,
	    why->text);
	lane->ended = true;
	t->lanes[lane->number] = NULL;
	t->up--;
	t->down = *why;
	if (kill)
		t->to_kill |= (uint64_t)1 << lane->number;
	for (unsigned i = 0; i < lane->n; i++)
		channel_shut(lane->channels[i]);
	if (t->kept == lane)
		t->kept = NULL;
	lane_unref(lane);
	queue_look(t);
}

/* Hands the lane one end of a further channel through its first one. */
static bool
add_channel(struct lane *lane)
{
	struct frame head = { .op = LANE_CHANNEL, .nfds = 1 };
	struct fault why;
	int pair[2];
	bool sent;

	if (frame_pair(pair, &why) != OK)
		return false;
	head.fds[0] = pair[1];
	sent = frame_send(lane->channels[0]->fd, &head, NULL, 0, &why) == OK;
	close(pair[1]);
	if (sent)
		lane->channels[lane->n++] = channel_new(pair[0]);
	else
		close(pair[0]);
	return sent;
}

struct lane *
lane_new(int fd, unsigned number, unsigned channels)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	lane->number = number;
	lane->refs = 1;
	lane->heard = clock_monotonic_us();
	lane->channels[lane->n++] = channel_new(fd);
	while (lane->n < channels && add_channel(lane))
		;
	return lane;
}
