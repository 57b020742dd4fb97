#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/mem.h"
#include "action.h"

static const char *const steps[] = {
#define X(id, word) [STEP_##id] = word,
	STEPS(X)
#undef X
};

const char *
step_name(enum step step)
{
	return steps[step];
}

/* Cuts a word off; gives "" at the end of the line. */
static char *
next_word(char **line)
{
	char *word = *line + strspn(*line, " \t");

	*line = word + strcspn(word, " \t");
	if (**line != '\0')
		*(*line)++ = '\0';
	*line += strspn(*line, " \t");
	return word;
}

static bool
read_step(struct rule *r, const char *word)
{
	for (r->step = 0; r->step < STEP__MAX; r->step++)
		if (strcmp(steps[r->step], word) == 0)
			return true;
	return false;
}

/* "3", "3-5", "3-" or "*". */
static bool
read_which(struct rule *r, const char *word)
{
	char *end;

	r->first = 1;
	r->last = UINT_MAX;
	if (strcmp(word, "*") == 0)
		return true;
	r->first = r->last = (unsigned)strtoul(word, &end, 10);
	if (end == word || r->first == 0)
		return false;
	if (*end == '\0')
		return true;
	if (*end != '-')
		return false;
	word = end + 1;
	r->last = *word == '\0' ? UINT_MAX :
	    (unsigned)strtoul(word, &end, 10);
	return *word == '\0' || *end == '\0';
}

/* NULL, or what is wrong with the line. */
static const char *
read_rule(struct script *s, char *line)
{
	struct rule r = { .step = 0 };

	if (!read_step(&r, next_word(&line)))
		return "there is no such step";
	if (!read_which(&r, next_word(&line)))
		return "which request?  N, N-M, N- or *";
	r.action = action_find(next_word(&line));
	if (r.action == NULL)
		return "there is no such action";
	if (!action_takes(r.action, line))
		return "the action does not take that";
	r.text = xstrdup(line);
	s->rules = xreallocarray(s->rules, s->n + 1, sizeof(r));
	s->rules[s->n++] = r;
	return NULL;
}

bool
script_read(struct script *s, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	const char *wrong = NULL;

	*s = (struct script){ .n = 0 };
	if (file == NULL)
		return errno == ENOENT;
	for (unsigned i = 1; wrong == NULL &&
	    fgets(line, sizeof(line), file) != NULL; i++) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
			continue;
		wrong = read_rule(s, line);
		if (wrong != NULL)
			fprintf(stderr, "%s:%u: %s\n", path, i, wrong);
	}
	fclose(file);
	return wrong == NULL;
}

bool
rule_is_for(const struct rule *r, enum step step, unsigned n)
{
	return r->step == step && n >= r->first && n <= r->last;
}
