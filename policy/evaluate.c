#include "evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "limits.h"
#include "mistake.h"
#include "rule.h"
#include "tenant.h"

#define TENANTS_SHOWN 96 /* bytes of the list of tenants in a reason */

/* The client's tenants, in the order of the configuration. */
struct members {
	const struct config_tenant **v;
	size_t n;
};

struct evaluation {
	const struct config *c;
	const struct facts *facts;
	int64_t now;
	struct members members;
	const struct config_rule *gap_rule; /* that came nearest to allow */
	struct point gap;
};

static void
find_members(struct evaluation *ev)
{
	struct members *m = &ev->members;

	m->v = xcalloc(ev->c->ntenants, sizeof(*m->v));
	for (size_t i = 0; i < ev->c->ntenants; i++)
		if (tenant_has(&ev->c->tenants[i], ev->facts))
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

/* Remembers why a rule did not allow; an identifier tells more than a
 * thing. */
static void
note_gap(struct evaluation *ev, const struct config_rule *rule,
    const struct point *point)
{
	if (ev->gap_rule != NULL &&
	    (!point->identifier || ev->gap.identifier))
		return;
	ev->gap_rule = rule;
	ev->gap = *point;
}

static bool
denies(const struct evaluation *ev, const struct config_rule *rule,
    struct point *point)
{
	return !rule->allow && concerns(ev, rule) &&
	    rule_denies(rule, ev->facts, point);
}

static bool
allows(struct evaluation *ev, const struct config_rule *rule)
{
	struct point point;

	if (!rule->allow || !concerns(ev, rule))
		return false;
	if (!rule_leaves_out(rule, ev->facts, &point))
		return true;
	note_gap(ev, rule, &point);
	return false;
}

/* The tenant to hold responsible: the rule's own, else the client's first. */
static void
settle_tenant(const struct evaluation *ev, const struct config_rule *rule,
    struct decision *d)
{
	const struct members *m = &ev->members;
	size_t i = 0;

	while (rule != NULL && i < m->n &&
	    strcmp(m->v[i]->name, rule->tenant) != 0)
		i++;
	if (m->n == 0)
		return;
	if (i == m->n)
		i = 0;
	d->tenant = m->v[i]->name;
	d->number = (size_t)(m->v[i] - ev->c->tenants) + 1;
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
	const struct point *gap = &ev->gap;
	char tenants[TENANTS_SHOWN], value[SHOWN_MAX];
	int n;

	d->code = ERR_DENIED;
	settle_tenant(ev, NULL, d);
	put_tenants(ev, tenants);
	n = snprintf(d->reason, sizeof(d->reason), "no rule allows %s to %s",
	    operation_name(ev->facts->operation), tenants);
	if (ev->gap_rule == NULL)
		return;
	if (gap->value != NULL)
		snprintf(d->reason + n, sizeof(d->reason) - (size_t)n,
		    "; line %u leaves out the %s \"%s\"", ev->gap_rule->line,
		    gap->what, shown(gap->value, value));
	else
		snprintf(d->reason + n, sizeof(d->reason) - (size_t)n,
		    "; line %u wants a certain %s", ev->gap_rule->line,
		    gap->what);
}

static void
refuse_by_rule(const struct evaluation *ev, const struct config_rule *rule,
    const struct point *point, struct decision *d)
{
	bool about = point->value != NULL;
	char text[SHOWN_MAX];

	d->code = ERR_DENIED;
	settle_tenant(ev, rule, d);
	d->line = rule->line;
	snprintf(d->reason, sizeof(d->reason),
	    "the rule at line %u denies %s to %s%s%s%s%s%s%s", rule->line,
	    operation_name(ev->facts->operation),
	    is_everybody(rule) ? "everybody" : "the tenant ",
	    is_everybody(rule) ? "" : rule->tenant,
	    about ? " for the " : "", about ? point->what : "",
	    about ? " \"" : "", about ? shown(point->value, text) : "",
	    about ? "\"" : "");
}

static void
allow_by_rule(const struct evaluation *ev, const struct config_rule *rule,
    struct limits *limits, bool spend, struct decision *d)
{
	settle_tenant(ev, rule, d);
	d->line = rule->line;
	if (limits != NULL && rule->rates.n != 0)
		d->retry_after = limits_take(limits, rule,
		    is_everybody(rule) ? d->number : 0, ev->now, spend);
	d->allow = d->retry_after == 0;
	d->code = d->allow ? OK : ERR_RATE;
	snprintf(d->reason, sizeof(d->reason),
	    d->allow ? "the rule at line %u allows %s" :
	    "the rate of the rule at line %u is used up for %s", rule->line,
	    operation_name(ev->facts->operation));
}

/* Whose a thing is counts after the rules: a client learns of another
 * tenant's no more than of one that does not exist. */
static void
refuse_trespass(const struct evaluation *ev, struct decision *d)
{
	struct trespass t;
	char text[SHOWN_MAX];

	if (!d->allow || !tenant_trespasses(ev->c, ev->facts, &t))
		return;
	d->allow = false;
	d->code = t.owner != NULL ? ERR_NOT_FOUND : ERR_DENIED;
	if (t.owner != NULL)
		snprintf(d->reason, sizeof(d->reason),
		    "the %s \"%s\" is the tenant %s's", t.what,
		    shown(t.value, text), t.owner->name);
	else
		snprintf(d->reason, sizeof(d->reason), "the name \"%s\" is "
		    "none that the client's tenant owns",
		    shown(t.value, text));
	d->foreign = t.owner != NULL ? t.what : NULL;
}

static void
decide(struct evaluation *ev, struct limits *limits, bool spend,
    struct decision *d)
{
	const struct config *c = ev->c;
	struct point point;

	for (size_t i = 0; i < c->nrules; i++)
		if (denies(ev, &c->rules[i], &point)) {
			refuse_by_rule(ev, &c->rules[i], &point, d);
			return;
		}
	for (size_t i = 0; i < c->nrules; i++)
		if (allows(ev, &c->rules[i])) {
			allow_by_rule(ev, &c->rules[i], limits, spend, d);
			return;
		}
	refuse_by_default(ev, d);
}

size_t
policy_tenants(const struct config *c, const struct facts *facts,
    const char **v, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->ntenants && n < max; i++)
		if (tenant_has(&c->tenants[i], facts))
			v[n++] = c->tenants[i].name;
	return n;
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
	refuse_trespass(&ev, &d);
	free(ev.members.v);
	for (char *p = d.reason; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return d;
}
