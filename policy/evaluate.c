#include "evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "limits.h"
#include "mistake.h"

#define TENANTS_SHOWN 96 /* bytes of the list of tenants in a reason */

/* The client's tenants, in the order of the configuration. */
struct members {
	const struct config_tenant **v;
	size_t n;
};

/* The first thing about a request that an allow rule does not cover. */
struct gap {
	const struct config_rule *rule;
	const char *what; /* "key", "name" ... */
	const char *value; /* NULL: the request has none */
	bool name;
};

struct evaluation {
	const struct config *c;
	const struct facts *facts;
	int64_t now;
	struct members members;
	struct gap gap;
};

static bool
among(const struct strings *list, const char *s)
{
	for (size_t i = 0; s != NULL && i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return true;
	return false;
}

static bool
among_ids(const uint32_t *ids, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool
belongs(const struct config_tenant *t, const struct facts *f)
{
	if (t->listeners.n > 0 && !among(&t->listeners, f->listener))
		return false;
	if (t->nuids == 0 && t->ngids == 0)
		return t->listeners.n > 0;
	if (among_ids(t->uids, t->nuids, f->uid) ||
	    among_ids(t->gids, t->ngids, f->gid))
		return true;
	for (size_t i = 0; i < f->ngroups; i++)
		if (among_ids(t->gids, t->ngids, f->groups[i]))
			return true;
	return false;
}

static void
find_members(struct evaluation *ev)
{
	struct members *m = &ev->members;

	m->v = xcalloc(ev->c->ntenants, sizeof(*m->v));
	for (size_t i = 0; i < ev->c->ntenants; i++)
		if (belongs(&ev->c->tenants[i], ev->facts))
			m->v[m->n++] = &ev->c->tenants[i];
}

static bool
is_everybody(const struct config_rule *rule)
{
	return strcmp(rule->tenant, "*") == 0;
}

/* True when a rule speaks about this client, operation and time at all. */
static bool
concerns(const struct evaluation *ev, const struct config_rule *rule)
{
	if (!rule->operations[ev->facts->operation] ||
	    (rule->until != 0 && ev->now >= rule->until))
		return false;
	if (is_everybody(rule))
		return true;
	for (size_t i = 0; i < ev->members.n; i++)
		if (strcmp(ev->members.v[i]->name, rule->tenant) == 0)
			return true;
	return false;
}

static bool
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
	const struct strings *list = (const struct strings *)
	    ((const char *)rule + thing->list);
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

static bool
covers(const struct config_rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->names.n; i++)
		if (name_matches(rule->names.v[i], name))
			return true;
	return false;
}

/* A certificate for a wildcard serves the names below as well: a rule that
 * denies one of those denies the wildcard. */
static bool
denies_name(const struct config_rule *rule, const char *name)
{
	if (covers(rule, name))
		return true;
	for (size_t i = 0; name[0] == '*' && i < rule->names.n; i++)
		if (name_matches(name, rule->names.v[i]))
			return true;
	return false;
}

/*
 * True when a deny rule matches: everything that it lists is there, and, if
 * it lists names, one of the request's is among them.
 */
static bool
denies(const struct evaluation *ev, const struct config_rule *rule,
    const char **name)
{
	const struct facts *f = ev->facts;

	*name = NULL;
	if (rule->allow || !concerns(ev, rule) ||
	    unmatched_thing(rule, f) != NULL)
		return false;
	if (rule->names.n == 0)
		return true;
	for (size_t i = 0; i < f->nnames; i++)
		if (denies_name(rule, f->names[i])) {
			*name = f->names[i];
			return true;
		}
	return false;
}

/* Remembers why a rule did not allow; a name tells more than a thing. */
static void
note_gap(struct evaluation *ev, const struct gap *gap)
{
	if (ev->gap.rule == NULL || (gap->name && !ev->gap.name))
		ev->gap = *gap;
}

static bool
allows(struct evaluation *ev, const struct config_rule *rule)
{
	const struct facts *f = ev->facts;
	const struct thing *thing;

	if (!rule->allow || !concerns(ev, rule))
		return false;
	thing = unmatched_thing(rule, f);
	if (thing != NULL) {
		note_gap(ev, &(struct gap){ rule, thing->what,
			fact_of(f, thing), false });
		return false;
	}
	if (rule->names.n == 0 && operation_reads(f->operation))
		return true;
	for (size_t i = 0; i < f->nnames; i++)
		if (!covers(rule, f->names[i])) {
			note_gap(ev, &(struct gap){ rule, "name", f->names[i],
				true });
			return false;
		}
	/* Addresses are not what names are about. */
	if (f->nips > 0)
		note_gap(ev, &(struct gap){ rule, "address", f->ips[0],
			true });
	return f->nips == 0;
}

/* The tenant to hold responsible: the rule's own, else the client's first. */
static const char *
tenant_of(const struct evaluation *ev, const struct config_rule *rule)
{
	if (rule != NULL && !is_everybody(rule))
		return rule->tenant;
	return ev->members.n > 0 ? ev->members.v[0]->name : NULL;
}

/* Which bucket of a rule: one for each tenant of a rule for everybody. */
static size_t
slot_of(const struct evaluation *ev, const struct config_rule *rule)
{
	if (!is_everybody(rule) || ev->members.n == 0)
		return 0;
	return (size_t)(ev->members.v[0] - ev->c->tenants) + 1;
}

static void
put_tenants(const struct evaluation *ev, char out[static TENANTS_SHOWN])
{
	size_t n = 0;

	if (ev->members.n == 0) {
		snprintf(out, TENANTS_SHOWN, "a client without a tenant");
		return;
	}
	n = (size_t)snprintf(out, TENANTS_SHOWN, "the tenant%s",
	    ev->members.n > 1 ? "s" : "");
	for (size_t i = 0; i < ev->members.n; i++) {
		const char *name = ev->members.v[i]->name;

		if (n + strlen(name) + sizeof(", ...") > TENANTS_SHOWN) {
			snprintf(out + n, TENANTS_SHOWN - n, " ...");
			return;
		}
		n += (size_t)snprintf(out + n, TENANTS_SHOWN - n, "%s%s",
		    i > 0 ? ", " : " ", name);
	}
}

static void
refuse_by_default(const struct evaluation *ev, struct decision *d)
{
	const struct gap *gap = &ev->gap;
	char tenants[TENANTS_SHOWN], value[SHOWN_MAX];
	int n;

	d->code = ERR_DENIED;
	d->tenant = tenant_of(ev, NULL);
	put_tenants(ev, tenants);
	n = snprintf(d->reason, sizeof(d->reason), "no rule allows %s to %s",
	    operation_name(ev->facts->operation), tenants);
	if (gap->rule == NULL)
		return;
	if (gap->value != NULL)
		snprintf(d->reason + n, sizeof(d->reason) - (size_t)n,
		    "; line %u leaves out the %s \"%s\"", gap->rule->line,
		    gap->what, shown(gap->value, value));
	else
		snprintf(d->reason + n, sizeof(d->reason) - (size_t)n,
		    "; line %u wants a certain %s", gap->rule->line,
		    gap->what);
}

static void
refuse_by_rule(const struct evaluation *ev, const struct config_rule *rule,
    const char *name, struct decision *d)
{
	char text[SHOWN_MAX];

	d->code = ERR_DENIED;
	d->tenant = tenant_of(ev, rule);
	d->line = rule->line;
	snprintf(d->reason, sizeof(d->reason),
	    "the rule at line %u denies %s to %s%s%s%s%s", rule->line,
	    operation_name(ev->facts->operation),
	    is_everybody(rule) ? "everybody" : "the tenant ",
	    is_everybody(rule) ? "" : rule->tenant,
	    name != NULL ? " for the name \"" : "",
	    name != NULL ? shown(name, text) : "", name != NULL ? "\"" : "");
}

static void
allow_by_rule(const struct evaluation *ev, const struct config_rule *rule,
    struct limits *limits, bool spend, struct decision *d)
{
	d->tenant = tenant_of(ev, rule);
	d->line = rule->line;
	if (limits != NULL && rule->rate_count != 0)
		d->retry_after = limits_take(limits, rule, slot_of(ev, rule),
		    ev->now, spend);
	d->allow = d->retry_after == 0;
	d->code = d->allow ? OK : ERR_RATE;
	snprintf(d->reason, sizeof(d->reason),
	    d->allow ? "the rule at line %u allows %s" :
	    "the rate of the rule at line %u is used up for %s", rule->line,
	    operation_name(ev->facts->operation));
}

static void
decide(struct evaluation *ev, struct limits *limits, bool spend,
    struct decision *d)
{
	const struct config *c = ev->c;
	const char *name;

	for (size_t i = 0; i < c->nrules; i++)
		if (denies(ev, &c->rules[i], &name)) {
			refuse_by_rule(ev, &c->rules[i], name, d);
			return;
		}
	for (size_t i = 0; i < c->nrules; i++)
		if (allows(ev, &c->rules[i])) {
			allow_by_rule(ev, &c->rules[i], limits, spend, d);
			return;
		}
	refuse_by_default(ev, d);
}

bool
policy_member(const struct config *c, const struct facts *facts,
    const char *tenant)
{
	for (size_t i = 0; i < c->ntenants; i++)
		if (strcmp(c->tenants[i].name, tenant) == 0)
			return belongs(&c->tenants[i], facts);
	return false;
}

struct decision
policy_evaluate(const struct config *c, struct limits *limits,
    const struct facts *facts, int64_t now, bool spend)
{
	struct evaluation ev = { .c = c, .facts = facts, .now = now };
	struct decision d = { .code = ERR_DENIED };

	if ((unsigned)facts->operation >= OP__MAX) {
		snprintf(d.reason, sizeof(d.reason), "unknown operation");
		return d;
	}
	find_members(&ev);
	decide(&ev, limits, spend, &d);
	free(ev.members.v);
	for (char *p = d.reason; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return d;
}
