#include "outcome.h"

#include <string.h>

#include "../base/mem.h"

static const char *const words[] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_PROBLEM] = "problem",
	[OUTCOME_NETWORK] = "network",
	[OUTCOME_MALFORMED] = "malformed",
	[OUTCOME_OVER] = "over",
};
_Static_assert(nitems(words) == OUTCOME__MAX, "a word for each outcome");

void
outcome_init(struct outcome *o)
{
	*o = (struct outcome){ .retry_after = -1 };
	buf_init(&o->body, OUTCOME_BYTES_MAX);
}

void
outcome_free(struct outcome *o)
{
	buf_free(&o->body);
}

const char *
outcome_word(const struct outcome *o)
{
	return words[o->kind];
}

void
outcome_answered(struct outcome *o, const struct http_answer *a)
{
	o->status = a->status;
	o->retry_after = a->headers.retry_after;
	strcpy(o->location, a->headers.location);
}

void
outcome_network(struct outcome *o, bool sent, const struct fault *why)
{
	o->kind = OUTCOME_NETWORK;
	o->sent = sent;
	o->status = 0;
	o->retry_after = -1;
	o->location[0] = '\0';
	strcpy(o->detail, why->text);
}

void
outcome_malformed(struct outcome *o, const struct fault *why)
{
	o->kind = OUTCOME_MALFORMED;
	strcpy(o->detail, why->text);
}

static void
put_body(const struct outcome *o, struct json_writer *w)
{
	switch (o->kind) {
	case OUTCOME_OK:
		json_put_raw(w, "facts", (const char *)o->body.data,
		    o->body.len);
		break;
	case OUTCOME_PROBLEM:
		json_put_raw(w, "problem", (const char *)o->body.data,
		    o->body.len);
		break;
	case OUTCOME_NETWORK:
		json_put_bool(w, "sent", o->sent);
		/* fall through */
	default:
		json_put_string(w, "detail", o->detail);
	}
}

static void
put(const struct outcome *o, int64_t task, struct json_writer *w)
{
	json_open_object(w, NULL);
	json_put_int(w, "task", task);
	json_put_string(w, "outcome", outcome_word(o));
	if (o->status != 0)
		json_put_int(w, "status", o->status);
	if (o->retry_after >= 0)
		json_put_int(w, "retryAfter", o->retry_after);
	if (o->location[0] != '\0')
		json_put_string(w, "location", o->location);
	put_body(o, w);
	json_close_object(w);
}

/* An answer may be right and yet more than the core reads in one piece. */
void
outcome_write(const struct outcome *o, int64_t task, struct buf *out)
{
	struct outcome large = { .kind = OUTCOME_MALFORMED,
		.status = o->status, .retry_after = o->retry_after };
	struct json_writer w;
	struct fault why;

	if (!o->body.failed) {
		json_write_start(&w, out);
		put(o, task, &w);
		if (!out->failed)
			return;
		buf_reset(out);
	}
	fault_set(&why, ERR_LIMIT, "the answer makes a report longer than %d "
	    "bytes", OUTCOME_BYTES_MAX);
	outcome_malformed(&large, &why);
	json_write_start(&w, out);
	put(&large, task, &w);
}
