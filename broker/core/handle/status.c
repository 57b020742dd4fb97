#include <stdlib.h>

#include "../../../api/server/http.h"
#include "../../base/b64.h"
#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../audit/audit.h"
#include "../control.h"
#include "handle.h"


#ifndef VERSION
#define VERSION "development"
#endif
#define PROCESSES_MAX 65536 /* bytes of keybrokerd's account of them */

static const char *const audit_words[] = {
	[AUDIT_DURABLE] = "durable",
	[AUDIT_RELAXED] = "relaxed",
};

static void
put_processes(struct json_writer *w)
{
	struct buf text;
	struct fault why;

	buf_init(&text, PROCESSES_MAX);
	if (control_state(core.control, &text, &why) == OK)
		json_put_raw(w, "processes", (const char *)text.data,
		    text.len);
	else
		log_warning("status: %s", why.text);
	buf_free(&text);
}

/* Gives false when one of the tokens has no lane. */
static bool
put_tokens(struct json_writer *w)
{
	size_t n = core.config->ntokens;
	struct lanes_status *tokens = xcalloc(n + 1, sizeof(*tokens));
	bool up = true;

	n = lanes_list(core.lanes, tokens, n);
	json_open_array(w, "tokens");
	for (size_t i = 0; i < n; i++) {
		put_token(w, NULL, &tokens[i]);
		up = up && tokens[i].up > 0;
	}
	json_close_array(w);
	free(tokens);
	return up;
}

static void
put_audit(struct json_writer *w)
{
	struct audit_mark mark = audit_last_checkpoint(core.audit);
	char hex[2 * SHA256_SIZE + 1];

	json_open_object(w, "audit");
	json_put_int(w, "lines", (int64_t)audit_last(core.audit));
	json_put_string(w, "mode", audit_words[core.config->audit]);
	if (mark.seq != 0) {
		hex_encode(hex, mark.hash, SHA256_SIZE);
		json_open_object(w, "checkpoint");
		json_put_int(w, "seq", (int64_t)mark.seq);
		json_put_string(w, "sha256", hex);
		json_close_object(w);
	}
	json_close_object(w);
}

static void
put_counts(struct json_writer *w, const struct store_counts *counts)
{
	json_open_object(w, "certificates");
	json_put_int(w, "total", counts->certificates);
	json_put_int(w, "issued", counts->issued);
	json_put_int(w, "failing", counts->failing);
	json_close_object(w);
	json_open_object(w, "orders");
	json_put_int(w, "open", counts->open_orders);
	json_close_object(w);
	put_audit(w);
	json_put_int(w, "connections", http_server_connections(core.http));
}

/* degraded: a token does not answer, or a certificate is not as it should
 * be. */
enum err
handle_status_get(struct request *rq, struct reply *rp, struct fault *why)
{
	struct store_counts counts;
	struct json_writer w;
	struct decision d;
	struct facts facts;
	enum err err;
	bool up;

	facts_from(&facts, rq, OP_STATUS_READ);
	err = authorize(&facts, rq->peer->pid, &d, why);
	if (err == OK)
		err = store_counts(core.store, clock_now(), &counts, why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	json_open_object(&w, NULL);
	json_put_string(&w, "version", VERSION);
	put_time(&w, "started", core.started);
	put_processes(&w);
	up = put_tokens(&w);
	json_put_string(&w, "state",
	    up && counts.failing == 0 ? "ok" : "degraded");
	put_counts(&w, &counts);
	json_close_object(&w);
	return reply_done(rp, why);
}
