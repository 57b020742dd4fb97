#include "twist.h"

#include <stdlib.h>
#include <string.h>

void
choose(struct chosen *c, const struct script *s, enum step step, unsigned n)
{
	c->n = 0;
	for (size_t i = 0; i < s->n && c->n < CHOSEN_MAX; i++)
		if (rule_is_for(&s->rules[i], step, n))
			c->rules[c->n++] = &s->rules[i];
}

const char *
chosen_text(const struct chosen *c, const char *action)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->rules[i]->action->name, action) == 0)
			return c->rules[i]->text;
	return NULL;
}

bool
chosen_unread(const struct chosen *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (action_is_unread(c->rules[i]->action, c->rules[i]->text))
			return true;
	return false;
}

static bool
run_all(const struct chosen *c, enum kind kind, struct reply *r)
{
	bool some = false;

	for (size_t i = 0; i < c->n; i++)
		if (c->rules[i]->action->kind == kind) {
			c->rules[i]->action->run(r, c->rules[i]->text);
			some = true;
		}
	return some;
}

bool
twist_instead(const struct chosen *c, struct reply *r)
{
	return run_all(c, INSTEAD, r);
}

void
twist(const struct chosen *c, struct reply *r)
{
	char *text;

	if (r->json != NULL) {
		run_all(c, TWIST, r);
		text = cJSON_PrintUnformatted(r->json);
		buf_reset(&r->answer->body);
		buf_puts(&r->answer->body, text);
		free(text);
		cJSON_Delete(r->json);
		r->json = NULL;
	}
	run_all(c, WIRE, r);
}
