/*
 * What holds for all lanes of a token: whether its PIN may be tried.  See
 * latch.h for what is on disk.
 */
#include <string.h>

#include "../base/log.h"
#include "../base/login.h"
#include "latch.h"
#include "supervisor.h"

void
token_hold(struct supervisor *s, struct token *t, const struct fault *why)
{
	t->latched = true;
	t->reason = *why;
	s->latch_poll = child_now() + LATCH_POLL_MS;
	log_error("token %s is latched: %s; once the PIN is right, run "
	    "keybroker token unlatch %s", t->config->name, why->text,
	    t->config->name);
	for (size_t i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (l->token != t || l->child.state != CHILD_WAITING)
			continue;
		l->child.state = CHILD_LATCHED;
		l->tried = true;
		lane_tell_down(s, l, why);
	}
}

static void
release(struct supervisor *s, struct token *t)
{
	t->latched = t->unwritten = false;
	t->crashes = 0;
	log_info("token %s is no longer latched", t->config->name);
	for (size_t i = 0; i < s->nlanes; i++) {
		struct lane *l = &s->lanes[i];

		if (l->token != t || l->child.state != CHILD_LATCHED)
			continue;
		l->child.state = CHILD_WAITING;
		l->child.due = child_now();
		l->child.delay = 0;
	}
}

void
token_latch(struct supervisor *s, struct token *t, const struct fault *said)
{
	struct fault why;

	t->unwritten = latch_set(s->latches, t->config->name, said->text,
	    &why) != OK;
	if (t->unwritten)
		log_error("the latch of token %s holds only as long as "
		    "keybrokerd runs: %s", t->config->name, why.text);
}

enum err
token_open_login(struct supervisor *s, struct token *t, int *fd,
    struct fault *why)
{
	enum login_state state;
	enum err e = latch_open_login(s->latches, t->config->name, fd, why);

	if (e != OK)
		return e;
	state = login_peek(*fd);
	if (state == LOGIN_LATCHED) /* and an operator removed the latch */
		return login_put(*fd, LOGIN_FREE, why);
	if (state != LOGIN_REFUSED)
		return OK;
	fault_set(why, ERR_PIN, "the PIN was refused to a lane that did not "
	    "live to tell");
	token_latch(s, t, why);
	return ERR_PIN;
}

/* A latch that could not be written, for want of room say, is tried again;
 * one that was is looked for. */
static void
poll_latch(struct supervisor *s, struct token *t)
{
	const char *name = t->config->name;
	struct fault why;

	if (t->unwritten)
		t->unwritten = latch_set(s->latches, name, t->reason.text,
		    &why) != OK;
	else if (!latch_is_set(s->latches, name, &why) &&
	    latch_clear(s->latches, name, &why) == OK)
		release(s, t);
}

int64_t
tokens_tick(struct supervisor *s, int64_t now)
{
	bool any = false;

	for (size_t i = 0; i < s->ntokens; i++) {
		struct token *t = &s->tokens[i];

		if (t->latched && s->latch_poll <= now)
			poll_latch(s, t);
		any = any || t->latched;
	}
	if (s->latch_poll <= now)
		s->latch_poll = now + LATCH_POLL_MS;
	return any ? s->latch_poll : INT64_MAX;
}

void
tokens_unlatch(struct supervisor *s, const char *token)
{
	struct fault why;

	for (size_t i = 0; i < s->ntokens; i++) {
		struct token *t = &s->tokens[i];

		if (strcmp(t->config->name, token) != 0)
			continue;
		if (latch_clear(s->latches, token, &why) != OK)
			log_error("%s", why.text);
		else if (t->latched)
			release(s, t);
	}
}

void
tokens_tell(struct supervisor *s)
{
	for (size_t i = 0; i < s->nlanes; i++)
		if (s->lanes[i].child.state == CHILD_LATCHED)
			lane_tell_down(s, &s->lanes[i],
			    &s->lanes[i].token->reason);
}
