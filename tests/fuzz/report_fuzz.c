/*
 * The core's reader of the issuer's reports, when the issuer is no friend.
 * What comes out of it is within bounds, and fit for JSON again.
 */
#include "../../broker/base/mem.h"
#include "../../broker/base/url.h"
#include "../../broker/core/engine/report.h"
#include "fuzz.h"

static void
require_report(const struct report *r)
{
	require(r->outcome <= OUTCOME_MALFORMED && r->status <= 999);
	require(r->retry_after >= -1 && r->retry_after <= 86400);
	require(r->location == NULL || url_valid(r->location));
	require(r->type != NULL);
	require(r->outcome != OUTCOME_OK || json_is_object(r->facts));
	require(memchr(r->words, '\0', sizeof(r->words)) != NULL);
}

/* The words become part of JSON again. */
static void
require_words(const char *words)
{
	struct json_writer w;
	struct json *v;
	struct buf b;

	buf_init(&b, 8 * STORE_TEXT);
	json_write_start(&w, &b);
	json_put_string(&w, NULL, words);
	v = json_parse(buf_str(&b), b.len, NULL);
	require(json_is_string(v));
	json_free(v);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct json *v = json_parse((const char *)p, n, NULL);
	struct fault why = { 0 };
	struct report r;
	enum err e;

	if (v == NULL)
		return 0;
	e = report_read(&r, v, &why);
	if (e == OK) {
		require_report(&r);
		require_words(r.words);
	} else {
		require_fault(e, &why);
	}
	json_free(v);
	return 0;
}
