#include "lane.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/log.h"
#include "../../base/mem.h"

/* Clients without a tenant count as one, 0, and the broker's own requests as
 * one more, behind the tenants. */
static void
init_shares(struct shares *s, const struct config *config)
{
	size_t n = config->ntenants + 2;
	unsigned *share = xcalloc(n, sizeof(*share));

	for (size_t i = 0; i < n; i++)
		share[i] = i > 0 && i <= config->ntenants ?
		    config->tenants[i - 1].share : 1;
	shares_init(s, share, n);
	free(share);
}

struct lanes *
lanes_new(const struct config *config, unsigned queue)
{
	struct lanes *l = xcalloc(1, sizeof(*l));

	l->queue = queue;
	l->channels = 1;
	l->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	l->ntenants = config->ntenants;
	l->ntokens = config->ntokens;
	l->tokens = xcalloc(config->ntokens, sizeof(*l->tokens));
	for (size_t i = 0; i < l->ntokens; i++) {
		l->tokens[i].config = &config->tokens[i];
		pthread_mutex_init(&l->tokens[i].lock, NULL);
		init_shares(&l->tokens[i].shares, config);
	}
	return l;
}

void
lanes_channels(struct lanes *l, unsigned n)
{
	l->channels = n < CHANNELS_MAX ? n : CHANNELS_MAX;
}

void
lanes_on_hang(struct lanes *l, lanes_kill_fn *fn)
{
	l->kill = fn;
}

struct token *
lanes_token(struct lanes *l, const char *name)
{
	for (size_t i = 0; i < l->ntokens; i++)
		if (strcmp(l->tokens[i].config->name, name) == 0)
			return &l->tokens[i];
	return NULL;
}

void
token_unlock(struct lanes *l, struct token *t)
{
	lanes_kill_fn *kill = l->kill;
	uint64_t lanes = t->to_kill;

	t->to_kill = 0;
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; lanes != 0 && i < LANES_MAX; i++)
		if ((lanes >> i & 1) != 0 && kill != NULL)
			kill(t->config->name, i);
}

void
lanes_up(struct lanes *l, const char *token, unsigned number, int fd,
    const struct lane_token *info)
{
	struct token *t = lanes_token(l, token);
	struct fault why;

	if (t == NULL || number >= t->config->lanes || number >= LANES_MAX)
		fatal("lane %u of token %s is not configured", number, token);
	pthread_mutex_lock(&t->lock);
	fault_set(&why, ERR_TOKEN, "replaced");
	if (t->lanes[number] != NULL)
		lane_end(t, t->lanes[number], &why, false);
	t->lanes[number] = lane_new(fd, number, l->channels);
	t->up++;
	t->generation++;
	t->known = true;
	t->info = *info;
	queue_look(t);
	token_unlock(l, t);
}

void
lanes_down(struct lanes *l, const char *token, unsigned number,
    const struct fault *why)
{
	struct token *t = lanes_token(l, token);

	if (t == NULL || number >= t->config->lanes || number >= LANES_MAX)
		fatal("lane %u of token %s is not configured", number, token);
	pthread_mutex_lock(&t->lock);
	if (t->lanes[number] != NULL)
		lane_end(t, t->lanes[number], why, false);
	t->down = *why;
	token_unlock(l, t);
}

uint64_t
lanes_generation(struct lanes *l, const char *token)
{
	struct token *t = lanes_token(l, token);

	return t != NULL ? t->generation : 0;
}

static void
status_fill(struct token *t, struct lanes_status *s)
{
	pthread_mutex_lock(&t->lock);
	*s = (struct lanes_status){ .token = t->config->name,
		.configured = t->config->lanes, .up = t->up,
		.waiting = t->shares.waiting, .known = t->known,
		.info = t->info, .down = t->down,
		.signatures = t->signatures };
	pthread_mutex_unlock(&t->lock);
}

size_t
lanes_list(struct lanes *l, struct lanes_status *out, size_t max)
{
	for (size_t i = 0; i < l->ntokens && i < max; i++)
		status_fill(&l->tokens[i], &out[i]);
	return l->ntokens;
}

bool
lanes_status(struct lanes *l, const char *token, struct lanes_status *out)
{
	struct token *t = lanes_token(l, token);

	if (t != NULL)
		status_fill(t, out);
	return t != NULL;
}

void
lanes_free(struct lanes *l)
{
	struct fault why;

	if (l == NULL)
		return;
	fault_set(&why, ERR_CLOSED, "the broker stops");
	for (size_t i = 0; i < l->ntokens; i++) {
		struct token *t = &l->tokens[i];

		for (unsigned k = 0; k < LANES_MAX; k++)
			if (t->lanes[k] != NULL)
				lane_end(t, t->lanes[k], &why, false);
		pthread_mutex_destroy(&t->lock);
		shares_free(&t->shares);
	}
	free(l->tokens);
	free(l);
}
