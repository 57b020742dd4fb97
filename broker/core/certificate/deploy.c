/*
 * Telling the programs that use a certificate: a state of its own, tried
 * again until it works or the configured tries are used up.
 */
#include "deploy.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../base/clock.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../../base/points.h"
#include "../core.h"
#include "../engine/hook.h"
#include "../engine/job.h"
#include "../key/keys.h"
#include "../order/order.h"

#define RETRY_FIRST 5000 /* milliseconds */
#define RETRY_MOST  3600000

static enum err
put_ours(const struct deployment_row *d, struct fault *why)
{
	struct deployment_row now;
	enum err e;

	e = store_deployment_get(core.store, d->certificate, &now, why);
	if (e == OK && now.order != d->order)
		e = fault_set(why, ERR_CONFLICT, "order %lld is newer",
		    (long long)now.order);
	return e == OK ? store_deployment_put(core.store, d, why) : e;
}

/* False: tried again, or over because the row belongs to a newer certificate
 * meanwhile, whose order asks for this job anew. */
static bool
save(struct job *j, struct deployment_row *d)
{
	struct fault why;
	enum err e;

	d->updated = clock_now();
	e = store_begin(core.store, &why);
	if (e == OK) {
		e = put_ours(d, &why);
		if (e == OK)
			e = store_commit(core.store, &why);
		else
			store_rollback(core.store);
	}
	if (e == OK)
		return true;
	log_warning("deployment of %s not stored: %s", d->certificate,
	    why.text);
	j->over = e == ERR_CONFLICT;
	job_again(j, RETRY_FIRST);
	return false;
}

static enum err
run_program(const struct deployment_row *d, struct hook_end *end,
    struct fault *why)
{
	struct certificate_row c;
	char *folder, *chain, *uri, number[24];
	enum err e;

	e = store_certificate_get(core.store, d->certificate, &c, why);
	if (e != OK)
		return e;
	folder = xasprintf("%s/certificates/%s", core.config->state, c.name);
	chain = xasprintf("%s/fullchain.pem", folder);
	uri = keys_uri(core.keys, c.key);
	snprintf(number, sizeof(number), "%lld", (long long)c.not_after);
	const char *values[] = {
		"KEYBROKER_CERTIFICATE", c.name,
		"KEYBROKER_NAMES", c.names,
		"KEYBROKER_FOLDER", folder,
		"KEYBROKER_FULLCHAIN", chain,
		"KEYBROKER_KEY_URI", uri != NULL ? uri : "",
		"KEYBROKER_SERIAL", c.serial,
		"KEYBROKER_NOT_AFTER", number,
	};
	e = hook_run(HOOK_DEPLOY, c.name, values, nitems(values), end, why);
	free(uri);
	free(chain);
	free(folder);
	certificate_row_free(&c);
	return e;
}

static void
finish(struct job *j, struct deployment_row *d, unsigned retries)
{
	static const char *const told[] = {
		[DEPLOY_PENDING] = "the deploy program failed, to be tried "
		    "again",
		[DEPLOY_DONE] = "deployed",
		[DEPLOY_FAILED] = "the deploy program failed for the last "
		    "time",
	};
	int64_t pause;

	if (d->exit_status == 0) {
		d->state = DEPLOY_DONE;
	} else if (d->attempts > retries) {
		d->state = DEPLOY_FAILED;
	} else {
		pause = backoff(d->attempts, RETRY_FIRST, RETRY_MOST);
		d->state = DEPLOY_PENDING;
		d->next_at = clock_now_ms() + pause;
		job_again(j, pause);
	}
	j->over = d->state != DEPLOY_PENDING;
	if (!save(j, d))
		return;
	order_note(d->order, "%s%s%.200s", told[d->state],
	    d->exit_status != 0 && d->output[0] != '\0' ? ": " : "",
	    d->exit_status != 0 ? d->output : "");
}

static void
run(struct job *j)
{
	const struct config_certificate *c;
	struct deployment_row d;
	struct hook_end end = { .status = 0 };
	struct fault why;
	enum err e;

	c = config_certificate(core.config, j->name);
	if (c == NULL || c->deploy.path == NULL ||
	    store_deployment_get(core.store, j->name, &d, &why) != OK ||
	    d.state == DEPLOY_DONE || d.state == DEPLOY_FAILED) {
		j->over = true;
		return;
	}
	d.state = DEPLOY_RUNNING;
	d.attempts++;
	if (!save(j, &d))
		return;
	POINT("deploy", "before");
	e = run_program(&d, &end, &why);
	if (e == ERR_CLOSED)
		return; /* the next start goes on from here */
	if (e != OK) {
		end.status = 255;
		snprintf(end.output, sizeof(end.output), "%s", why.text);
	}
	POINT("deploy", "after");
	d.exit_status = end.timed_out && end.status == 0 ? 255 : end.status;
	snprintf(d.output, sizeof(d.output), "%s%.4000s", end.timed_out ?
	    "ran longer than allowed; " : "", end.output);
	finish(j, &d, c->deploy.retries);
}

const struct job_class deploy_class = { .run = run };

static bool
add(const struct deployment_row *d, void *arg)
{
	(void)arg;
	job_add(JOB_DEPLOY, d->certificate, 0, d->next_at);
	return true;
}

void
deployments_load(void)
{
	struct fault why;

	if (store_deployments_due(core.store, INT64_MAX, add, NULL, &why) !=
	    OK)
		fatal("cannot read the deployments: %s", why.text);
}
