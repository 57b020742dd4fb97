/*
 * audit export: a range of the log and, behind it, the lines up to the
 * checkpoint that covers its last one.  Nothing is added: each line carries
 * the hash of the one before, so that the one signature proves all of them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/clock.h"
#include "files.h"
#include "lines.h"
#include "pages.h"
#include "verify.h"

const struct option_row audit_export_options[] = {
	{ "from", 0, OPTION_NUMBER, false, "SEQ",
	    "begin with this line", COMPLETE_NONE, NULL },
	{ "to", 0, OPTION_NUMBER, false, "SEQ",
	    "end with this line", COMPLETE_NONE, NULL },
	{ "since", 0, OPTION_TIME, false, "TIME",
	    "begin with the first line that is not older", COMPLETE_NONE,
	    NULL },
	{ "until", 0, OPTION_TIME, false, "TIME",
	    "end before the first line of then or later", COMPLETE_NONE,
	    NULL },
	OPTION_END
};

struct range {
	int64_t from, to;
	char since[RFC3339_SIZE], until[RFC3339_SIZE]; /* "": none */
	enum { BEFORE, WITHIN, BEHIND, PROVED } at;
	int64_t first, last; /* of the range; 0: it is empty so far */
	int64_t checkpoint;  /* the last one printed */
	struct fault bad;    /* code OK: all is well */
};

static void
read_range(struct range *r, const struct args *a)
{
	int64_t seconds;

	*r = (struct range){ .from = 1, .to = JSON_INT_MAX };
	args_number(a, "from", &r->from);
	args_number(a, "to", &r->to);
	if (args_number(a, "since", &seconds))
		clock_rfc3339(seconds * 1000, r->since);
	if (args_number(a, "until", &seconds))
		clock_rfc3339(seconds * 1000, r->until);
}

static bool
is_behind(const struct range *r, int64_t seq, const char *time)
{
	return seq > r->to ||
	    (r->until[0] != '\0' && strcmp(time, r->until) >= 0);
}

/* Where the line stands; the range is one piece, whatever the clock did. */
static void
place(struct range *r, int64_t seq, const char *time)
{
	if (r->at == BEFORE && seq >= r->from &&
	    strcmp(time, r->since) >= 0)
		r->at = WITHIN;
	if (r->at == WITHIN && is_behind(r, seq, time))
		r->at = r->first != 0 ? BEHIND : PROVED;
	if (r->at != WITHIN)
		return;
	r->last = seq;
	if (r->first == 0)
		r->first = seq;
}

/* Prints a line when it belongs to the range or its proof; false when both
 * are complete. */
static bool
take(struct range *r, const struct json *line, const char *text, size_t n)
{
	const char *time = json_get_string(line, "time");
	const char *event = json_get_string(line, "event");
	int64_t seq;

	if (time == NULL || event == NULL ||
	    !json_get_int(line, "seq", &seq)) {
		fault_set(&r->bad, ERR_SYNTAX, "a line without \"seq\", "
		    "\"time\" or \"event\": only who may read the whole log "
		    "can prove it");
		return false;
	}
	place(r, seq, time);
	if (r->at == BEFORE || r->at == PROVED)
		return r->at == BEFORE;
	fwrite(text, 1, n, stdout);
	putchar('\n');
	if (strcmp(event, "checkpoint") == 0) {
		r->checkpoint = seq;
		if (r->at == BEHIND || seq == r->to)
			r->at = PROVED;
	}
	return r->at != PROVED && !ferror(stdout);
}

/* ------------------------------------------------------------------ sources */

static bool
take_item(const struct json *item, void *arg)
{
	struct json_writer w;
	struct buf text;
	bool more;

	buf_init(&text, AUDIT_LINE_MAX);
	json_write_start(&w, &text);
	json_put_value(&w, NULL, item);
	more = take(arg, item, buf_str(&text), text.len);
	buf_free(&text);
	return more;
}

static enum err
from_broker(struct cli *cli, struct range *r, struct fault *why)
{
	char *first = xasprintf("after=%" PRId64,
	    r->from > 0 ? r->from - 1 : 0);
	struct pages p;
	enum err e;

	e = pages_open(&p, &cli->args, why);
	if (e == OK)
		e = pages_get(cli, &p, first, -1, take_item, r, why);
	while (e == OK && p.more)
		e = pages_get(cli, &p, NULL, -1, take_item, r, why);
	pages_close(&p);
	free(first);
	return e;
}

static enum err
take_line(struct range *r, const struct line *line, bool *more,
    struct fault *why)
{
	struct json *v = line->complete ?
	    json_parse(line->text, line->n, why) : NULL;

	if (v == NULL)
		return fault_set(why, ERR_SYNTAX, "%s:%" PRIu64 ": not a line "
		    "of an audit log", line->file, line->number);
	*more = take(r, v, line->text, line->n);
	json_free(v);
	return OK;
}

static enum err
from_files(const struct args *a, struct range *r, struct fault *why)
{
	struct log_files files;
	struct lines *lines;
	struct line line;
	bool more = true;
	enum err e;

	e = log_files_find(&files, a->operands, a->noperands, why);
	lines = lines_open((const char *const *)files.v, files.n,
	    AUDIT_LINE_MAX);
	while (e == OK && more) {
		e = lines_next(lines, &line, why);
		if (e != OK || line.text == NULL)
			break;
		e = take_line(r, &line, &more, why);
	}
	lines_close(lines);
	log_files_free(&files);
	return e;
}

/* Said beside the lines, which are for a file. */
static void
report(struct cli *cli, const struct range *r)
{
	fprintf(stderr, "seq %" PRId64 " to %" PRId64, r->first, r->last);
	if (r->checkpoint >= r->last) {
		fprintf(stderr, ", proved by the checkpoint at seq %" PRId64
		    "\n", r->checkpoint);
		return;
	}
	fprintf(stderr, "; no checkpoint proves what is behind seq %" PRId64
	    " yet\n", r->checkpoint != 0 ? r->checkpoint : r->first - 1);
	cli->exit = EXIT_NO;
}

enum err
cmd_audit_export(struct cli *cli, struct fault *why)
{
	struct range r;
	enum err e;

	read_range(&r, &cli->args);
	e = cli->args.noperands != 0 ? from_files(&cli->args, &r, why) :
	    from_broker(cli, &r, why);
	if (e == OK && r.bad.code != OK) {
		*why = r.bad;
		e = r.bad.code;
	}
	if (e == OK && r.first == 0)
		e = fault_set(why, ERR_NOT_FOUND,
		    "no line of the log is in that range");
	if (e == OK)
		e = output_flush(why);
	if (e == OK)
		report(cli, &r);
	return e;
}
