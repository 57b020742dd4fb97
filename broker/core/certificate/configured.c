#include "configured.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../core.h"
#include "../store/store.h"

static char *
join(const struct strings *s)
{
	struct buf b;

	buf_init(&b, ORDER_NAMES_MAX);
	for (size_t i = 0; i < s->n; i++)
		buf_putf(&b, "%s%s", i > 0 ? " " : "", s->v[i]);
	return (char *)buf_take(&b, NULL);
}

static void
wanted(struct certificate_row *c, const struct config_certificate *cc)
{
	snprintf(c->name, sizeof(c->name), "%s", cc->name);
	snprintf(c->account, sizeof(c->account), "%s", cc->account);
	snprintf(c->token, sizeof(c->token), "%s", cc->key.token);
	snprintf(c->foreign_key, sizeof(c->foreign_key), "%s",
	    cc->key.name != NULL ? cc->key.name : "");
	snprintf(c->webroot, sizeof(c->webroot), "%s",
	    cc->webroot != NULL ? cc->webroot : "");
	c->configured = true;
	c->deleted = false;
	c->key_type = cc->key.type;
	c->sample = cc->key.verify == VERIFY_SAMPLE;
	c->challenge = cc->challenge;
	free(c->names);
	c->names = join(&cc->names);
}

/* Other names want another certificate: the old chain stays published until
 * the new one is there, but it is due at once. */
static void
load_one(const struct config_certificate *cc)
{
	struct certificate_row c = { .order = 0 };
	char *before = NULL;
	struct fault why;

	if (store_certificate_get(core.store, cc->name, &c, &why) == OK)
		before = xstrdup(c.names);
	wanted(&c, cc);
	if (before != NULL && strcmp(before, c.names) != 0)
		c.not_after = c.not_before;
	c.updated = clock_now();
	if (store_certificate_put(core.store, &c, &why) != OK)
		fatal("certificate %s not stored: %s", cc->name, why.text);
	certificate_row_free(&c);
	free(before);
}

struct gone {
	char (*names)[STORE_NAME];
	size_t n;
};

static bool
find_gone(const struct certificate_row *c, void *arg)
{
	struct gone *gone = arg;

	if (!c->configured || config_certificate(core.config, c->name) != NULL)
		return true;
	gone->names = xreallocarray(gone->names, gone->n + 1, STORE_NAME);
	memcpy(gone->names[gone->n++], c->name, STORE_NAME);
	return true;
}

/* No longer in the configuration: no longer managed; what was published
 * stays for those who use it. */
static void
drop_gone(void)
{
	struct gone gone = { 0 };
	struct certificate_row c;
	struct fault why;

	if (store_certificates(core.store, "", SIZE_MAX, find_gone, &gone,
		&why) != OK)
		fatal("cannot read the certificates: %s", why.text);
	for (size_t i = 0; i < gone.n; i++) {
		if (store_certificate_get(core.store, gone.names[i], &c,
			&why) != OK)
			continue;
		c.deleted = true;
		log_info("certificate %s is no longer configured", c.name);
		if (store_certificate_put(core.store, &c, &why) != OK)
			log_error("certificate %s: %s", c.name, why.text);
		certificate_row_free(&c);
	}
	free(gone.names);
}

void
certificates_load(void)
{
	for (size_t i = 0; i < core.config->ncertificates; i++)
		load_one(&core.config->certificates[i]);
	drop_gone();
}
