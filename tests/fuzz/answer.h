/*
 * What the issuer's readers of a CA's answers have in common: their input is
 * JSON or something else, and what they make of it is an object that the
 * core's reader of reports takes without a word.
 */
#ifndef TESTS_FUZZ_ANSWER_H
#define TESTS_FUZZ_ANSWER_H

#include "../../broker/base/mem.h"
#include "../../broker/core/engine/report.h"
#include "../../broker/issuer/answer.h"
#include "../../broker/issuer/problem.h"
#include "fuzz.h"

#define FACTS_MAX 65536 /* of a report, as in outcome.h */

/* Neither control characters in a word nor a text that is too long. */
static inline void
require_words(const struct json *v, unsigned depth)
{
	require(depth <= JSON_DEPTH);
	for (v = json_first(v); v != NULL; v = json_next(v)) {
		const char *s = json_string(v);

		require(s == NULL || strlen(s) <= 3 * TEXT_MAX);
		for (; s != NULL && *s != '\0'; s++)
			require((unsigned char)*s >= 0x20 && *s != 0x7f);
		require_words(v, depth + 1);
	}
}

/* The core takes what was written as this member of a report. */
static inline void
require_report(const char *member, const struct buf *facts)
{
	bool problem = strcmp(member, "problem") == 0;
	struct json_writer w;
	struct report r;
	struct fault why;
	struct json *v;
	struct buf b;

	buf_init(&b, 2 * FACTS_MAX);
	json_write_start(&w, &b);
	json_open_object(&w, NULL);
	json_put_int(&w, "task", 1);
	json_put_string(&w, "outcome", problem ? "problem" : "ok");
	json_put_raw(&w, member, (const char *)facts->data, facts->len);
	json_close_object(&w);
	require(!b.failed);
	v = json_parse(buf_str(&b), b.len, &why);
	require(v != NULL);
	require(report_read(&r, v, &why) == OK);
	require(strlen(r.words) < sizeof(r.words));
	require(!problem || r.words[0] != '\0');
	require_words(json_get(v, member), 1);
	json_free(v);
	buf_free(&b);
}

/* Runs a reader over the text; true when it took it, and then out has what
 * it wrote. */
static inline bool
answer_read(answer_reader *read, const uint8_t *p, size_t n, struct buf *out)
{
	struct json *v = json_parse((const char *)p, n, NULL);
	struct fault why = { 0 };
	struct json_writer w;
	enum err e = ERR_SYNTAX;

	buf_init(out, FACTS_MAX);
	if (v != NULL) {
		json_write_start(&w, out);
		json_open_object(&w, NULL);
		e = read(&w, v, &why);
		json_close_object(&w);
		if (e != OK)
			require_fault(e, &why);
	}
	json_free(v);
	if (e != OK || out->failed)
		return false;
	require_report("facts", out);
	return true;
}

#endif
