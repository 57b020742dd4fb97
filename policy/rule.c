#include "rule.h"

#include <string.h>

#include "../broker/base/mem.h"

bool
pattern_matches(const char *pattern, const char *s)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(pattern, s, n - 1) == 0;
	return strcmp(pattern, s) == 0;
}

/* The things of a request that a rule may list; where both stand. */
static const struct thing {
	const char *what;
	size_t list; /* in struct config_rule */
	size_t fact; /* in struct facts */
} things[] = {
#define THING(word, plural)                                              \
	{ #word, offsetof(struct config_rule, plural),                   \
	    offsetof(struct facts, word) }
	THING(key, keys), THING(account, accounts), THING(ca, cas),
	THING(certificate, certificates), THING(profile, profiles),
#undef THING
};

static const struct strings *
list_at(const struct config_rule *rule, size_t offset)
{
	return (const void *)((const char *)rule + offset);
}

static const char *
fact_of(const struct facts *facts, const struct thing *thing)
{
	return *(const char *const *)((const char *)facts + thing->fact);
}

/* A list that is not there restricts nothing; one that is there wants a thing
 * on it, except that "*" takes even a request without the thing. */
static bool
thing_matches(const struct config_rule *rule, const struct facts *facts,
    const struct thing *thing)
{
	const struct strings *list = list_at(rule, thing->list);
	const char *fact = fact_of(facts, thing);

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], "*") == 0 ||
		    (fact != NULL && pattern_matches(list->v[i], fact)))
			return true;
	return list->n == 0;
}

/* The first thing of the request that the rule leaves out, or NULL. */
static const struct thing *
unmatched_thing(const struct config_rule *rule, const struct facts *facts)
{
	for (size_t i = 0; i < nitems(things); i++)
		if (!thing_matches(rule, facts, &things[i]))
			return &things[i];
	return NULL;
}

/* A certificate for a wildcard serves the names below as well: a rule that
 * denies one of those denies the wildcard. */
static bool
touches_name(const char *pattern, const char *name)
{
	return name_matches(pattern, name) ||
	    (name[0] == '*' && name_matches(name, pattern));
}

/* What a certificate may be for: lists of a rule and of a request, and when
 * a pattern allows an identifier or denies it. */
static const struct kind {
	const char *what;
	size_t list;	      /* in struct config_rule */
	size_t values, count; /* in struct facts */
	bool (*covers)(const char *pattern, const char *value);
	bool (*touches)(const char *pattern, const char *value);
} kinds[] = {
	{ "name", offsetof(struct config_rule, names),
	    offsetof(struct facts, names), offsetof(struct facts, nnames),
	    name_matches, touches_name },
	{ "address", offsetof(struct config_rule, ips),
	    offsetof(struct facts, ips), offsetof(struct facts, nips),
	    ip_matches, ip_matches },
};

static const struct strings *
list_of(const struct config_rule *rule, const struct kind *kind)
{
	return list_at(rule, kind->list);
}

static const char *const *
values_of(const struct facts *facts, const struct kind *kind, size_t *n)
{
	*n = *(const size_t *)((const char *)facts + kind->count);
	return *(const char *const *const *)((const char *)facts +
	    kind->values);
}

static bool
on_list(const struct strings *list, const char *value,
    bool (*matches)(const char *, const char *))
{
	for (size_t i = 0; i < list->n; i++)
		if (matches(list->v[i], value))
			return true;
	return false;
}

/* The first identifier of that kind that a deny rule is about, or NULL. */
static const char *
touched(const struct config_rule *rule, const struct facts *f,
    const struct kind *kind)
{
	size_t n;
	const char *const *v = values_of(f, kind, &n);

	for (size_t i = 0; i < n; i++)
		if (on_list(list_of(rule, kind), v[i], kind->touches))
			return v[i];
	return NULL;
}

/* The first identifier of that kind that an allow rule leaves out, or NULL.
 * Who only looks needs no list. */
static const char *
uncovered(const struct config_rule *rule, const struct facts *f,
    const struct kind *kind)
{
	const struct strings *list = list_of(rule, kind);
	size_t n;
	const char *const *v = values_of(f, kind, &n);

	if (list->n == 0 && operation_reads(f->operation))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!on_list(list, v[i], kind->covers))
			return v[i];
	return NULL;
}


bool
rule_leaves_out(const struct config_rule *rule, const struct facts *facts,
    struct point *point)
{
	const struct thing *thing = unmatched_thing(rule, facts);
	const char *value;

	if (thing != NULL) {
		*point = (struct point){ thing->what, fact_of(facts, thing),
			false };
		return true;
	}
	for (size_t i = 0; i < nitems(kinds); i++) {
		value = uncovered(rule, facts, &kinds[i]);
		if (value == NULL)
			continue;
		*point = (struct point){ kinds[i].what, value, true };
		return true;
	}
	return false;
}

bool
rule_denies(const struct config_rule *rule, const struct facts *facts,
    struct point *point)
{
	bool lists = false;
	const char *value;

	*point = (struct point){ .value = NULL };
	if (unmatched_thing(rule, facts) != NULL)
		return false;
	for (size_t i = 0; i < nitems(kinds); i++) {
		lists = lists || list_of(rule, &kinds[i])->n > 0;
		value = touched(rule, facts, &kinds[i]);
		if (value == NULL)
			continue;
		*point = (struct point){ kinds[i].what, value, true };
		return true;
	}
	return !lists;
}
